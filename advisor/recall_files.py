"""Edge: findings about data files, remembered by digest, because they take longer than the whole of the advice.

The key covers the files' bytes, what was asked of them, and the code of the checks; anything unreadable is forgotten.
"""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from advisor.answer import Answer
from advisor.findings import DataFinding, Readiness, Severity

CHECKS = (
    "readiness.py",
    "row_findings.py",
    *(f"checks/{name}.py" for name in ("coverage", "duplicates", "personal", "records", "shapes", "sieve")),
)
RULES = hashlib.sha256(b"".join((Path(__file__).parent / name).read_bytes() for name in CHECKS)).digest()
"""Digest of the code that makes the findings: other rules, other findings. Read, not imported: it may not be needed."""


def place(key: str) -> Path:
    """Return where a finding is kept: below XDG_CACHE_HOME, or the home's .cache."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "crossover" / "readiness" / f"{key}.json"


def finding(kept: dict[str, Any]) -> DataFinding:
    """Return a finding from its JSON."""
    return DataFinding(
        code=kept["code"],
        severity=Severity(kept["severity"]),
        why=kept["why"],
        remedy=kept["remedy"],
        rows=kept["rows"],
        lines=tuple(kept["lines"]),
    )


def recall(key: str) -> Readiness | None:
    """Return what was found before, or None."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept: dict[str, Any] = json.loads(place(key).read_text(encoding="utf-8"))
        findings = tuple(finding(one) for one in kept["findings"])
        return Readiness(Answer(kept["answer"]), kept["tier"], kept["usable_rows"], findings)
    return None


def remember(key: str, found: Readiness) -> None:
    """Keep a finding; a home that cannot be written to is no fault."""
    path = place(key)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(asdict(found)), encoding="utf-8")
        os.replace(temporary, path)
