"""gpuhunt's catalogues: a version, then a zip with one CSV a provider; USD per hour of the whole instance.

Columns as in RawCatalogItem of the package: instance_name, location, price, gpu_count, gpu_name, gpu_memory (GB of one
card), spot. The version begins with the day the catalogue was collected on.
"""

import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from pricing.sources.answer import Row, ShapeError, Taken, csv_of, price, text_of, whole
from pricing.sources.cards import Known, Rent, cheapest_regions, gpu_row

COLUMNS: Final = frozenset({"instance_name", "location", "price", "gpu_count", "gpu_name", "gpu_memory", "spot"})
VERSION_PAGE: Final = "/version"
UNPACKED_BYTES: Final = 64 << 20
"""Twice what a fetch may bring: a catalogue of text packs about ten to one, a bomb a thousand to one."""
VERSION_CHARACTERS: Final = frozenset("0123456789abcdefghijklmnopqrstuvwxyz-_.")
VERSION_LONGEST: Final = 40  # a day and a commit's digest, in characters


def version_of(page: bytes) -> str:
    """Return the version, or raise ShapeError where it is none that may stand in an address."""
    version = text_of(page).strip()
    if not 0 < len(version) <= VERSION_LONGEST or not set(version) <= VERSION_CHARACTERS or ".." in version:
        message = f"the version is {version[:40]!r}; wanted a word such as 20260918"
        raise ShapeError(message)
    return version


def catalogue(pages: Sequence[bytes], first: str) -> str | None:
    """Return the address of the zip once the version is known, or None when it has been fetched."""
    return f"{first.removesuffix(VERSION_PAGE)}/{version_of(pages[0])}/catalog.zip" if len(pages) == 1 else None


def read(pages: Sequence[bytes], known: Known, provider: str) -> Taken:
    """Read the catalogue of one provider; spot prices join the line of the same instance and region."""
    version = version_of(pages[0])
    left_out: Counter[str] = Counter()
    listed = csv_of(_unpacked(pages[1]), COLUMNS)
    spots = {
        (line["instance_name"], line["location"], line["gpu_name"], line["gpu_count"]): price(line["price"], "price")
        for line in listed
        if line["spot"].lower() == "true"
    }
    rows: list[Row] = []
    for line in listed:
        if line["spot"].lower() != "true":
            row = _row(line, spots, known, provider, left_out)
            rows += [row] if row else []
    regions = frozenset(region for held, region in known.regions if held == provider)
    return Taken(cheapest_regions(rows, regions, left_out), left_out, _day(version))


def _row(
    line: dict[str, str],
    spots: dict[tuple[str, str, str, str], Decimal | None],
    known: Known,
    provider: str,
    left_out: Counter[str],
) -> Row | None:
    instance, region, name = line["instance_name"], line["location"], line["gpu_name"]
    usd, memory = price(line["price"], f"{instance}.price"), price(line["gpu_memory"], f"{instance}.gpu_memory")
    count = whole(line["gpu_count"])
    if usd is None or count is None or not name:
        left_out["no card, or no price"] += 1
        return None
    found = known.machine(provider, instance, [instance, name], count, memory)
    if found is None:
        left_out["a card that cards.csv does not know"] += 1
        return None
    machine, confidence = found
    spot = spots.get((instance, region, name, line["gpu_count"]))
    return gpu_row(provider, machine, confidence, Rent(instance, region, usd, spot))


def _day(version: str) -> date | None:
    """Return the day that a version begins with (`20260918`, `20260918-1a2b`)."""
    digits = version[:8]
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def _unpacked(content: bytes) -> bytes:
    """Return the CSV in the zip, or raise ShapeError; what says it is larger than UNPACKED_BYTES is not unpacked.

    zipfile never yields more bytes than a file says it has, so a lie about the size ends in BadZipFile.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as box:
            files = [info for info in box.infolist() if info.filename.endswith(".csv")]
            if len(files) != 1:
                message = f"the zip holds {box.namelist()[:3]}; wanted one CSV"
                raise ShapeError(message)
            if files[0].file_size > UNPACKED_BYTES:
                message = f"the zip unpacks to more than {UNPACKED_BYTES} bytes; wanted a catalogue"
                raise ShapeError(message)
            return box.read(files[0])
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as fault:
        message = f"no zip that can be read: {fault}"
        raise ShapeError(message) from None
