"""Roads that a model vendor serves: today's model, cheaper ways of buying it, a smaller one, the open one."""

from collections.abc import Iterable
from dataclasses import replace

from advisor import economics as eco
from advisor import option_costs as costs
from advisor.answer import Answer
from advisor.map import RULED_OUT, Map, NotAssessedError, base_name, leaf
from advisor.options import NOTHING, Option, TokenPrices, finish, hosted, per_task, token_bill
from advisor.price_paths import SWITCH_YEARLY, months_until, path_note, tier_path
from pricing.entries import ApiEntry, Confidence, Crosscheck
from pricing.figure import Figure, assumed, derive
from pricing.names import PriceError
from pricing.prices import ApiPrice, required

ADDED_WORDS = frozenset({"instruct", "turbo", "instant", "it", "chat", "hf", "lite", "fp8", "versatile", "preview"})
"""What hosting vendors put behind an open model's name; it changes the price, not the weights' shape."""
UNMEASURED = "its quality on this task is not measured"


def is_long(map_: Map, price: ApiPrice) -> bool:
    """Say whether a task's input is over the line from which the vendor charges more."""
    line = price.long_context_over_tokens
    return line is not None and float(map_.ground["tokens.input"].value) > line


def token_prices(map_: Map, price: ApiPrice, *, path: bool = True) -> TokenPrices:
    """Return the prices one task meets, over the months if `path`; the long-context tier where its input is so long."""
    over = is_long(map_, price)
    prefix = "long_" if over else ""

    def tier(name: str) -> Figure:
        found = required(price, name)
        return tier_path(map_, price, name, found) if path else found

    fresh = tier(f"{prefix}input_usd_per_million_tokens")
    cached = fresh  # no long-context price of cached tokens is published: the dearer one
    if map_.ground["tokens.cached_input"].value and not over:
        cached = tier("cached_input_usd_per_million_tokens")
    return TokenPrices(fresh, cached, tier(f"{prefix}output_usd_per_million_tokens"))


def today_price(map_: Map) -> ApiPrice:
    """Return today's model of the price book."""
    return map_.book.api(map_.scenario.today.model, map_.as_of)


def overlap(map_: Map) -> Figure:
    """Return today's hosted cost per task at today's prices, paid twice over in the A/B period."""
    return per_task(map_.ground, "hosted_today", token_prices(map_, today_price(map_), path=False),
                    map_.ground["tokens.input"])  # fmt: skip


def until(map_: Map, price_name: str, months: float) -> Figure:
    """Return the months until something is switched off, as a figure."""
    return assumed(f"{price_name}.until", months, "months", "the vendor's own date, in months from the day asked about")


def hosted_today(map_: Map) -> Option:
    """Return the road of changing nothing; a shutdown inside the horizon costs a move to another model."""
    price = today_price(map_)
    made = hosted(map_.ground, "hosted_today", f"Hosted today: {price.model}", token_prices(map_, price),
                  map_.success.hosted)  # fmt: skip
    notes = ["a second price list differs from this one"] if price.crosscheck is Crosscheck.DIFFER else []
    if price.shutdown and months_left(map_, price) is None:
        notes.append(f"the vendor switches this model off on {price.shutdown}")
    return aged(map_, replace(made, notes=(*notes, *path_note(map_))), price)


def aged(map_: Map, made: Option, price: ApiPrice) -> Option:
    """Return the option with the day its model is switched off; inside the horizon with the work of moving as well."""
    left = months_left(map_, price)
    if left is not None:
        told = f"switched off on {price.shutdown}: a day's work of moving to a successor at the same price is counted"
        made = replace(with_move(map_, made, left), notes=(*made.notes, told))
    return replace(made, ends_on=price.shutdown)


def with_move(map_: Map, made: Option, left: float) -> Option:
    """Return the option with the work of moving to another model in the month in which its own is switched off."""
    ground, key = map_.ground, made.key
    work = derive(f"{key}.move", eco.labour_usd, work_hours=ground["people.retrain_hours"],
                  wage_usd_per_hour=ground["people.usd_per_hour"])  # fmt: skip
    running = derive(
        f"{key}.moved",
        costs.moved_bill_usd_per_month,
        **made.running.inputs,
        moving_usd=work,
        until_months=until(map_, key, left),
        calendar_share=ground.calendar,
    )
    return finish(key, made.title, NOTHING, running, trains=False, hosted=True, success=made.success)


def hosted_batch(map_: Map) -> Option:
    """Return the same model at batch prices, where answers may take a day."""
    if map_.scenario.constraints.delay_tolerant is not Answer.YES:
        message = "answers are not said to tolerate delay; set constraints.delay_tolerant: true if they do"
        raise NotAssessedError(message)
    price = today_price(map_)
    made = hosted(map_.ground, "hosted_batch", "Hosted, batch prices", batch_prices(map_, price), map_.success.hosted)
    return aged(map_, made, price)


def batch_prices(map_: Map, price: ApiPrice) -> TokenPrices:
    """Return the batch tier; raise NotAssessedError where the input is over the line, for which none is published."""
    if is_long(map_, price):
        message = f"{price.name} publishes no batch price for over {price.long_context_over_tokens:,} input tokens"
        raise NotAssessedError(message)
    name = "batch_input_usd_per_million_tokens"
    fresh = tier_path(map_, price, name, required(price, name))
    name = "batch_output_usd_per_million_tokens"
    return TokenPrices(fresh, fresh, tier_path(map_, price, name, required(price, name)))


def cached_cost(map_: Map, price: ApiPrice, prices: TokenPrices) -> Figure:
    """Return what one task costs with its unchanging beginning cached, writes included."""
    ground, name = map_.ground, "cached_input_usd_per_million_tokens"
    written, tier = price.cache_write_usd_per_million_tokens, "cache_write_usd_per_million_tokens"
    write = tier_path(map_, price, tier, written) if written else prices.input
    prompt = derive(
        "hosted_levers.prompt",
        costs.prompt_usd_per_task,
        input_tokens_per_task=ground["tokens.input"],
        cacheable_tokens_per_task=leaf(ground, "tokens.cacheable_input"),
        hit_share=ground["tokens.cache_hit_share"],
        fresh_usd_per_million_tokens=prices.input,
        read_usd_per_million_tokens=tier_path(map_, price, name, required(price, name)),
        write_usd_per_million_tokens=write,
    )
    answer = derive("hosted_levers.answer", costs.answer_usd_per_task, output_tokens_per_task=ground["tokens.output"],
                    output_usd_per_million_tokens=prices.output)  # fmt: skip
    return derive("hosted_levers.cached", costs.both_usd_per_task, prompt_usd_per_task=prompt,
                  answer_usd_per_task=answer)  # fmt: skip


def hosted_levers(map_: Map) -> Option:
    """Return today's model with caching, and the share of the tasks that can wait at batch prices: the same answers."""
    ground, price = map_.ground, today_price(map_)
    prices, share = token_prices(map_, price), map_.ground["traffic.batchable_share"]
    cacheable = "tokens.cacheable_input" in ground.leaves and not is_long(map_, price)
    if not cacheable and not share.value:
        message = "neither a cacheable beginning of the prompt nor work that can wait is stated; "
        raise NotAssessedError(message + "count tokens.cacheable_input, or set traffic.batchable_share")
    cost = cached_cost(map_, price, prices) if cacheable else per_task(ground, "direct", prices, ground["tokens.input"])
    if share.value:
        batch = per_task(ground, "batch", batch_prices(map_, price), ground["tokens.input"])
        cost = derive("hosted_levers.per_task", costs.mixed_usd_per_task, direct_usd_per_task=cost,
                      batch_usd_per_task=batch, batchable_share=share)  # fmt: skip
    used = [word for word, here in (("caching", cacheable), ("batch share", share.value)) if here]
    bill = token_bill(ground, "hosted_levers", cost)
    made = finish("hosted_levers", f"Hosted with {' and '.join(used)}", NOTHING, bill, trains=False, hosted=True,
                  success=map_.success.hosted)  # fmt: skip
    return aged(map_, made, price)


def hosted_short(map_: Map) -> Option:
    """Return today's model with the shorter prompt that somebody tried."""
    short, price = leaf(map_.ground, "tokens.short_input"), today_price(map_)
    made = hosted(map_.ground, "hosted_short", "Hosted, shorter prompt", token_prices(map_, price), None, short)
    return aged(map_, replace(made, notes=(UNMEASURED,)), price)


def hosted_smaller(map_: Map) -> Option:
    """Return the smaller hosted model that is named, else one to try; untried quality is said in a note."""
    name = map_.scenario.candidates.smaller_hosted
    if name == RULED_OUT:
        message = "ruled out in candidates.smaller_hosted"
        raise NotAssessedError(message)
    if name is None:
        return smaller_found(map_)
    price = map_.book.api(name, map_.as_of)
    prices, success = token_prices(map_, price), map_.success.smaller
    made = hosted(map_.ground, "hosted_smaller", f"Smaller hosted: {price.model}", prices, success)
    return aged(map_, made if success else replace(made, notes=(UNMEASURED,)), price)


def cheapest_for(map_: Map, names: Iterable[str]) -> ApiPrice | None:
    """Return the model among these on which one task costs least today, or None if none has a price.

    One that is switched off inside the horizon comes after all that last.
    """
    found: list[tuple[bool, float, str, ApiPrice]] = []
    for name in sorted(set(names)):
        try:
            price = map_.book.api(name, map_.as_of)
            cost = per_task(map_.ground, name, token_prices(map_, price, path=False), map_.ground["tokens.input"])
        except PriceError:
            continue
        if price.confidence is Confidence.SEEN and not price.floating:
            found.append((months_left(map_, price) is not None, float(cost.value), name, price))
    return min(found, key=lambda one: one[:3])[3] if found else None


def smaller_found(map_: Map) -> Option:
    """Return the same vendor's cheapest model: a candidate to measure, under a key of its own, and no lever yet."""
    today = today_price(map_)
    lines = [line for line in map_.book.of(ApiEntry) if line.provider == today.provider and line.model != today.model]
    price = cheapest_for(map_, (line.name for line in lines))
    if price is None:
        message = f"the price book has no other model of {today.provider}; name one in candidates.smaller_hosted"
        raise NotAssessedError(message)
    key, title = "hosted_smaller_found", f"Smaller hosted: {price.model}"
    made = hosted(map_.ground, key, title, token_prices(map_, price), None)
    note = f"chosen here as {today.provider}'s cheapest for this task; {UNMEASURED}"
    return aged(map_, replace(made, notes=(note,)), price)


def spelling(model: str) -> str:
    """Return a model's name without its publisher and the words that vendors add to it."""
    bare = model.casefold().rpartition("/")[2].replace("_", "-")
    return "-".join(word for word in bare.split("-") if word not in ADDED_WORDS)


def hosted_open(map_: Map) -> Option:
    """Return the same open weights at the vendor that serves them cheapest, if the price book knows one."""
    base = base_name(map_)
    wanted = spelling(base)
    names = [line.name for line in map_.book.of(ApiEntry) if spelling(line.model) == wanted]
    price = cheapest_for(map_, names)
    if price is None:
        message = f"no vendor in the price book serves {base} by the token; add its price, or name a public base model"
        raise NotAssessedError(message)
    made = hosted(map_.ground, "hosted_open", f"Open weights hosted: {price.name}", token_prices(map_, price), None)
    return aged(map_, replace(made, notes=(f"the cheapest vendor of {base}; {UNMEASURED}",)), price)


def ends_inside(map_: Map, months: float) -> bool:
    """Say whether something that ends after so many months ends before the horizon does."""
    switching = map_.scenario.finance.price_path == SWITCH_YEARLY
    return not switching and months < float(map_.ground.horizon.value)


def months_left(map_: Map, price: ApiPrice) -> float | None:
    """Return months until a model is switched off inside the horizon, or None."""
    left = None if price.shutdown is None else months_until(map_.as_of, price.shutdown)
    return left if left is not None and ends_inside(map_, left) else None
