"""The price book in memory: what a model, a card or a training run costs on a day, or an error that says why not.

Rule 1  A name leads to one offer, or to an error that names the choices or the near matches.
Rule 2  An offer has lines with a first day each; the latest one begun counts, none before the first or after the end.
Rule 3  Without a provider the book picks the cheapest list price that somebody has read, and says whose it is.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any, Final, TypeVar, cast

from pricing.entries import (
    UNVERIFIED,
    ApiEntry,
    Confidence,
    Entry,
    GpuEntry,
    PurchaseEntry,
    ServerlessEntry,
    TuningEntry,
)
from pricing.lookup import (
    api_names,
    by_method,
    called,
    card_name,
    cheapest,
    cheapest_firm,
    cheapest_first,
    full_api_names,
    holding,
    in_force,
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
AnswerT = TypeVar("AnswerT")

Read = Callable[[type[Entry]], Sequence[Entry]]
"""What reads the lines of one kind."""
KINDS: Final[tuple[type[Entry], ...]] = (ApiEntry, GpuEntry, TuningEntry, ServerlessEntry, PurchaseEntry)
ANSWERS_KEPT: Final = 4096
"""Prices remembered by what was asked: every card and model of the book over a quarter, in a few MB."""
USED: Final = "used"


class PriceBook:
    """Every line of the data files; `digest` is the sha256 over them. Lookups raise PriceError, never guess."""

    def __init__(
        self,
        read: Read,
        cards: CardNames,
        digest: str,
        allow_unverified: bool = False,
        own_file: str = "",
    ) -> None:
        """Take what reads the lines of one kind (called once a kind, when somebody asks) and the user's own file."""
        self._read = read
        self.cards: Final = cards
        self.digest: Final = digest
        self.allow_unverified: Final = allow_unverified
        self.own_file: Final = own_file
        self._lines: dict[type[Entry], list[Entry]] = {}
        self._named: dict[type[Entry], dict[str, list[Any]]] = {}
        self._answers: dict[tuple[Any, ...], Any] = {}

    @property
    def entries(self) -> list[Entry]:
        """Return every line of every kind."""
        return [line for kind in KINDS for line in self.of(kind)]

    def read_everything(self) -> None:
        """Read every kind now, so that a fault in any file is told at once; BookFaultsError."""
        for kind in KINDS:
            self.of(kind)

    def of(self, kind: type[EntryT]) -> list[EntryT]:
        """Return the lines of one kind."""
        if kind not in self._lines:
            lines = self._read(kind)
            self._lines[kind] = [e for e in lines if self.allow_unverified or e.confidence not in UNVERIFIED]
        return cast("list[EntryT]", self._lines[kind])

    def by_name(self, kind: type[EntryT], names: Callable[[EntryT], Iterable[str]]) -> dict[str, list[EntryT]]:
        """Return the lines of one kind by every name in small letters; made once, `names` is the same each time."""
        if kind not in self._named:
            found: dict[str, list[Any]] = {}
            for line in self.of(kind):
                for name in names(line):
                    found.setdefault(name.casefold(), []).append(line)
            self._named[kind] = found
        return self._named[kind]

    def _remembered(self, key: tuple[Any, ...], answer: Callable[[], AnswerT]) -> AnswerT:
        """Return the answer given before, or a new one; prices do not change under a book, and it forgets when full."""
        if key not in self._answers:
            if len(self._answers) >= ANSWERS_KEPT:
                self._answers.clear()
            self._answers[key] = answer()
        return self._answers[key]

    def checked_days(self, on: date) -> list[date]:
        """Return the days on which the lines in force on a day were last checked, the oldest first."""
        return sorted(line.checked for line in holding(self.entries, on) if line.checked is not None)

    def api(self, model: str, on: date, *, provider: str | None = None) -> ApiPrice:
        """Return a hosted model's price; `model` is bare or `provider/model`."""
        return self._remembered((ApiEntry, model, on, provider), lambda: self._api(model, on, provider))

    def _api(self, model: str, on: date, provider: str | None) -> ApiPrice:
        return api_price(one(in_force(self.api_lines(model, provider=provider), on), model))

    def api_lines(self, model: str, *, provider: str | None = None) -> list[ApiEntry]:
        """Return every line a model's name stands for, of every day."""
        asked = model if provider is None else f"{provider}/{model}"
        found = self.by_name(ApiEntry, full_api_names).get(asked.casefold())
        return found or called(self.of(ApiEntry), model, provider, lambda line: api_names(line.model))

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
        key = (GpuEntry, card, on, provider, spot, cards)
        return self._remembered(key, lambda: self._gpu(card, on, provider, spot, cards))

    def _gpu(self, card: str, on: date, provider: str | None, spot: bool, cards: int | None) -> GpuPrice:
        firm = cheapest_firm(self._gpu_lines(card, on, provider), spot, cards)
        if firm is not None and (price := gpu_price(firm, spot)) is not None:
            return price
        offers = self.gpu_offers(card, on, provider=provider, spot=spot)
        fitting = [offer for offer in offers if cards is None or offer.count <= cards]
        return cheapest(fitting, f"{'spot ' if spot else ''}{card}", provider)

    def _gpu_lines(self, card: str, on: date, provider: str | None) -> list[GpuEntry]:
        named = self.cards.canonical(card)
        lines = self.by_name(GpuEntry, card_name).get(named.casefold(), [])
        return in_force(of_provider(lines, named, provider), on)

    def gpu_offers(self, card: str, on: date, *, provider: str | None = None, spot: bool = False) -> list[GpuPrice]:
        """Return every offer of a card that is in force, the cheapest first, averages and "from" prices included."""
        lines = self._gpu_lines(card, on, provider)
        prices = [price for line in lines if (price := gpu_price(line, spot)) is not None]
        if not prices:
            who = provider or "any provider"
            known = f"{len(lines)} lines are in force"
            message = f"no spot price for {lines[0].card} from {who} on {on}; next: ask without spot, {known}"
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
