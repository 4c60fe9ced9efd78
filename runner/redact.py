"""No secret in what a run keeps: text of errors and notes without the values that only this machine may know. Pure."""

import re
from collections.abc import Mapping

SECRET_NAMES = ("TOKEN", "SECRET", "PASSWORD", "PASSWD", "API_KEY", "APIKEY", "ACCESS_KEY", "CREDENTIAL", "PRIVATE_KEY")
SHORTEST_SECRET = 8  # a shorter value is a switch or a word, and would blank harmless text
IN_TEXT = (
    (r"(\b[a-z][a-z0-9+.-]*://)[^/\s@]+@", r"\1[removed]@"),  # user and password of a URL
    (r"([?&](?:[\w-]*(?:token|key|secret|signature|password))=)[^&\s\"']+", r"\1[removed]"),  # its query
    (r"(\bbearer\s+)[\w.~+/=-]{8,}", r"\1[removed]"),  # a header
    (r"\b(hf_|sk-|gh[pousr]_|xox[baprs]-|AKIA)[\w-]{12,}", r"\1[removed]"),  # keys that name their issuer
)


def redacted(text: str, environment: Mapping[str, str]) -> str:
    """Return the text with secrets of the environment, and what has the form of one, taken out."""
    for pattern, kept in IN_TEXT:
        text = re.sub(pattern, kept, text, flags=re.IGNORECASE)
    for name, value in environment.items():
        if len(value) >= SHORTEST_SECRET and any(word in name.upper() for word in SECRET_NAMES):
            text = text.replace(value, f"[{name} removed]")
    return text
