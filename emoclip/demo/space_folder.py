# SPDX-License-Identifier: Apache-2.0
"""A complete Space: the files of `space/`, and the package itself as a wheel, so that it builds without a release.

A Space installs its requirements before, and apart from, its other files: a wheel of the repository cannot be named there, and an
address of it would need a key where the Space is private. So the requirements name what the wheel needs, and `app.py` takes the
package from the wheel beside it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from email.parser import Parser
from pathlib import Path

from huggingface_hub import HfApi, SpaceHardware
from huggingface_hub.utils import validate_repo_id
from packaging.requirements import Requirement


FILES = ("README.md", "app.py", "requirements.txt")
REQUIREMENT, EXTRA = "emoclip[demo]", "demo"
# Smaller builds of PyTorch. Elsewhere they must not be offered: pip takes them for newer than those for a card.
CPU_INDEX = "--extra-index-url https://download.pytorch.org/whl/cpu"


def assemble_space(
    source: str | Path,
    output: str | Path,
    build: Callable[[Path, Path], Path] | None = None,
    *,
    hardware: str | None = None,
) -> list[Path]:
    """Write the Space's folder anew and return its files.

    Args:
        source: The folder `space/` of a clone.
        output: The folder to write; one that was written so before is replaced.
        build: From the clone and a folder to the wheel written there; by pip if absent.
        hardware: Of the Space, as the Hub spells it, such as `zero-a10g`; `None` is the free processor.

    Raises:
        FileNotFoundError: The source is no such folder of a clone.
        FileExistsError: The output holds something else.
        ValueError: The package cannot be built, the requirements do not name it, or the Hub has no such hardware.
    """
    source, output = Path(source), Path(output)
    _check_hardware(hardware)
    missing = [name for name in FILES if not (source / name).is_file()]
    if missing or not (source.resolve().parent / "pyproject.toml").is_file():
        raise FileNotFoundError(
            f"A Space is made of the folder `space` of a clone, {source} has no {missing[0] if missing else 'pyproject.toml beside it'}."
        )
    _empty(output)
    wheel = (build or _build_wheel)(source.resolve().parent, output)
    for name in FILES:
        shutil.copyfile(source / name, output / name)
    requirements = output / "requirements.txt"
    lines = requirements.read_text(encoding="utf-8").splitlines()
    if REQUIREMENT not in lines:
        raise ValueError(f"{source / 'requirements.txt'} must have the line {REQUIREMENT}, it has {', '.join(lines)}.")
    written = [*([CPU_INDEX] if (hardware or "cpu").startswith("cpu") else []), *needed(wheel)]
    requirements.write_text("\n".join(written) + "\n", encoding="utf-8")
    return sorted(output.iterdir())


def needed(wheel: Path) -> list[str]:
    """Return the requirements of a wheel of ours with its demo, as lines of a requirements file.

    Raises:
        ValueError: The file is no wheel.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
            metadata = Parser().parsestr(archive.read(name).decode("utf-8"))
    except (zipfile.BadZipFile, ValueError) as error:
        raise ValueError(f"A wheel must hold one METADATA file, {wheel.name} does not; build it again.") from error
    lines = []
    for text in metadata.get_all("Requires-Dist") or []:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": EXTRA}):
            requirement.marker = None
            lines.append(str(requirement))
    return sorted(lines)


def push_space(folder: str | Path, repo: str, *, private: bool = True, hardware: str | None = None) -> str:
    """Put an assembled folder on the Hub as a Gradio Space, in one commit, and return its address.

    Raises:
        ValueError: The name is none.
        OSError: The Hub cannot be reached or refuses.
    """
    validate_repo_id(repo)
    api = HfApi()
    api.create_repo(repo, repo_type="space", space_sdk="gradio", private=private, exist_ok=True)
    info = api.upload_folder(
        repo_id=repo,
        repo_type="space",
        folder_path=folder,
        commit_message="The page, with its package",
        delete_patterns=["*.whl"],
    )
    if hardware is not None:
        api.request_space_hardware(repo, SpaceHardware(hardware))
    return str(info.commit_url)


def _check_hardware(hardware: str | None) -> None:
    known = [one.value for one in SpaceHardware]
    if hardware is not None and hardware not in known:
        raise ValueError(f"`hardware` must be one of {', '.join(known)}, got {hardware!r}.")


def _empty(output: Path) -> None:
    if output.exists():
        others = [path for path in output.iterdir() if path.name not in FILES and path.suffix != ".whl"]
        if others:
            raise FileExistsError(
                f"The Space's folder must be new or hold a Space only, {output} holds {others[0].name}."
            )
        shutil.rmtree(output)
    output.mkdir(parents=True)


def _build_wheel(root: Path, output: Path) -> Path:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(output), str(root)]
    told = subprocess.run(command, capture_output=True, text=True)
    if told.returncode:
        raise ValueError(
            f"The package must build by `pip wheel --no-deps {root}`, it does not: {told.stderr.strip()[-300:]}"
        )
    return next(output.glob("emoclip-*.whl"))


__all__ = ["assemble_space", "needed", "push_space"]
