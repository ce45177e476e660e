# SPDX-License-Identifier: Apache-2.0
"""What makes a saved folder complete for `trust_remote_code=True`: the code files and the whole `auto_map`.

`save_pretrained` of transformers adds only the class that was saved, so that a model saved by itself could not be opened as a
processor, and knows nothing of pipelines. Code that was itself fetched must be able to save a complete folder again, so every
file that a user enters by reaches every other one through the imports written here, see `entry_classes`.
"""

import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any


# Auto class of transformers -> our class. `AutoVideoProcessor` itself runs only where torchvision is installed.
AUTO_MAP = {
    "AutoConfig": "configuration_emoclip.EmoCLIPConfig",
    "AutoModel": "modeling_emoclip.EmoCLIPModel",
    "AutoModelForVideoClassification": "modeling_emoclip.EmoCLIPForVideoClassification",
    "AutoProcessor": "processing_emoclip.EmoCLIPProcessor",
    "AutoVideoProcessor": "video_processing_emoclip.EmoCLIPVideoProcessor",
}
PIPELINE_TASK = "zero-shot-video-classification"
CUSTOM_PIPELINES = {
    PIPELINE_TASK: {"impl": "pipeline_emoclip.ZeroShotVideoClassificationPipeline", "pt": ["AutoModel"]},
}
# What `architectures` says of a folder that the pipeline cannot use.
HEAD_CLASS = "EmoCLIPForVideoClassification"
MAPPED_FILES = ("config.json", "processor_config.json", "video_preprocessor_config.json", "tokenizer_config.json")


def complete_folder(folder: str | Path) -> None:
    """Copy the code files into a saved folder and write the whole map into its configuration files.

    A class whose file is not at hand is left out of the map.
    """
    folder = Path(folder)
    copy_code(folder)
    for name in MAPPED_FILES:
        path = folder / name
        if path.is_file():
            _write_maps(path)


def open_to_others(folder: str | Path) -> None:
    """Give weights the rights of the files beside them: transformers writes them for their owner alone."""
    folder = Path(folder)
    usual = (folder / "config.json").stat().st_mode
    for path in folder.glob("*.safetensors"):
        with suppress(PermissionError):  # somebody else's file beside ours
            path.chmod(usual)


def copy_code(folder: str | Path) -> list[Path]:
    """Copy the code files flat into `folder` and return the copies in order of name.

    `__init__.py` stays behind: transformers makes its own package around the files it fetches.
    """
    folder = Path(folder)
    source = Path(__file__).parent
    files = sorted(path for path in source.glob("*_emoclip.py"))
    if source.resolve() == folder.resolve():
        return files
    return [Path(shutil.copyfile(path, folder / path.name)) for path in files]


def entry_classes() -> dict[str, type]:
    """Return auto class -> our class, and the task of the pipeline -> its class.

    transformers fetches the files that a text search finds imported, and no others; these imports are late, because the files
    import this one.
    """
    from .configuration_emoclip import EmoCLIPConfig
    from .modeling_emoclip import EmoCLIPForVideoClassification, EmoCLIPModel
    from .pipeline_emoclip import ZeroShotVideoClassificationPipeline
    from .processing_emoclip import EmoCLIPProcessor
    from .video_processing_emoclip import EmoCLIPVideoProcessor

    return {
        "AutoConfig": EmoCLIPConfig,
        "AutoModel": EmoCLIPModel,
        "AutoModelForVideoClassification": EmoCLIPForVideoClassification,
        "AutoProcessor": EmoCLIPProcessor,
        "AutoVideoProcessor": EmoCLIPVideoProcessor,
        PIPELINE_TASK: ZeroShotVideoClassificationPipeline,
    }


def auto_map(folder: str | Path) -> dict[str, str]:
    """Return auto class -> `file.Class` for every class whose file is in `folder`."""
    return {name: entry for name, entry in AUTO_MAP.items() if _has_file(Path(folder), entry)}


def _write_maps(path: Path) -> None:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    content["auto_map"] = auto_map(path.parent)
    if isinstance(content.get("video_processor"), dict):
        content["video_processor"]["auto_map"] = content["auto_map"]
    if path.name == "config.json":
        # A head for classes has no text tower, so that words could only be scored by random weights.
        named = CUSTOM_PIPELINES if content.get("architectures") != [HEAD_CLASS] else {}
        pipelines = {task: entry for task, entry in named.items() if _has_file(path.parent, entry["impl"])}
        content["custom_pipelines"] = pipelines
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _has_file(folder: Path, entry: Any) -> bool:
    return (folder / f"{str(entry).partition('.')[0]}.py").is_file()


__all__ = [
    "AUTO_MAP",
    "CUSTOM_PIPELINES",
    "PIPELINE_TASK",
    "auto_map",
    "complete_folder",
    "copy_code",
    "entry_classes",
    "open_to_others",
]
