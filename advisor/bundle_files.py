"""Edge: the plan's folder. plan.json, and beside it its own copies of data and base model, each with its digest.

A plan with its inputs can be carried to another machine as one folder, and nothing outside it can change it.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path

from advisor.advise import Result
from advisor.checks.preferences import read_pairs
from advisor.checks.records import read_records
from advisor.plan import BaseModelRef, DataRef, FileRef, Plan
from advisor.planning import Inputs, make_plan
from advisor.scenario import Scenario
from advisor.scenario_file import DATA_FILES
from advisor.shape import parameters
from pricing.figure import Figure, leaves
from pricing.prices import FLOATING

INPUTS = "inputs"
BLOCK_BYTES = 1 << 20
"""Read size while hashing."""
MODEL_SUFFIXES = frozenset({".json", ".safetensors", ".jinja", ".model", ".txt", ".md"})
"""What a model folder may hold; anything else (pickles, code) is not copied, so that it can never be loaded."""


class PlanRefusedError(ValueError):
    """No plan is written; the message lists every reason with its remedy."""


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def floating_names(result: Result) -> str:
    """Return the prices in use of names that the vendor moves from model to model; empty where there are none."""
    used = {leaf.name for root in result.roots for leaf in leaves(root) if f"{FLOATING}." in leaf.name}
    return ", ".join(sorted({name.partition(f"{FLOATING}.")[0].removeprefix("price.") + FLOATING for name in used}))


def reasons_against(result: Result, folder: Path, override: str | None) -> list[str]:
    """Return every reason why no plan can be written."""
    scenario, verdict = result.question.scenario, result.advice.verdict
    base = scenario.candidates.base_model
    floating = floating_names(result)
    rows = (
        (not verdict.justified and not (override or "").strip(),
         f"the verdict is '{verdict.title}' and does not justify training; do what it says, or give --override REASON"),
        (scenario.data.train is None, "no training file is named; set data.train"),
        (scenario.data.test is None, "no held-out test file is named; set data.test"),
        (scenario.data.licence is None and not override, "the licence of the data is not stated; set data.licence"),
        (scenario.data.consent is None and not override, "consent is not stated; set data.consent"),
        (not scenario.quality.target.known, "no target is stated; set quality.target"),
        (base is None or not (folder / base).is_dir(),
         "the base model is no folder beside the scenario; put its files there and set candidates.base_model"),
        (bool(floating), f"{floating} may be another model tomorrow; name the dated model instead"),
        (isinstance(result.rate, str), f"the training machine has no price: {result.rate}"),
        (isinstance(result.estimates.steps, str), f"the run cannot be sized: {result.estimates.steps}"),
        (isinstance(result.estimates.steps, Figure) and result.estimates.steps.value < 1, "no row is left to train on"),
    )  # fmt: skip
    return [text for applies, text in rows if applies]


def laid(source: Path, root: Path, name: str, rows: int | None = None) -> FileRef:
    """Copy a file to `root`/inputs/`name` and return its reference."""
    target = root / INPUTS / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.resolve() != target.resolve():
        shutil.copyfile(source, target)
    return FileRef(path=f"{INPUTS}/{name}", sha256=file_sha256(target), bytes=target.stat().st_size, rows=rows)


def laid_data(scenario: Scenario, folder: Path, root: Path) -> DataRef:
    """Copy the record files and return their references with their rows."""
    stated = scenario.data
    found: dict[str, FileRef | None] = {}
    for role in DATA_FILES:
        name: str | None = getattr(stated, role)
        if name is None:
            found[role] = None
        else:
            source, read = folder / name, read_pairs if role == "preferences" else read_records
            found[role] = laid(source, root, f"data/{role}{source.suffix}", len(read(source)[0]))
    train, test = found["train"], found["test"]
    if train is None or test is None:
        message = "data.train and data.test are needed"
        raise PlanRefusedError(message)
    return DataRef(
        train=train,
        test=test,
        valid=found["valid"],
        unlabelled=found["unlabelled"],
        preferences=found["preferences"],
        prompt=found["prompt"],
        hosted=found["hosted"],
        safety=found["safety"],
        general=found["general"],
        licence=stated.licence or "not stated; overridden",
        consent=stated.consent or "not stated; overridden",
    )


def laid_model(result: Result, folder: Path, root: Path) -> BaseModelRef:
    """Copy the base model's files (weights, tokenizer, configuration; never code) and return its reference."""
    scenario = result.question.scenario
    source = folder / str(scenario.candidates.base_model)
    files = sorted(path for path in source.iterdir() if path.is_file() and path.suffix in MODEL_SUFFIXES)
    return BaseModelRef(
        name=str(scenario.candidates.base_model),
        licence=scenario.constraints.base_licence or "not stated",
        parameters=parameters(result.question.shape),
        directory=f"{INPUTS}/base_model",
        files=tuple(laid(path, root, f"base_model/{path.name}") for path in files),
    )


def write_bundle(result: Result, scenario_path: Path, plan_path: Path, override: str | None) -> Plan:
    """Write the plan and its inputs and return it; raises PlanRefusedError with every reason, writing nothing."""
    folder, root = scenario_path.parent, plan_path.parent
    reasons = reasons_against(result, folder, override)
    steps, rate = result.estimates.steps, result.rate
    if reasons or isinstance(rate, str) or isinstance(steps, str):
        raise PlanRefusedError("\n  ".join(reasons))
    root.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(root / INPUTS, ignore_errors=True)
    inputs = Inputs(
        scenario=laid(scenario_path, root, "scenario.yaml"),
        base_model=laid_model(result, folder, root),
        data=laid_data(result.question.scenario, folder, root),
        prices_sha256=result.question.book.digest,
    )
    document = make_plan(result.question, result, inputs, (steps, rate), override)
    plan = Plan.model_validate_json(json.dumps(document))
    temporary = plan_path.with_name(f".{plan_path.name}.writing")
    temporary.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(temporary, plan_path)
    return plan
