# SPDX-License-Identifier: Apache-2.0
import pytest

from emoclip.demo import wording


@pytest.mark.parametrize("promise", ["agreed", "apparent expression", "never what a person feels", "diagnosis"])
def test_notice_keeps_its_promises(promise):
    """A later edit of the page must not drop what visitors have to know."""
    assert promise in wording.NOTICE


def test_default_words_can_be_used():
    """Pressing the button at once must work."""
    from emoclip.analysis import parse_emotions

    assert len(parse_emotions(wording.DEFAULT_WORDS)) >= 5
