"""`advise init --from-log`: what a usage log says and does not say, line by line, and the scenario it gives."""

import csv
import gzip
import json
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.init_log import chosen, draft, found_price, hours_csv, priced, tasks_per_month, volume, weeks
from advisor.init_text import text
from advisor.scenario_file import read_scenario
from advisor.traffic_file import read_log
from advisor.usage_log import Usage, UsageFault, read_request
from advisor.usage_log_file import LogError, read_usage
from pricing.book_files import open_book

AS_OF = date(2026, 11, 21)
START = 1_760_000_400  # 2025-10-09 09:00 UTC
DAY = 86_400
SECRET = "sk-live-0123456789"


def response(seconds=START, model="gpt-6-sol", sent=1000, got=100, cached=None):
    usage = {"prompt_tokens": sent, "completion_tokens": got}
    if cached is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": cached}
    return {"id": "c", "object": "chat.completion", "created": seconds, "model": model, "choices": [], "usage": usage}


def written(path: Path, records) -> Path:
    lines = (record if isinstance(record, str) else json.dumps(record) for record in records)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (response(cached=600), (START, "gpt-6-sol", 1000, 100, 600)),
        (response(), (START, "gpt-6-sol", 1000, 100, None)),  # nothing said of a cache is unknown, not 0
        ({"response": {"status_code": 200, "body": response()}, "error": None}, (START, "gpt-6-sol", 1000, 100, None)),
        ({"startTime": "2025-10-09T09:00:00Z", "response": response(None)}, (START, "gpt-6-sol", 1000, 100, None)),
        (
            {"created_at": START * 1000, "model": "m", "usage": {
                "input_tokens": 50, "output_tokens": 0, "input_tokens_details": {"cached_tokens": 20}}},
            (START, "m", 50, 0, 20),
        ),
        (
            {"time": "2025-10-09T11:00:00+02:00", "model": "claude", "usage": {
                "input_tokens": 10, "cache_read_input_tokens": 900, "cache_creation_input_tokens": 40,
                "output_tokens": 7}},
            (START, "claude", 950, 7, 900),  # 10 fresh + 900 read + 40 written
        ),
        ({"ts": str(START), "model_name": "m", "prompt_tokens": "12", "completion_tokens": "3.0"},
         (START, "m", 12, 3, None)),
    ],
)  # fmt: skip
def test_the_forms_a_request_comes_in(record, told):
    assert tuple(read_request(record)) == told


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (["a"], "no object"),
        ({}, "names no model"),
        ({"model": "m"}, "no token counts"),
        ({"model": "x" * 121, "usage": {}}, "no name"),
        ({"model": "m\x1b[31m", "usage": {}}, "no name"),
        (response(seconds=None), "names no time"),
        (response(seconds="yesterday"), "cannot be read"),
        (response(seconds=12), "outside the years"),
        (response(sent=-1), "no whole number"),
        (response(sent=1.5), "no whole number"),
        (response(sent=True), "no number"),
        (response(sent="many"), "no number"),
        (response(sent=0), "no input tokens"),
        (response(sent=10, cached=11), "more cached"),
        ({**response(), "error": {"message": SECRET}}, "request failed"),
        ({"response": {"status_code": 429, "body": response()}}, "request failed"),
        ({**response(), "num_model_requests": 12}, "several requests"),
    ],
)
def test_what_is_no_answered_request_says_why_and_nothing_of_the_line(record, reason):
    with pytest.raises(UsageFault, match=reason) as caught:
        read_request(record)
    assert SECRET not in str(caught.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["usage", "model", "created", "prompt_tokens", "response", "body"]), inner)
    ),
    max_leaves=8,
)


@given(st.lists(json_values, max_size=5))
def test_every_record_is_counted_or_refused_never_lost(records):
    usage = Usage()
    for line, record in enumerate(records, 1):
        usage.add(line, record)
    assert usage.lines == sum(usage.refused.values()) + sum(tally.requests for tally in usage.models.values())


def test_the_same_requests_say_the_same_as_jsonl_csv_and_gzip(tmp_path):
    records = [response(START + 3600 * hour, sent=100 + hour, cached=hour) for hour in range(30)]
    plain = written(tmp_path / "log.jsonl", records)
    packed = tmp_path / "log.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    table = tmp_path / "log.csv"
    names = ("prompt_tokens", "completion_tokens", "prompt_tokens_details.cached_tokens")
    with table.open("w", newline="", encoding="utf-8-sig") as stream:
        rows = csv.writer(stream)
        rows.writerow(["created", "model", *(f"usage.{name}" for name in names)])
        for one in records:
            used = one["usage"]
            cached = used["prompt_tokens_details"]["cached_tokens"]
            rows.writerow([one["created"], one["model"], used["prompt_tokens"], used["completion_tokens"], cached])
    tallies = [read_usage(path).models["gpt-6-sol"] for path in (plain, packed, table)]
    assert tallies[0] == tallies[1] == tallies[2]
    assert tallies[0].cached_tokens == sum(range(30))


def test_faults_are_counted_by_line_and_no_secret_is_repeated(tmp_path):
    bad = f'{{"api_key": "{SECRET}", broken'
    records = [response(), bad, "", {"model": "m", "prompt": SECRET}, *[bad] * 6, response(START + 2 * DAY)]
    usage = read_usage(written(tmp_path / "log.jsonl", records))
    assert usage.told() == [
        "7 lines not counted: is no JSON (line 2, 5, 6, 7, 8, ...)",
        "1 line not counted: has no token counts (line 4)",
    ]
    assert usage.models["gpt-6-sol"].requests == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no answered request in 0 lines"),
        (b"[\n{},\n{}]", "one object a line"),
        (b"[{}, {}]", "is no object"),
        (b"\xff\xfe\n", "is no JSON"),
        (b'{"a":' * 5000, "is no JSON"),
    ],
)
def test_a_file_without_a_request_says_what_was_wanted(tmp_path, content, said):
    (tmp_path / "log.jsonl").write_bytes(content)
    with pytest.raises(LogError, match=said) as caught:
        read_usage(tmp_path / "log.jsonl")
    assert "usage.prompt_tokens" in str(caught.value)
    with pytest.raises(LogError, match="cannot be read"):
        read_usage(tmp_path / "gone.jsonl")


# Three weeks and two days: 10, 20 and 30 requests a day, so 10 x 730 / 24 = 304.17 .. 912.5 a month; the mean between.
def three_weeks():
    usage = Usage()
    midnight = START - START % DAY
    for day in range(23):
        for request in range(10 * (1 + max(day - 1, 0) // 7) if day < 22 else 30):
            usage.add(1, response(midnight + day * DAY + request * 600, sent=1000 * (1 + max(day - 1, 0) // 7)))
    return usage


def test_the_range_is_the_quietest_to_the_busiest_whole_week():
    tally = three_weeks().models["gpt-6-sol"]
    assert [(week.requests, week.input_tokens) for week in weeks(tally)] == [(10, 1000), (20, 2000), (30, 3000)]
    line = volume(tally)
    low, _, high = line.value.split("..")
    assert (low, high) == ("304.2", "912.5")  # 10 and 30 a day x 730 / 24 days
    assert "3 whole weeks" in line.why


@pytest.mark.parametrize(
    ("hours", "value", "said"),
    [
        (10, "unknown", "less than a day says nothing of a month"),
        (48, "745.2", "less than a week"),  # 49 requests over 48 hours: 49 / 48 x 730
        (24 * 8, "733.8", "no range"),  # 193 / 192 x 730
    ],
)
def test_a_short_log_says_how_little_it_knows(hours, value, said):
    usage = Usage()
    for hour in range(hours + 1):
        usage.add(1, response(START + 3600 * hour))
    line = volume(usage.models["gpt-6-sol"])
    assert line.value == value
    assert said in line.why


def test_models_are_priced_by_the_book_of_the_day_and_the_dearest_is_taken():
    usage = Usage()
    for hour in range(0, 731, 1):
        usage.add(1, response(START + 3600 * hour, cached=500))
        for _ in range(3):
            usage.add(1, response(START + 3600 * hour, model="no-such-model"))
    models = priced(usage, open_book(), AS_OF)
    assert [one.logged for one in models] == ["gpt-6-sol", "no-such-model"]
    # 731 requests in 730 hours; 500 x 2 + 500 x 0.2 + 100 x 10 USD a million tokens = 0.0021 USD each
    assert models[0].usd_per_month == pytest.approx(731 * 0.0021)
    assert models[1].usd_per_month is None
    assert "no api price" in models[1].why
    assert models[1].name == "openai/no-such-model"
    assert chosen(models, "no-such-model") is models[1]
    assert chosen(models, "openai/gpt-6-sol") is models[0]


def test_a_dated_snapshot_has_the_price_of_its_model():
    price, why = found_price(open_book(), "gpt-4o-2024-08-06", AS_OF)
    assert price is not None
    assert (price.name, why) == ("openai/gpt-4o", "")
    price, why = found_price(open_book(), "gpt-oss-120b", AS_OF)
    assert price is None
    assert "ambiguous" in why


def test_the_hours_read_back_as_the_traffic_they_were(tmp_path):
    tally = three_weeks().models["gpt-6-sol"]
    (tmp_path / "hours.csv").write_text(hours_csv(tally), encoding="utf-8")
    assert f"{tally.requests:,} tasks over" in read_log(tmp_path / "hours.csv").note
    first = datetime.fromisoformat(hours_csv(tally).splitlines()[1].split(",")[0])
    assert first == datetime.fromtimestamp(min(tally.hours) * 3600, tz=UTC)


@pytest.mark.parametrize("name", ["invoices", "no", "1e3"])
def test_the_scenario_reads_back_with_what_the_log_said(tmp_path, name):
    usage = three_weeks()
    models = priced(usage, open_book(), AS_OF)
    (tmp_path / "t.csv").write_text(hours_csv(models[0].tally), encoding="utf-8")
    path = tmp_path / "s.yaml"
    path.write_text(text(draft(usage, name, models[0], models, AS_OF, "t.csv")), encoding="utf-8")
    made = read_scenario(path)
    assert (made.name, made.today.model, made.traffic.log) == (name, "openai/gpt-6-sol", "t.csv")
    mean = tasks_per_month(models[0].tally)
    assert mean is not None
    assert float(made.volume.tasks_per_month.known_value("")) == pytest.approx(mean, rel=1e-3)
    assert not made.quality.target.known
    assert not made.volume.lifetime_months.stated
    assert made.evidence.prompting.trials == ()


def run(folder, *arguments):
    command = [sys.executable, "-m", "advisor.cli", *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_command_writes_a_scenario_that_advise_answers(repo, tmp_path):
    log = [response(START + 3600 * hour, sent=1000 + hour % 7) for hour in range(24 * 25)]
    written(tmp_path / "usage.jsonl", [*log, f"{SECRET} is no JSON"])
    file = tmp_path / "mail-triage.yaml"
    made = run(repo, "init", file, "--from-log", tmp_path / "usage.jsonl", "--as-of", AS_OF)
    assert made.returncode == 0, made.stderr
    assert "1 line not counted: is no JSON (line 601)" in made.stderr
    assert SECRET not in made.stdout + made.stderr + file.read_text(encoding="utf-8")
    told = run(repo, file, "--as-of", AS_OF, "--format", "json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["verdict"]["code"] == "measure_first"
    again = run(repo, "init", file, "--from-log", tmp_path / "usage.jsonl")
    assert again.returncode == 1
    assert "--force" in again.stderr


def test_a_model_the_log_does_not_have_lists_those_it_has(repo, tmp_path):
    written(tmp_path / "usage.jsonl", [response()])
    done = run(repo, "init", tmp_path / "s.yaml", "--from-log", tmp_path / "usage.jsonl", "--model", "gpt-9")
    assert done.returncode == 1
    assert "it has gpt-6-sol" in done.stderr
    assert not (tmp_path / "s.yaml").exists()
