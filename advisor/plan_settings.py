"""From a scenario to the settings of every stage of its plan: method, lengths, batches, steps. Pure."""

import math
from collections.abc import Mapping
from typing import Any

from advisor.estimates import setup_of
from advisor.forecasts import probe_of
from advisor.plan import Forecast, Lora, Method, Preference, Stage, StageName, TrainSettings
from advisor.scenario import Scenario
from advisor.settings import DPO_RATES, Dpo


def method_of(scenario: Scenario) -> Method:
    """Return the method with everything the trainer would otherwise decide by itself (R057)."""
    chosen = scenario.training
    quantised = chosen.method == "qlora"
    lora = (
        None
        if chosen.method == "full"
        else Lora(
            rank=chosen.lora.rank,
            alpha=chosen.lora.alpha,
            dropout=chosen.lora.dropout,
            targets=chosen.lora.targets,
            rslora=chosen.lora.rslora,
            dora=chosen.lora.dora,
        )
    )
    return Method(
        kind=chosen.method,
        quantisation="nf4" if quantised else None,
        double_quantisation=quantised,
        lora=lora,
        optimizer=chosen.optimizer_or_default,
    )


def train_settings(scenario: Scenario, steps: int) -> TrainSettings:
    """Return the settings of supervised fine-tuning; held-out rows, where there are any, are asked at each save."""
    chosen = scenario.training
    save_every_steps = chosen.save_every_steps or max(1, math.ceil(steps / 4))
    return TrainSettings(
        learning_rate=chosen.learning_rate_or_default,
        schedule=chosen.schedule,
        warmup_share=chosen.warmup_share,
        weight_decay=chosen.weight_decay,
        max_steps=steps,
        micro_batch=chosen.micro_batch,
        accumulation=chosen.accumulation,
        max_length=chosen.max_length,
        seed=chosen.seed,
        save_every_steps=save_every_steps,
        gradient_checkpointing=setup_of(scenario).checkpointing,
        packing=chosen.packing,
        assistant_only_loss=chosen.assistant_only_loss,
        evaluate_every_steps=None if scenario.data.valid is None else save_every_steps,
    )


def adapt_settings(scenario: Scenario) -> TrainSettings | None:
    """Return the settings of continued language modelling on unlabelled text, or None where none is asked for."""
    chosen = scenario.training.adapt
    if chosen is None:
        return None
    return TrainSettings(
        learning_rate=chosen.learning_rate,
        max_steps=chosen.max_steps,
        micro_batch=chosen.micro_batch,
        accumulation=chosen.accumulation,
        max_length=scenario.training.max_length,
        seed=scenario.training.seed,
        save_every_steps=max(1, math.ceil(chosen.max_steps / 4)),
        gradient_checkpointing=setup_of(scenario).checkpointing,
        assistant_only_loss=False,
    )


def dpo_settings(scenario: Scenario, pairs: int) -> TrainSettings:
    """Return the settings of preference tuning: one pass over the pairs unless steps are stated."""
    training = scenario.training
    chosen = training.dpo or Dpo()
    steps = chosen.max_steps or max(1, math.ceil(pairs / (chosen.micro_batch * chosen.accumulation)))
    rate = DPO_RATES[training.method] if chosen.learning_rate is None else chosen.learning_rate
    return TrainSettings(
        learning_rate=rate,
        schedule=training.schedule,
        warmup_share=training.warmup_share,
        weight_decay=training.weight_decay,
        max_steps=steps,
        micro_batch=chosen.micro_batch,
        accumulation=chosen.accumulation,
        max_length=training.max_length,
        seed=training.seed,
        save_every_steps=max(1, math.ceil(steps / 4)),
        gradient_checkpointing=setup_of(scenario).checkpointing,
    )


def stages_of(
    scenario: Scenario, settings: Mapping[str, TrainSettings | None], forecasts: Mapping[StageName, dict[str, Forecast]]
) -> list[Stage]:
    """Return the stages in run order with their settings and forecasts."""
    chosen = scenario.training.dpo or Dpo()
    more: dict[str, dict[str, Any]] = {
        "probe": {"probe": probe_of(scenario)},
        "dpo": {"preference": Preference(beta=chosen.beta, min_pairs=chosen.min_pairs)},
    }
    return [
        Stage(name=name, train=settings.get(name), forecast=forecast, **more.get(name, {}))
        for name, forecast in forecasts.items()
    ]
