"""The forecast from a run's own first steps: by hand, by law, and on the steps of a real run."""

import random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.training_probe import DRIFT, ProbeError, probe_forecast, quantile_seconds, trimmed_seconds

WARM = [9.0, 5.0, 3.0]  # dropped


@pytest.mark.parametrize(
    ("seconds", "left", "expected"),
    [
        ([*WARM, *[2.0] * 17], 100, 200.0),
        ([*WARM, *[2.0] * 16, 60.0], 100, 200.0),  # an interruption: 1 of 17 is trimmed at either end
        ([*WARM, *[1.0, 3.0] * 8, 2.0], 100, 200.0),  # short and long rows: 7 of each and the 2, (7 + 21 + 2) / 15
        ([*WARM, *[2.0] * 17], 0, 0.0),
    ],
)
def test_what_is_left_by_hand(seconds: list[float], left: int, expected: float) -> None:
    assert probe_forecast(seconds, left).seconds_left == pytest.approx(expected)


def test_an_even_run_is_as_sure_as_a_machine_is_steady() -> None:
    got = probe_forecast([*WARM, *[2.0] * 17], 100)
    drift = float(DRIFT.value)
    assert (got.low, got.high) == (pytest.approx(200 * (1 - drift)), pytest.approx(200 * (1 + drift)))
    assert (got.steps_used, got.seconds_per_step, got.hours_left) == (17, 2.0, pytest.approx(200 / 3600))


def test_an_uneven_run_is_less_sure() -> None:
    got = probe_forecast([*WARM, *[1.0, 3.0] * 8, 2.0], 100)
    assert got.low == pytest.approx(100)
    assert got.high == pytest.approx(300)


def test_rows_of_changing_length_are_forecast_by_their_tokens() -> None:
    tokens = [float(100 + 100 * (i % 5)) for i in range(20)]
    seconds = [t / 50 for t in tokens]  # 50 tokens a second throughout
    got = probe_forecast(seconds, 10, tokens, tokens_left=5000)
    assert got.seconds_left == pytest.approx(100)
    assert got.high == pytest.approx(105)
    blind = probe_forecast(seconds, 10)
    assert blind.high > 1.5 * blind.seconds_left  # without tokens the steps look uneven


@pytest.mark.parametrize(
    ("seconds", "tokens", "message"),
    [
        ([1.0] * 7, None, "7 steps were measured, wanted at least 8"),
        ([1.0] * 8, [1.0], "1 token counts for 8 steps"),
        ([1.0] * 7 + [0.0], None, "a step of no length"),
    ],
)
def test_what_cannot_be_forecast_says_why(seconds: list[float], tokens: list[float] | None, message: str) -> None:
    with pytest.raises(ProbeError, match=message):
        probe_forecast(seconds, 10, tokens, 10.0)


@given(st.lists(st.floats(0.01, 100), min_size=8, max_size=60), st.integers(1, 10_000), st.floats(0.1, 10))
def test_the_clock_may_run_in_any_unit(seconds: list[float], left: int, factor: float) -> None:
    """Law: seconds in, seconds out; a unit changes nothing else. The interval holds the value."""
    one, other = probe_forecast(seconds, left), probe_forecast([s * factor for s in seconds], left)
    assert other.seconds_left == pytest.approx(one.seconds_left * factor)
    assert one.low <= one.seconds_left <= one.high
    assert min(seconds) * left <= one.seconds_left * (1 + 1e-9)
    assert one.seconds_left <= max(seconds) * left * (1 + 1e-9)


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=30))
def test_trimming_stays_between_the_ends(values: list[float]) -> None:
    assert min(values) <= trimmed_seconds(values) * (1 + 1e-9)
    assert trimmed_seconds(values) <= max(values) * (1 + 1e-9)
    assert quantile_seconds(sorted(values), 0.0) == min(values)
    assert quantile_seconds(sorted(values), 1.0) == max(values)


REAL_MILLISECONDS = """
    457 348 353 351 370 344 383 423 333 284 305 299 356 352 339 373 403 353 329 307
    266 305 271 284 271 308 238 272 316 294 363 279 281 280 264 264 266 306 300 333
    357 367 367 373 312 401 312 291 331 287 340 362 326 347 449 394 364 302 306 315
    387 392 370 346 401 365 318 289 250 277 353 338 359 383 353 337 363 334 351 300
    277 276 281 311 325 228 254 224 249 236 253 253 302 248 269 249 383 376 291 231
    329 366 378 390 343 362 321 362 284 287 297 368 411 335 307 325 336 366 320 329
    354 316 316 317 300 327 329 365 357 300 311 268 334 360 317 379 312 356 296 360
    336 317 323 339 341 319 326 311 355 343 320 329 339 376 331 374 405 374 305 352
    375 372 338 342 320 330 281 294 301 325 357 307 313 312 367 387 263 286 360 347
    392 325 313 313 320 344 321 370 405 337 343 336 309 293 374 312 306 332 307 322
    274 282 259 369 304 388 338 304 356 308 356 368 385 351 363 328 327 290 340 352
    352 350 357 362 350 345 346 296 323 326 280 304 351 326 290 371 305 271 382 272
    350 302 337 315 351 338 341 364 343 327 331 347 381 398 311 312 281 248 287 291
    364 299 248 277 366 334 416 324 372 273 268 261 294 306 332 248 371 331 300 335
    344 308 273 333 351 351 370 319 341 319 358 319 366 328 306 297 302 347 376 292
    307 332 385 371 320 311 298 302 379 323 361 364 405 341 365 362 378 351 342 347
    326 377 367 357 315 356 355 361 324 331 298 363 329 307 335 268 291 268 292 237
    240 305 302 311 266 302 284 278 298 280
"""
"""Steps of the default run, in order, two cores with nothing beside it (ledger of 2026-11-21, 350 steps)."""


def test_twenty_steps_of_a_real_run_say_its_rest() -> None:
    seconds = [int(word) / 1000 for word in REAL_MILLISECONDS.split()]
    errors: list[float] = []
    inside: list[bool] = []
    for start in range(0, len(seconds) - 60, 10):  # a probe at the start of every later part of the run, too
        probe, rest = seconds[start : start + 20], sum(seconds[start + 20 :])
        got = probe_forecast(probe, len(seconds) - start - 20)
        errors.append(abs(got.seconds_left / rest - 1))
        inside.append(got.low <= rest <= got.high)
    assert median(errors) <= 0.05
    assert sum(inside) / len(inside) >= 0.85


def test_twenty_steps_of_a_steady_machine_say_the_rest_within_five_per_cent() -> None:
    """Steps with 8 % scatter, one in a hundred three times as long (a checkpoint): 200 made runs."""
    errors: list[float] = []
    inside = 0
    for seed in range(200):
        chance = random.Random(seed)
        steps = [chance.lognormvariate(0, 0.08) * (3 if chance.random() < 1 / 100 else 1) for _ in range(400)]
        got, rest = probe_forecast(steps[:20], 380), sum(steps[20:])
        errors.append(abs(got.seconds_left / rest - 1))
        inside += got.low <= rest <= got.high
    assert median(errors) <= 0.05
    assert inside >= 0.9 * 200
