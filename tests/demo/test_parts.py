# SPDX-License-Identifier: Apache-2.0
import gradio as gr
import pytest

from emoclip.analysis.words import read_emotions
from emoclip.demo.limits import Limits
from emoclip.demo.media_check import check_media
from emoclip.demo.parts import agreed, compound, example_clips, word_fields


@pytest.mark.parametrize(
    ("parts", "weights", "expected"),
    [
        (["fear", "surprise"], "", "fear + surprise"),
        (["fear", "surprise", "awe"], "1, 2, 0.5", "fear + 2*surprise + 0.5*awe"),
    ],
)
def test_compounds_are_written_as_words(parts, weights, expected):
    """What the builder adds must be read as a sum."""
    assert compound(parts, weights) == expected
    assert read_emotions([expected]).names == (expected,)


@pytest.mark.parametrize(
    ("parts", "weights", "told"),
    [
        (["fear"], "", "at least 2 components, got 1"),
        (["fear", "awe"], "1", "one weight for each of the 2 components"),
        (["fear", "awe"], "1, x", "got 'x'"),
        (["fear", "awe"], "1, -2", "got '-2'"),
        (["fear", "awe"], "1, nan", "got 'nan'"),
    ],
)
def test_compounds_that_make_no_sense_are_told(parts, weights, told):
    """Before they are among the words."""
    with pytest.raises(ValueError, match=told):
        compound(parts, weights)


def test_examples_are_packaged_and_can_be_used():
    """A Space without its examples shows an empty strip."""
    clips = example_clips()
    assert len(clips) == 2
    for clip in clips:
        check_media(clip, Limits())


@pytest.mark.parametrize("given", [False, None, "yes"])
def test_fields_that_were_opened_by_other_means_do_not_help(given):
    """Consent is checked where the work is done, not only in the browser."""
    agreed(True)
    with pytest.raises(ValueError, match="must be ticked first"):
        agreed(given)


def test_lists_and_compounds_answer_while_the_queue_is_full():
    """Choosing a list was refused with "queue is full" by analyses of others."""
    with gr.Blocks() as page:
        word_fields(gr.State(), elem_id="words")
    assert [(event.fn.__name__, event.queue) for event in page.fns.values()] == [
        ("_preset", False),
        ("_keep", False),
        ("_with_compound", False),
    ]
