# SPDX-License-Identifier: Apache-2.0
import pytest

from emoclip.dialogue.sentences import (
    Sentence,
    Word,
    line_sentences,
    restored_sentences,
    spread_words,
    written_sentences,
)
from emoclip.dialogue.subtitles import Cue


def test_words_share_the_time_of_their_line():
    """A sentence within a line starts where its first word does."""
    words = spread_words([Cue("- one two", 1.0, 2.0), Cue("three", 4.0, 5.0)])
    assert words == [Word("one", 1.0, 1.5), Word("two", 1.5, 2.0), Word("three", 4.0, 5.0)]


def test_a_line_ends_where_the_next_begins():
    """Automatic captions stand on the screen for longer than they are said."""
    assert spread_words([Cue("one", 1.0, 9.0), Cue("two", 3.0, 4.0)])[0].end == 3.0


def test_sentences_run_over_lines_and_end_within_them():
    """A line is no sentence."""
    words = spread_words([Cue("I am so", 0.0, 3.0), Cue('glad. "Are you?" And', 3.0, 7.0), Cue("then", 7.0, 8.0)])
    assert written_sentences(words) == [Sentence("I am so glad.", 0.0, 4.0), Sentence('"Are you?"', 4.0, 6.0)]


@pytest.mark.parametrize("text", ["[door slams] Wait.", "♪ la la la ♪", "♪ la la la. ♪", "(sighs.)"])
def test_sounds_and_songs_are_left_out(text):
    """They are no speech, and a song must not become the beginning of the next sentence."""
    cues = [Cue(text, 0.0, 1.0), Cue("Yes.", 2.0, 3.0)]
    assert [one.text for one in written_sentences(spread_words(cues))] == ["Yes."]
    assert [one.text for one in line_sentences(cues)] == ["Yes."]


@pytest.mark.parametrize(
    ("lines", "sentences"),
    [
        (["Good night, Mr. Bond. I am Dr. No."], ["Good night, Mr. Bond.", "I am Dr. No."]),
        (["JOHN F. KENNEDY CAME. MR. SMITH TOO."], ["JOHN F. KENNEDY CAME.", "MR. SMITH TOO."]),
        (["The U.S. Army came at 5 p.m. on Sunday. Right."], ["The U.S. Army came at 5 p.m. on Sunday.", "Right."]),
        (["We live in the U.S.", "They do not."], ["We live in the U.S.", "They do not."]),
        (["We, the U.S.", "of America. Just a sec. Yes."], ["We, the U.S. of America.", "Just a sec.", "Yes."]),
        (["I... I think so. Well... maybe."], ["I...", "I think so.", "Well... maybe."]),
        (["Well...", "No. 5 is it. No. Not I. O.K. Go."], ["Well...", "No. 5 is it.", "No.", "Not I.", "O.K.", "Go."]),
        (["Wait for...", "...my friend… so.", "Stop..."], ["Wait for... ...my friend… so.", "Stop..."]),
        (["It costs 3.", "I have 2. What?!"], ["It costs 3.", "I have 2.", "What?!"]),
        (["他来了。", "我走…", "再见！"], ["他来了。", "我走…", "再见！"]),  # noqa: RUF001 - marks of Chinese
        ([">> Who? >> I am."], ["Who?", "I am."]),
        (["Je sais où il est. Viens ici."], ["Je sais où il est.", "Viens ici."]),
        (["Это не я. Пойдём. А. Чехов."], ["Это не я.", "Пойдём.", "А. Чехов."]),  # noqa: RUF001 - Russian
        (["Lui è. Va bene. At 5 a.m. Monday."], ["Lui è.", "Va bene.", "At 5 a.m. Monday."]),
    ],
)
def test_not_every_stop_ends_a_sentence(lines, sentences):
    """A caption "Good night, Mr." is no sentence, and the clip is cut in the middle of one."""
    cues = [Cue(line, 10.0 * place, 10.0 * place + 9) for place, line in enumerate(lines)]
    assert [one.text for one in written_sentences(spread_words(cues))] == sentences


def test_text_without_punctuation_asks_for_a_model():
    """Otherwise a whole film would be one sentence, longer than ten seconds, and give nothing."""
    words = spread_words([Cue("and so we went on " * 40, 0.0, 90.0)])
    with pytest.raises(ValueError, match=r"got 0 sentence ends in 200 words; pass --punctuation model"):
        written_sentences(words)


def test_a_model_sets_the_stops_as_in_the_original():
    """First and last words without a stop before and behind them are dropped; a question runs on."""
    words = [
        Word(text, place, place + 1)
        for place, text in enumerate(["tail,", "one", "two!", "3.5", "four", "five", "six"])
    ]
    marks = {"tail": ".", "two": ".", "3.5": "?", "five": "."}
    told = restored_sentences(words, lambda bare: [word + marks.get(word, "") for word in bare])
    assert told == [Sentence("one two.", 1, 3), Sentence("3.5? four five.", 3, 6)]


def test_a_model_leaves_sentences_with_sounds_out_as_in_the_original():
    """Stripped of its brackets, a described sound would become what the person says."""
    cues = [Cue("Stop. [door slams softly] Wait for me, please. (sighs) I am glad.", 0.0, 9.0)]
    stops = {"Stop", "please", "glad"}
    told = restored_sentences(
        spread_words(cues), lambda bare: [f"{word}." if word in stops else word for word in bare]
    )
    assert [one.text for one in told] == ["I am glad."]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("(sighs) I am glad.", "I am glad."),
        ("I am (quietly) glad.", "I am glad."),
        ("\uff08sighs\uff09I am glad.", "I am glad."),
    ],
)
def test_sounds_in_round_brackets_are_taken_out_of_lines(text, left):
    """They stand beside what is said and are not said."""
    cues = [Cue(text, 0.0, 3.0)]
    assert [one.text for one in written_sentences(spread_words(cues))] == [left]
    assert [one.text for one in line_sentences(cues)] == [left]
