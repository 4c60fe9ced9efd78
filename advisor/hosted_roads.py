"""Roads that a model vendor serves: today's model, cheaper ways of buying it, a smaller one, and a tuned one."""

from dataclasses import replace
from datetime import date

from advisor import economics as eco
from advisor.answer import Answer
from advisor.ground import Ground
from advisor.map import RULED_OUT, Map, NotAssessedError, leaf
from advisor.options import Learning, Option, TokenPrices, hosted, hosted_tuned
from pricing.entries import Crosscheck
from pricing.figure import Figure, assumed, derive
from pricing.prices import ApiPrice, TuningPrice, required

DAYS_PER_MONTH = 365.25 / 12  # mean month of the Gregorian calendar


def token_prices(ground: Ground, price: ApiPrice) -> TokenPrices:
    """Return the prices one task meets: the long-context tier where its input is over the threshold."""
    long = price.long_context_over_tokens
    over = long is not None and float(ground["tokens.input"].value) > long
    prefix = "long_" if over else ""
    fresh = required(price, f"{prefix}input_usd_per_million_tokens")
    cached = fresh  # no long-context price of cached tokens is published: the dearer one
    if ground["tokens.cached_input"].value and not over:
        cached = required(price, "cached_input_usd_per_million_tokens")
    return TokenPrices(fresh, cached, required(price, f"{prefix}output_usd_per_million_tokens"))


def end_of_horizon_month(map_: Map, end: date) -> float:
    """Return how many months of the horizon pass before `end`."""
    return (end - map_.as_of).days / DAYS_PER_MONTH


def hosted_today(map_: Map) -> Option:
    """Return the road of changing nothing; a shutdown inside the horizon is noted, because it forces a move."""
    price = map_.book.api(map_.scenario.today.model, map_.as_of)
    made = hosted(map_.ground, "hosted_today", f"Hosted today: {price.model}", token_prices(map_.ground, price),
                  map_.success.hosted)  # fmt: skip
    notes = ["a second price list differs from this one"] if price.crosscheck is Crosscheck.DIFFER else []
    if price.shutdown:
        notes.append(f"the vendor switches this model off on {price.shutdown}")
    return replace(made, ends_on=price.shutdown, notes=tuple(notes))


def hosted_batch(map_: Map) -> Option:
    """Return the same model at batch prices, where answers may take a day."""
    if map_.scenario.constraints.delay_tolerant is not Answer.YES:
        message = "answers are not said to tolerate delay; set constraints.delay_tolerant: true if they do"
        raise NotAssessedError(message)
    price = map_.book.api(map_.scenario.today.model, map_.as_of)
    if price.long_context_over_tokens and float(map_.ground["tokens.input"].value) > price.long_context_over_tokens:
        message = f"{price.name} publishes no batch price for over {price.long_context_over_tokens:,} input tokens"
        raise NotAssessedError(message)
    fresh = required(price, "batch_input_usd_per_million_tokens")
    prices = TokenPrices(fresh, fresh, required(price, "batch_output_usd_per_million_tokens"))
    return hosted(map_.ground, "hosted_batch", "Hosted, batch prices", prices, map_.success.hosted)


def hosted_smaller(map_: Map) -> Option:
    """Return a smaller hosted model; a note says where its quality on this task is not measured."""
    name = map_.scenario.candidates.smaller_hosted
    if name in (None, RULED_OUT):
        message = "no smaller hosted model is named; set candidates.smaller_hosted"
        raise NotAssessedError(message)
    price = map_.book.api(str(name), map_.as_of)
    prices, success = token_prices(map_.ground, price), map_.success.smaller
    made = hosted(map_.ground, "hosted_smaller", f"Smaller hosted: {price.model}", prices, success)
    return made if success else replace(made, notes=("its quality on this task is not measured",))


def overlap(map_: Map) -> Figure:
    """Return today's hosted cost per task, paid twice over in the A/B period."""
    return hosted_today(map_).running.inputs["cost_usd_per_task"]


def tuned_inference(map_: Map, price: TuningPrice) -> TokenPrices:
    """Return a tuned model's token prices, through the base model's own where the vendor says they are the same."""
    if price.inference_input_usd_per_million_tokens is None and price.inference_same_as:
        same = map_.book.api(price.inference_same_as, map_.as_of)
        return token_prices(map_.ground, same)
    fresh = required(price, "inference_input_usd_per_million_tokens")
    cached = fresh
    if map_.ground["tokens.cached_input"].value:
        cached = required(price, "inference_cached_input_usd_per_million_tokens")
    return TokenPrices(fresh, cached, required(price, "inference_output_usd_per_million_tokens"))


def hosted_tuning(map_: Map) -> Option:
    """Return tuning and serving at a vendor; refused where new jobs are closed or it ends inside the horizon."""
    name = map_.scenario.candidates.hosted_tuning
    if name in (None, RULED_OUT):
        message = "no vendor model is named to tune; set candidates.hosted_tuning"
        raise NotAssessedError(message)
    price = map_.book.tuning(str(name), map_.as_of)
    if price.new_jobs_until and price.new_jobs_until < map_.as_of:
        message = f"{price.name} takes no new tuning jobs since {price.new_jobs_until}"
        raise NotAssessedError(message)
    horizon = float(map_.ground.horizon.value)
    if price.inference_until and end_of_horizon_month(map_, price.inference_until) < horizon:
        message = f"{price.name} is switched off on {price.inference_until}, inside the {horizon:g} months"
        raise NotAssessedError(message)
    tokens = derive(
        "hosted_tuning.tokens",
        eco.training_tokens,
        rows_examples=leaf(map_.ground, "data.rows"),
        input_tokens_per_task=map_.ground.leaves.get("tokens.tuned_input", map_.ground["tokens.input"]),
        output_tokens_per_task=map_.ground["tokens.output"],
    )
    run = derive(
        "hosted_tuning.run",
        eco.hosted_training_usd,
        train_tokens=tokens,
        epochs_count=assumed("training.epochs", map_.scenario.training.epochs, "count", "the scenario's settings"),
        training_usd_per_million_tokens=required(price, "training_usd_per_million_tokens"),
    )
    learning = Learning(run, overlap(map_))
    title = f"Hosted fine-tune: {price.name}"
    fee = price.hosting_usd_per_hour
    charged = fee if fee is not None and fee.value else None
    prices = tuned_inference(map_, price)
    made = hosted_tuned(map_.ground, title, prices, charged, learning, map_.success.tuned)
    return replace(made, ends_on=price.inference_until, notes=tuple(tuning_notes(price)))


def tuning_notes(price: TuningPrice) -> list[str]:
    """Return the terms that the numbers leave out, and until when the model can be tuned again."""
    notes = [terms for terms in (price.hosting_terms, price.fee_terms) if terms]
    if price.new_jobs_until:
        notes.append(f"no retraining after {price.new_jobs_until}: the vendor takes no new jobs")
    return notes
