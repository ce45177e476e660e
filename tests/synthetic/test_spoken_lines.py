# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from emoclip.synthetic.samples import EMOTIONS
from emoclip.synthetic.spoken_lines import SENTIMENT_OF, SENTIMENTS, draw_line, spoken_lines


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_held_out_lines_are_new_combinations_of_known_parts(emotion):
    """A test line that was trained on measures memory; one of new words measures nothing."""
    train, test = spoken_lines(emotion), spoken_lines(emotion, held_out=True)
    assert (len(train), len(test)) == (24, 6)
    assert not set(train) & set(test)
    begins, ends = ([{line.partition(", ")[side] for line in lines} for lines in (train, test)] for side in (0, 2))
    assert begins[1] <= begins[0]
    assert ends[1] <= ends[0]


def test_no_line_belongs_to_two_emotions_or_names_one():
    """The text must not give the class away."""
    lines = [
        line for emotion in EMOTIONS for held_out in (False, True) for line in spoken_lines(emotion, held_out=held_out)
    ]
    assert len(set(lines)) == len(lines)
    assert not [line for line in lines for emotion in EMOTIONS if emotion[:5] in line.lower()]


def test_sentiments_are_the_classifiers():
    """Several emotions share one: that is what the sentiment-guided loss is for."""
    assert set(SENTIMENT_OF) == set(EMOTIONS)
    assert set(SENTIMENT_OF.values()) == set(SENTIMENTS)


def test_drawing_is_a_function_of_the_generator():
    """Films are made again from their seed."""
    assert draw_line("fear", np.random.default_rng(3)) == draw_line("fear", np.random.default_rng(3))
    with pytest.raises(ValueError, match="got 'joy'"):
        draw_line("joy", np.random.default_rng(3))
