"""May this plan be run, here, now? Every refusal at once, each with what was found and its remedy. Pure.

The rules are a table of small functions; a plan passes when all of them return nothing. What the plan alone
contradicts is asked in runner.consistent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from advisor.plan import FORMAT_MAJOR, Plan, plan_digest
from pricing.units import GIB, SECONDS_PER_HOUR
from runner.budget import Budget
from runner.consistent import contradictions
from runner.gather import Facts, plan_files
from runner.planfile import PlanFile
from runner.refusal import MAKE_AGAIN, Refusal

CODE_SUFFIXES = frozenset(
    {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".npy", ".npz", ".h5", ".py", ".pyc", ".so", ".sh"}
)
"""Files that run code when loaded (pickle in its many names, Python, libraries); safetensors and JSON do not."""

RUN_PACKAGES = ("torch", "transformers", "peft", "trl", "accelerate", "datasets", "safetensors")
ADAPTER_SHARE = 0.1  # an adapter with its optimizer states, of the model's bytes: r=64 on all linears stays below it
FULL_STATES = 3  # full fine-tuning saves weights and two Adam moments
MERGED_BYTES_PER_PARAMETER = 4  # the merged model may be saved in float32


@dataclass(frozen=True, slots=True)
class Request:
    """A plan that could be read, its JSON, the facts about this machine, and the most this run may use."""

    document: dict[str, Any]
    plan: Plan
    facts: Facts
    budget: Budget


def refuse_unread(file: PlanFile) -> list[Refusal]:
    """Return the refusals of a plan that could be parsed but not taken as ours: another major, paths that climb out."""
    found = tampered_document(file.document)
    if file.plan is None and not file.escapes:
        remedy = "make it again with this version: advise SCENARIO --plan FILE"
        found.append(Refusal("version", f"{file.version}, this runner reads {FORMAT_MAJOR}.x", remedy))
    remedy = "a plan names only files below its own folder"
    return found + [Refusal("outside", escape, remedy) for escape in file.escapes]


def tampered_document(document: dict[str, Any]) -> list[Refusal]:
    """Rule 1: the plan's id is the digest of everything else in it."""
    digest = plan_digest(document)
    if document.get("plan_id") == digest:
        return []
    found = f"plan_id is {str(document.get('plan_id'))[:12]}, the content's digest is {digest[:12]}"
    return [Refusal("tampered", found, "restore the file, or make it again: advise SCENARIO --plan FILE")]


def tampered(request: Request) -> list[Refusal]:
    """Rule 1."""
    return tampered_document(request.document)


def in_time(request: Request) -> list[Refusal]:
    """Rule 2: prices and evidence age; a plan runs from the day it was made up to and including its last."""
    first, last, today = request.plan.made_on, request.plan.expires_on, request.facts.as_of
    if today < first:
        return [Refusal("early", f"it was made on {first}, today is {today}", "set this machine's clock")]
    if today > last:
        return [Refusal("expired", f"its last day was {last}, today is {today}", MAKE_AGAIN)]
    return []


def consistent(request: Request) -> list[Refusal]:
    """Rule 3: the plan hangs together."""
    return contradictions(request.plan)


def forecast(request: Request) -> list[Refusal]:
    """Rule 4: no run is begun that even its own low forecast takes past a limit."""
    usd, seconds = (request.plan.forecast.get(name) for name in ("usd", "seconds"))
    hours = None if seconds is None else seconds.low / SECONDS_PER_HOUR
    rows = (
        ("USD", None if usd is None else usd.low, request.budget.usd, "--max-usd"),
        ("hours", hours, request.budget.hours, "--max-hours"),
    )
    return [
        Refusal(
            "forecast",
            f"it takes {low:.4g} {unit} at the least, the limit is {limit:f}",
            f"plan less, or raise the limit: {flag} AMOUNT --raise-limit REASON",
        )
        for unit, low, limit, flag in rows
        if low is not None and low > limit
    ]


def outside(request: Request) -> list[Refusal]:
    """Rule 5: no link leads out of the plan's folder."""
    remedy = "replace the link by the file itself"
    return [Refusal("outside", f"{path} leads out of the plan's folder", remedy) for path in request.facts.outside]


def changed(request: Request) -> list[Refusal]:
    """Rule 6: every file is there and is the one the plan was made for."""
    found: list[Refusal] = []
    for ref in plan_files(request.plan):
        digest = request.facts.digests.get(ref.path, ref.sha256)
        if digest is None:
            found.append(Refusal("missing", f"{ref.path} is not there", "copy it beside the plan"))
        elif digest != ref.sha256:
            text = f"{ref.path} has sha256 {digest[:12]}, the plan was made for {ref.sha256[:12]}"
            found.append(Refusal("changed", text, "restore the file, or make the plan again"))
    return found


def executable(request: Request) -> list[Refusal]:
    """Rule 7: a model folder holds data, nothing that runs when it is loaded."""
    facts = request.facts
    code = [path for path in facts.model_files if PurePosixPath(path).suffix.lower() in CODE_SUFFIXES]
    found = [
        Refusal("executable", f"{path} can run code when loaded", "keep safetensors and JSON only") for path in code
    ]
    remedy = "use a model whose architecture the library knows, without auto_map"
    return found + [Refusal("executable", f"{path} asks for code of its own", remedy) for path in facts.auto_map]


def unlisted(request: Request) -> list[Refusal]:
    """Rule 8: the model folder holds nothing the plan does not name, since a loader reads whatever it finds."""
    named = {ref.path for ref in request.plan.base_model.files}
    extra = [
        path
        for path in request.facts.model_files
        if path not in named and PurePosixPath(path).suffix.lower() not in CODE_SUFFIXES
    ]
    remedy = "move it away, or make the plan again"
    return [Refusal("unlisted", f"{path} lies in the model folder, but not in the plan", remedy) for path in extra]


def disk_needed_bytes(model_bytes: int, parameters: int, full: bool, checkpoints: int) -> int:
    """Return a generous need: one more checkpoint than is kept, the trained result, and a float32 export."""
    checkpoint_bytes = model_bytes * (FULL_STATES if full else ADAPTER_SHARE)
    export_bytes = 0 if full else parameters * MERGED_BYTES_PER_PARAMETER
    return round(checkpoint_bytes * (checkpoints + 1) + model_bytes * (1 if full else ADAPTER_SHARE) + export_bytes)


def disk(request: Request) -> list[Refusal]:
    """Rule 9: there is room for checkpoints and export before the first dollar."""
    plan, facts = request.plan, request.facts
    keep = max((stage.train.keep_checkpoints for stage in plan.stages if stage.train), default=0)
    needed = disk_needed_bytes(facts.model_bytes, plan.base_model.parameters, plan.method.kind == "full", keep)
    if facts.disk_free_bytes >= needed:
        return []
    found = f"{facts.disk_free_bytes / GIB:.2f} GiB free, about {needed / GIB:.2f} GiB needed"
    return [Refusal("disk", found, "free some, or choose a --dir on another disk")]


def memory(request: Request) -> list[Refusal]:
    """Rule 10: the forecast peak fits the card, or main memory where there is none."""
    plan, facts = request.plan, request.facts
    peaks = [stage.forecast["peak_bytes"].value for stage in plan.stages if "peak_bytes" in stage.forecast]
    if plan.machine.card and facts.card_bytes is None:
        return [Refusal("memory", f"no card is visible; the plan is for {plan.machine.card}", "run it on that machine")]
    room = facts.card_bytes if plan.machine.card else facts.memory_free_bytes
    if room is None or not peaks or max(peaks) <= room:
        return []
    found = f"{room / GIB:.2f} GiB free, the forecast peak is {max(peaks) / GIB:.2f} GiB"
    return [Refusal("memory", found, "use a larger machine, or plan a smaller micro-batch, length or model")]


def packages(request: Request) -> list[Refusal]:
    """Rule 11: what the engine needs is installed."""
    missing = request.facts.packages_missing
    remedy = "pip install 'crossover[run]'"
    return [Refusal("packages", f"not installed: {', '.join(missing)}", remedy)] if missing else []


def needed_packages(plan: Plan) -> tuple[str, ...]:
    """Return the packages the plan's method needs; bitsandbytes only for 4-bit weights and its optimizers."""
    optimizer = plan.method.optimizer
    bits = plan.method.quantisation is not None or "8bit" in optimizer or optimizer.startswith("paged")
    return (*RUN_PACKAGES, "bitsandbytes") if bits else RUN_PACKAGES


def folder(request: Request) -> list[Refusal]:
    """Rule 12: one run folder, one plan, and nothing in it that is written through to another place."""
    facts, plan_id = request.facts, request.plan.plan_id
    if facts.run_folder_links:
        found = f"{', '.join(facts.run_folder_links)} in the run folder leads elsewhere"
        return [Refusal("folder", found, "replace the link by the file itself, or choose another --dir")]
    if facts.run_plan_id not in (None, plan_id):
        found = f"the run folder belongs to plan {str(facts.run_plan_id)[:12]}, this is {plan_id[:12]}"
        return [Refusal("folder", found, "choose another --dir")]
    if facts.run_folder_foreign:
        return [Refusal("folder", "the run folder holds files of no run", "choose an empty --dir")]
    return []


RULES: tuple[Callable[[Request], list[Refusal]], ...] = (
    tampered,
    in_time,
    consistent,
    forecast,
    outside,
    changed,
    executable,
    unlisted,
    disk,
    memory,
    packages,
    folder,
)


def judge(request: Request) -> list[Refusal]:
    """Return every refusal of every rule, in the rules' order."""
    return [refusal for rule in RULES for refusal in rule(request)]
