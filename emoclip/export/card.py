# SPDX-License-Identifier: Apache-2.0
"""The model card: what the model is, how to load it, what it must not be used for.

A card states only what its caller knows: training data, licence and numbers are arguments, never guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from huggingface_hub import ModelCardData


if TYPE_CHECKING:
    from transformers import PreTrainedConfig

# Terms that data come under and the Hub knows by name: https://huggingface.co/docs/hub/repositories-licenses
_LICENCES = (
    "agpl-3.0 apache-2.0 bsd bsd-2-clause bsd-3-clause cc cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 "
    "cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 "
    "cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 "
    "lgpl-3.0 mit mpl-2.0 odbl odc-by openrail other pddl unknown unlicense"
)
HUB_LICENCES = frozenset(_LICENCES.split())

# `text-video` and the zero-shot task have no pipeline tag of their own on the Hub; they are found by tag.
TAGS = ["emoclip", "zero-shot-video-classification", "facial-expression-recognition", "affective-computing"]

USE = """\
## How to use

Needs `torch`, `transformers` and, for video files, `av`. Pin `revision` to a commit when you load from the Hub: the folder
carries code.

```python
import torch
from transformers import AutoModel, AutoProcessor

folder = "{folder}"
model = AutoModel.from_pretrained(folder, trust_remote_code=True)
processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)

texts = ["a face with raised eyebrows and an open mouth", "a face with a broad smile"]
inputs = processor(text=texts, videos="clip.mp4", return_tensors="pt")
with torch.inference_mode():
    relative_match = model(**inputs).logits_per_video.softmax(dim=-1)
```
"""

USE_HEAD = """\
## How to use

Needs `torch`, `transformers` and, for video files, `av`. Pin `revision` to a commit when you load from the Hub: the folder
carries code.

```python
import torch
from transformers import AutoModelForVideoClassification, AutoProcessor

folder = "{folder}"
model = AutoModelForVideoClassification.from_pretrained(folder, trust_remote_code=True)
processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)

inputs = processor(videos="clip.mp4", return_tensors="pt")
with torch.inference_mode():
    logits = model(**inputs).logits
{reading}
```
"""

# How the outputs of a head are read, by its problem type.
_READINGS = {
    "single_label_classification": "print(model.config.id2label[logits.argmax(dim=-1).item()])",
    "multi_label_classification": "print([model.config.id2label[i] for i, p in enumerate(logits[0].sigmoid()) if p > 0.5])",
    "regression": "print({model.config.id2label[i]: value for i, value in enumerate(logits[0].tolist())})",
}
_HEADS = {
    "single_label_classification": "names one of",
    "multi_label_classification": "names any of",
    "regression": "gives a number for each of",
}
MAX_LISTED = 50

LIMITS = """\
## What the scores mean, and what they do not

The model compares a clip with texts. It describes the **apparent expression** of a face, never how a person feels. The
scores are a relative match among the texts you gave: they are not probabilities of an emotion, they are not calibrated, and
another list of texts gives another answer. Somebody who offers only "guilty" and "lying" forces one of the two; offer "none of
these" as well and look at the raw similarities.

Expected to fail: faces that are small, blurred, turned away or covered, several faces in one picture, cuts inside a clip, and
people, cultures and camera settings that the training data did not contain. Systems of this kind have been found to err
differently by age, gender and skin colour; measure that on your own data before any use.

## Responsible use

Meant for research and for describing films and consenting people's own videos. Not for decisions about people: not for
workplaces, schools and universities, hiring, policing, border control, credit, insurance, lie detection or medical diagnosis.
In the European Union, inferring emotions at work and in education is prohibited (AI Act, Article 5(1)(f), medical and safety
reasons excepted), and people exposed to an emotion recognition system must be told at the latest at first exposure
(Article 50(3)). This is not legal advice. Ask people before you analyse them; keep no more than you need.
"""


def hub_licence(terms: str) -> str:
    """Return the terms of data as the Hub spells licences: `other` for words of another kind, for it refuses a card with those."""
    name = terms.strip().lower() or "unknown"
    return name if name in HUB_LICENCES else "other"


def model_card(
    config: PreTrainedConfig,
    *,
    title: str = "EmoCLIP",
    folder: str = "path/to/this/folder",
    licence: str = "unknown",
    training: str | None = None,
    evaluation: str | None = None,
) -> str:
    """Return the text of a model card, YAML header first.

    Args:
        config: The model's configuration, for the table of sizes.
        title: First heading.
        folder: What the loading example opens: a Hub name or a path.
        licence: Licence of the weights as the Hub spells it (`apache-2.0`), with its terms set by the training data.
        training: Markdown on the training data, its licence, the command, seed and commit; `None` says it is not stated.
        evaluation: Markdown on results, sample counts and intervals; `None` says it is not stated.
    """
    problem = getattr(config, "problem_type", None)
    tags = TAGS if problem is None else [tag for tag in TAGS if not tag.startswith("zero-shot")]
    header = ModelCardData(
        language="en", license=licence, library_name="transformers", pipeline_tag="video-classification", tags=tags
    )
    parts = [
        f"---\n{header.to_yaml()}\n---\n",
        f"# {title}\n",
        _what_it_does(config),
        USE.format(folder=folder) if problem is None else USE_HEAD.format(folder=folder, reading=_READINGS[problem]),
        f"## Training\n\n{training or 'Not stated.'}\n",
        f"## Evaluation\n\n{evaluation or 'Not stated.'}\n",
        f"## Sizes\n\n{_size_table(config)}\n",
        LIMITS,
    ]
    return "\n".join(parts)


def _what_it_does(config: PreTrainedConfig) -> str:
    """Return one sentence on what goes in and what comes out."""
    problem = getattr(config, "problem_type", None)
    if problem is None:
        return (
            "Zero-shot recognition of apparent facial expression in video: give it a clip and any texts, and it says how well "
            "each text matches.\n"
        )
    names = list((config.id2label or {}).values())
    listed = ", ".join(map(str, names[:MAX_LISTED])) + (" and more" if len(names) > MAX_LISTED else "")
    return f"A head on EmoCLIP's video encoder: for a clip of a face it {_HEADS[problem]} {listed}.\n"


def _size_table(config: PreTrainedConfig) -> str:
    """Return a Markdown table of the sizes that a reader compares models by."""
    parts = config.to_dict()
    vision, temporal = parts.get("vision_config") or {}, parts.get("temporal_config") or {}
    rows = {
        "picture side, pixels": vision.get("image_size"),
        "patch side, pixels": vision.get("patch_size"),
        "image tower, layers x width": f"{vision.get('num_hidden_layers')} x {vision.get('hidden_size')}",
        "joint space, dimensions": parts.get("projection_dim"),
        "pooling over time": temporal.get("pooling"),
    }
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    return "\n".join(["| what | value |", "|---|---|", *lines])
