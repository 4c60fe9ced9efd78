"""`prices refresh`, whole: ask each list, judge what came, write one new book, put it in use in one step.

Nothing is written before everything is judged; a list that is refused leaves every line it gave before as it was.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from pricing.book import BookFaultsError, read_book
from pricing.check import EXCEPTIONS, explained
from pricing.refresh_book import HEADERS, Kept, composed, in_force, known, lines_of
from pricing.refresh_fetch import Answer
from pricing.refresh_files import put_waiting, read_state, read_waiting, swap_in
from pricing.refresh_rows import RefusedError, Waiting, current, judged, key_of, stale
from pricing.sources.answer import Row, ShapeError, Taken
from pricing.sources.cards import Known
from pricing.sources.table import SOURCES, Source

Ask = Callable[[Source, Mapping[str, str]], Answer]

UPDATED: Final = "updated"
UNCHANGED: Final = "unchanged"
REFUSED: Final = "refused"


class Outcome(NamedTuple):
    """What became of one list: `why` and `following` where it was refused or rows wait, rows by what was done."""

    source: str
    outcome: str
    why: str = ""
    following: str = ""
    rows: int = 0
    waiting: int = 0
    left_out: tuple[tuple[str, int], ...] = ()


class Refreshed(NamedTuple):
    """What a refresh did: an outcome a list, the book now in use (None: none written), and how many lines changed."""

    outcomes: list[Outcome]
    book: Path | None
    lines: int


class Held(NamedTuple):
    """What is there before a refresh: the shipped files, those of the refreshed book, and its lists with their rows."""

    shipped: Mapping[str, str]
    before: Mapping[str, str]
    state: Mapping[str, Any]
    taken: Mapping[str, Sequence[Row]]
    known: Known


class _List(NamedTuple):
    """One list after it was asked: what goes into the state, its rows, and how it went."""

    outcome: Outcome
    state: Mapping[str, Any] | None = None
    rows: Sequence[Row] = ()
    waiting: Sequence[Waiting] | None = None


def held_in(root: Path, shipped: Mapping[str, str], day: date) -> Held:
    """Read what is there before a refresh."""
    before, state, taken = read_state(root)
    providers = {file.removeprefix("api/").removesuffix(".csv") for file in shipped if file.startswith("api/")}
    cards = read_book(shipped, allow_unverified=True).cards
    return Held(shipped, before, state, taken, known(lines_of(shipped, before), cards, providers, day))


def refresh(
    sources: Sequence[Source], root: Path, shipped: Mapping[str, str], at: datetime, ask: Ask, dry_run: bool = False
) -> Refreshed:
    """Ask the lists and put one new book in use; a list that fails is an outcome, not an error. Hold the lock."""
    held = held_in(root, shipped, at.date())
    lists = {source.name: _asked(source, held, at, ask) for source in sources}
    if not dry_run:
        for source in sources:
            waiting = lists[source.name].waiting
            if waiting is not None:
                put_waiting(root, source.name, waiting, HEADERS[source.kind])
    return _written(root, held, at, lists, dry_run)


def accept(source: Source, root: Path, shipped: Mapping[str, str], at: datetime) -> Refreshed:
    """Take the rows of a source that wait and may be accepted, as a human left them; the others go on waiting."""
    held = held_in(root, shipped, at.date())
    waiting = read_waiting(root, source.name, source.kind)
    taken = [each.row for each in waiting if each.may_be_accepted]
    left = [each for each in waiting if not each.may_be_accepted]
    keys = {key_of(row.kind, row.provider, row.columns) for row in taken}
    others = [row for row in held.taken.get(source.name, ()) if key_of(*row) not in keys]
    before = held.state.get(source.name, {})
    state = {
        **before,
        "url": before.get("url", source.url),
        "fetched_at": at.isoformat(),
        "accepted_at": at.isoformat(),
        "day": str(at.date()),
        "rows": len(waiting),
        **dict.fromkeys(("etag", "last_modified"), ""),  # so that the next answer is a whole one again
    }
    why = "; ".join(each.why for each in left[:3])
    following = "write these by hand, with the reason in exceptions.csv (pricing/data/README.md)" if left else ""
    outcome = Outcome(source.name, UPDATED if taken else UNCHANGED, why, following, len(taken), len(left))
    listed = _List(outcome, state, [*others, *taken])
    result = _written(root, held, at, {source.name: listed}, dry_run=False)
    put_waiting(root, source.name, left, HEADERS[source.kind])
    return result


def _asked(source: Source, held: Held, at: datetime, ask: Ask) -> _List:
    """Ask one list and judge its answer."""
    before = held.state.get(source.name, {})
    try:
        _forward(before, at)
        answer = ask(source, _validators(source, before))
        if answer.pages is None:
            state = {**before, "fetched_at": at.isoformat(), "day": before.get("collected") or str(at.date())}
            rows = held.taken.get(source.name, [])
            return _List(Outcome(source.name, UNCHANGED, rows=len(rows)), state, rows)
        taken = source.read(answer.pages, held.known, source.provider)
        return _judged(source, taken, answer, held, at)
    except ShapeError as fault:
        following = (
            "try again; if it stays so, look at the answer: has the list a new form, and its adapter none for it?"
        )
        return _List(Outcome(source.name, REFUSED, str(fault), following))
    except RefusedError as refused:
        outcome = Outcome(source.name, REFUSED, refused.why, refused.following, waiting=len(refused.waiting))
        return _List(outcome, waiting=refused.waiting or None)


def _forward(before: Mapping[str, Any], at: datetime) -> None:
    """Raise RefusedError where the clock stands before the last fetch: every day written would be wrong."""
    if before and at < datetime.fromisoformat(before["fetched_at"]):
        message = f"the clock says {at.isoformat()}, and the list was fetched at {before['fetched_at']}"
        raise RefusedError(message, "set the clock, then refresh")


def _validators(source: Source, before: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers that ask for changes only; none for another address, or a list that comes in pages."""
    if not before or source.following is not None or before["url"] != source.url:
        return {}
    sent = {"If-None-Match": before.get("etag", ""), "If-Modified-Since": before.get("last_modified", "")}
    return {name: value for name, value in sent.items() if value}


def _judged(source: Source, taken: Taken, answer: Answer, held: Held, at: datetime) -> _List:
    before = held.state.get(source.name, {})
    data_day = taken.data_day or _http_day(answer.last_modified)
    stale(data_day, date.fromisoformat(before["data_day"]) if before.get("data_day") else None)
    day = min(taken.data_day or at.date(), at.date())
    rows = current(taken.rows, day)
    reasons = explained(held.shipped.get(EXCEPTIONS, ""))
    good, waiting = judged(taken._replace(rows=rows), _holding(held, day), before.get("rows", 0), reasons)
    state = {
        "url": source.url,
        "fetched_at": at.isoformat(),
        "day": str(day),
        "collected": str(taken.data_day or ""),
        "data_day": str(data_day or ""),
        "etag": answer.etag,
        "last_modified": answer.last_modified,
        "rows": len(rows),
    }
    why = "; ".join(f"{_named(each.row)}: {each.why}" for each in waiting[:3])
    following = f"read the quarantine file, then `prices refresh --accept {source.name}`" if waiting else ""
    left_out = tuple((reason, count) for reason, count in taken.left_out.most_common() if count)
    outcome = Outcome(source.name, UPDATED, why, following, len(good), len(waiting), left_out)
    return _List(outcome, state, good, waiting)


def _holding(held: Held, day: date) -> Callable[[Row], Mapping[str, str]]:
    """Return what looks up the line that is held for a row: on the row's own first day where that is announced."""
    lines = lines_of(held.shipped, held.before)

    def line(row: Row) -> Mapping[str, str]:
        starts = row.columns.get("from")
        on = max(day, date.fromisoformat(starts)) if starts else day
        return in_force(lines.get(key_of(*row), ()), on) or {}

    return line


def _named(row: Row) -> str:
    return row.columns.get("model") or f"{row.columns.get('instance', '')} {row.columns.get('card', '')}".strip()


def _http_day(stamp: str) -> date | None:
    """Return the day of a Last-Modified header, or None where there is none that can be read."""
    try:
        return parsedate_to_datetime(stamp).astimezone(UTC).date() if stamp else None
    except ValueError:
        return None


def _written(root: Path, held: Held, at: datetime, lists: Mapping[str, _List], dry_run: bool) -> Refreshed:
    """Compose one book of what the lists gave now and before, check it, and put it in use."""
    outcomes = [each.outcome for each in lists.values()]
    answered = {name: each for name, each in lists.items() if each.state is not None}
    if not answered:
        return Refreshed(outcomes, None, 0)
    state = {**held.state, **{name: each.state or {} for name, each in answered.items()}}
    taken = {**held.taken, **{name: list(each.rows) for name, each in answered.items()}}
    kept = [_kept(source, state[source.name], taken[source.name]) for source in SOURCES if source.name in state]
    texts = composed(kept, held.shipped, held.before)
    try:
        book = read_book(texts, allow_unverified=True)
    except BookFaultsError as fault:
        message = f"the new book does not hold together: {str(fault)[:300]}"
        following = (
            "nothing was written; an adapter in pricing/sources, or a line in the quarantine file, needs a change"
        )
        return Refreshed(
            [each._replace(outcome=REFUSED, why=message, following=following) for each in outcomes], None, 0
        )
    changed = sum(text != held.before.get(file) for file, text in texts.items())
    if dry_run:
        return Refreshed(outcomes, None, changed)
    name = f"{at.strftime('%Y%m%dT%H%M%S%f')}-{book.digest[:12]}"
    return Refreshed(outcomes, swap_in(root, name, texts, state, taken), changed)


def _kept(source: Source, state: Mapping[str, Any], rows: Sequence[Row]) -> Kept:
    """Return what a list gave, with the line of sources.csv that its prices name."""
    day = date.fromisoformat(state["day"])
    says = f"{source.says}, {state['url'].partition('?')[0]}, fetched {state['fetched_at'][:10]}"
    return Kept(rows, day, f"{source.name}@{day}", says, source.licence)
