# SPDX-License-Identifier: Apache-2.0
"""What a run leaves: the Hub folder with a card that tells how it was made."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoclip.config_loading import dump_config
from emoclip.data.source import source_terms
from emoclip.export.card import hub_licence, model_card
from emoclip.export.hub_folder import save_hub_folder
from emoclip.provenance import command_line, git_commit
from emoclip.training.config import DataConfig
from emoclip.training.lora import merged_copy, save_adapter
from emoclip.training.sharding import gathered_model
from emoclip.training.whole_folder import flush, telling_full_disk


if TYPE_CHECKING:
    from emoclip.training.loop import TrainingRun


def save_model(run: "TrainingRun") -> Path:
    """Write the chosen weights as the Hub folder `model/` and return its path; every process must call it.

    Raises:
        OSError: it could not be written; the last checkpoint has all that is needed to try again.
    """
    output = run.config.output_dir / "model"
    gathered = gathered_model(run.accelerator, run.model, run.model_class) if run.accelerator.is_fsdp2 else None
    if run.accelerator.is_main_process:
        model: Any = gathered or run.accelerator.unwrap_model(run.model, keep_fp32_wrapper=False)
        chosen = run.selection.weights()
        if chosen is not None:
            model.load_state_dict(chosen)
        licence = common_licence(run.config.data)
        card = model_card(model.config, licence=licence, training=training_story(run))
        if run.adapter is not None:
            save_adapter(run.adapter, run.config.output_dir / "adapter")
            model = merged_copy(run.adapter)
        with telling_full_disk("The model", output.parent):
            save_hub_folder(model.eval(), run.processor, output, card=card, overwrite=True)
            flush(output)
    run.accelerator.wait_for_everyone()
    return output


def common_licence(config: DataConfig) -> str:
    """The licence of the data as the Hub spells it, `other` where several sources have different ones; the card lists them."""
    licences = {hub_licence(source_terms(source).licence) for source in (config.manifest, *config.mix)}
    return licences.pop() if len(licences) == 1 else "other"


def source_names(config: DataConfig) -> str:
    """The sources that a run's clips come from, as Markdown."""
    return ", ".join(f"`{source}`" for source in (config.manifest, *config.mix))


def data_table(config: DataConfig) -> str:
    """Which data a run learned from and on which terms, as Markdown."""
    rows = []
    for source in (config.manifest, *config.mix):
        terms = source_terms(source)
        rows.append(f"| `{source}` | {terms.dataset} | {terms.licence} | {terms.source} |")
    table = "\n".join(["| data | data set | licence | source |", "|---|---|---|---|", *rows])
    several = "" if len(rows) == 1 else "\n\nWhoever uses the weights must keep to the terms of all of them."
    return f"{table}{several}"


def training_story(run: "TrainingRun") -> str:
    """What the card says of the training, as Markdown."""
    config = run.config
    start = config.model.name if config.model.init != "scratch" else "random weights"
    return (
        f"Started from {start}. Trained for {run.step:,} steps on {run.data.extent} of "
        f"{source_names(config.data)} (sha256 `{run.fingerprint}`), seed {config.seed}, commit "
        f"`{git_commit() or 'unknown'}`.\n\n{data_table(config.data)}\n\n```bash\n{command_line()}\n```\n\n"
        f"The resolved configuration:\n\n```yaml\n{dump_config(config)}```"
    )


__all__ = ["common_licence", "data_table", "save_model", "source_names", "training_story"]
