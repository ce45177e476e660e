# SPDX-License-Identifier: Apache-2.0
import cv2
import pytest

from emoclip.synthetic.contact_sheet import write_contact_sheet


def test_sheet_is_a_small_png_and_never_overwritten_unasked(tmp_path):
    """The sheet is kept in the repository, so it must stay small, and a better one must not be lost."""
    path = tmp_path / "new" / "sheet.png"
    write_contact_sheet(path)
    assert path.stat().st_size < 400_000
    assert cv2.imread(str(path)).shape == (15 * 96, 128 + 7 * 96, 3)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match=r"exists already"):
        write_contact_sheet(path)
    write_contact_sheet(path, overwrite=True)
    assert path.read_bytes() == before
