"""A scenario's numbers: exact, a range, unknown, or a default that says why."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from advisor.answer import Answer
from advisor.quantity import Measure, Quantity, UnknownQuantityError, read_number, spelling_hint
from advisor.scenario import Scenario, assumptions
from advisor.settings import Part, unusual_settings
from pricing.figure import Kind
from pricing.units import LABELS

MINIMUM: dict[str, Any] = {
    "name": "ticket-routing",
    "task": {"kind": "routing", "role": "inner"},
    "volume": {"tasks_per_month": 420_000},
    "tokens": {"input": 420, "output": 28},
    "today": {"model": "vendor/model"},
}
ANY = Measure("count", least="-1e14", most="1e15")


def scenario(**sections: Any) -> Scenario:
    return Scenario.model_validate(MINIMUM | sections)


@pytest.mark.parametrize(
    ("written", "low", "value", "high"),
    [
        ("300_000", None, "300000", None),
        ("0.10", None, "0.10", None),
        ("2e-4", None, "0.0002", None),
        (12, None, "12", None),
        (0.1, None, "0.1", None),  # a binary float is read as the decimal it prints as
        ("300_000..600_000", "300000", "450000", "600000"),  # the middle: (300000 + 600000) / 2
        ("300_000..420_000..600_000", "300000", "420000", "600000"),
        ("-1 .. 1", "-1", "0", "1"),
        ("unknown", None, None, None),
    ],
)
def test_a_quantity_is_exact_a_range_or_unknown(
    written: Any, low: str | None, value: str | None, high: str | None
) -> None:
    found = ANY.read(written)
    wanted = [None if text is None else Decimal(text) for text in (low, value, high)]
    assert [found.low, found.value, found.high] == wanted
    assert found.stated


@pytest.mark.parametrize(
    "written",
    ["12k", "30%", "$5", "1,000", "", "..", "1..", "1..2..3..4", "0x10", "nan", "inf", "1e999", True, None, [1], {}],
)
def test_what_is_no_quantity_is_refused(written: Any) -> None:
    with pytest.raises(Exception, match="wanted a number"):
        ANY.read(written)


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("12k", "write 12_000"),
        ("1.5M", "write 1_500_000"),
        ("2 bn", "write 2_000_000_000"),
        ("30%", "write 0.3; shares run from 0 to 1"),
        ("12.5 %", "write 0.125; shares run from 0 to 1"),
        ("$5", "write 5; the unit stands in the field's name"),
        ("$1,000", "write 1_000; the unit stands in the field's name"),
        ("1,000", "write 1_000 for thousands, or a point for decimals"),
        ("lots", "write the number, or the word unknown if it is not known"),
    ],
)
def test_a_misspelt_number_is_answered_with_the_right_one(written: str, hint: str) -> None:
    assert spelling_hint(written) == hint


DECIMALS = st.decimals(min_value=Decimal("-1e9"), max_value=Decimal("1e12"), allow_nan=False, places=6)


@given(st.lists(DECIMALS, min_size=1, max_size=3).map(sorted))
def test_a_quantity_reads_back_from_its_own_spelling(parts: list[Decimal]) -> None:
    first = ANY.read("..".join(f"{part:f}" for part in parts))
    assert ANY.read(str(first)) == first
    assert first.value is not None
    if len(parts) > 1:
        assert parts[0] <= first.value <= parts[-1]


@given(st.lists(DECIMALS, min_size=2, max_size=3, unique=True).map(lambda parts: sorted(parts, reverse=True)))
def test_a_range_that_falls_is_refused(parts: list[Decimal]) -> None:
    with pytest.raises(Exception, match="a range that rises"):
        ANY.read("..".join(f"{part:f}" for part in parts))


@given(st.text(max_size=12))
def test_reading_a_number_never_fails_otherwise_than_by_none(text: str) -> None:
    number = read_number(text)
    assert number is None or number.is_finite()


@pytest.mark.parametrize(
    ("measure", "inside", "outside"),
    [
        (Measure("share", most="1"), ["0", "1", "0.5"], ["-0.01", "1.01", "0.5..1.2"]),
        (Measure("months", above=True), ["0.1"], ["0", "-1", "0..3"]),
        (Measure("ratio", least="1"), ["1", "1..2"], ["0.99", "0.5..2"]),
    ],
)
def test_both_ends_of_a_range_obey_the_bounds(measure: Measure, inside: list[str], outside: list[str]) -> None:
    assert all(measure.read(text).known for text in inside)
    for text in outside:
        with pytest.raises(Exception, match="wanted"):
            measure.read(text)


def test_the_minimum_is_enough_and_everything_else_says_why() -> None:
    asked = scenario()
    found = assumptions(asked)
    assert {"people.build_hours", "volume.lifetime_months", "finance.meaningful_margin"} <= found.keys()
    assert not any(name.startswith(("volume.tasks_per_month", "tokens.input", "tokens.output")) for name in found)
    assert [name for name, default in found.items() if len(default.because.split()) < 2] == []


def test_a_stated_value_is_no_assumption() -> None:
    asked = scenario(people={"build_hours": "40..60"})
    assert "people.build_hours" not in assumptions(asked)
    assert asked.people.build_hours == Quantity(Decimal(50), Decimal(40), Decimal(60))


def measures(part: type[Part]) -> list[Measure]:
    """Return the measures of a section and of all sections below it."""
    found: list[Measure] = []
    for field in part.model_fields.values():
        found += [rule for rule in field.metadata if isinstance(rule, Measure)]
        if isinstance(field.annotation, type) and issubclass(field.annotation, Part):
            found += measures(field.annotation)
    return found


def test_every_unit_is_in_the_vocabulary_and_every_example_is_right() -> None:
    found = measures(Scenario)
    assert len(found) > 30
    assert [measure.unit for measure in found if measure.unit not in LABELS] == []
    wrong = [
        (measure, example)
        for measure in found
        for example in measure.example.split(" or ")
        if not measure.read(example).known
    ]
    assert wrong == []


def test_every_default_lies_within_its_own_bounds() -> None:
    asked = scenario()
    checked = 0
    for section in (asked.volume, asked.tokens, asked.quality, asked.serving, asked.people, asked.finance):
        for name, field in type(section).model_fields.items():
            for measure in (rule for rule in field.metadata if isinstance(rule, Measure)):
                if getattr(section, name).known:
                    assert measure.read(str(getattr(section, name))).value == getattr(section, name).value
                    checked += 1
    assert checked >= 20


def test_a_figure_is_assumed_with_its_reason_and_range() -> None:
    figure = scenario().people.build_hours.figure("people.build_hours", "hours")
    assert (figure.kind, figure.value, figure.low, figure.high) == (
        Kind.ASSUMED,
        Decimal(80),
        Decimal(40),
        Decimal(240),
    )
    assert figure.origin.note.startswith("two engineer-weeks")


def test_an_unknown_has_no_figure_and_names_its_field() -> None:
    with pytest.raises(UnknownQuantityError, match=r"quality\.target is unknown .*state it in the scenario"):
        scenario().quality.target.figure("quality.target", "share")


def test_unknown_stays_unknown_even_where_there_is_a_default() -> None:
    asked = scenario(serving={"headroom": "unknown"})
    assert not asked.serving.headroom.known
    assert asked.serving.headroom.stated


def test_a_tuned_prompt_is_todays_unless_stated() -> None:
    assert scenario().tokens.input_after_tuning.value == 420
    assert not scenario().tokens.input_after_tuning.stated
    shorter = scenario(tokens={"input": 420, "output": 28, "tuned_input": 120})
    assert shorter.tokens.input_after_tuning.value == 120


@pytest.mark.parametrize(
    ("method", "rate", "optimizer"),
    [("qlora", 2e-4, "paged_adamw_8bit"), ("lora", 2e-4, "adamw_torch"), ("full", 2e-5, "adamw_torch")],
)
def test_learning_rate_and_optimizer_follow_the_method(method: str, rate: float, optimizer: str) -> None:
    training = scenario(training={"method": method}).training
    assert (training.learning_rate_or_default, training.optimizer_or_default) == (rate, optimizer)
    assert scenario(training={"method": method, "learning_rate": "1e-3"}).training.learning_rate_or_default == 1e-3


@pytest.mark.parametrize(
    ("training", "unusual"),
    [
        ({}, []),  # the defaults are usual: 16, 32, 2e-4, 3 epochs, batch 4 x 4
        ({"method": "full"}, []),
        ({"method": "full", "learning_rate": "2e-4"}, ["training.learning_rate is 0.0002; usual is 1e-05 to 5e-05"]),
        ({"method": "full", "lora": {"rank": 512}}, []),  # there is no adapter
        ({"lora": {"rank": 512}}, ["training.lora.rank is 512; usual is 8 to 64"]),
        ({"accumulation": 16}, ["training.micro_batch x accumulation is 64; usual is 4 to 32"]),
        ({"epochs": 9, "weight_decay": 0.1}, ["training.epochs is 9", "training.weight_decay is 0.1"]),
    ],
)
def test_settings_outside_published_recipes_are_told(training: dict[str, Any], unusual: list[str]) -> None:
    found = unusual_settings(scenario(training=training).training)
    assert [sentence[: len(start)] for sentence, start in zip(found, unusual, strict=True)] == unusual


def test_the_word_none_rules_an_option_out_and_unknown_leaves_it_open() -> None:
    chosen = scenario(
        candidates={"hosted_tuning": "none", "smaller_hosted": "unknown", "owned_card": "none"}
    ).candidates
    assert (chosen.hosted_tuning, chosen.smaller_hosted, chosen.owned_card) == ("none", None, None)


@pytest.mark.parametrize(
    ("sections", "field"),
    [
        ({"tokens": {"input": 10, "cached_input": 11, "output": 1}}, "cached_input"),
        ({"evidence": {"prompting": [{"variant": "a", "n": 3, "successes": 4}]}}, "successes"),
        ({"finance": {"currency": "EUR", "usd_rate": "0.92"}}, "usd_rate_on"),
        ({"finance": {"currency": "EUR"}}, "usd_rate"),
        ({"finance": {"usd_rate": 2}}, "usd_rate"),
        ({"candidates": {"owned_card": {"card": "X", "capex_usd": 5, "residual_usd": 6}}}, "residual_usd"),
    ],
)
def test_fields_that_contradict_each_other_are_refused(sections: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        scenario(**sections)
    assert [error["ctx"]["field"] for error in caught.value.errors() if "ctx" in error] == [field]


@pytest.mark.parametrize("first", Answer)
@pytest.mark.parametrize("second", Answer)
def test_three_valued_and(first: Answer, second: Answer) -> None:
    table = {
        (Answer.YES, Answer.YES): Answer.YES,
        (Answer.YES, Answer.UNKNOWN): Answer.UNKNOWN,
        (Answer.UNKNOWN, Answer.UNKNOWN): Answer.UNKNOWN,
    }
    wanted = Answer.NO if Answer.NO in (first, second) else table.get((first, second), Answer.UNKNOWN)
    assert first.and_(second) is wanted
    assert second.and_(first) is wanted
    assert first.and_() is first
