"""Everything that can be wrong with an answer, served by a real server, and what a refresh must make of it.

A case first fetches a good list, then the bad one a day later; the book in use is compared byte by byte, dates of files
included. `benchmarks/refresh_faults.py` prints the same table.
"""

import gzip
import hashlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from pricing.places import book_in_use
from pricing.refresh import Outcome, refresh
from pricing.refresh_fetch import Answer, Limits, fetch
from pricing.refresh_files import only_one
from pricing.sources.table import Source, chosen
from tests.pricing.price_lists import GENAI, GPUHUNT_CSV, LITELLM_MODELS, MODELS_DEV, litellm, zipped
from tests.pricing.price_server import PriceServer, Reply

FIRST = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SECOND = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
QUICK = Limits(read_seconds=0.3, total_seconds=0.8)
"""For the slow answers; the other cases run under the limits that a user gets."""
NORMAL = Limits()
LITELLM = "/litellm"


class Fault(NamedTuple):
    """A fault: its name, the bad answer by path, what the reason must say, and the list it is served as."""

    name: str
    replies: Callable[[PriceServer], dict[str, Reply]]
    says: str
    source: str = "litellm"
    limits: Limits = NORMAL


def times(factor: float) -> bytes:
    """Return the map with every price multiplied."""
    return litellm(
        {
            name: tuple(f"{float(price) * factor:.12g}" if price else "" for price in prices)
            for name, prices in LITELLM_MODELS.items()
        }  # type: ignore[misc]
    )


def one(body: bytes = b"", **more: object) -> Callable[[PriceServer], dict[str, Reply]]:
    """Return replies with one bad answer for litellm's map."""
    return lambda _: {LITELLM: Reply(body, **more)}  # type: ignore[arg-type]


def priced(price: str) -> Callable[[PriceServer], dict[str, Reply]]:
    """Return litellm's map with one price replaced by a text."""
    return one(litellm().replace(b"2e-06", price.encode(), 1))


def redirects(server: PriceServer) -> dict[str, Reply]:
    """Return two addresses that send each other the caller."""
    there = Reply(status=302, headers={"Location": server.url("/b")})
    return {LITELLM: there, "/b": Reply(status=302, headers={"Location": server.url(LITELLM)})}


def catalogue(text: bytes, version: str = "20261120") -> Callable[[PriceServer], dict[str, Reply]]:
    """Return a gpuhunt catalogue of that version with these bytes as its zip."""
    return lambda _: {
        "/v3/aws/version": Reply(version.encode(), "text/plain"),
        f"/v3/aws/{version}/catalog.zip": Reply(text, "application/zip"),
    }


def only(name: str, body: bytes) -> Callable[[PriceServer], dict[str, Reply]]:
    """Return replies with one bad answer for another list."""
    return lambda _: {f"/{name}": Reply(body)}


PAGE = b"<html>Sign in</html>"
ZIP = zipped(GPUHUNT_CSV)
BOMB = b"{" + b" " * (40 << 20) + b"}"
GOOD = litellm()
PACKED = {"Content-Encoding": "gzip"}
PER_TOKEN = MODELS_DEV.replace(b'"input": 2', b'"input": 2e-06').replace(b'"input": 30', b'"input": 3e-05')
TEN_DAYS_AGO = {"Last-Modified": "Tue, 10 Nov 2026 08:00:00 GMT"}
ONE_ROW = litellm({"m-large": LITELLM_MODELS["m-large"]})
NO_KEY = b'{"errors": [{"message": "Unauthorized"}]}'
ELSEWHERE = {"Location": "http://prices.example/x"}
FAULTS = (
    Fault("stale: Last-Modified before the held list", one(GOOD, headers=TEN_DAYS_AGO), "the list is of 2026-11-10"),
    Fault("stale: the version is older", catalogue(ZIP, "20261101"), "the list is of 2026-11-01", "gpuhunt/aws"),
    Fault("truncated: fewer bytes than announced", one(GOOD, manner="short"), "RemoteProtocolError"),
    Fault("truncated: JSON cut in the middle", one(GOOD[: len(GOOD) // 2]), "not JSON"),
    Fault("truncated: CSV cut in the middle", catalogue(zipped(GPUHUNT_CSV[:400])), "cut short", "gpuhunt/aws"),
    Fault("100 MB, announced", one(headers={"Content-Length": str(100 << 20)}), "more than 33554432 bytes"),
    Fault("100 MB, not announced", one(manner="endless"), "more than 33554432 bytes"),
    Fault("gzip bomb: 40 MB from 40 kB", one(gzip.compress(BOMB), headers=PACKED), "more than 33554432 bytes"),
    Fault("zip bomb: 65 MB from 65 kB", catalogue(zipped("x" * (65 << 20))), "unpacks to more than", "gpuhunt/aws"),
    Fault("slow: a byte every tenth of a second", one(GOOD, manner="drip"), "not at the end after 0.8 s", limits=QUICK),
    Fault("slow: headers, then silence", one(GOOD, manner="silent"), "ReadTimeout", limits=QUICK),
    Fault("unit: dollars per million given as per token", one(times(1e6)), "out of bounds"),
    Fault("unit: dollars per token given as per million", only("models-dev", PER_TOKEN), "out of bounds", "models-dev"),
    Fault("price x 1000", one(times(1000)), "moved by over 50 %"),
    Fault("half the rows gone", one(ONE_ROW), "1 rows, and it had 5: under half"),
    Fault("no rows at all", one(b"{}"), "no usable row"),
    Fault("HTML with a status of 200", one(PAGE, kind="text/html; charset=utf-8"), "the answer is text/html"),
    Fault("HTML that says it is JSON", one(b"<html>Sign in</html>"), "not JSON"),
    Fault("another form of JSON: a list", one(GENAI), "the answer is list; wanted an object"),
    Fault("bad gzip", one(b"\x1f\x8b" + b"no gzip at all", headers=PACKED), "bad gzip"),
    Fault("gzip that ends too early", one(gzip.compress(GOOD)[:-20], headers=PACKED), "it ends too early"),
    Fault("packed in a way not asked for", one(GOOD, headers={"Content-Encoding": "br"}), "packed with 'br'"),
    Fault("bad UTF-8", one(GOOD.replace(b"m-new", b"m-n\xff\xfe")), "is not UTF-8"),
    Fault("a price is NaN", priced("NaN"), "the JSON holds NaN"),
    Fault("a price is Infinity", priced("Infinity"), "the JSON holds Infinity"),
    Fault("a price is negative", priced("-2e-06"), "wanted a price"),
    Fault("a price is a word", priced('"free"'), "wanted a price"),
    Fault("a price is 1e999999", priced("1e999999"), "wanted a price"),
    Fault("every price is zero", one(times(0)), "no usable row"),
    Fault("redirect loop", redirects, "more than 3 redirects"),
    Fault("redirect to plain http elsewhere", one(status=301, headers=ELSEWHERE), "https only"),
    Fault("redirect to nowhere", one(status=302, headers={"Location": "file:///etc/passwd"}), "https only"),
    Fault("redirect to no address", one(status=302, headers={"Location": "http://["}), "https only"),
    Fault("500", one(b"oops", status=500), "the server answered 500"),
    Fault("429, come back later", one(status=429, headers={"Retry-After": "120"}), "try again after 120 s"),
    Fault("404", lambda _: {}, "the server answered 404; next: the list has moved"),
    Fault("304 that nobody asked for", lambda _: {"/runpod": Reply(status=304)}, "the server answered 304", "runpod"),
    Fault("no key", only("runpod", NO_KEY), "does the query need an API key", "runpod"),
    Fault("403", lambda _: {"/runpod": Reply(status=403)}, "put an API key into RUNPOD_API_KEY", "runpod"),
)  # fmt: skip
"""Every fault of an answer; those of the machine (connection refused, kill -9, a lock) have tests of their own."""


def served(server: PriceServer, name: str) -> Source:
    """Return a list with its address on the server."""
    path = "/v3/aws/version" if name.startswith("gpuhunt") else f"/{name}"
    return chosen([name], {name: server.url(path)})[0]


def asking(limits: Limits = NORMAL) -> Callable[[Source, dict[str, str]], Answer]:
    """Return the real fetch under some limits."""
    return lambda source, validators: fetch(source, validators, time.monotonic, limits)


def good(name: str) -> dict[str, Reply]:
    """Return a good answer for a list, dated where its publisher dates it."""
    from tests.pricing import price_lists

    if name.startswith("gpuhunt"):
        return catalogue(zipped(GPUHUNT_CSV))(None)  # type: ignore[arg-type]
    body = {"litellm": GOOD, "models-dev": MODELS_DEV, "runpod": price_lists.RUNPOD}[name]
    dated = {} if name == "runpod" else {"Last-Modified": "Fri, 20 Nov 2026 08:00:00 GMT"}
    return {f"/{name}": Reply(body, "text/plain", headers=dated)}


def fetched(server: PriceServer, source: Source, root: Path, shipped: dict[str, str]) -> Outcome:
    """Refresh one list from a good answer on the first day."""
    server.replies.clear()
    server.replies.update(good(source.name))
    with only_one(root):
        outcome = refresh([source], root, shipped, FIRST, asking()).outcomes[0]
    if outcome.outcome != "updated":
        raise AssertionError(f"the good answer was not taken: {outcome}")
    return outcome


def print_of(root: Path) -> str:
    """Return a digest over the book in use: its name, every file's bytes, and when each was last written."""
    folder = book_in_use(root)
    if folder is None:
        return "none"
    files = sorted(path for path in [root / "current", *folder.rglob("*")] if path.is_file())
    told = [(path.name, hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(json.dumps([folder.name, told]).encode()).hexdigest()


def struck(fault: Fault, server: PriceServer, root: Path, shipped: dict[str, str]) -> tuple[Outcome, bool]:
    """Fetch the good list, then the bad one; return (what became of the bad one, whether the book is untouched)."""
    source = served(server, fault.source)
    fetched(server, source, root, shipped)
    before = print_of(root)
    server.replies.clear()
    server.replies.update(fault.replies(server))
    with only_one(root):
        outcome = refresh([source], root, shipped, SECOND, asking(fault.limits)).outcomes[0]
    return outcome, print_of(root) == before
