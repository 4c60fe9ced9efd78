"""A usage log's lines to what a scenario asks: volume, tokens and models. Touches no disk; keeps no text of the log.

Rule 1  A record is one answered request: an OpenAI-style response object, a line of a batch's output, or a flat row.
        What the vendor counts as cached is part of the input, as in a scenario.
Rule 2  A line that is none of these is counted by its reason, the first few by number; its content is never repeated.
Rule 3  Kept are counts by hour and day, and 8 bytes a request for the percentiles: 8 MB for a million requests.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, cast

from pricing.units import MILLISECONDS_PER_SECOND, SECONDS_PER_HOUR

TIMES: Final = ("created", "created_at", "timestamp", "time", "ts", "startTime")
MODELS: Final = ("model", "model_name")
INPUTS: Final = ("prompt_tokens", "input_tokens")
OUTPUTS: Final = ("completion_tokens", "output_tokens")
CACHED: Final = ("cached_tokens", "input_cached_tokens")
DETAILS: Final = ("prompt_tokens_details", "input_tokens_details")
READ, WRITTEN = "cache_read_input_tokens", "cache_creation_input_tokens"
BESIDE_INPUT: Final = frozenset({READ, WRITTEN})
"""Counts that Anthropic states beside `input_tokens`, not within it: read from a cache, and written to it."""
SEVERAL: Final = frozenset({"num_model_requests", "n_requests", "requests"})
EARLIEST, LATEST = 1_420_070_400, 4_102_444_800  # the years 2015 and 2100 in seconds since 1970: outside is a slip
IN_MILLISECONDS: Final = 100_000_000_000  # larger than any second before the year 5138
MOST_TOKENS: Final = 4_294_967_295  # what four bytes hold; more than any context window
FAILED: Final = 400  # HTTP: from here on the request was not answered
SHOWN: Final = 5  # line numbers told of each reason
LONGEST_MODEL: Final = 120  # letters; what a scenario's `today.model` may hold behind the vendor


class UsageFault(ValueError):
    """A line that is no answered request; the message is the reason, without anything of the line."""


class Request(NamedTuple):
    """One answered request: seconds since 1970, model, tokens; `cached_tokens` None where the log does not say."""

    seconds: float
    model: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int | None


@dataclass(slots=True)
class Tally:
    """Everything kept of one model's requests; `hours` since 1970 hold requests, input and output tokens."""

    requests: int = 0
    inputs: "array[int]" = field(default_factory=lambda: array("I"))
    outputs: "array[int]" = field(default_factory=lambda: array("I"))
    cached_tokens: int = 0
    cached_stated: int = 0
    first: float = float("inf")
    last: float = float("-inf")
    hours: dict[int, list[int]] = field(default_factory=dict[int, list[int]])

    def add(self, request: Request) -> None:
        """Count one request."""
        self.requests += 1
        self.inputs.append(request.input_tokens)
        self.outputs.append(request.output_tokens)
        if request.cached_tokens is not None:
            self.cached_tokens += request.cached_tokens
            self.cached_stated += 1
        self.first = min(self.first, request.seconds)
        self.last = max(self.last, request.seconds)
        hour = int(request.seconds // SECONDS_PER_HOUR)
        sums = self.hours.get(hour)
        if sums is None:
            sums = self.hours[hour] = [0, 0, 0]
        sums[0] += 1
        sums[1] += request.input_tokens
        sums[2] += request.output_tokens


@dataclass(slots=True)
class Usage:
    """The whole log: each model's tally, and every reason for which lines were not counted, with the first lines."""

    models: dict[str, Tally] = field(default_factory=dict[str, Tally])
    lines: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])
    first_lines: dict[str, list[int]] = field(default_factory=dict[str, list[int]])

    def add(self, line: int, record: object) -> None:
        """Count one record, or the reason why it is none."""
        self.lines += 1
        try:
            request = read_request(record)
        except UsageFault as fault:
            self.refuse(line, str(fault))
            return
        tally = self.models.get(request.model)
        if tally is None:
            tally = self.models[request.model] = Tally()
        tally.add(request)

    def refuse(self, line: int, reason: str) -> None:
        """Note a line that is not counted."""
        self.refused[reason] += 1
        places = self.first_lines.setdefault(reason, [])
        if len(places) < SHOWN:
            places.append(line)

    def told(self) -> list[str]:
        """Return each reason with its count and first lines, the most frequent first."""
        found: list[str] = []
        for reason, count in self.refused.most_common():
            places = ", ".join(map(str, self.first_lines[reason]))
            more = ", ..." if count > SHOWN else ""
            found.append(f"{count:,} {'line' if count == 1 else 'lines'} not counted: {reason} (line {places}{more})")
        return found


def first_of(record: Mapping[str, Any], names: Iterable[str]) -> Any:
    """Return the first of these fields that is there and not empty, else None."""
    for name in names:
        value = record.get(name)
        if value is not None and value != "":
            return value
    return None


def below(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a part of a record, empty where it is none."""
    found = record.get(name)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def unwrapped(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the response inside a log's envelope (`response`, or a batch's `response.body`); raises UsageFault."""
    if "response" not in record and "error" not in record:
        return record
    response = below(record, "response")
    if record.get("error") or (isinstance(code := response.get("status_code"), int) and code >= FAILED):
        raise UsageFault("the request failed")
    inside = below(response, "body") or response
    return {**record, **inside} if inside else record


def read_request(record: object) -> Request:
    """Return the request that a record tells of; raises UsageFault with the reason where it tells of none."""
    if not isinstance(record, dict):
        raise UsageFault("is no object with names")
    whole = unwrapped(cast("dict[str, Any]", record))
    usage = below(whole, "usage") or whole
    if not SEVERAL.isdisjoint(whole) and str(first_of(whole, SEVERAL)) not in ("None", "1"):
        raise UsageFault("sums up several requests; export one row a request")
    model = first_of(whole, MODELS)
    if not isinstance(model, str):
        raise UsageFault("names no model")
    if len(model) > LONGEST_MODEL or not model.isprintable():
        raise UsageFault("has a model name that is no name")
    sent, got = tokens(first_of(usage, INPUTS)), tokens(first_of(usage, OUTPUTS))
    if sent is None or got is None:
        raise UsageFault("has no token counts")
    if BESIDE_INPUT.isdisjoint(usage):
        cached = cached_of(usage)
    else:
        cached = tokens(usage.get(READ)) or 0
        sent += cached + (tokens(usage.get(WRITTEN)) or 0)
    if cached is not None and cached > sent:
        raise UsageFault("has more cached tokens than input tokens")
    if sent == 0:
        raise UsageFault("has no input tokens")
    return Request(seconds_of(first_of(whole, TIMES)), model, sent, got, cached)


def cached_of(usage: Mapping[str, Any]) -> int | None:
    """Return the cached tokens that a usage states, in its details or beside them."""
    inside = first_of(usage, DETAILS)
    stated = first_of(cast("dict[str, Any]", inside), CACHED) if isinstance(inside, dict) else None
    return tokens(first_of(usage, CACHED) if stated is None else stated)


def tokens(raw: object) -> int | None:
    """Return a count of tokens, None where there is none; raises UsageFault for anything else."""
    if type(raw) is int and 0 <= raw <= MOST_TOKENS:
        return raw
    if raw is None or raw == "":
        return None
    try:
        number = float(str(raw))
    except ValueError:
        raise UsageFault("has a token count that is no number") from None
    if isinstance(raw, bool) or not 0 <= number <= MOST_TOKENS or number % 1:
        raise UsageFault("has a token count that is no whole number from 0")
    return int(number)


def seconds_of(raw: object) -> float:
    """Return seconds since 1970 of a time in seconds, milliseconds or ISO 8601 (UTC without a zone); UsageFault."""
    if type(raw) is int and EARLIEST <= raw < LATEST:
        return raw
    if raw is None:
        raise UsageFault("names no time")
    try:
        seconds = float(str(raw))
    except ValueError:
        try:
            moment = datetime.fromisoformat(str(raw).strip())
        except ValueError:
            raise UsageFault("has a time that cannot be read; wanted ISO 8601 or seconds since 1970") from None
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    seconds = seconds / MILLISECONDS_PER_SECOND if seconds >= IN_MILLISECONDS else seconds
    if not EARLIEST <= seconds < LATEST:
        raise UsageFault("has a time outside the years 2015 to 2100")
    return seconds
