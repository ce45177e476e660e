# SPDX-License-Identifier: Apache-2.0
"""The report folder: it appears whole or not at all, and never replaces anything but an earlier report."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emoclip.data.output import check_writable, unwound_by_sigterm
from emoclip.evaluation.report import REPORT


def check_output_folder(output: Path, *, overwrite: bool) -> None:
    """Checks that a report may be written there; called before the work as well as after it.

    Raises:
        PermissionError: If its folder cannot be written to.
        FileExistsError: If something is there, unless it is an empty folder, or a report and `overwrite` is given.
    """
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        check_writable(output.parent)
        return
    if not overwrite:
        raise FileExistsError(
            f"The output folder must be new or empty, got {output}; choose another with --output or pass --overwrite."
        )
    if not (output / REPORT).is_file():
        raise FileExistsError(
            f"Only an earlier report (with {REPORT}) may be overwritten, got {output}; choose another with --output."
        )


def check_features_folder(features: Path, output: Path) -> None:
    """Checks that kept features do not lie where the report will appear: it takes its place as a whole, and replaces what is there.

    Raises:
        ValueError: If they do.
    """
    place = output.resolve()
    if place == features.resolve() or place in features.resolve().parents:
        raise ValueError(
            f"`features` must lie outside the report's folder {output}, got {features}; choose another folder."
        )


def features_folder(output: Path) -> Path:
    """Where features of clips are kept until the report is complete, so that a stopped run goes on."""
    return output.with_name(f".{output.name}.features")


@contextmanager
def new_output_folder(output: Path, *, overwrite: bool) -> Iterator[Path]:
    """A folder to fill, which takes the name `output` when the block ends without an error, and vanishes otherwise.

    SIGTERM is such an error.

    Raises:
        FileExistsError: See `check_output_folder`.
    """
    check_output_folder(output, overwrite=overwrite)
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".{output.name}.{uuid.uuid4().hex[:8]}.partial")
    with unwound_by_sigterm():
        try:
            partial.mkdir()
            yield partial
            # Something may have appeared during a long run.
            check_output_folder(output, overwrite=overwrite)
            _put_in_place(partial, output)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _put_in_place(partial: Path, output: Path) -> None:
    """Renames; an older folder is set aside first, because a full folder cannot be renamed over."""
    aside = partial.with_suffix(".replaced")
    if output.exists():
        output.rename(aside)
    partial.rename(output)
    shutil.rmtree(aside, ignore_errors=True)
