"""Edge: the ship folder. Adapter always; model, serve commands and GGUF only where every gate passed.

ship/README.md review.csv review-key.json rollback.json adapter/ model/ serve/ NAME-f16.gguf
Weights are linked, not copied: the stages that made them have committed them.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from runner.disk import files_below, write_atomic
from runner.models import Run, tuned_model, tuned_sha256, tuned_stage
from runner.review import KEY, SHEET, sheet
from runner.ship_card import Cost, card, name_of, slug
from runner.ship_gguf import Gguf, convert
from runner.ship_serve import Served, files, ollama_template
from runner.stage_parts import result_of
from runner.verdict import Evidence

FOLDER = "ship"
DEFAULT_CONTEXT_TOKENS = 2048  # where config.json names none; what training rows are cut to by default
STOP_MARKS = ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>", "</s>")


def link_tree(source: Path, target: Path) -> None:
    """Put the files of a folder at `target` as well, as links where the disk has them, else as copies."""
    for found in files_below(source):
        place = target / found.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(found, place)
        except OSError:
            shutil.copyfile(found, place)


def lay_out(run: Run, verdict: dict[str, Any], found: Evidence) -> tuple[dict[str, Any], tuple[Path, ...]]:
    """Write the ship folder anew; return what it holds and the files that are the same in every run of the plan."""
    home = run.folder.path / FOLDER
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    text, key = sheet(found.tests, found.answers["base"], found.answers["tuned"], run.plan.plan_id)
    write_atomic(home / SHEET, text.encode(errors="replace"))
    write_atomic(home / KEY, json.dumps(key, indent=1).encode())
    weights = weights_of(run)
    write_atomic(home / "rollback.json", json.dumps(rollback(run, weights), indent=1).encode())
    if run.plan.method.kind != "full":
        link_tree(run.folder.stage(tuned_stage(run)) / "output", home / "adapter")
    same = [home / SHEET, home / KEY, home / "rollback.json"]
    gguf = Gguf(None, "not made: it does not ship")
    if verdict["ships"]:
        gguf = serve(run, home)
        same.append(home / "serve")
    cost = Cost(f"{run.meter.run_usd():f}", float(run.meter.run_seconds()))
    page = card(run.plan, verdict, result_of(run, "curate"), weights, cost).encode()
    for folder in [home, *([home / "model"] if verdict["ships"] else [])]:
        write_atomic(folder / "README.md", page)
    return {"folder": FOLDER, "gguf": gguf.why, "review_rows": len(key)}, tuple(same)


def weights_of(run: Run) -> dict[str, str]:
    """Return the digest of every form of the result."""
    merged = result_of(run, "merge")
    found = {"model" if run.plan.method.kind == "full" else "adapter": tuned_sha256(run)}
    return {**found, "merged": str(merged["sha256"])} if "sha256" in merged else found


def rollback(run: Run, weights: dict[str, str]) -> dict[str, Any]:
    """Return what to serve instead, each with its digests."""
    base = run.plan.base_model
    return {
        "name": name_of(run.plan),
        "to_hosted": run.plan.trial.incumbent if run.plan.trial else None,
        "to_base": {"name": base.name, "files": {ref.path: ref.sha256 for ref in base.files}},
        "weights": weights,
        "steps": [
            "send traffic to the hosted model, or serve the base model alone",
            "keep adapter/ and this file: they are what an A/B test or a second look needs",
        ],
    }


def serve(run: Run, home: Path) -> Gguf:
    """Link the model and write how to serve it; return what came of the GGUF file."""
    merged = result_of(run, "merge")
    model = run.folder.stage("merge") / "model" if "sha256" in merged else tuned_model(run).directory
    link_tree(model, home / "model")
    name = name_of(run.plan)
    gguf = convert(model, home / f"{name}-f16.gguf", "--outtype", "f16")
    lora = run.plan.method.lora
    rows: dict[str, Any] = json.loads((model / "config.json").read_bytes())
    served = Served(
        name=name,
        dtype=str(merged.get("dtype", run.plan.machine.compute_dtype)),
        context_tokens=int(rows.get("max_position_embeddings") or DEFAULT_CONTEXT_TOKENS),
        lora_rank=lora.rank if lora else None,
        base_name=slug(run.plan.base_model.name),
        gguf=gguf.file.name if gguf.file else None,
    )
    template = ollama_template(lambda turns, answer_next: run.engine.render(model, turns, answer_next))
    stops = [mark for mark in STOP_MARKS if template and mark in template]
    (home / "serve").mkdir()
    for file, content in files(served, template, stops).items():
        write_atomic(home / "serve" / file, content.encode())
    return gguf
