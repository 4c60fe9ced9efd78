"""How long `advise vram|train|serve --table` takes for 10,000 rows, as whole processes, least and median of three.

Run `python -m benchmarks.tables FOLDER_OF_REFERENCE_ROWS [--write DAY]`; rows are the reference files', repeated.
"""

import argparse
import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROWS = 10_000
FILES = {
    "vram": "memory/vram_truth.csv",
    "train": "memory/vram_truth.csv",
    "serve": "serving/serving_truth.csv",
}
RESULTS = Path(__file__).parent / "results"


def repeated(source: Path, target: Path) -> None:
    """Write 10,000 rows: the file's own, over and over."""
    with source.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    with target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows[place % len(rows)] for place in range(ROWS))


def timed(door: str, table: Path, answers: Path) -> tuple[float, float]:
    """Return wall and processor seconds of one process."""
    start = (
        f"import sys; from advisor.cli import main; sys.argv = ['advise', {door!r}, '--table', {str(table)!r}]; main()"
    )
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with answers.open("w", encoding="utf-8") as out:
        subprocess.run([sys.executable, "-c", start], stdout=out, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, used


def answered(answers: Path) -> int:
    """Return how many rows have no error."""
    with answers.open(encoding="utf-8", newline="") as text:
        return sum(not row["error"] for row in csv.DictReader(text))


def main() -> None:
    """Time each door and print a Markdown table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("reference", type=Path)
    asked.add_argument("--write", metavar="DAY")
    options = asked.parse_args()
    lines = [
        f"# {ROWS:,} rows through the table doors, as whole processes, without torch",
        "",
        f"Load average at the start {os.getloadavg()[0]:.1f}; {os.cpu_count()} cores; three runs each.",
        "",
        "| door | wall s, least | median | processor s, least | answered |",
        "|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for door, name in FILES.items():
            table, answers = Path(folder, f"{door}.csv"), Path(folder, f"{door}.out")
            repeated(options.reference / name, table)
            runs = [timed(door, table, answers) for _ in range(3)]
            wall, used = zip(*runs, strict=True)
            lines.append(f"| {door} | {min(wall):.1f} | {median(wall):.1f} | {min(used):.1f} | {answered(answers):,} |")
    text = "\n".join(lines) + "\n"
    print(text)
    if options.write:
        (RESULTS / f"{options.write}-tables.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
