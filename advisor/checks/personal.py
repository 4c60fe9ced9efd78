"""Personal data and secrets in a text, by named detectors; what is found is named by kind, never repeated. Pure.

Rule 1  A number counts where its check digits hold (IBAN: ISO 13616, card: ISO/IEC 7812), a phone number where it is
        written as one, a key where it has the fixed beginning and length that its issuer documents.
Rule 2  A detector that finds nothing is no proof: names, addresses and illnesses have no form to look for.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

IBAN_MODULUS: Final = 97  # ISO 13616: letters as 10..35, the first four moved to the end, remainder 1
IBAN_LETTERS: Final = range(15, 35)  # the shortest (Norway) and the longest that ISO 13616 allows
CARD_DIGITS: Final = range(13, 20)  # ISO/IEC 7812 numbers in use
PHONE_DIGITS: Final = range(8, 16)  # E.164 ends at 15; under 8 it is as often an order number
BASE_36: Final = 36  # digits and letters as ISO 13616 counts them


class Detector(NamedTuple):
    """A kind of thing, the pattern of its form, and what else must hold of a match."""

    kind: str
    pattern: str
    holds: Callable[[str], bool] = bool


def digits(text: str) -> str:
    """Return the ASCII digits of a text."""
    return "".join(sign for sign in text if "0" <= sign <= "9")


def luhn_holds(text: str) -> bool:
    """Return True if the digits are as many as a card's and their Luhn sum is a multiple of ten (ISO/IEC 7812-1)."""
    found = digits(text)
    doubled = (2 * int(sign) for sign in found[-2::-2])
    total = sum(map(int, found[-1::-2])) + sum(number - 9 if number > 9 else number for number in doubled)
    return len(found) in CARD_DIGITS and total % 10 == 0 and len(set(found)) > 1


def iban_holds(text: str) -> bool:
    """Return True if the check digits of an IBAN hold, blanks apart."""
    bare = text.replace(" ", "")
    moved = bare[4:] + bare[:4]
    return len(bare) in IBAN_LETTERS and int("".join(str(int(sign, BASE_36)) for sign in moved)) % IBAN_MODULUS == 1


def phone_holds(text: str) -> bool:
    """Return True if a text has as many digits as a phone number."""
    return len(digits(text)) in PHONE_DIGITS


def has_digit(text: str) -> bool:
    """Return True if a text has a digit: keys and good passwords do, and words about them do not."""
    return any(map(str.isdigit, text))


PERSONAL: Final = (
    Detector("email", r"[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}\.[A-Za-z]{2,24}"),
    Detector("phone", r"(?<![\w.+])\+\d(?:[ ()./-]{0,2}\d){7,14}(?!\w)", phone_holds),
    Detector("phone", r"(?<![\w.+-])(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\w-])", phone_holds),
    Detector("IBAN", r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)", iban_holds),
    Detector("payment card", r"(?<![\w.+-])(?:3[4-7]|4\d|5[0-9]|2[2-7]|6\d)(?:[ -]?\d){11,17}(?![\w-])", luhn_holds),
)
"""Card numbers begin as the five large networks' do."""
SECRETS: Final = (
    Detector("private key", r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY-----"),
    Detector("AWS access key", r"(?<!\w)A(?:KIA|SIA)[0-9A-Z]{16}(?!\w)"),
    Detector("GitHub token", r"(?<!\w)(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22})"),
    Detector("GitLab token", r"(?<!\w)glpat-[A-Za-z0-9_-]{20}"),
    Detector("Slack token", r"(?<!\w)xox[abeprs]-[A-Za-z0-9-]{10,}"),
    Detector("Google key", r"(?<!\w)AIza[0-9A-Za-z_-]{35}"),
    Detector("Hugging Face token", r"(?<!\w)hf_[A-Za-z0-9]{30,}"),
    Detector("payment key", r"(?<!\w)[sr]k_live_[A-Za-z0-9]{16,}"),
    Detector("API key", r"(?<!\w)sk-[A-Za-z0-9_-]{20,}", has_digit),
    Detector("JSON web token", r"(?<!\w)eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    Detector(
        "stated password",
        r"(?i:(?<!\w)(?:password|passwd|api[_-]?key|secret[_-]?key)\s?[:=]\s?[^\s,;]{8,})",
        has_digit,
    ),
)
"""Forms as their issuers document them; a key of no known form is not found."""
ANY_SECRET: Final = "|".join(detector.pattern for detector in SECRETS)
"""One look instead of eleven: nearly all texts hold none."""


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Return a compiled pattern, made when it is first needed."""
    return re.compile(pattern)


def kinds_of(text: str, detectors: tuple[Detector, ...]) -> tuple[str, ...]:
    """Return the kinds that are found in a text, each once, in the detectors' order."""
    found = (
        detector.kind
        for detector in detectors
        if any(detector.holds(match.group()) for match in compiled(detector.pattern).finditer(text))
    )
    return tuple(dict.fromkeys(found))


def personal_kinds(text: str) -> tuple[str, ...]:
    """Return the kinds of personal data in a text: all of them hold a digit or an @."""
    return kinds_of(text, PERSONAL) if "@" in text or any(map(str.isdigit, text)) else ()


def secret_kinds(text: str) -> tuple[str, ...]:
    """Return the kinds of secrets in a text."""
    return kinds_of(text, SECRETS) if compiled(ANY_SECRET).search(text) else ()
