"""How long the price book takes to load and to answer. Run: python -m benchmarks.pricing_load"""

import time
from collections.abc import Callable
from datetime import date
from statistics import median

from pricing.book import load_book

TIMES = 20
"""Repetitions; the median is printed beside the first, which also pays for cold files."""


def milliseconds(work: Callable[[], object]) -> float:
    """Return how long one call takes."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def main() -> None:
    """Print one line a measurement."""
    book = load_book()
    day = book.newest_checked or date.max
    jobs: dict[str, Callable[[], object]] = {
        "load_book": load_book,
        "api": lambda: book.api("openai/gpt-4o-mini", day),
        "gpu": lambda: book.gpu("H100", day),
        "tuning": lambda: book.tuning("tinker/Qwen3-8B", day),
    }
    print(f"{len(book.entries)} lines, digest {book.digest[:12]}")
    for name, work in jobs.items():
        taken = [milliseconds(work) for _ in range(TIMES)]
        print(f"{name:10} first {taken[0]:7.2f} ms   median {median(taken):7.2f} ms")


if __name__ == "__main__":
    main()
