"""How fast the price book loads and answers, beside genai-prices. Run: python -m benchmarks.pricing_load [--write DAY]

Times are processor time, each measurement a process of its own, repeated; printed are the median and the slowest.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import tracemalloc
from datetime import date
from pathlib import Path
from statistics import median

from pricing.book_files import open_book
from pricing.entries import ApiEntry, GpuEntry
from pricing.lookup import holding

REPEATS = 15
"""Processes a measurement; on a busy machine the median of fifteen moves by about a tenth."""
LOOKUPS = 200_000
RESULTS = Path(__file__).parent / "results"
DAY = date(2026, 11, 21)
MILLISECONDS = 1000
MIB = 2**20

OURS = """
import json, time
start = time.process_time()
from datetime import date
from pricing.book_files import open_book
imported = time.process_time()
book = open_book(refreshed=False)
opened = time.process_time()
book.api("openai/gpt-4o", date(2026, 11, 21))
first = time.process_time()
whole_book = open_book(refreshed=False)
whole_book.read_everything()
whole = time.process_time()
print(json.dumps({"import": imported - start, "open": opened - imported, "first price": first - opened,
                  "open and read every line": whole - first, "import to first price": first - start}))
"""
THEIRS = """
import json, time
start = time.process_time()
import genai_prices
imported = time.process_time()
genai_prices.calc_price(genai_prices.Usage(input_tokens=1000, output_tokens=100), "gpt-4o", provider_id="openai")
first = time.process_time()
print(json.dumps({"import": imported - start, "first price": first - imported, "import to first price": first - start}))
"""


def measured(script: str) -> dict[str, list[float]]:
    """Return milliseconds by name over fresh processes; the first, which may compile, is thrown away."""
    found: dict[str, list[float]] = {}
    for turn in range(REPEATS + 1):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        for name, seconds in json.loads(done.stdout).items():
            found.setdefault(name, [])
            found[name] += [seconds * MILLISECONDS] if turn else []
    return found


def lookups_per_second() -> dict[str, float]:
    """Return how many prices a second the open book gives, over every model and every card in force, in turn."""
    book = open_book(refreshed=False)
    models = sorted({line.name for line in holding(book.of(ApiEntry), DAY)})
    firm = [line.card for line in holding(book.of(GpuEntry), DAY) if line.offer == "list" and line.confidence == "seen"]
    cards = sorted(set(firm))
    found: dict[str, float] = {}
    for name, ask, asked in (("api", book.api, models), ("gpu", book.gpu, cards)):
        start = time.process_time()
        for turn in range(LOOKUPS):
            ask(asked[turn % len(asked)], DAY)
        found[name] = LOOKUPS / (time.process_time() - start)
    return found


def mib_held() -> float:
    """Return the memory that the whole book holds, every line read and asked for once."""
    tracemalloc.start()
    book = open_book(refreshed=False)
    for line in holding(book.of(ApiEntry), DAY):
        book.api(line.name, DAY)
    book.read_everything()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held / MIB


def report() -> list[str]:
    """Return the page."""
    book = open_book(refreshed=False)
    lines = [
        f"{len(book.entries)} lines, digest {book.digest[:12]}; Python {sys.version.split()[0]}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at first; median of {REPEATS} processes (slowest).",
        "",
        "| processor time, ms | this book | genai-prices |",
        "|---|---|---|",
    ]
    ours, theirs = measured(OURS), measured(THEIRS)
    for name, values in ours.items():
        other = theirs.get(name)
        beside = f"{median(other):.1f} ({max(other):.1f})" if other else "-"
        lines.append(f"| {name} | {median(values):.1f} ({max(values):.1f}) | {beside} |")
    rates = lookups_per_second()
    lines += [
        "",
        f"Look-ups a second, one process, {LOOKUPS:,} in turn over every name in force: "
        + ", ".join(f"{name} {rate:,.0f}" for name, rate in rates.items())
        + ".",
        f"Memory of the whole book with every model asked for once: {mib_held():.1f} MiB.",
        "Asked: load under 50 ms, 100,000 look-ups a second, under 30 MiB.",
    ]
    return lines


def main() -> None:
    """Print the page, and write it down with its day if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", metavar="DAY", help="also write results/DAY-pricing-load.md")
    asked = parser.parse_args()
    page = "\n".join(report())
    print(page)
    if asked.write:
        title = f"# The price book: load, look-ups, memory, {asked.write}\n\n`python -m benchmarks.pricing_load`: "
        (RESULTS / f"{asked.write}-pricing-load.md").write_text(f"{title}{page}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
