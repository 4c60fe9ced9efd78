"""Edge: a usage log on disk, read once and line by line: JSON lines or CSV, plain or gzip; of any size.

A million responses (370 MB) take 17 s of processor time and 62 MB of memory (2026-11-21); no line is kept.
"""

import csv
import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final, cast

from advisor.usage_log import Usage

LONGEST_LINE: Final = 16_777_216  # 16 MiB: a whole response with a full context window is under 10
PREFIXES: Final = ("prompt_tokens_details.", "input_tokens_details.")
"""How a table of flattened responses names what lies below `usage`, that word and a point taken off."""


class LogError(ValueError):
    """A log that cannot be read at all; the message says what was found, what was wanted and the next step."""


def read_usage(path: Path) -> Usage:
    """Return what the log says; raises LogError where it cannot be read as one."""
    usage = Usage()
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            for line, record in table(stream) if plain.suffix == ".csv" else lines(cast("IO[bytes]", stream), usage):
                usage.add(line, record)
    except (OSError, EOFError, csv.Error, UnicodeDecodeError) as fault:
        told = getattr(fault, "strerror", None) or str(fault)
        message = f"{path.name} cannot be read ({told}); wanted a log as .jsonl or .csv, plain or .gz; check the path"
        raise LogError(message) from None
    if not usage.models:
        message = "; ".join([f"{path.name} has no answered request in {usage.lines:,} lines", *usage.told()])
        wanted = "wanted one response object a line with created, model and usage.prompt_tokens, completion_tokens"
        raise LogError(f"{message}; {wanted}")
    return usage


def lines(stream: IO[bytes], usage: Usage) -> Iterator[tuple[int, Any]]:
    """Yield (line, record) of JSON lines; a line that is none is noted in the usage at once."""
    number = 0
    decode: Callable[[str], Any] = json.JSONDecoder().decode
    while line := stream.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            while (rest := stream.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            refuse(usage, number, "is longer than 16 MiB")
            continue
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            if text.isspace():
                continue
            record = decode(text)
        except (ValueError, RecursionError):
            whole = line.lstrip().startswith(b"[") and number == 1
            refuse(usage, number, "opens a list; write one object a line (jq -c '.[]')" if whole else "is no JSON")
            continue
        yield number, record


def refuse(usage: Usage, line: int, reason: str) -> None:
    """Note a line that is no record."""
    usage.lines += 1
    usage.refuse(line, reason)


def table(stream: Any) -> Iterator[tuple[int, Any]]:
    """Yield (line, record) of a CSV whose heading has flat names, or the dotted ones of flattened responses."""
    texts = (line.decode("utf-8-sig" if number == 0 else "utf-8") for number, line in enumerate(stream))
    reader = csv.reader(texts)
    heading = [bare(name) for name in next(reader, list[str]())]
    for row in reader:
        if row:
            yield reader.line_num, dict(zip(heading, row, strict=False))


def bare(name: str) -> str:
    """Return a column's name without the places it lay in: `usage.prompt_tokens` is `prompt_tokens`."""
    last = name.strip().rpartition("usage.")[2]
    for prefix in PREFIXES:
        last = last.removeprefix(prefix)
    return last
