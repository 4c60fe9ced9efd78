"""`advise init` on a terminal: questions with defaults, checked as they are typed; nothing is asked without one."""

import os
import pty
import subprocess
import sys
from datetime import date
from typing import get_args

import pytest

from advisor.init_questions import QUESTIONS, AnswerError, draft, model_check, said
from advisor.init_text import number, scalar, spread, text
from advisor.scenario import Task
from advisor.scenario_file import judge, read_scenario
from advisor.scenario_tree import parse
from pricing.book_files import open_book

BY_PATH = {question.path: question for question in QUESTIONS}
DEFAULTS = {question.path: question.default or "openai/gpt-6-sol" for question in QUESTIONS}


def scenario_of(answers, folder):
    values = {path: said(BY_PATH[path], answer) for path, answer in answers.items()}
    return judge(parse(text(draft(values)), "scenario.yaml"), folder)


def test_the_defaults_alone_make_a_scenario_without_faults(tmp_path):
    made = scenario_of(DEFAULTS, tmp_path)
    assert made.today.model == "openai/gpt-6-sol"
    assert not made.volume.tasks_per_month.known
    assert made.evidence.prompting.not_tried == "nobody has scored it yet"
    assert str(made.volume.lifetime_months) == "6..12..24"


@pytest.mark.parametrize("kind", get_args(Task.model_fields["kind"].annotation))
def test_the_question_names_every_kind_a_task_may_be(kind):
    assert kind in BY_PATH["task.kind"].ask
    assert said(BY_PATH["task.kind"], kind) == kind


def test_trials_are_typed_as_right_of_scored(tmp_path):
    made = scenario_of({**DEFAULTS, "evidence.prompting": "196/250, 2_04/250"}, tmp_path)
    assert [(one.successes, one.n) for one in made.evidence.prompting.trials] == [(196, 250), (204, 250)]


@pytest.mark.parametrize(
    ("path", "answer", "wanted"),
    [
        ("volume.tasks_per_month", "12k", "write 12_000"),
        ("volume.tasks_per_month", "9..3", "write 3..9"),
        ("quality.target", "90%", "write 0.9"),
        ("task.kind", "extract", "extraction"),
        ("task.role", "both", "one of inner, outer"),
        ("today.model", "gpt", "vendor/model"),
        ("name", "two words", "letters, digits"),
        ("evidence.prompting", "250/196", "right/scored"),
        ("evidence.retrieval", "fine", "right/scored"),
        ("constraints.data_may_leave", "maybe", "true, false, unknown"),
    ],
)
def test_an_answer_the_field_cannot_hold_says_what_was_wanted(path, answer, wanted):
    with pytest.raises(AnswerError) as caught:
        said(BY_PATH[path], answer)
    assert wanted in str(caught.value)


def test_a_model_is_looked_up_in_the_book_of_the_day():
    check = model_check(open_book(), date(2026, 11, 21))
    assert check("openai/gpt-6-sol") == ""
    assert "near it: openai/gpt-6-sol" in check("openai/gpt-6-soll")


@pytest.mark.parametrize(
    ("plain", "written"),
    [("ticket-routing", "ticket-routing"), ("yes", '"yes"'), ("a: b", '"a: b"'), ("# x", '"# x"'), ("1e3", '"1e3"'),
     ("ü", '"ü"'), ('say "x"', '"say \\"x\\""')],
)  # fmt: skip
def test_text_is_written_so_that_it_reads_one_way(plain, written):
    assert scalar(plain) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(1234567.4, "1_234_567"), (1000, "1_000"), (14.256, "14.26"), (3.0, "3"), (0.12344, "0.1234")],
)
def test_numbers_keep_what_a_log_can_know(value, written):
    assert number(value) == written
    assert spread(value, value, value) == written


class Terminal:
    """A program on a terminal of its own, which one types at."""

    def __init__(self, repo, *arguments):
        parent, child = pty.openpty()
        command = [sys.executable, "-m", "advisor.cli", "init", *map(str, arguments)]
        environment = {**os.environ, "COLUMNS": "100"}
        self.process = subprocess.Popen(command, cwd=repo, stdin=child, stdout=child, stderr=child, env=environment)
        os.close(child)
        self.fd, self.seen, self.at = parent, "", 0

    def until(self, wanted):
        """Read on to the next place where this is shown; returns what was shown before it."""
        while (found := self.seen.find(wanted, self.at)) < 0:
            try:
                part = os.read(self.fd, 4096)
            except OSError:  # EIO: the other side has closed
                part = b""
            if not part:
                found = len(self.seen)
                break
            self.seen += part.decode()
        shown, self.at = self.seen[self.at : found], found + len(wanted)
        return shown

    def type(self, line):
        os.write(self.fd, line.encode())

    def end(self):
        self.until("\0")
        os.close(self.fd)
        return self.process.wait(timeout=30)


def test_a_conversation_ends_in_a_scenario_that_reads_without_a_fault(repo, tmp_path):
    file = tmp_path / "mail.yaml"
    typed = {
        "volume.tasks_per_month": ["12k", "12_000"],  # the first is refused with what was wanted
        "today.model": ["openai/gpt-6-soll", "openai/gpt-6-sol"],  # the first is not in the book
        "evidence.prompting": ["196/250, 204/250"],
        "quality.target": ["0.9"],
    }
    screen = Terminal(repo, file, "--as-of", "2026-11-21")
    for question in QUESTIONS:
        assert question.ask in screen.until(f"why: {question.why}").replace("\r\n", "\n")
        for answer in typed.get(question.path, [""]):
            screen.until("] " if question.default else "\n  ")
            screen.type(f"{answer}\n")
    assert screen.end() == 0, screen.seen
    assert "write 12_000" in screen.seen
    assert "type it again to keep it" in screen.seen
    made = read_scenario(file)
    assert (made.name, made.today.model) == ("mail", "openai/gpt-6-sol")
    assert [one.successes for one in made.evidence.prompting.trials] == [196, 204]
    assert int(made.volume.tasks_per_month.known_value("")) == 12_000


def test_breaking_off_writes_nothing(repo, tmp_path):
    screen = Terminal(repo, tmp_path / "s.yaml")
    screen.until("[s]")
    screen.type("\x03")  # Ctrl-C; the terminal makes it a signal only for its own session, and end of input for others
    screen.type("\x04")
    assert screen.end() == 1, screen.seen
    assert "nothing is written" in screen.seen
    assert not (tmp_path / "s.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said_"),
    [
        ([], 2, "stdin is no terminal, so nothing is asked"),
        (["--model", "x"], 2, "add --from-log"),
        (["--from-log", "gone.jsonl"], 1, "gone.jsonl cannot be read"),
    ],
)
def test_without_a_terminal_nothing_is_asked_and_the_next_step_is_said(repo, tmp_path, arguments, code, said_):
    command = [sys.executable, "-m", "advisor.cli", "init", str(tmp_path / "s.yaml"), *arguments]
    done = subprocess.run(
        command, cwd=repo, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == code
    assert said_ in done.stderr
    assert not (tmp_path / "s.yaml").exists()
