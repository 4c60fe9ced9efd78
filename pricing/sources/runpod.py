"""RunPod's GraphQL answer: {data: {gpuTypes: [...]}}; USD per hour of one card.

Fields as in the provider's client (queries/gpus.py): id, displayName, memoryInGb, securePrice, communityPrice,
secureSpotPrice, communitySpotPrice.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pricing.sources.answer import Row, ShapeError, Taken, json_of, mapping, price, sequence
from pricing.sources.cards import Known, Machine, Rent, gpu_row

QUERY: Final = (
    "query { gpuTypes { id displayName memoryInGb securePrice communityPrice secureSpotPrice communitySpotPrice } }"
)
CLOUDS: Final = {"Secure Cloud": "secure", "Community Cloud": "community"}


def read(pages: Sequence[bytes], known: Known, provider: str) -> Taken:
    """Read the answer: one row a card and cloud that has a price."""
    answer = mapping(json_of(pages[0]), "the answer")
    if answer.get("errors"):
        message = f"the service answered with errors: {str(answer['errors'])[:120]}; does the query need an API key?"
        raise ShapeError(message)
    listed = sequence(mapping(answer.get("data"), "data").get("gpuTypes"), "data.gpuTypes")
    left_out: Counter[str] = Counter()
    rows = [row for each in listed for row in _rows(mapping(each, "a card"), known, provider, left_out)]
    return Taken(rows, left_out, None)


def _rows(card: Mapping[str, Any], known: Known, provider: str, left_out: Counter[str]) -> list[Row]:
    name, memory = str(card.get("id")), price(card.get("memoryInGb"), "memoryInGb")
    found = known.machine(provider, name, [str(card.get("displayName")), name], 1, memory)
    if found is None:
        left_out["a card that cards.csv does not know"] += 1
        return []
    rows: list[Row] = []
    for cloud, prefix in CLOUDS.items():
        usd = price(card.get(f"{prefix}Price"), f"{name}.{prefix}Price")
        spot = price(card.get(f"{prefix}SpotPrice"), f"{name}.{prefix}SpotPrice")
        if usd is None:
            left_out["no price in one of the two clouds"] += 1
        else:
            rows.append(
                gpu_row(provider, Machine(found[0].card, 1, found[0].memory_gb), "seen", Rent(cloud, "", usd, spot))
            )
    return rows
