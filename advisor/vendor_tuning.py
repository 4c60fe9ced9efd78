"""Tuning and serving at a vendor: paid by the token and for being deployed, until the vendor stops it."""

from dataclasses import replace

from advisor import economics as eco
from advisor import option_costs as costs
from advisor.hosted_roads import ends_inside, overlap, spelling, token_prices, until
from advisor.map import RULED_OUT, Map, NotAssessedError, base_name, leaf
from advisor.options import Learning, Option, TokenPrices, build_cost, finish, per_task, running_cost, token_bill
from advisor.price_paths import months_until, open_share
from pricing.entries import TuningEntry
from pricing.figure import Figure, assumed, derive
from pricing.names import PriceError
from pricing.prices import TuningPrice, required

KEY = "hosted_tuning"


def tuned_inference(map_: Map, price: TuningPrice) -> TokenPrices:
    """Return a tuned model's token prices, through the base model's own where the vendor says they are the same."""
    if price.inference_input_usd_per_million_tokens is None and price.inference_same_as:
        same = map_.book.api(price.inference_same_as, map_.as_of)
        return token_prices(map_, same, path=False)
    fresh = required(price, "inference_input_usd_per_million_tokens")
    cached = fresh
    if map_.ground["tokens.cached_input"].value:
        cached = required(price, "inference_cached_input_usd_per_million_tokens")
    return TokenPrices(fresh, cached, required(price, "inference_output_usd_per_million_tokens"))


def one_run(map_: Map, price: TuningPrice) -> Figure:
    """Return the vendor's bill for one training run."""
    tokens = derive(
        f"{KEY}.tokens",
        eco.training_tokens,
        rows_examples=leaf(map_.ground, "data.rows"),
        input_tokens_per_task=map_.ground.tuned_input,
        output_tokens_per_task=map_.ground["tokens.output"],
    )
    run = derive(
        f"{KEY}.run",
        eco.hosted_training_usd,
        train_tokens=tokens,
        epochs_count=assumed("training.epochs", map_.scenario.training.epochs, "count", "the scenario's settings"),
        training_usd_per_million_tokens=required(price, "training_usd_per_million_tokens"),
    )
    least = price.minimum_job_usd
    return run if least is None else derive(f"{KEY}.job", costs.job_usd, run_usd=run, minimum_usd=least)


def served(map_: Map, price: TuningPrice) -> Figure:
    """Return the month's bill of a tuned model: its tokens, and the hours it stands deployed."""
    ground = map_.ground
    bill = token_bill(ground, KEY, per_task(ground, KEY, tuned_inference(map_, price), ground.tuned_input))
    parts = {"tokens_usd_per_month": bill}
    fee, storage = price.hosting_usd_per_hour, price.storage_usd_per_month
    if fee is not None and fee.value:
        parts["hosting_usd_per_month"] = derive(
            f"{KEY}.hosting",
            eco.hosting_fee_usd_per_month,
            fee_usd_per_hour=fee,
            billed_hours_per_month=ground["serving.hours_per_month"],
            calendar_share=ground.calendar,
        )
    if storage is not None and storage.value:
        parts["storage_usd_per_month"] = derive(
            f"{KEY}.storage", eco.claimed_cost_usd_per_month, claimed_usd_per_month=storage,
            calendar_share=ground.calendar,
        )  # fmt: skip
    return bill if len(parts) == 1 else derive(f"{KEY}.served", eco.total_usd_per_month, **parts)


def with_end(map_: Map, price: TuningPrice, running: Figure) -> Figure:
    """Return the road's months where the vendor stops inside the horizon: then today's bill, after a day's move."""
    left = None if price.inference_until is None else months_until(map_.as_of, price.inference_until)
    if left is None or not ends_inside(map_, left):
        return running
    ground, end = map_.ground, until(map_, KEY, left)
    share = derive(f"{KEY}.open", open_share, until_months=end, calendar_share=ground.calendar)
    back = token_bill(ground, f"{KEY}.back", overlap(map_))
    kept = derive(f"{KEY}.ending", costs.ending_usd_per_month, before_usd_per_month=running,
                  after_usd_per_month=back, open_share=share)  # fmt: skip
    work = derive(f"{KEY}.move", eco.labour_usd, work_hours=ground["people.retrain_hours"],
                  wage_usd_per_hour=ground["people.usd_per_hour"])  # fmt: skip
    moved = derive(f"{KEY}.moving", costs.moving_usd_per_month, moving_usd=work, until_months=end,
                   calendar_share=ground.calendar)  # fmt: skip
    return derive(f"{KEY}.until_end", eco.total_usd_per_month, kept_usd_per_month=kept, moving_usd_per_month=moved)


def priced(map_: Map, price: TuningPrice) -> Option:
    """Return the road at one vendor's price; raise NotAssessedError where it takes no new jobs."""
    if price.new_jobs_until and price.new_jobs_until < map_.as_of:
        message = f"{price.name} takes no new tuning jobs since {price.new_jobs_until}"
        raise NotAssessedError(message)
    learning = Learning(one_run(map_, price), overlap(map_))
    upfront = build_cost(map_.ground, KEY, learning, None)
    running = with_end(map_, price, running_cost(map_.ground, KEY, served(map_, price), learning))
    made = finish(KEY, f"Hosted fine-tune: {price.name}", upfront, running, trains=True, hosted=True,
                  success=map_.success.tuned)  # fmt: skip
    return replace(made, ends_on=price.inference_until, notes=tuple(tuning_notes(map_, price)))


def tuning_notes(map_: Map, price: TuningPrice) -> list[str]:
    """Return the terms that the numbers leave out, until when the model can be tuned again, and when it ends."""
    notes = [terms for terms in (price.hosting_terms, price.fee_terms) if terms]
    if price.new_jobs_until:
        notes.append(f"no retraining after {price.new_jobs_until}: the vendor takes no new jobs")
    if price.inference_until and ends_inside(map_, months_until(map_.as_of, price.inference_until)):
        notes.append(
            f"switched off on {price.inference_until}, inside the horizon: then today's model again, and a move"
        )
    return notes


def offers(map_: Map) -> list[str]:
    """Return the tuning offers for the base model's own weights in the price book."""
    wanted = spelling(base_name(map_))
    lines = [line for line in map_.book.of(TuningEntry) if not line.is_class and spelling(line.base_model) == wanted]
    return sorted({f"{line.provider}/{line.base_model}" for line in lines})


def hosted_tuning(map_: Map) -> Option:
    """Return tuning and serving at the named vendor, else at the cheapest that tunes the same base model."""
    name = map_.scenario.candidates.hosted_tuning
    if name == RULED_OUT:
        message = "ruled out in candidates.hosted_tuning"
        raise NotAssessedError(message)
    if name is not None:
        return priced(map_, map_.book.tuning(name, map_.as_of))
    found: list[Option] = []
    for offer in offers(map_):
        try:
            found.append(priced(map_, map_.book.tuning(offer, map_.as_of)))
        except (PriceError, NotAssessedError):
            continue
    if not found:
        message = (
            f"no vendor in the price book tunes and serves {base_name(map_)}; name one in candidates.hosted_tuning"
        )
        raise NotAssessedError(message)
    best = min(found, key=lambda option: float(option.lifetime.value))
    return replace(best, notes=(*best.notes, "chosen here as the cheapest vendor that tunes the same base model"))
