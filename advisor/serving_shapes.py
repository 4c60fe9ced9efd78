"""What serving needs to know of a model: from its exact shape, or from a row of facts where the shape is not known.

`data/serving_models.csv` holds models whose families the catalogue does not spell out (latent or linear attention).
"""

from functools import cache
from typing import Final, NamedTuple

from advisor.catalog import find_model, model_key
from advisor.data_files import rows
from advisor.shape import ModelShape, Part, linear_parameters, matmul_parameters, parameters

BILLION: Final = 10**9
HALF_BYTES: Final = 2  # cache elements before an engine stores them in 8 bits
NATIVE: Final = {"openai/gpt-oss-120b": "mxfp4", "openai/gpt-oss-20b": "mxfp4"}
"""Catalogue models that are published in fewer than 16 bits; no wider weights exist."""


class Served(NamedTuple):
    """A model as far as serving goes: parameters by kind, widths in elements, cache in 16-bit bytes.

    `lookup_parameters` are read a row at a time (input embeddings); `outer_parameters` are the output head, norms and
    embeddings that are also the head. `query_width` is the mean width of queries and values, all heads; latent
    attention has one key head. `native` is the format the weights are published in.
    """

    name: str
    inner_parameters: float
    outer_parameters: float
    lookup_parameters: float
    expert_parameters: float
    experts: int
    experts_per_token: int
    active_parameters: float
    layers: int
    hidden_size: int
    query_width: int
    kv_heads: int
    kv_bytes_per_token: float
    window_bytes_per_token: float
    window_tokens: int
    state_bytes: float
    native: str


@cache
def served_of(shape: ModelShape) -> Served:
    """Return what serving needs of a shape whose every count is exact."""
    experts = linear_parameters(shape, Part.EXPERT)
    inside = linear_parameters(shape) - experts
    lookup = 0 if shape.tied else shape.vocab * shape.hidden
    windowed = shape.sliding_layers if shape.sliding_window else 0
    layer_bytes = shape.cached_width * HALF_BYTES
    return Served(
        name=shape.name,
        inner_parameters=inside,
        outer_parameters=parameters(shape) - inside - experts - lookup,
        lookup_parameters=lookup,
        expert_parameters=experts,
        experts=shape.experts,
        experts_per_token=shape.experts_per_token,
        active_parameters=matmul_parameters(shape),
        layers=shape.layers,
        hidden_size=shape.hidden,
        query_width=(shape.query_width + shape.value_width) // 2,
        kv_heads=1 if shape.kv_latent else shape.kv_heads,
        kv_bytes_per_token=layer_bytes * (shape.layers - windowed),
        window_bytes_per_token=layer_bytes * windowed,
        window_tokens=shape.sliding_window if windowed else 0,
        state_bytes=0,
        native=NATIVE.get(shape.name, "bf16"),
    )


@cache
def _listed() -> dict[str, Served]:
    found: dict[str, Served] = {}
    for row in rows("serving_models.csv"):
        for name in (row["name"], *filter(None, row["aliases"].split("|"))):
            found[model_key(name)] = _served_of_row(row)
    return found


def _served_of_row(row: dict[str, str]) -> Served:
    experts = float(row["expert_billion"]) * BILLION
    return Served(
        name=row["name"],
        inner_parameters=float(row["parameters_billion"]) * BILLION - experts,
        outer_parameters=0,
        lookup_parameters=0,
        expert_parameters=experts,
        experts=int(row["experts"]),
        experts_per_token=int(row["experts_per_token"]),
        active_parameters=float(row["active_billion"]) * BILLION,
        layers=int(row["layers"]),
        hidden_size=int(row["hidden"]),
        query_width=int(row["query_width"]),
        kv_heads=int(row["kv_heads"]),
        kv_bytes_per_token=float(row["kv_bytes_per_token"]),
        window_bytes_per_token=0,
        window_tokens=0,
        state_bytes=float(row["state_bytes"]),
        native=row["native"],
    )


@cache
def find_served(name_or_path: str) -> Served:
    """Return the facts of a model by name, directory or config.json; raises as `find_model` does."""
    listed = _listed().get(model_key(name_or_path))
    return listed or served_of(find_model(name_or_path))
