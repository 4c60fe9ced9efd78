"""What `run review` prints: what the people who read the sheet preferred. Edge: reads the sheet and its key."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

from runner.admission import EXIT_ANSWERED, EXIT_REFUSED
from runner.render import Section, interval, markdown_of, tables_of
from runner.review import KEY, Preference, Side, read_sheet, verdict_of
from runner.ship_files import FOLDER

WORDS: Final = {
    "tuned": "Readers prefer the tuned model's answers.",
    "base": "Readers prefer the BASE's answers: find out why before it ships.",
    "open": "The preference is not settled: chance could have brought it about. Read more rows.",
    "unread": "Nothing was preferred yet: fill the column `preferred` with 1, 2 or tie.",
}


def review_text(sheet: Path, run: Path | None, form: str, columns: int, colour: bool) -> tuple[int, str]:
    """Return the exit code (3 where the base is preferred) and what the sheet says.

    The key is that of `run`, else the one beside the sheet. Raises OSError, ResultFaultsError.
    """
    home = sheet.parent if run is None else run / FOLDER
    key: dict[str, list[Side]] = json.loads((home / KEY).read_bytes())
    found = read_sheet(sheet.read_bytes().decode("utf-8-sig", errors="replace"), key)
    verdict = verdict_of(found)
    code = EXIT_REFUSED if verdict == "base" else EXIT_ANSWERED
    if form == "json":
        return code, json.dumps({"verdict": verdict, **asdict(found)}, indent=1) + "\n"
    page = [section(found, verdict)]
    return code, markdown_of(page) if form == "markdown" else tables_of(page, columns, colour)


def section(found: Preference, verdict: str) -> Section:
    """Return what was preferred as a table."""
    read = found.base + found.tuned + found.ties
    said = [WORDS[verdict], f"{read} rows read, {found.unread} not; sign test over the decided ones, ties left out."]
    if found.tuned_share is not None:
        share = interval(asdict(found.tuned_share))
        said.append(f"Tuned preferred in {share} of the decided rows, p = {found.p_value:.2g}.")
    rows = [
        (name, str(count), "-" if rating is None else f"{rating:.2f}")
        for name, count, rating in (
            ("tuned", found.tuned, found.ratings["tuned"]),
            ("base", found.base, found.ratings["base"]),
            ("tie", found.ties, None),
        )
    ]
    return Section(
        "What readers preferred", tuple(said), ("answers of", "preferred", "mean rating, 1 to 5"), tuple(rows)
    )
