"""No fault of an answer, the network or the machine changes the book in use; every refusal says why and what to do."""

import os
import signal
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from pricing.places import BrokenPlaceError, book_in_use
from pricing.refresh import refresh
from pricing.refresh_fetch import allowed, fetch
from pricing.refresh_files import BusyError, only_one
from pricing.refresh_rows import RefusedError
from pricing.sources.table import chosen
from tests.pricing import price_lists
from tests.pricing.price_faults import FAULTS, FIRST, NORMAL, SECOND, Fault, asking, fetched, print_of, served, struck
from tests.pricing.price_server import PriceServer, Reply


@pytest.fixture
def server():
    with PriceServer() as open_server:
        yield open_server


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_bad_answer_changes_nothing(fault: Fault, server: PriceServer, tmp_path: Path) -> None:
    outcome, untouched = struck(fault, server, tmp_path, price_lists.shipped())
    assert outcome.outcome == "refused"
    assert fault.says in f"{outcome.why}; next: {outcome.following}"
    assert outcome.following
    assert untouched


def test_connection_refused(server: PriceServer, tmp_path: Path) -> None:
    fetched(server, served(server, "litellm"), tmp_path, price_lists.shipped())
    before = print_of(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/litellm"  # bound, and nobody listens
        done = refresh(chosen(["litellm"], {"litellm": url}), tmp_path, price_lists.shipped(), SECOND, asking())
    assert "ConnectError" in done.outcomes[0].why
    assert print_of(tmp_path) == before


def test_a_clock_before_the_last_fetch_is_refused_before_anything_is_asked(server: PriceServer, tmp_path: Path) -> None:
    source = served(server, "litellm")
    fetched(server, source, tmp_path, price_lists.shipped())
    before, asked = print_of(tmp_path), len(server.asked)
    done = refresh([source], tmp_path, price_lists.shipped(), FIRST - timedelta(hours=1), asking())
    assert "the clock says 2026-11-20T08:00" in done.outcomes[0].why
    assert (print_of(tmp_path), len(server.asked)) == (before, asked)


def test_two_refreshes_at_once(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(BusyError, match="another refresh is at work in"), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass  # freed


def test_a_pointer_to_a_book_that_is_gone_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    for name in ("gone", "../elsewhere", ""):
        (tmp_path / "current").write_text(name, encoding="utf-8")
        with pytest.raises(BrokenPlaceError, match="next: delete"):
            book_in_use(tmp_path)


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.pricing import price_lists
from tests.pricing.price_faults import SECOND, asking
from pricing.refresh import refresh
from pricing.refresh_fetch import allowed, fetch
from pricing.refresh_files import damaged, only_one
from pricing.sources.table import chosen

url, root = sys.argv[1], Path(sys.argv[2])
WATCHED = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"}

def child(nth):
    seen = 0
    def hook(event, arguments):
        nonlocal seen
        writes = event == "open" and isinstance(arguments[1], str) and "w" in arguments[1]
        if (event in WATCHED or writes) and str(root) in str(arguments[0]):
            seen += 1
            if seen == nth:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
    with only_one(root):
        refresh(chosen(["litellm"], {"litellm": url}), root, price_lists.shipped(), SECOND, asking())

for nth in range(1, 200):
    if (pid := os.fork()) == 0:
        child(nth)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    folder = (root / "current").read_text().strip()
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status)
    print(nth, killed, folder, len(damaged(root / "books" / folder)), flush=True)
    if not os.WIFSIGNALED(status):
        break
"""


def test_killed_at_every_step_of_the_swap_the_book_in_use_is_whole(server: PriceServer, tmp_path: Path) -> None:
    """Each of the steps on the disk is the last one of a process of its own, ended by the kernel before the step."""
    source = served(server, "litellm")
    fetched(server, source, tmp_path, price_lists.shipped())
    old = (tmp_path / "current").read_text(encoding="utf-8").strip()
    command = [sys.executable, "-c", KILLED, source.url, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    steps = [line.split() for line in done.stdout.splitlines()]
    kills = [step for step in steps if step[1] == str(int(signal.SIGKILL))]
    assert len(kills) >= 10
    assert steps[-1][1] == "False"  # the last one ran to its end
    in_use = [step[2] for step in steps]
    assert in_use[0] == old
    assert in_use[-1] != old
    assert {step[3] for step in steps} == {"0"}  # files of the book in use that are not what they were written as
    assert [path.name for path in (tmp_path / "books").iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    "url",
    [
        "http://prices.example/list",
        "ftp://prices.example/list",
        "https://[",
        "http://[",
        "file:///etc/hosts",
        "prices",
        "",
    ],
)
def test_an_address_that_is_not_asked(tmp_path: Path, url: str) -> None:
    done = refresh(chosen(["litellm"], {"litellm": url}), tmp_path, price_lists.shipped(), SECOND, asking())
    assert "is not asked: https only" in done.outcomes[0].why


@pytest.mark.parametrize(
    ("first", "then", "asked"),
    [
        ("https://prices.example/a", "https://other.example/b", True),
        ("https://prices.example/a", "http://prices.example/b", False),
        ("https://prices.example/a", "https://127.0.0.1/b", False),  # a list elsewhere may not reach into this machine
        ("https://prices.example/a", "http://localhost:8080/b", False),
        ("http://127.0.0.1:1/a", "http://[::1]:2/b", True),
    ],
)
def test_where_a_redirect_may_lead(first: str, then: str, asked: bool) -> None:
    if asked:
        allowed(then, first)
    else:
        with pytest.raises(RefusedError, match="never this machine"):
            allowed(then, first)


def test_an_api_key_goes_to_its_own_server_only(server: PriceServer) -> None:
    with PriceServer() as other:
        server.replies["/runpod"] = Reply(status=307, headers={"Location": other.url("/runpod")})
        other.replies["/runpod"] = Reply(price_lists.RUNPOD)
        fetch(served(server, "runpod"), {}, time.monotonic, NORMAL, "sesame")
        assert server.asked[0].headers["Authorization"] == "Bearer sesame"
        assert "Authorization" not in other.asked[0].headers
