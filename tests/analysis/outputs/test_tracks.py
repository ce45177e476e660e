# SPDX-License-Identifier: Apache-2.0
"""Subtitles, ELAN and Praat: read back by parsers that know the formats, not ours."""

import itertools
import re
import xml.etree.ElementTree as ET

import pytest

from emoclip.analysis.outputs.elan import eaf
from emoclip.analysis.outputs.praat import textgrid
from emoclip.analysis.outputs.segments import Segment, segments
from emoclip.analysis.outputs.subtitles import srt, vtt


def test_srt_cues_are_numbered_and_timed(timeline):
    cues = srt(segments(timeline)).strip().split("\n\n")
    assert cues[0] == "1\n00:00:00,000 --> 00:00:02,500\nPerson 1: joy 66%"
    assert [cue.split("\n")[0] for cue in cues] == ["1", "2", "3", "4"]
    assert "no face" not in cues[-1]


def test_vtt_escapes_what_is_markup():
    """`<b>` in a word would be taken for a tag, an arrow for a time."""
    text = vtt([Segment("v", 0, 3661.5, 3662.0, "a <b> & --> c", 0.5, "blurred")])
    assert text.startswith("WEBVTT\n\n")
    assert "01:01:01.500 --> 01:01:02.000\na &lt;b&gt; &amp; -&gt; c 50% (blurred)\n" in text


def test_ffmpeg_reads_the_subtitles(timeline, tmp_path):
    """A parser of its own."""
    av = pytest.importorskip("av")
    for name, text in (("a.srt", srt(segments(timeline))), ("a.vtt", vtt(segments(timeline)))):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        with av.open(str(path)) as container:
            packets = [packet for packet in container.demux() if packet.size]
        assert len(packets) == 4
        assert float(packets[0].duration * packets[0].time_base) == pytest.approx(2.5)


def test_elan_tiers_hold_the_segments(timeline, tmp_path):
    """Slots in order of time, one tier per person, values as typed; the film is opened beside it."""
    root = ET.fromstring(eaf(segments(timeline), tmp_path / "a film.mp4").encode())
    slots = {slot.get("TIME_SLOT_ID"): int(slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")}
    assert list(slots.values()) == sorted(slots.values())
    tiers = {
        tier.get("TIER_ID"): [
            (
                slots[one.get("TIME_SLOT_REF1")],
                slots[one.get("TIME_SLOT_REF2")],
                one.findtext("ANNOTATION_VALUE"),
            )
            for one in tier.iter("ALIGNABLE_ANNOTATION")
        ]
        for tier in root.iter("TIER")
    }
    assert tiers["person 1"] == [(0, 2500, "joy 66%"), (2500, 4000, 'quiet "relief" 70% (small face)')]
    assert tiers["person 2"][0] == (500, 2500, "驚き 😀 80%")
    identifiers = [one.get("ANNOTATION_ID") for one in root.iter("ALIGNABLE_ANNOTATION")]
    assert len(set(identifiers)) == 4
    media = next(root.iter("MEDIA_DESCRIPTOR"))
    assert media.get("MEDIA_URL").endswith("/a%20film.mp4")
    assert media.get("MIME_TYPE") == "video/mp4"


def test_elan_holds_no_control_characters():
    """XML cannot hold them at all; ELAN would refuse the whole file."""
    ET.fromstring(eaf([Segment("v", 1, 0.0, 1.0, "joy\x00\x1b\ud800", 0.5, "")], "a\x07.mp4").encode())


def test_textgrid_covers_the_whole_time_without_gaps(timeline):
    """Praat refuses tiers whose intervals do not follow on one another from xmin to xmax."""
    text = textgrid(segments(timeline), duration=10.0)
    assert text.startswith('File type = "ooTextFile"\nObject class = "TextGrid"\n')
    tiers = text.split("    item [")[1:]
    assert [re.search('name = "(.*)"', tier)[1] for tier in tiers] == ["person 1", "person 2"]
    for tier in tiers:
        bounds = [(float(a), float(b)) for a, b in re.findall(r"xmin = (\S+)\s+xmax = (\S+)\s+text", tier)]
        assert bounds[0][0] == 0
        assert bounds[-1][1] == 10.0
        assert all(before[1] == after[0] for before, after in itertools.pairwise(bounds))
        assert int(re.search(r"intervals: size = (\d+)", tier)[1]) == len(bounds)


@pytest.mark.parametrize(("word", "name"), [("joy", "whole frame"), ("", "nobody in sight")])
def test_textgrid_names_the_tier_of_nobody_by_what_was_scored(word, name):
    """Where faces were looked for and none was found, nobody scored the whole frame."""
    text = textgrid([Segment("v", 0, 1.0, 2.0, word, 0.5, "")])
    assert text.count("IntervalTier") == 1
    assert f'name = "{name}"' in text


def test_textgrid_doubles_quotation_marks(timeline):
    assert 'text = "quiet ""relief"""' in textgrid(segments(timeline))
