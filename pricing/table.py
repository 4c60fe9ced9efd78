"""The price book in memory: what a model, a card or a training run costs on a day, or an error that says why not.

Rule 1  A name leads to one offer, or to an error that names the choices or the near matches.
Rule 2  An offer has lines with a first day each; the latest one begun counts, none before the first or after the end.
Rule 3  Without a provider the book picks the cheapest list price that somebody has read, and says whose it is.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Final, TypeVar

from pricing.entries import ApiEntry, Confidence, Entry, GpuEntry, PurchaseEntry, ServerlessEntry, TuningEntry
from pricing.lookup import (
    api_names,
    by_method,
    called,
    cheapest,
    cheapest_first,
    in_force,
    latest,
    of_provider,
    one,
    tuning_names,
)
from pricing.names import (
    AmbiguousPriceError,
    CardNames,
    MissingTierError,
    PriceEndedError,
    PriceError,
    UnknownPriceError,
    unknown,
)
from pricing.prices import (
    ApiPrice,
    GpuPrice,
    PurchasePrice,
    ServerlessPrice,
    TuningPrice,
    required,
)
from pricing.quote import api_price, gpu_price, purchase_price, serverless_price, tuning_price

__all__ = [
    "AmbiguousPriceError",
    "ApiPrice",
    "GpuPrice",
    "MissingTierError",
    "PriceBook",
    "PriceEndedError",
    "PriceError",
    "PurchasePrice",
    "ServerlessPrice",
    "TuningPrice",
    "UnknownPriceError",
    "required",
]

EntryT = TypeVar("EntryT", bound=Entry)

USED: Final = "used"


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Every line of the data files; `digest` is the sha256 over them. Lookups raise PriceError, never guess."""

    entries: tuple[Entry, ...] = field(repr=False)
    cards: CardNames = field(repr=False)
    digest: str
    allow_unverified: bool = False

    @property
    def oldest_checked(self) -> date | None:
        """Return the day of the line in force (the latest of its offer) that has gone unchecked the longest."""
        return min(self._checked_days(), default=None)

    @property
    def newest_checked(self) -> date | None:
        """Return the last day anybody checked a line."""
        return max(self._checked_days(), default=None)

    def _checked_days(self) -> list[date]:
        return [line.checked for line in latest(self.entries) if line.checked is not None]

    def of(self, kind: type[EntryT]) -> list[EntryT]:
        """Return the lines of one kind."""
        return [entry for entry in self.entries if isinstance(entry, kind)]

    def api(self, model: str, on: date, *, provider: str | None = None) -> ApiPrice:
        """Return a hosted model's price; `model` is bare or `provider/model`."""
        lines = called(self.of(ApiEntry), model, provider, lambda line: api_names(line.model))
        return api_price(one(in_force(lines, on), model))

    def tuning(
        self, base_model_or_class: str, on: date, *, provider: str | None = None, method: str | None = None
    ) -> TuningPrice:
        """Return what hosted fine-tuning costs; without a method, the supervised one, adapters before full weights.

        A snapshot is found with and without its date; a size class by its name (`together/up to 16B`).
        """
        lines = called(self.of(TuningEntry), base_model_or_class, provider, tuning_names)
        live = by_method(in_force(lines, on), method, base_model_or_class)
        return tuning_price(one(live, base_model_or_class), on, self.allow_unverified)

    def tuning_of_size(self, parameters_billion: float, on: date, *, provider: str) -> TuningPrice:
        """Return a provider's tuning price for an open model of so many billion parameters."""
        classes = [
            line for line in self.of(TuningEntry) if line.parameters_over_billion or line.parameters_up_to_billion
        ]
        theirs = of_provider(classes, f"tuning of {parameters_billion} billion parameters", provider)
        fitting = [line for line in theirs if line.covers(parameters_billion)]
        if not fitting:
            sold = ", ".join(sorted({line.base_model for line in theirs}))
            message = (
                f"{provider} has no tuning class for {parameters_billion} billion parameters; it has {sold}; "
                f"next: another provider, `prices list --kind tuning`"
            )
            raise UnknownPriceError(message)
        return self.tuning(fitting[0].base_model, on, provider=provider)

    def gpu(
        self, card: str, on: date, *, provider: str | None = None, spot: bool = False, cards: int | None = None
    ) -> GpuPrice:
        """Return the cheapest rent of a card; only instances of at most `cards` cards if that is given.

        Without a provider: the cheapest verified list price, no averages and no "from" prices.
        """
        offers = self.gpu_offers(card, on, provider=provider, spot=spot)
        fitting = [offer for offer in offers if cards is None or offer.count <= cards]
        return cheapest(fitting, f"{'spot ' if spot else ''}{card}", provider)

    def gpu_offers(self, card: str, on: date, *, provider: str | None = None, spot: bool = False) -> list[GpuPrice]:
        """Return every offer of a card that is in force, the cheapest first, averages and "from" prices included."""
        named = self.cards.canonical(card)
        lines = of_provider([line for line in self.of(GpuEntry) if line.card == named], named, provider)
        prices = [price for line in in_force(lines, on) if (price := gpu_price(line, spot)) is not None]
        if not prices:
            who = provider or "any provider"
            message = (
                f"no spot price for {named} from {who} on {on}; next: ask without spot, {len(lines)} lines are known"
            )
            raise UnknownPriceError(message)
        return cheapest_first(prices)

    def serverless(
        self, card: str, on: date, *, provider: str | None = None, product: str | None = None
    ) -> ServerlessPrice:
        """Return the cheapest price of a card billed by use."""
        offers = self.serverless_offers(card, on, provider=provider, product=product)
        return cheapest(offers, f"serverless {card}", provider)

    def serverless_offers(
        self, card: str, on: date, *, provider: str | None = None, product: str | None = None
    ) -> list[ServerlessPrice]:
        """Return every serverless offer of a card that is in force, the cheapest first."""
        named = self.cards.canonical(card)
        lines = [line for line in self.of(ServerlessEntry) if named in line.card and product in (None, line.product)]
        return cheapest_first([serverless_price(line) for line in in_force(of_provider(lines, named, provider), on)])

    def purchase(self, card: str) -> PurchasePrice:
        """Return what a card costs new: the price read last, a firm source before a weak one."""
        named = self.cards.canonical(card)
        lines = [line for line in self.of(PurchaseEntry) if line.card == named and line.price_kind != USED]
        if not lines:
            known = {line.card for line in self.of(PurchaseEntry)}
            raise UnknownPriceError(unknown("purchase price of", named, known, "purchase"))
        return purchase_price(
            max(lines, key=lambda line: (line.confidence is Confidence.SEEN, line.checked or date.min, line.name))
        )

    def purchase_offers(self, card: str) -> list[PurchasePrice]:
        """Return every purchase price of a card, used ones included, the cheapest first."""
        named = self.cards.canonical(card)
        prices = [purchase_price(line) for line in self.of(PurchaseEntry) if line.card == named]
        return sorted(prices, key=lambda price: (price.capex_usd.value, price.name))
