# SPDX-License-Identifier: Apache-2.0
"""A metric Space: one of our `evaluate` modules as a complete folder that the Hub serves and `evaluate.load` loads from there.

    uar/
        uar.py                    the module, importing only the files beside it
        classification.py, ...    the metrics' own code: nobody has to install this project for a number
        app.py                    a page that computes the metric
        requirements.txt, README.md

The library fetches the files that the module itself imports, and not what those import, so the module names them all.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from .loading import module_path


_PACKAGE = Path(__file__).parent
_OWN = "emoclip.metrics"
_REQUIREMENTS = "datasets>=5.0\nevaluate>=0.4.6\nnumpy>=2.0\n"

_APP = '''\
# SPDX-License-Identifier: Apache-2.0
"""A page that computes the metric `{name}` on lists that are typed in."""

import json
from pathlib import Path

import evaluate
import gradio as gr


metric = evaluate.load(str(Path(__file__).with_name("{name}.py")))


def compute(references: str, predictions: str) -> dict:
    """Return the metric of two JSON lists."""
    try:
        inputs = {{"references": json.loads(references), "predictions": json.loads(predictions)}}
    except json.JSONDecodeError as error:
        raise gr.Error(f"Both boxes must hold JSON lists: {{error}}") from error
    try:
        return metric.compute(**inputs)
    except (TypeError, ValueError) as error:
        raise gr.Error(str(error)) from error


demo = gr.Interface(
    fn=compute,
    inputs=[
        gr.Textbox(label="references", value={references!r}, lines=3),
        gr.Textbox(label="predictions", value={predictions!r}, lines=3),
    ],
    outputs=gr.JSON(label="{name}"),
    title="{name}",
    description=metric.info.description,
    article=metric.info.inputs_description,
    flagging_mode="never",
)

if __name__ == "__main__":
    demo.launch()
'''

_README = """\
---
title: {name}
emoji: 📐
colorFrom: blue
colorTo: green
sdk: gradio
sdk_version: {sdk_version}
app_file: app.py
pinned: false
license: apache-2.0
short_description: {short}
tags:
  - evaluate
  - metric
  - emotion-recognition
---

# {name}

{description}

## How to use

```python
import evaluate

metric = evaluate.load("{repo}")
metric.compute(references={references}, predictions={predictions})
```

## Inputs
{inputs}
## Output

```python
{output}
```

## Limits

A number says nothing of how sure it is: report an interval with it, and the number of clips. Metrics of recognition compare a
model with labels that people gave to apparent expressions; they do not measure what anyone felt.

## Citation

```bibtex
{citation}```
"""

# What a visitor of the page and a reader of the card see computed.
_LABELS = ('["joy", "joy", "joy", "fear"]', '["joy", "joy", "fear", "fear"]')
_SCORES = ("[0, 0, 1, 2]", "[[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]]")
_EXAMPLES = {
    "class_scores": _SCORES,
    "calibration_error": _SCORES,
    "retrieval_ranks": ("[0, 1, 2]", "[[0.9, 0.1, 0.2], [0.5, 0.4, 0.1], [0.2, 0.1, 0.6]]"),
    "affect_regression": ("[1.0, 2.0, 3.0, 6.0]", "[2.0, 2.0, 5.0, 5.0]"),
}


def write_metric_space(name: str, parent: str | Path, *, owner: str = "your-name") -> Path:
    """Writes the complete folder of a metric Space, `parent/name`, and returns it.

    Args:
        name: One of `emoclip.metrics.module_names()`.
        parent: Where the folder is made.
        owner: User or organisation on the Hub, for the example of the card.

    Raises:
        ValueError: If there is no module of that name.
        FileExistsError: If the folder exists and holds anything.
        ImportError: If the `evaluate` library or Gradio is not installed.
    """
    source = Path(module_path(name)) / f"{name}.py"
    folder = Path(parent) / name
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"The folder must be new or empty, got {folder}; choose another with --output.")
    files = {f"{name}.py": _standalone(source), "requirements.txt": _REQUIREMENTS}
    for sibling in _needed_files(source):
        files[f"{sibling}.py"] = _copy(sibling)
    files |= _pages(name, owner)
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        (folder / file).write_text(text, encoding="utf-8")
    return folder


def _pages(name: str, owner: str) -> dict[str, str]:
    """`app.py` and `README.md`."""
    from emoclip.console import require

    from .loading import load_module

    metric = load_module(name)
    references, predictions = _EXAMPLES.get(name, _LABELS)
    output = metric.compute(references=ast.literal_eval(references), predictions=ast.literal_eval(predictions))
    common = {"name": name, "references": references, "predictions": predictions}
    description = metric.info.description
    card = _README.format(
        **common,
        sdk_version=require("gradio", "demo").__version__,
        short=description.split(",")[0].split(".")[0][:60],
        description=description,
        repo=f"{owner}/{name}",
        inputs=metric.info.inputs_description,
        output=output,
        citation=metric.info.citation,
    )
    app = _APP.format(**common)
    return {"app.py": app, "README.md": card}


def _standalone(source: Path) -> str:
    """The module's text with our imports turned into imports of the files beside it."""
    text = source.read_text(encoding="utf-8")
    names = _names_from_package()
    lines = []
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom) and node.module == _OWN:
            lines += [f"from .{names[alias.name]} import {alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{_OWN}."):
            used = ", ".join(alias.name for alias in node.names)
            lines.append(f"from .{(node.module or '').removeprefix(f'{_OWN}.')} import {used}")
    direct = {line.split()[1].removeprefix(".") for line in lines}
    # Files that only the files beside the module import: the library fetches what it sees here, and reads what follows an import
    # on its line as an address.
    further = [f"from .{name} import __doc__ as _{name}" for name in _needed_files(source) if name not in direct]
    kept = re.sub(rf"^from {re.escape(_OWN)}[^\n]*\n", "", text, flags=re.MULTILINE)
    head, marker, rest = kept.partition('"""\n')
    return "\n".join([f"{head}{marker}", *sorted(lines), *further, "\n", rest.strip(), ""])


def _needed_files(source: Path) -> list[str]:
    """Our files that the module needs, directly or by way of others."""
    names = _names_from_package()
    waiting, needed = [source], []
    while waiting:
        for node in ast.walk(ast.parse(waiting.pop().read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom):
                continue
            found = _files_of(node, names)
            for name in found:
                if name not in needed and name not in ("loading", "folds"):
                    needed.append(name)
                    waiting.append(_PACKAGE / f"{name}.py")
    return sorted(needed)


def _files_of(node: ast.ImportFrom, names: dict[str, str]) -> list[str]:
    if node.level == 1 and node.module:
        return [node.module]
    if node.module == _OWN:
        return [names[alias.name] for alias in node.names]
    return [node.module.removeprefix(f"{_OWN}.")] if (node.module or "").startswith(f"{_OWN}.") and node.module else []


def _names_from_package() -> dict[str, str]:
    """Public name -> file that it comes from, as `emoclip/metrics/__init__.py` imports it."""
    tree = ast.parse((_PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    return {
        alias.name: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 1
        for alias in node.names
    }


def _copy(name: str) -> str:
    """A file of this package; the one that shields the library from a script of its name takes it directly."""
    text = (_PACKAGE / f"{name}.py").read_text(encoding="utf-8")
    if name != "evaluate_module":
        return text
    text = text.replace("from .loading import evaluate_library\n", "")
    text = re.sub(r"# Not by an import statement[^\n]*\nevaluate: Any = evaluate_library\(\)\n", "", text)
    return text.replace("import datasets\n", "import datasets\nimport evaluate\n", 1)


__all__ = ["write_metric_space"]
