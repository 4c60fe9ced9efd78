"""The price lists that a refresh asks, in the order in which they are believed: the first that has a price gives it.

A provider's own list comes before a catalogue of many; for API prices the next list that has a model is its second
opinion.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from pricing.sources import azure, genai, gpuhunt, litellm_map, models_dev, runpod, skypilot, vast
from pricing.sources.answer import Taken
from pricing.sources.cards import Known

Reader = Callable[[Sequence[bytes], Known, str], Taken]
Next = Callable[[Sequence[bytes], str], str | None]

TEXT: Final = frozenset({"application/json", "text/plain", "text/csv", "application/octet-stream"})
"""Kinds of content that a price list comes as; code hosts serve JSON and CSV as text/plain. HTML is never one."""
PACKED: Final = TEXT | {"application/zip", "application/x-zip-compressed", "binary/octet-stream"}


class Source(NamedTuple):
    """One price list: where it is, how it is asked, who reads it; `provider` is the book's file its rows go into."""

    name: str
    url: str
    read: Reader
    kind: str
    says: str
    licence: str
    seen_where: str
    provider: str = ""
    following: Next | None = None
    accepted: frozenset[str] = TEXT
    post: str = ""
    key_variable: str = ""
    headers: Mapping[str, str] = MappingProxyType({})


def _azure_next(pages: Sequence[bytes], _: str) -> str | None:
    return azure.next_page(pages)


AZURE_FILTER: Final = (
    "?$filter=serviceName eq 'Virtual Machines' and priceType eq 'Consumption' and "
    "contains(armSkuName, 'Standard_N') and armRegionName eq 'eastus'"
)
"""Machines with cards (the vendor's N series) in the region of the book's own lines, so that few pages are asked."""
SKYPILOT: Final = "https://raw.githubusercontent.com/skypilot-org/skypilot-catalog/master/catalogs/v8/{}/vms.csv"
GPUHUNT: Final = "https://dstack-gpu-pricing.s3.eu-west-1.amazonaws.com/v3/{}/version"
CLOUDS: Final = {"aws": "aws", "gcp": "gcp", "lambda": "lambda", "nebius": "nebius", "runpod": "runpod"}
"""Folders of SkyPilot's catalogue to the house's providers."""
HUNTED: Final = {"aws": "aws", "gcp": "gcp", "lambdalabs": "lambda", "nebius": "nebius", "verda": "verda"}
"""Catalogues of gpuhunt to the house's providers."""

VAST_QUERY: Final = '?q={"rentable": {"eq": true}}'
"""Only offers that can be rented now, in the form of gpuhunt's filters."""

OWN_LISTS: Final = (
    Source(
        "azure", "https://prices.azure.com/api/retail/prices" + AZURE_FILTER, azure.read, "gpu",
        "Azure retail prices API", "vendor's public list", "the vendor's page Azure Retail Prices overview",
        provider="azure", following=_azure_next,
    ),
    Source(
        "runpod", "https://api.runpod.io/graphql", runpod.read, "gpu",
        "RunPod GraphQL API, gpuTypes", "vendor's public list", "the provider's client and documentation helper",
        provider="runpod", post=runpod.QUERY, key_variable="RUNPOD_API_KEY",
    ),
    Source(
        "vast", "https://console.vast.ai/api/v0/bundles/" + VAST_QUERY, vast.read, "gpu",
        "Vast.ai search API, open offers", "vendor's public list", "gpuhunt providers/vastai.py",
        provider="vast",
    ),
)  # fmt: skip
TOKEN_LISTS: Final = (
    Source(
        "genai-prices",
        "https://raw.githubusercontent.com/pydantic/genai-prices/refs/heads/main/prices/new_data/v2/data.json",
        genai.read, "api", "genai-prices, data v2", "MIT", "genai_prices/update_prices.py 0.2.3 DEFAULT_UPDATE_URL",
    ),
    Source(
        "models-dev", "https://models.dev/api.json", models_dev.read, "api",
        "models.dev api.json", "MIT", "the project's README",
    ),
    Source(
        "litellm",
        "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json",
        litellm_map.read, "api", "litellm's model map", "MIT", "litellm 1.109.1 get_model_cost_map.py",
    ),
)  # fmt: skip
CATALOGUES: Final = (
    *(
        Source(
            f"gpuhunt/{listed}", GPUHUNT.format(listed), gpuhunt.read, "gpu",
            f"gpuhunt catalogue v3, {listed}", "MPL-2.0", "gpuhunt 0.1.34 _internal/catalog.py",
            provider=provider, following=gpuhunt.catalogue, accepted=PACKED,
        )
        for listed, provider in HUNTED.items()
    ),
    *(
        Source(
            f"skypilot/{listed}", SKYPILOT.format(listed), skypilot.read, "gpu",
            f"SkyPilot catalogue v8, {listed}", "Apache-2.0", "skypilot 0.14.1 sky/catalog/common.py",
            provider=provider,
        )
        for listed, provider in CLOUDS.items()
    ),
)  # fmt: skip
SOURCES: Final = (*OWN_LISTS, *TOKEN_LISTS, *CATALOGUES)


class UnknownSourceError(LookupError):
    """A name that is no source, or an address for one that is not asked."""


def chosen(names: Sequence[str], urls: Mapping[str, str]) -> list[Source]:
    """Return the sources of these names (`skypilot` stands for all of its clouds; none: all), with other addresses."""
    known = [source.name for source in SOURCES]
    odd = [each for each in (*names, *urls) if not any(_belongs(name, each) for name in known)]
    if odd:
        message = f"no source is called {', '.join(odd)}; next: use one of {', '.join(known)}"
        raise UnknownSourceError(message)
    kept = [source for source in SOURCES if not names or any(_belongs(source.name, each) for each in names)]
    return [source._replace(url=urls.get(source.name, source.url)) for source in kept]


def _belongs(source: str, asked: str) -> bool:
    return asked in (source, source.partition("/")[0])
