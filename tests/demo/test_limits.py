# SPDX-License-Identifier: Apache-2.0
import pytest

from emoclip.demo.limits import Limits, check_words


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "at least one word"),
        (None, "at least one word"),
        (",".join(f"w{number}" for number in range(65)), "at most 64 words here, got 65"),
        (",".join(f"w{number}" for number in range(300)), "at most 64 words here, got 300; .* takes 256 at once"),
        (",".join(["joy"] * 65), "at most 64 words here, got 65"),
        ("x" * 301, "at most 300 letters, got 301"),
        ("\n".join(f"word {number}" for number in range(10_000)), "letters together, got"),
        ("joy,Joy", "more than case and spaces"),
    ],
)
def test_lists_that_cannot_be_used_are_told(words, told):
    """Ten thousand words are refused without a look at each."""
    with pytest.raises(ValueError, match=told) as caught:
        check_words(words, Limits())
    # A visitor sees no parameters.
    assert "`emotions`" not in str(caught.value)
