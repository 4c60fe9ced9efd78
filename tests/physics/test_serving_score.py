"""How serving is scored: capacity under a limit by hand, what a fit may learn from, the interval of a new source."""

import numpy as np
import pytest

from advisor.columns import Reader
from advisor.replica import age_factors
from advisor.sizing_serve import lengths_of
from benchmarks.serving import OUTER, interval
from benchmarks.serving_capacity import LIMITS_SECONDS, best_within
from benchmarks.serving_rows import Case, case_of, plain_cases

HARNESS = "ep=1.0 dp=1; InferenceX db-dump / NVIDIA gap-analysis"
ROW = {
    "source": "a", "model": "llama-3-8b", "quant": "fp16", "gpu": "H100-SXM", "n_gpu": "1", "tp": "1", "pp": "1",
    "engine": "vllm", "engine_version": "0.11", "isl": "1024", "osl": "256", "load": "closed_concurrency",
    "n_requests": "", "out_tok_s": "", "total_tok_s": "", "derived_out_tok_s": "", "note": "",
}  # fmt: skip


def measured(concurrency: int, speed: float, tpot_ms: float, note: str = "") -> Case:
    return case_of(
        ROW | {"concurrency": str(concurrency), "out_tok_s": str(speed), "tpot_ms": str(tpot_ms), "note": note}
    )


CURVE = [measured(1, 100, 8), measured(8, 600, 14), measured(32, 1500, 25)]


@pytest.mark.parametrize(
    ("predicted_ms", "predicted_speeds", "expected"),
    [  # limits of 10, 15, 20, 30 and 50 ms allow 100, 600, 600, 1500 and 1500 measured tokens a second
        ((8, 14, 25), (100, 600, 1500), (1, 1, 1, 1, 1)),
        ((8, 16, 25), (100, 600, 1500), (1, 6, 1, 1, 1)),  # 15 ms: only the first is foreseen to keep it, 600 / 100
        ((8, 14, 19), (50, 300, 750), (2, 2, 600 / 750, 2, 2)),  # 20 ms: the last is foreseen to keep it, and does not
    ],
)
def test_capacity_is_the_best_measured_point_within_the_limit(
    predicted_ms: tuple[float, ...], predicted_speeds: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    ratio, limits = best_within(CURVE, np.array(predicted_ms) / 1000, np.array(predicted_speeds))
    assert limits.tolist() == list(LIMITS_SECONDS)
    assert ratio.tolist() == pytest.approx(expected)


def test_where_no_point_is_foreseen_to_keep_the_limit_the_miss_is_beyond_measure() -> None:
    ratio, _ = best_within(CURVE, np.array([0.011, 0.014, 0.025]), np.array([100.0, 600, 1500]))
    assert ratio[0] > 1e9  # measured 100 within 10 ms, foreseen nothing
    assert ratio[1:].tolist() == pytest.approx([1, 1, 1, 1])


def test_a_fit_does_not_learn_from_speculative_decoding() -> None:
    drafted = measured(4, 980, 3.75, "SPECULATIVE; # two tokens at a time")
    assert plain_cases([CURVE[0], drafted]) == [CURVE[0]]


@pytest.mark.parametrize(
    ("isl", "osl", "note", "expected"),
    [
        ("1024.0", "8192.0", HARNESS, (921.6, 7372.8)),  # drawn evenly from 0.8 to 1 of the stated: 0.9 on average
        ("1024.0", "256.0", HARNESS, (1024, 256)),  # the other laboratory of the same dump: fixed lengths
        ("1024.0", "8192.0", "", (1024, 8192)),
    ],
)
def test_stated_lengths_that_a_harness_draws_below(isl: str, osl: str, note: str, expected: tuple[float, ...]) -> None:
    assert lengths_of(Reader({"isl": isl, "osl": osl, "note": note})) == pytest.approx(expected)


def test_years_by_hand() -> None:
    k = {"age_ratio": 1.1, "cache_age_ratio": 1.25, "overhead_age_ratio": 1.5, "sequence_age_ratio": 2.0}
    factors = age_factors(2, 1, k)
    # two years: 1.1 * 1.1 slower, but as fast a stream; cache at 1 / (1.25 * 1.25) of today's; one year of Python
    assert factors == pytest.approx(
        {
            "slow_ratio": 1.21, "stream_ratio": 1.21, "cache_ratio": 0.64, "overhead_ratio": 1.5, "sequence_ratio": 2.0,
        }
    )  # fmt: skip
    assert set(age_factors(0, 0, k).values()) == {1}


def test_an_interval_adds_the_spread_between_sources_to_that_within() -> None:
    # two sources of equal size, each spread by a factor 1.1 around its median; the medians a factor 4 apart
    own = np.exp(np.log(1.1) * np.linspace(-1, 1, 21))
    ratio, sources = np.concatenate([own / 2, own * 2]), np.repeat(["a", "b"], 21)
    low, high = interval(ratio, sources, OUTER)
    # between: log 2 = 0.693; within: the 0.9 quantile of the distance, 0.9 * log 1.1 = 0.0858, / 1.645 = 0.0522
    assert np.log(high) == pytest.approx(1.645 * np.hypot(0.6931, 0.0522), rel=1e-3)
    assert low == pytest.approx(1 / high)
    alone = interval(own, np.repeat(["a"], 21), OUTER)
    assert np.log(alone[1]) == pytest.approx(0.0858, rel=1e-2)  # one source: no spread between sources is known
