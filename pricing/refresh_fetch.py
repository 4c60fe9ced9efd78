"""Edge: the network. One answer of a price list, whole and within limits, or RefusedError with why and what to do.

Rule 1  https only; http only to this machine itself. A redirect may not leave https, nor lead to this machine.
Rule 2  Time to connect, between two blocks, and in all; bytes as they come and as they unpack: each has a limit.
Rule 3  Nothing that comes from there is believed here: bytes are returned, adapters judge them.
"""

import ipaddress
import ssl
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final, NamedTuple
from urllib.parse import urljoin, urlsplit

import httpx

from pricing.refresh_rows import RefusedError
from pricing.sources.table import Source

GZIP_WINDOW: Final = 31  # zlib's number for a gzip header with the largest window
NOT_MODIFIED: Final = 304
OK: Final = 200
DENIED: Final = frozenset({401, 403})
GONE: Final = frozenset({404, 410})
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class Limits(NamedTuple):
    """What a fetch may take. Lists are 0.1 to 10 MB and come in seconds: each limit leaves room for a slow office."""

    connect_seconds: float = 5
    read_seconds: float = 10
    total_seconds: float = 60
    answer_bytes: int = 32 << 20
    redirects: int = 3
    pages: int = 60


class Answer(NamedTuple):
    """What came back: the pages' bytes, or None where nothing changed since the validators that were sent."""

    pages: list[bytes] | None
    etag: str
    last_modified: str


def fetch(
    source: Source, validators: Mapping[str, str], seconds: Callable[[], float], limits: Limits, key: str = ""
) -> Answer:
    """Fetch a list with all its pages; `validators` are the headers that ask for changes only, `key` an API key."""
    deadline = seconds() + limits.total_seconds
    allowed(source.url, source.url)
    local = is_local(source.url)
    timeout = httpx.Timeout(limits.read_seconds, connect=limits.connect_seconds)
    headers = {"Accept-Encoding": "gzip", "User-Agent": "crossover-prices"}
    trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if local else True  # of this machine no certificate is trusted
    with httpx.Client(timeout=timeout, headers=headers, verify=trusted, trust_env=not local) as client:
        asked = _Asking(client, source, seconds, deadline, limits)
        first = asked.page(source.url, {**validators, **({"Authorization": f"Bearer {key}"} if key else {})})
        if first is None:
            return Answer(None, validators.get("If-None-Match", ""), validators.get("If-Modified-Since", ""))
        pages = [first[0]]
        while source.following and (following := source.following(pages, source.url)) is not None:
            pages.append(asked.next(following, pages))
        return Answer(pages, first[1].get("etag", ""), first[1].get("last-modified", ""))


class _Asking(NamedTuple):
    """One fetch in progress."""

    client: httpx.Client
    source: Source
    seconds: Callable[[], float]
    deadline: float
    limits: Limits

    def next(self, url: str, pages: Sequence[bytes]) -> bytes:
        """Fetch a further page of the same host; the byte limit is for all pages together."""
        allowed(url, self.source.url)
        if urlsplit(url).hostname != urlsplit(self.source.url).hostname:
            message = f"the next page is at {urlsplit(url).hostname}, not at {urlsplit(self.source.url).hostname}"
            raise RefusedError(message, "ask whoever publishes the list; nothing was sent there")
        if len(pages) >= self.limits.pages:
            message = f"more than {self.limits.pages} pages"
            raise RefusedError(message, "narrow the address with --url, for example to one region")
        page = self.page(url, {})
        if page is None or sum(map(len, pages)) + len(page[0]) > self.limits.answer_bytes:
            raise _too_large(self.limits.answer_bytes)
        return page[0]

    def page(self, url: str, headers: Mapping[str, str]) -> tuple[bytes, httpx.Headers] | None:
        """Fetch one address, following few redirects; None where the server says that nothing changed."""
        for _ in range(self.limits.redirects + 1):
            allowed(url, self.source.url)
            self._in_time("between two answers")
            same_host = urlsplit(url).netloc == urlsplit(self.source.url).netloc
            sent = headers if same_host else {n: v for n, v in headers.items() if n != "Authorization"}
            try:
                with self._stream(url, sent) as answer:
                    if answer.status_code not in REDIRECTS:
                        return self._content(answer, sent)
                    url = _joined(url, answer.headers.get("location", ""))
            except httpx.TimeoutException as fault:
                message = f"{type(fault).__name__}: no answer within {self.limits.read_seconds:g} s"
                raise RefusedError(message, "try again later, or name a nearer mirror with --url") from None
            except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as fault:
                message = f"{type(fault).__name__}: {fault}"
                raise RefusedError(message, "check the connection, a proxy, and the address") from None
        message = f"more than {self.limits.redirects} redirects, the last to {url[:80]}"
        raise RefusedError(message, "the address has moved or is a login page: name the new one with --url")

    def _stream(self, url: str, headers: Mapping[str, str]) -> AbstractContextManager[httpx.Response]:
        if self.source.post:
            return self.client.stream("POST", url, headers=headers, json={"query": self.source.post})
        return self.client.stream("GET", url, headers=headers)

    def _content(self, answer: httpx.Response, sent: Mapping[str, str]) -> tuple[bytes, httpx.Headers] | None:
        status, kind = answer.status_code, answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if status == NOT_MODIFIED and {"If-None-Match", "If-Modified-Since"} & set(sent):
            return None
        if status != OK:
            message = f"the server answered {status}"
            raise RefusedError(message, self._after(status, answer.headers.get("retry-after", "")))
        if kind not in self.source.accepted:
            message = (
                f"the answer is {kind or 'of no stated kind'}; wanted one of {', '.join(sorted(self.source.accepted))}"
            )
            raise RefusedError(message, "open the address: a login page, a proxy's notice, or a list that moved?")
        return self._body(answer), answer.headers

    def _after(self, status: int, wait: str) -> str:
        """Say what to do after a status that brings no list."""
        if wait:
            return f"try again after {wait[:40]}{' s' if wait.isdigit() else ''}"
        if status in DENIED:
            variable = self.source.key_variable
            return f"put an API key into {variable}" if variable else "look at the address: it asks for a login now"
        if status in GONE:
            return "the list has moved: name its new address with --url"
        return "try again later"

    def _body(self, answer: httpx.Response) -> bytes:
        """Read a body block by block, and unpack it here, so that neither time nor memory is the server's to choose."""
        limit = self.limits.answer_bytes
        announced = answer.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > limit:
            raise _too_large(limit)
        packed = b"".join(self._blocks(answer, limit))
        encoding = answer.headers.get("content-encoding", "identity").strip().lower()
        if encoding in ("identity", ""):
            return packed
        if encoding != "gzip":
            message = f"the answer is packed with {encoding[:20]!r}; wanted gzip, or nothing"
            raise RefusedError(message, "name a mirror with --url")
        return _unpacked(packed, limit)

    def _blocks(self, answer: httpx.Response, limit: int) -> Iterator[bytes]:
        got = 0
        for block in answer.iter_raw():
            got += len(block)
            if got > limit:
                raise _too_large(limit)
            self._in_time(f"{got} bytes so far")
            yield block

    def _in_time(self, how_far: str) -> None:
        if self.seconds() > self.deadline:
            message = f"not at the end after {self.limits.total_seconds:g} s, {how_far}"
            raise RefusedError(message, "try again later, or name a nearer mirror with --url")


def _unpacked(packed: bytes, limit: int) -> bytes:
    """Unpack gzip, never more than the limit."""
    unpacking = zlib.decompressobj(GZIP_WINDOW)
    try:
        content = unpacking.decompress(packed, limit + 1)
    except zlib.error as fault:
        message = f"bad gzip: {fault}"
        raise RefusedError(message, "try again; if it stays so, name a mirror with --url") from None
    if len(content) > limit:
        raise _too_large(limit)
    if not unpacking.eof:
        message = "bad gzip: it ends too early"
        raise RefusedError(message, "try again; if it stays so, name a mirror with --url")
    return content


def _too_large(limit: int) -> RefusedError:
    return RefusedError(f"more than {limit} bytes; reading stopped there", "is this still the price list? look at it")


def is_local(url: str) -> bool:
    """Tell whether an address is of this machine itself."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _joined(url: str, location: str) -> str:
    """Return where a redirect leads; what cannot be read stays as it is, and is refused for that."""
    try:
        return urljoin(url, location)
    except ValueError:
        return location


def allowed(url: str, first: str) -> None:
    """Raise RefusedError where an address may not be asked (Rule 1)."""
    try:
        scheme, local = urlsplit(url).scheme, is_local(url)
    except ValueError:
        scheme, local = "", False  # no address at all, such as http://[
    if scheme == "https" and (not local or is_local(first)):
        return
    if scheme == "http" and local and is_local(first):
        return
    message = f"{url[:80]} is not asked: https only, and from elsewhere never this machine"
    raise RefusedError(message, "name an https address with --url")
