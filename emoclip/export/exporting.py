# SPDX-License-Identifier: Apache-2.0
"""A model folder as a folder for ONNX Runtime or OpenVINO: graphs, processor, card, and what the export cost in accuracy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor
from modeling_emoclip.hub_emoclip import MAPPED_FILES

from .fidelity import measure_fidelity, noise_clips
from .graphs import axis_limits, frames_graph, pooling_graph, text_graph, video_graph
from .hub_folder import new_folder
from .onnx_graphs import require_onnx, write_onnx, write_onnx_int8
from .openvino_graphs import require_openvino, write_openvino, write_openvino_int8
from .runtime import RECORD, graph_file, load_exported


FORMATS = ("onnx", "openvino")
TEXTS = ("a broad smile", "a frown with lowered brows", "wide open eyes and mouth", "a still face", "pressed lips")
# Above this an export is broken, not merely rounded: float32 graphs agree to about a millionth.
MOST_DIFFERENCE = 1e-3


def export_model(  # noqa: PLR0913 - the front door of the package's exports: each argument is a wish of the user's
    model: str | Path,
    output: str | Path,
    *,
    format: str = "onnx",
    int8: bool = False,
    parts: bool = False,
    videos: Sequence[Any] | None = None,
    texts: Sequence[str] = TEXTS,
    overwrite: bool = False,
    report: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Write a model for another runtime, measure what it lost, and return the record, which also stands in `export.json`.

    Args:
        model: Model folder or Hub id.
        output: Folder to write; it appears at once.
        format: `onnx` or `openvino`.
        int8: Also write the graphs with int8 weights.
        parts: Also write the image tower and the temporal part as graphs of their own, for windows that share frames.
        videos: Clips to measure with, as the processor takes them; patterns that drift by default.
        texts: Texts to measure with.
        overwrite: Replace an exported folder.
        report: Called with a line on what is being done.

    Raises:
        FileExistsError: The output exists and may not be replaced.
        ImportError: The extra is not installed; the message carries the line that installs it.
        ValueError: The format is unknown, or the exported graphs do not compute what the model computes.
    """
    if format not in FORMATS:
        raise ValueError(f"`format` must be one of {', '.join(FORMATS)}, got {format!r}.")
    {"onnx": require_onnx, "openvino": require_openvino}[format]()
    with new_folder(Path(output), overwrite=overwrite, marker=RECORD) as folder:
        loaded = EmoCLIPModel.from_pretrained(model).float().eval()
        processor = EmoCLIPProcessor.from_pretrained(model)
        graphs = _write_graphs(loaded, folder, format, int8=int8, parts=parts, report=report)
        _write_processor(processor, loaded, folder)
        record = {
            "format": format,
            "graphs": graphs,
            "precisions": ["float32", "int8"] if int8 else ["float32"],
            "logit_multiplier": float(loaded.logit_scale.detach().exp()),
            "model": str(model),
            "embed_dim": loaded.embed_dim,
            "sizes": {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if _is_graph(path)},
        }
        (folder / RECORD).write_text(json.dumps(record), encoding="utf-8")
        clips = noise_clips(processor) if videos is None else list(videos)
        report("measuring what was lost")
        record["fidelity"] = {
            precision: measure_fidelity(loaded, load_exported(folder, precision=precision), clips, list(texts))
            for precision in record["precisions"]
        }
        _check(record["fidelity"]["float32"])
        (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        (folder / "README.md").write_text(_card(record), encoding="utf-8")
    return record


def _write_graphs(
    model: Any, folder: Path, format: str, *, int8: bool, parts: bool, report: Callable[[str], None]
) -> list[str]:
    graphs = [video_graph(model), text_graph(model)]
    if parts:
        graphs += [frames_graph(model), pooling_graph(model)]
    limits = axis_limits(model)
    for graph in graphs:
        report(f"writing {graph.name}")
        source = folder / graph_file(graph.name, "onnx", "float32")
        write_onnx(graph, source, limits)
        if format == "openvino":
            write_openvino(source, folder / graph_file(graph.name, format, "float32"))
        if int8:
            write = write_onnx_int8 if format == "onnx" else write_openvino_int8
            write(source, folder / graph_file(graph.name, format, "int8"))
        if format == "openvino":
            for path in folder.glob(f"{source.name}*"):
                path.unlink()
    return [graph.name for graph in graphs]


def _write_processor(processor: Any, model: Any, folder: Path) -> None:
    """The files that turn clips and words into inputs, and the configuration; no code, since none runs from here."""
    processor.save_pretrained(folder)
    model.config.save_pretrained(folder)
    for path in folder.glob("*_emoclip.py"):
        path.unlink()
    for name in MAPPED_FILES:
        path = folder / name
        if path.is_file():
            path.write_text(json.dumps(_without_map(json.loads(path.read_text(encoding="utf-8"))), indent=2) + "\n")
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)


def _without_map(content: Any) -> Any:
    if not isinstance(content, dict):
        return content
    return {key: _without_map(value) for key, value in content.items() if key not in ("auto_map", "custom_pipelines")}


def _is_graph(path: Path) -> bool:
    return path.name.endswith((".onnx", ".xml", ".bin", ".data"))


def _check(fidelity: dict[str, float]) -> None:
    difference = max(
        1 - fidelity["lowest_video_cosine"],
        1 - fidelity["lowest_text_cosine"],
        fidelity["largest_match_difference"],
    )
    if not difference <= MOST_DIFFERENCE:
        raise ValueError(
            f"The exported graphs must compute what the model computes, they differ by {difference:.2g}; nothing was "
            "written. Please report it with the output of `emoclip doctor --json`."
        )


def _card(record: dict[str, Any]) -> str:
    runtime = {"onnx": "ONNX Runtime", "openvino": "OpenVINO"}[record["format"]]
    rows = "\n".join(
        f"| {precision} | {one['lowest_video_cosine']:.6f} | {one['lowest_text_cosine']:.6f} | "
        f"{one['largest_match_difference']:.6f} | {one['same_first']:.0%} |"
        for precision, one in record["fidelity"].items()
    )
    first = record["fidelity"]["float32"]
    return f"""---
library_name: {record["format"]}
license: unknown
tags: [emoclip, facial-expression-recognition]
---

# EmoCLIP for {runtime}

Exported from `{record["model"]}` by `emoclip export`; its card, licence and limits hold here too. Scores describe apparent
expression, not what anyone feels.

```python
from emoclip.export import load_exported

model = load_exported("path/to/this/folder")
print(model.match("clip.mp4", ["a broad smile", "a frown"]))
```

Graphs: {", ".join(f"`{name}`" for name in record["graphs"])}. The number of clips, frames, texts and tokens may vary.
The relative match is the softmax of {record["logit_multiplier"]:.6g} times the cosines.

Against the model in PyTorch, on {first["num_clips"]} clips and {first["num_texts"]} texts:

| precision | lowest cosine, clips | lowest cosine, texts | largest difference of a relative match | same first text |
|---|---|---|---|---|
{rows}
"""


__all__ = ["FORMATS", "export_model"]
