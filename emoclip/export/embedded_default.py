# SPDX-License-Identifier: Apache-2.0
"""Puts the model of `make demo` into the package as the embedded default, with a card that says how it was made."""

import json
import sys
from pathlib import Path

from emoclip import default_model
from emoclip.export.card import model_card
from emoclip.export.hub_folder import save_hub_folder
from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor


SIZE_LIMIT = 12_000_000  # bytes; it travels in every wheel and every clone

TRAINING = """\
A small model trained from random weights on **rendered faces only**, with captions written from their action units. It shows
that every part of the project works; it knows nothing of real faces, so its scores on real video mean nothing.

Made by `make demo`, seed {seed}, commit `{commit}`. The last of its two training commands ({steps} steps):

```bash
{command}
```

Data: sha256 of the manifest `{data_fingerprint}`. Versions: {versions}.
"""


def package_default_model(run: str | Path, report: str | Path, output: str | Path | None = None) -> Path:
    """Write the packaged model folder from a complete training run and its report; return its path.

    Args:
        run: folder with `model/` and `run.json`, as training leaves it.
        report: `report.json` of its evaluation.
        output: the folder to replace; by default the package's own.

    Raises:
        FileNotFoundError: the run or the report is not complete.
        ValueError: the model is larger than `SIZE_LIMIT`.
    """
    run = Path(run)
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    scores = json.loads(Path(report).read_text(encoding="utf-8"))
    model = EmoCLIPModel.from_pretrained(run / "model")
    size = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    if size > SIZE_LIMIT:
        raise ValueError(
            f"The embedded default may have at most {SIZE_LIMIT:,} bytes, got {size:,}; train a smaller one."
        )
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    card = model_card(
        model.config,
        title="EmoCLIP, embedded default",
        licence="apache-2.0",
        training=TRAINING.format(**{**record, "versions": versions}),
        evaluation=_evaluation(scores),
    )
    output = Path(output) if output else Path(default_model.__file__).parent / "model"
    return save_hub_folder(model, EmoCLIPProcessor.from_pretrained(run / "model"), output, card=card, overwrite=True)


def _evaluation(scores: dict) -> str:
    low, high = scores["uar_interval"]
    return (
        f"Rendered faces of unseen identities, class descriptions never seen in training: UAR {scores['uar']:.3f} "
        f"(95 % interval {low:.3f} to {high:.3f}), WAR {scores['war']:.3f}, macro-F1 {scores['macro_f1']:.3f} over "
        f"{scores['num_classes']} classes and {scores['num_clips']} clips; chance is {1 / scores['num_classes']:.3f}."
    )


if __name__ == "__main__":
    sys.stdout.write(f"{package_default_model(*sys.argv[1:])}\n")
