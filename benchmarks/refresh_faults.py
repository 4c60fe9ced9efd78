"""What becomes of every fault of a price list; a real server on loopback. Run: python -m benchmarks.refresh_faults"""

import tempfile
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from pricing.book import read_texts
from pricing.places import book_in_use
from pricing.refresh import refresh
from pricing.refresh_book import lines_of
from pricing.refresh_rows import prices_of
from tests.pricing import price_lists
from tests.pricing.price_faults import FAULTS, FIRST, SECOND, asking, served, struck
from tests.pricing.price_lists import LITELLM_MODELS, litellm
from tests.pricing.price_server import PriceServer, Reply

RESULT = "results/{}-refresh-faults.md"


def line(cells: list[str]) -> str:
    """Return one line of the table; a bar inside a cell would end it."""
    return "| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |"


def rows() -> list[list[str]]:
    """Serve every fault, and return (fault, outcome, why and what next, book untouched, seconds)."""
    told: list[list[str]] = []
    for fault in FAULTS:
        with PriceServer() as server, tempfile.TemporaryDirectory() as root:
            started = time.perf_counter()
            outcome, untouched = struck(fault, server, Path(root), price_lists.shipped())
            taken = time.perf_counter() - started
            port = server.url("").rpartition(":")[2]
        why = f"{outcome.why}; next: {outcome.following}".replace(port, "PORT")
        told.append([fault.name, outcome.outcome, why, "untouched" if untouched else "CHANGED", f"{taken:.2f}"])
    return told


def no_faults() -> list[list[str]]:
    """Serve the three answers that a book does change for, and return rows like those of `rows`."""
    jump = litellm({**LITELLM_MODELS, "m-large": ("2", "0.2", "15.1")})
    cases = [
        ("304, nothing changed", Reply(litellm(), headers={"ETag": '"1"'})),
        ("the same list again", Reply(litellm())),
        ("one price moved by 51 %", Reply(jump)),
    ]
    told: list[list[str]] = []
    for name, second in cases:
        with PriceServer() as server, tempfile.TemporaryDirectory() as folder:
            root, shipped, source = Path(folder), price_lists.shipped(), served(server, "litellm")
            server.replies["/litellm"] = Reply(litellm(), headers=second.headers)
            refresh([source], root, shipped, FIRST, asking())
            before, server.replies["/litellm"] = prices_in(root), second
            started = time.perf_counter()
            outcome = refresh([source], root, shipped, SECOND, asking()).outcomes[0]
            taken = time.perf_counter() - started
            same = "same prices, `checked` moved" if prices_in(root) == before else "PRICES CHANGED"
        why = f"{outcome.why}; next: {outcome.following}" if outcome.why else ""
        waits = f", {outcome.waiting} waits" if outcome.waiting else ""
        told.append([name, outcome.outcome + waits, why, same, f"{taken:.2f}"])
    return told


def prices_in(root: Path) -> dict[tuple[str, ...], list[dict[str, Decimal]]]:
    """Return every price of the book in use."""
    folder = book_in_use(root)
    texts = {} if folder is None else read_texts(folder)
    return {key: [prices_of(line) for line in lines] for key, lines in lines_of(texts).items()}


def main() -> None:
    """Print the table and write it beside the other results."""
    day = datetime.now(tz=UTC).date()
    found = rows()
    untouched = sum(row[3] == "untouched" for row in found)
    text = "\n".join(
        [
            f"# Faults of a price list, {day}",
            "",
            f"{len(found)} faults served by a real server on loopback; the book in use stayed as it was in {untouched}",
            "(which one is in use, every file's bytes, and when each was last written). Each case first fetches a good",
            "list, then the bad one a day later; seconds are for both.",
            "",
            line(["fault", "outcome", "why, and what to do", "book in use", "s"]),
            line(["---"] * 5),
            *map(line, [*found, *no_faults()]),
            "",
            "Faults of the machine have tests (tests/pricing: test_refresh_faults.py, test_refresh_cli.py): connection",
            "refused, a clock before the last fetch, a second refresh at once, a pointer to a book that is gone,",
            "and `kill -9` before every single step on the disk: the book in use was whole each time, and the next",
            "refresh ran to its end.",
            "",
        ]
    )
    path = Path(__file__).parent / RESULT.format(day)
    path.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
