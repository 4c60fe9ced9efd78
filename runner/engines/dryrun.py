"""The exact memory of a training step: `python -m runner.engines.dryrun < question.json > answer.json`.

Rule 1  The question says all; the answer is a function of it and of the library versions, and is kept under the digest
        of both, below XDG_CACHE_HOME. Torch is imported only where nothing is kept.
Rule 2  What a step holds is linear in the number of layers, phase by phase, to the byte; two shallow runs give any
        depth. A model whose layers differ is run at its full depth. What the allocator keeps beyond it is not linear:
        `full_depth` replays it in full.
Rule 3  Fake tensors are CPU tensors; what a card does otherwise is in runner.engines.fakes.
"""

import functools
import gc
import hashlib
import importlib
import importlib.metadata
import json
import os
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from unittest.mock import patch

PACKAGES = ("torch", "transformers", "trl", "peft", "bitsandbytes", "accelerate")
OWN = ("engines/dry*.py", "engines/fakes.py", "engines/tracing.py", "engines/training.py", "allocator.py")
"""Our own files that an answer rests on."""
SHALLOW, DEEPER = 2, 3  # layers of the two runs that any depth is worked out from
UNEVEN = ("mlp_only_layers", "first_k_dense_replace", "layers_block_type", "block_types")
"""Words of a config.json that make layers unlike; `decoder_sparse_step` above 1 does too."""
ENGINE_WORKSPACE_BYTES = 2 * 8 * 4096 * 1024
"""cuBLAS: CUBLAS_WORKSPACE_CONFIG=:4096:8 is 8 x 4096 KiB (runner.engines), for the forward and the backward thread."""


def versions() -> dict[str, str]:
    """Return the versions an answer rests on. Raises PackageNotFoundError where one is not installed."""
    return {name: version(name) for name in PACKAGES}


def digest(question: Mapping[str, Any]) -> str:
    """Return the name an answer is kept under: of the question, the versions, and our own files."""
    name = hashlib.sha256(json.dumps({"question": question, "versions": versions()}, sort_keys=True).encode())
    home = Path(__file__).parents[1]
    for path in sorted(path for pattern in OWN for path in home.glob(pattern)):
        name.update(path.read_bytes())
    return name.hexdigest()


def kept_at(name: str) -> Path:
    """Return where an answer is kept: below XDG_CACHE_HOME, or the home's .cache."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "crossover" / "dryrun" / f"{name}.json"


def even(config: Mapping[str, Any]) -> bool:
    """Return whether every layer of the model is like the next."""
    return not any(config.get(word) for word in UNEVEN) and (config.get("decoder_sparse_step") or 1) == 1


def layers_of(config: Mapping[str, Any]) -> int:
    """Return the depth that a config.json states. Raises ValueError where it states none."""
    words = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
    found = next((config[word] for word in words if isinstance(config.get(word), int)), None)
    if found is None:
        message = f"config.json states no depth; wanted one of {', '.join(words)}"
        raise ValueError(message)
    return found


def with_layers(config: Mapping[str, Any], layers: int) -> dict[str, Any]:
    """Return the config.json of the same model at another depth."""
    words = {"num_hidden_layers", "n_layer", "n_layers", "num_layers"} & set(config)
    changed = {**config, **dict.fromkeys(words, layers)}
    if isinstance(config.get("layer_types"), list):
        changed["layer_types"] = (config["layer_types"] * layers)[:layers]
    return changed


def at_depth(first: float, second: float, layers: int) -> float:
    """Return a quantity at a depth from its values at SHALLOW and DEEPER layers."""
    return first + (second - first) * (layers - SHALLOW) / (DEEPER - SHALLOW)


def answer(question: Mapping[str, Any]) -> dict[str, Any]:
    """Return the memory of the question's step in bytes, by phase and by component. Raises ValueError."""
    layers = layers_of(question["config"])
    if layers <= DEEPER or not even(question["config"]) or question.get("full_depth"):
        return whole(question, one_depth(question, layers), (layers,))
    first, second = (one_depth(question, depth) for depth in (SHALLOW, DEEPER))
    found = at_layers(first, second, layers)
    found["cached_bytes"] = max(
        first["cached_bytes"], second["cached_bytes"]
    )  # no line: a few hundred MiB at any depth
    return whole(question, found, (SHALLOW, DEEPER))


def at_layers(first: dict[str, Any], second: dict[str, Any], layers: int) -> dict[str, Any]:
    """Return what a run at that depth would have found: every figure is a straight line through the two runs."""
    found: dict[str, Any] = {}
    for name, low in first.items():
        high = second[name]
        if isinstance(low, dict):
            found[name] = at_layers({key: low.get(key, 0) for key in high}, high, layers)
        else:
            found[name] = round(at_depth(low, high, layers))
    return found


def load() -> None:
    """Import what a step needs, without what imports do for others: a third of the time they take.

    bitsandbytes would load torch's compiler to compile kernels that no fake tensor runs; transformers and trl would
    each list every installed package.
    """
    import torch

    once = functools.cache(importlib.metadata.packages_distributions)
    with (
        patch.object(torch, "compile", lambda function=None, **_: function or (lambda kept: kept)),
        patch.object(importlib.metadata, "packages_distributions", once),
    ):
        importlib.import_module("bitsandbytes")
        importlib.import_module("runner.engines.dry_steps")
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def one_depth(question: Mapping[str, Any], layers: int) -> dict[str, Any]:
    """Run two steps at a depth, and return their peaks, components and counts."""
    load()
    from runner.allocator import reserved_peak_bytes
    from runner.engines.dry_steps import recipe_of, two_steps
    from runner.engines.tracing import components_at, phase_peaks

    steps = two_steps(recipe_of({**question, "config": with_layers(question["config"], layers)}))
    peaks = phase_peaks(steps.history)
    reserved, held = reserved_peak_bytes(steps.history.events)
    return {
        "phases": {phase: peak for phase, (peak, _) in peaks.items()},
        "components": {phase: components_at(steps.history, at) for phase, (_, at) in peaks.items()},
        "cached_bytes": reserved - held,
        "rounded_bytes": held - max(peak for peak, _ in peaks.values()),
        "paged_bytes": steps.paged_bytes,
        "trainable_parameters": steps.trainable_parameters,
        "parameters": steps.parameters,
    }


def whole(question: Mapping[str, Any], found: dict[str, Any], depths: tuple[int, ...]) -> dict[str, Any]:
    """Return the answer: the phase that peaks, what it holds, and what the allocator makes of it."""
    workspace = question.get("workspace_bytes", ENGINE_WORKSPACE_BYTES)
    phases = {phase: peak + workspace for phase, peak in found["phases"].items()}
    peak = max(phases, key=phases.__getitem__)
    components = {**found["components"][peak], "allocator": workspace}
    if peak == "optimizer step":  # what no label claims there is the step's own scratch
        components["allocator"] += components.pop("activations", 0)
    return {
        "allocated_bytes": phases[peak],
        "reserved_bytes": phases[peak] + found["rounded_bytes"] + found["cached_bytes"],
        "peak_phase": peak,
        "phases": phases,
        "components": components,
        "paged_bytes": found["paged_bytes"],
        "trainable_parameters": found["trainable_parameters"],
        "parameters": found["parameters"],
        "layers_run": list(depths),
        "versions": versions(),
    }


def ask(question: Mapping[str, Any]) -> dict[str, Any]:
    """Return the kept answer to a question, or work it out and keep it."""
    place = kept_at(digest(question))
    if place.is_file() and not question.get("afresh"):
        return json.loads(place.read_text(encoding="utf-8"))
    found = answer(question)
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(found), encoding="utf-8")
    part.replace(place)
    return found


def main() -> int:
    """Answer the question on stdin, on stdout; 1 and a sentence on stderr where it cannot be answered."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # Rule 3, whatever cards there are
    gc.disable()  # imports make no garbage worth the second it takes to look for it; `answer` turns it on
    try:
        question = json.load(sys.stdin)
        found = ask(question)
    except PackageNotFoundError as error:
        sys.stderr.write(f"{error.name} is not installed; the dry run needs it: pip install 'crossover[run]'\n")
        return 1
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
