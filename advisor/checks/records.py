"""Edge: a record file (.jsonl, .json, .csv, .parquet) to rows and faults, each by line; no bad row stops the others.

Rule 1  BOM and CRLF are no fault. NUL, bad UTF-8, a torn last line, a name that stands twice, NaN and a row over
        LARGEST_ROW_BYTES are faults of that row.
Rule 2  What ends the reading early (broken JSON inside an array, an open quote in a CSV) is a fault that says so.
"""

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from advisor.checks.shapes import NOTHING, About, Message, RecordError, about, normalise, shape_of

__all__ = ["LARGEST_ROW_BYTES", "Message", "RecordError", "RecordFault", "Row", "normalise", "read_records"]

LARGEST_ROW_BYTES: Final = 1_048_576  # about 250,000 tokens: longer than any model trained here can read
LARGEST_CSV_LINE_BYTES: Final = 131_072  # the csv module's own limit for one field
PARQUET_ROWS_AT_ONCE: Final = 1_000  # a few megabytes of text at a time
UTF8_BOM: Final = b"\xef\xbb\xbf"
UTF16_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Row:
    """One usable record: the line it starts on, its messages, the shape it was in, and what it says of itself."""

    line: int
    messages: tuple[Message, ...]
    shape: str
    about: About = NOTHING

    @property
    def prompt(self) -> str:
        """All that stands before the answer, one message a line with its role; empty for plain text."""
        return "\n".join(f"{message.role}: {message.content}" for message in self.messages[:-1])

    @property
    def answer(self) -> str:
        """The last assistant message."""
        return self.messages[-1].content


@dataclass(frozen=True, slots=True, order=True)
class RecordFault:
    """One thing wrong with one row: its line (1 is the first), and what is wrong with what was wanted."""

    line: int
    reason: str


Found = tuple[int, Any]
"""A line, and the record on it or the fault in its place."""


def read_records(path: Path) -> tuple[list[Row], list[RecordFault]]:
    """Return the usable rows of a file and every fault, each by line; raises OSError if the file cannot be read."""
    rows: list[Row] = []
    faults: list[RecordFault] = []
    for line, record in records_of(path):
        try:
            rows.append(as_row(line, record))
        except RecordError as error:
            faults.extend(RecordFault(line, reason) for reason in error.faults)
    return rows, sorted(faults)


def records_of(path: Path) -> Iterator[Found]:
    """Yield each record of a file as it stands, or the fault in its place; raises OSError."""
    readers = {".jsonl": json_lines, ".json": json_array, ".csv": csv_rows, ".parquet": parquet_rows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        yield 1, RecordError([f"{path.name} is no {', '.join(readers)} file; wanted one of these"])
        return
    with path.open("rb") as stream:
        start = stream.read(2)
        stream.seek(0)
        if start in UTF16_BOMS:
            yield 1, RecordError(["the file is UTF-16; save it as UTF-8"])
            return
        yield from reader(stream)


def as_row(line: int, record: Any) -> Row:
    """Return the row of a record; raises RecordError where it is a fault already, no object, or not usable."""
    if isinstance(record, RecordError):
        raise record
    if not isinstance(record, dict):
        raise RecordError([f"is {type(record).__name__}; wanted an object"])
    named = cast("dict[str, Any]", record)
    return Row(line, tuple(normalise(named)), shape_of(named), about(named))


class DuplicateNameError(ValueError):
    """A JSON object in which a name stands twice: readers differ on which of the two counts."""


def unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object of JSON pairs; raises DuplicateNameError."""
    record = dict(pairs)
    if len(record) != len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        message = f"holds {', '.join(twice)[:80]} twice; wanted each name once"
        raise DuplicateNameError(message)
    return record


def no_constant(name: str) -> Any:
    """Refuse NaN and Infinity, which are not JSON."""
    message = f"holds {name}, which is not JSON; wanted a number or text"
    raise DuplicateNameError(message)


DECODER: Final = json.JSONDecoder(object_pairs_hook=unique_names, parse_constant=no_constant)


def decode(text: str, torn: bool = False) -> Any:
    """Return the JSON value of a text, or a RecordError in its place; `torn` if the file ends inside this line."""
    try:
        return DECODER.decode(text)
    except DuplicateNameError as error:
        return RecordError([str(error)])
    except RecursionError:
        return RecordError(["is nested too deep; wanted a flat record"])
    except ValueError as error:
        return RecordError(
            ["is cut off at the end of the file; write the row again" if torn else f"is not JSON: {error}"]
        )


def json_lines(stream: BinaryIO) -> Iterator[Found]:
    """Yield the record on each line that is not blank."""
    for line, content, ended in bounded_lines(stream):
        if content is None:
            yield line, RecordError([f"is over {LARGEST_ROW_BYTES:_} bytes; split it"])
            continue
        if not content.strip():
            continue
        if b"\x00" in content:
            yield line, RecordError(["holds a NUL byte; write the row again"])
            continue
        try:
            yield line, decode(content.decode(), torn=not ended)
        except UnicodeDecodeError:
            yield line, RecordError(["is not UTF-8; save the file as UTF-8"])


def bounded_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes | None, bool]]:
    """Yield (line, bytes without BOM or None where it is too long, whether it ended in a newline)."""
    line = 0
    while content := stream.readline(LARGEST_ROW_BYTES + 1):
        line += 1
        ended = content.endswith(b"\n")
        if len(content) > LARGEST_ROW_BYTES and not ended:
            while content and not content.endswith(b"\n"):
                content = stream.readline(LARGEST_ROW_BYTES)
            yield line, None, True
        else:
            yield line, content.removeprefix(UTF8_BOM) if line == 1 else content, ended


def json_array(stream: BinaryIO) -> Iterator[Found]:
    """Yield each record of a JSON array with the line it starts on; broken JSON ends the reading."""
    try:
        text = stream.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        yield 1, RecordError(["the file is not UTF-8; save it as UTF-8"])
        return
    place = blank_end(text, 0)
    if text[place : place + 1] != "[":
        yield 1, RecordError(["the file is no JSON array; wanted [record, ...], or one record a line in a .jsonl file"])
        return
    place, line, counted = blank_end(text, place + 1), 1, 0
    while text[place : place + 1] != "]":
        line, counted = line + text.count("\n", counted, place), place
        try:
            record, place = DECODER.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            yield line, RecordError([f"is not JSON: {error}; reading stopped here"])
            return
        yield line, record if place - counted <= LARGEST_ROW_BYTES else RecordError([f"is over {LARGEST_ROW_BYTES:_}"])
        place = blank_end(text, place)
        if text[place : place + 1] == ",":
            place = blank_end(text, place + 1)
        elif text[place : place + 1] != "]":
            yield line, RecordError(["is not followed by a comma or ]; reading stopped here"])
            return


def blank_end(text: str, place: int) -> int:
    """Return the place of the next character that is no JSON blank."""
    while place < len(text) and text[place] in " \t\r\n":
        place += 1
    return place


def parquet_rows(stream: BinaryIO) -> Iterator[Found]:
    """Yield each Parquet row without its empty columns; its line is its number."""
    try:
        pyarrow: Any = import_module("pyarrow")  # comes with the runner's extra, and few files need it
        parquet: Any = import_module("pyarrow.parquet")
    except ImportError:
        yield 1, RecordError(["is Parquet; pip install 'crossover[run]' to read it, or save the file as .jsonl"])
        return
    line = 1
    try:
        for batch in parquet.ParquetFile(stream).iter_batches(batch_size=PARQUET_ROWS_AT_ONCE):
            for record in batch.to_pylist():
                yield line, {name: value for name, value in record.items() if value is not None}
                line += 1
    except (pyarrow.ArrowException, OSError) as error:
        yield line, RecordError([f"is not Parquet: {str(error).splitlines()[0][:200]}; reading stopped here"])


def csv_rows(stream: BinaryIO) -> Iterator[Found]:
    """Yield each CSV row as a record by its header; a row with too few or too many columns is a fault."""
    too_long: list[int] = []
    reader = csv.reader(decoded_lines(stream, too_long), strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            if header is None:
                header = [cell.strip() for cell in cells]
            elif cells:
                yield line, by_header(header, cells)
            line = reader.line_num + 1
    except csv.Error as error:
        yield line, RecordError([f"is not CSV: {error}; reading stopped here"])
    for line in too_long:
        yield line, RecordError([f"is over {LARGEST_CSV_LINE_BYTES:_} bytes; split it, or use .jsonl"])


def by_header(header: list[str], cells: list[str]) -> dict[str, str] | RecordError:
    """Return the cells by their column names, or the fault in the row's place."""
    if len(set(header)) != len(header):
        return RecordError(["stands under a header with a name twice; wanted each column once"])
    if len(cells) != len(header):
        return RecordError([f"has {len(cells)} columns; wanted {len(header)}, as in the header"])
    return dict(zip(header, cells, strict=True))


def decoded_lines(stream: BinaryIO, too_long: list[int]) -> Iterable[str]:
    """Yield text lines without BOM; one that is too long is left blank and noted.

    Bytes that are not UTF-8 stay marked, and make their own row a fault.
    """
    for number, content in enumerate(stream, start=1):
        if len(content) > LARGEST_CSV_LINE_BYTES:
            too_long.append(number)
            yield "\n"
        else:
            bare = content.removeprefix(UTF8_BOM) if number == 1 else content
            yield bare.decode("utf-8", errors="surrogateescape")
