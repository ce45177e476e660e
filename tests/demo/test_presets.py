# SPDX-License-Identifier: Apache-2.0
import pytest

from emoclip.analysis import parse_emotions
from emoclip.analysis.words import read_emotions
from emoclip.demo.limits import Limits, check_words
from emoclip.demo.presets import PRESETS, preset_words


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_words_that_the_page_takes(name):
    """A list that its own field refuses would greet every visitor with an error."""
    words = check_words(preset_words(name), Limits())
    assert tuple(read_emotions(preset_words(name)).names) == tuple(words)


def test_presets_have_the_sizes_that_they_name():
    """7, 11, 43, 8 with 8 dyads."""
    assert [len(parse_emotions(preset_words(name))) for name in PRESETS] == [7, 11, 43, 16]


def test_an_unknown_preset_is_told():
    """A name that was changed in one place only."""
    with pytest.raises(ValueError, match="got 'Ekman'"):
        preset_words("Ekman")
