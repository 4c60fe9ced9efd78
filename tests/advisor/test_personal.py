"""Personal data and secrets are found by form and check digit, named by kind, and ordinary text holds none."""

from time import process_time

import pytest

from advisor.checks.personal import digits, iban_holds, luhn_holds, personal_kinds, secret_kinds


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("write to ann.lee+x@mail.example.org please", ("email",)),
        ("call +44 20 7946 0018 today", ("phone",)),
        ("call (212) 555-0147 or 212-555-0147", ("phone",)),
        ("pay to GB82 WEST 1234 5698 7654 32", ("IBAN",)),  # the example of ISO 13616's registry
        ("pay to DE89370400440532013000.", ("IBAN",)),
        ("card 4111 1111 1111 1111", ("payment card",)),  # the networks' test number
        ("card 378282246310005", ("payment card",)),
        ("a@b.io and 4111-1111-1111-1111", ("email", "payment card")),
        ("pay to GB82 WEST 1234 5698 7654 33", ()),  # check digits do not hold
        ("card 4111 1111 1111 1112", ()),
        ("order 4111111111111111222233 is late", ()),  # too long for a card
        ("order 20260101 of 12,500 items at 10:30", ()),
        ("meet me @ noon", ()),
        ("version 3.11.2 of 2026-11-21", ()),
        ("no digits here", ()),
    ],
)
def test_personal_data_by_its_form(text: str, kinds: tuple[str, ...]) -> None:
    assert personal_kinds(text) == kinds


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("-----BEGIN RSA " + "PRIVATE KEY-----", ("private key",)),
        ("AKIA" + "Q3XVTZ7WPLJ4YEBS", ("AWS access key",)),
        ("ghp_" + "a1B2" * 9, ("GitHub token",)),
        ("glpat-" + "a1B2" * 5, ("GitLab token",)),
        ("xoxb-" + "1234567890-abc", ("Slack token",)),
        ("AIza" + "a1B2_" * 7, ("Google key",)),
        ("hf_" + "a1B2" * 8, ("Hugging Face token",)),
        ("sk_live_" + "a1B2" * 5, ("payment key",)),
        ("sk-" + "a1B2" * 6, ("API key",)),
        ("eyJ" + "hbGciOiJI" + ".eyJ" + "zdWIiOiIx" + "." + "c2lnbmF0dXJl", ("JSON web token",)),
        ("my password: hunter2hunter", ("stated password",)),
        ("Password: forgotten, please reset", ()),  # words about a password
        ("sk-learn-is-a-library-of-algorithms", ()),  # no digit
        ("I lost my AKIA bag", ()),
        ("ghp_short1", ()),
    ],
)
def test_secrets_by_their_issuers_forms(text: str, kinds: tuple[str, ...]) -> None:
    assert secret_kinds(f"here: {text} end") == kinds


@pytest.mark.parametrize("number", ["4111111111111111", "5500005555555559", "6011000990139424"])
def test_one_digit_wrong_breaks_the_check(number: str) -> None:
    assert luhn_holds(number)
    changed = [number[:n] + str((int(sign) + 1) % 10) + number[n + 1 :] for n, sign in enumerate(number)]
    assert not any(map(luhn_holds, changed))


def test_an_iban_with_two_signs_swapped_does_not_hold() -> None:
    assert iban_holds("NO9386011117947")
    assert not iban_holds("NO9386011117974")
    assert digits("٣ 4 a5") == "45"  # ASCII only: int() would take more


def test_a_long_text_takes_no_longer_than_its_length() -> None:
    began = process_time()
    hostile = "a.b+" * 20_000 + "1 " * 20_000 + "AA11" * 20_000 + "+1 (" * 20_000
    assert personal_kinds(hostile) in ((), ("phone",))
    assert secret_kinds(hostile) == ()
    assert process_time() - began < 2
