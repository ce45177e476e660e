# SPDX-License-Identifier: Apache-2.0
"""Settings are checked before anything runs, and a crop set has one."""

from pathlib import Path

import pytest

from emoclip.data.faces.crop_settings import CropSettings, claim_folder


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"select": "best"}, "`--select` must be one of"),
        ({"no_face": "fail"}, "`--no-face` must be one of"),
        ({"format": "gif"}, "`--format` must be one of"),
        ({"every": 0}, "`--every` must be at least 1"),
        ({"max_gap": 0}, "`--max-gap` must be at least 1"),
        ({"smooth": 0}, "`--smooth` must be at least 1"),
        ({"size": 7}, "`--size` must be at least 8"),
        ({"margin": float("nan")}, "`--margin` must be in"),
        ({"format": "video", "size": 33}, "`--size` must be even"),
    ],
)
def test_bad_values_are_refused(values, message) -> None:
    """They would fail in every clip of a night."""
    with pytest.raises(ValueError, match=message):
        CropSettings(**values)


def test_a_crop_set_is_continued_with_the_same_settings_only(tmp_path: Path) -> None:
    """Half of a set with another margin than the other half would go unnoticed."""
    claim_folder(tmp_path / "new", CropSettings(), detector="haar", source="abc")
    claim_folder(tmp_path / "new", CropSettings(), detector="haar", source="abc")
    with pytest.raises(FileExistsError, match=r"begun with margin 0\.3, got 0\.5"):
        claim_folder(tmp_path / "new", CropSettings(margin=0.5), detector="haar", source="abc")
    with pytest.raises(FileExistsError, match="begun with manifest_sha256 'abc'"):
        claim_folder(tmp_path / "new", CropSettings(), detector="haar", source="abd")


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    """Crops must not be strewn among somebody's files."""
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(FileExistsError, match="must be a new folder"):
        claim_folder(tmp_path, CropSettings(), detector="haar", source="abc")
