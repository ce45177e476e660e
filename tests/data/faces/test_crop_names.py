# SPDX-License-Identifier: Apache-2.0
"""Clip ids become names that every file system takes."""

import pytest

from emoclip.data.faces.crop_names import MAX_BYTES, crop_names, safe_name


@pytest.mark.parametrize("part", ["00001", "003.mp4#1", "Sitzung_Ä", "表情01", "a,b=c@d+e-f"])
def test_harmless_names_stay(part) -> None:
    """Users look for a clip by its id."""
    assert safe_name(part) == part


@pytest.mark.parametrize(
    "part",
    ["", ".", "..", ".hidden", "-rf", "a b", "a\\b", "a:b", 'a"?*<>|b', "a\x00b", "a\nb", "CON", "nul.mp4", "end.",
     "e\u0301", "x" * 101, "情" * 34, "\udcff", "a/b"],
)  # fmt: skip
def test_dangerous_names_are_changed_and_told_apart(part) -> None:
    """They would leave the folder, be hidden, be refused by Windows or by a limit on length, or need quoting."""
    name = safe_name(part)
    assert name != part and safe_name(name) == name
    assert len(name.encode()) <= MAX_BYTES
    assert not set('/\\:*?"<>|\0\n ') & set(name) and name[0] not in ".-"
    assert safe_name(part + "!") != safe_name(part + "?")


def test_ids_that_would_share_a_place_do_not() -> None:
    """A clip that is another's folder would be deleted with it; upper and lower case are one on some disks."""
    ids = ["a", "a/b", "A/B", "x?", "x*", "d/../e", "/root", "a//b"]
    names = crop_names(ids)
    assert list(names) == ids and names["a/b"] == "a/b"
    lowered = [name.casefold() for name in names.values()]
    assert len(set(lowered)) == len(ids)
    assert not any(second.startswith(f"{first}/") for first in lowered for second in lowered)
    assert not any(name.startswith("/") or ".." in name.split("/") for name in names.values())
    assert crop_names(ids) == names
