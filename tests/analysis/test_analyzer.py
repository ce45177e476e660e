# SPDX-License-Identifier: Apache-2.0
import dataclasses
import io

import av
import numpy as np
import pandas as pd
import pytest
import torch

import emoclip
from emoclip.analysis import Analysis, load_model
from emoclip.analysis.words import TEMPLATE
from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor
from modeling_emoclip.video_decoding_emoclip import VideoDecodeError, iter_frames


WORDS = ["happiness", "quiet relief", "doubt"]


def analyze(*arguments, **options):
    """The clips are noise without a face, so whole frames are scored."""
    return emoclip.analyze(*arguments, **{"faces": "none", **options})


@pytest.fixture(scope="module")
def loaded(tiny_model_folder):
    return load_model(tiny_model_folder)


def test_short_video_equals_the_model_on_the_processors_output(tiny_model_folder, short_clip):
    """Two lines of ours must give what ten lines of transformers give."""
    found = analyze(short_clip, WORDS, tiny_model_folder)
    model = EmoCLIPModel.from_pretrained(tiny_model_folder).eval()
    processor = EmoCLIPProcessor.from_pretrained(tiny_model_folder)
    inputs = processor(text=[TEMPLATE.replace("{}", word) for word in WORDS], videos=str(short_clip))
    with torch.inference_mode():
        output = model(**inputs)
    assert found.timeline["match"].tolist() == pytest.approx(output.logits_per_video.softmax(-1)[0].tolist(), abs=1e-5)
    cosines = (output.video_embeds @ output.text_embeds.T)[0]
    assert found.timeline["similarity"].tolist() == pytest.approx(cosines.tolist(), abs=1e-5)


def test_long_video_gives_a_row_per_window_and_word(loaded, long_clip):
    """The shape that every output relies on."""
    found = analyze(str(long_clip), WORDS, loaded, stride=0.5)
    assert isinstance(found, Analysis)
    assert set(found.timeline["video"]) == {str(long_clip)}
    windows = found.timeline.groupby(["start", "end"], sort=False)
    assert all(group["emotion"].tolist() == WORDS for _, group in windows)
    assert windows["match"].sum().tolist() == pytest.approx([1.0] * len(windows))
    assert found.timeline["end"].max() == pytest.approx(96 / 25)
    assert found.scope == "whole frame"


def test_a_recording_begins_at_second_0(loaded, long_clip, tmp_path):
    """A transport stream begins at any time of its own clock, which no user knows."""
    with av.open(str(long_clip)) as source, av.open(str(tmp_path / "late.ts"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                later = round(3600 / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts + later, packet.dts + later, stream
                target.mux(packet)
    times = [
        analyze(str(path), WORDS, loaded).timeline[["start", "end"]] for path in (long_clip, tmp_path / "late.ts")
    ]
    np.testing.assert_allclose(times[1], times[0], atol=1e-3)


def test_bytes_files_and_paths_are_the_same_video(loaded, long_clip):
    """A short video is read twice, so a stream must survive the first reading."""

    class Pipe(io.RawIOBase):
        def __init__(self, data):
            self.rest = data

        def read(self, size=-1):
            taken, self.rest = (self.rest, b"") if size < 0 else (self.rest[:size], self.rest[size:])
            return taken

    data = long_clip.read_bytes()
    expected = analyze(long_clip, WORDS, loaded).timeline.drop(columns="video")
    for source in (data, io.BytesIO(data), Pipe(data)):
        found = analyze(source, WORDS, loaded).timeline.drop(columns="video")
        pd.testing.assert_frame_equal(found, expected)


def test_array_and_words_in_one_text(loaded):
    """What notebooks pass: an array of frames and a text with commas."""
    video = np.random.default_rng(1).integers(0, 255, size=(7, 26, 34, 3), dtype=np.uint8)
    assert analyze(video, "a,b", loaded).timeline["emotion"].tolist() == ["a", "b"]


def test_progress_is_told(loaded, long_clip):
    """A long video without a sign of life looks hung."""
    seen = []
    analyze(long_clip, WORDS, loaded, progress=lambda done, expected: seen.append((done, expected)))
    assert seen[-1] == (33, 33)


def test_model_in_training_is_left_as_it_was(tiny_model_folder, short_clip):
    """A look at a video in the middle of training must not switch dropout off for good."""
    model = EmoCLIPModel.from_pretrained(tiny_model_folder).train()
    analyze(short_clip, WORDS, model)
    assert model.training


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"emotions": []}, "at least one word"),
        ({"emotions": "joy,Joy"}, "more than case and spaces"),
        ({"window": 0}, "`window` must be a positive number of seconds, got 0"),
        ({"stride": -1}, "`stride` must be a positive number of seconds, got -1"),
        ({"prompt": "fancy"}, "`prompt` must be one of"),
        ({"on_error": "ignore"}, "`on_error` must be 'raise' or 'truncate', got 'ignore'"),
    ],
)
def test_bad_wishes_are_refused_before_any_decoding(loaded, monkeypatch, change, message):
    """A typing error must not cost the decoding of a film."""
    monkeypatch.setattr(
        "emoclip.analysis.analyzer.probe_video", lambda source, **_: pytest.fail("the video was opened")
    )
    with pytest.raises(ValueError, match=message):
        analyze(**{"video": "clip.mp4", "emotions": WORDS, "model": loaded, **change})


def test_damage_is_told_with_the_numbers(loaded, long_clip, monkeypatch):
    """Whoever allows a damaged file must still see that the table ends before the video does."""
    whole = list(iter_frames(long_clip, stride=3))

    def damaged(source, stride, allow_urls):
        yield from whole[:20]
        raise VideoDecodeError("clip.mp4 ends at 2.4 s")

    monkeypatch.setattr("emoclip.analysis.frames.iter_frames", damaged)
    found = analyze(long_clip, WORDS, loaded, on_error="truncate")
    assert "Scored only up to the damage: clip.mp4 ends at 2.4 s" in found.notes
    assert Analysis.combine([found, found]).warnings == found.warnings * 2


def test_bad_videos_are_refused(loaded, tmp_path):
    """The three files that people really pass by mistake."""
    with pytest.raises(FileNotFoundError, match="does not exist"):
        analyze(tmp_path / "missing.mp4", WORDS, loaded)
    (tmp_path / "empty.mp4").write_bytes(b"")
    with pytest.raises(VideoDecodeError, match="0 bytes"):
        analyze(tmp_path / "empty.mp4", WORDS, loaded)
    (tmp_path / "text.mp4").write_text("this is no video")
    with pytest.raises(VideoDecodeError, match=r"text\.mp4"):
        analyze(tmp_path / "text.mp4", WORDS, loaded)


def test_described_classes_are_said_in_the_statement(loaded, short_clip):
    """With the embedded default a word may have been read as a whole description; the reader must know."""
    described = dataclasses.replace(loaded, class_descriptions={"joy": "Lip corners up."})
    found = analyze(short_clip, ["Joy", "doubt"], described)
    assert found.texts["Joy"] == "Lip corners up."
    assert "its own class descriptions for Joy" in found.statement
    plain = analyze(short_clip, ["Joy", "doubt"], described, prompt="template")
    assert plain.statement == loaded.statement


def test_embedded_default_works_at_once(short_clip):
    """The first command of the README: no model named, nothing downloaded."""
    found = analyze(short_clip, ["happiness", "quiet relief"])
    assert "rendered" in found.statement
    assert found.timeline["match"].sum() == pytest.approx(1.0)


def test_words_that_are_read_by_one_text_are_told(loaded, short_clip):
    """`a+b` and `a + b` look different and each get half of one match; other words are not blamed for it."""
    found = analyze(short_clip, "a+b, a + b, c", loaded)
    (told,) = found.warnings
    assert told.endswith("stands for 'a+b' and 'a + b', which share its match; leave one out.")
    assert not found.rescore("a+b, c").warnings
    assert not analyze(short_clip, {"a": "a smile", "b": "a frown"}, loaded).warnings


def test_other_words_need_no_video(loaded, long_clip, monkeypatch):
    """Trying words out is what the tool is for; each try must not decode the film again."""
    found = analyze(long_clip, WORDS, loaded)
    expected = analyze(long_clip, ["calm", "tense"], loaded, agreement=True)
    monkeypatch.setattr(loaded.model, "get_frame_features", lambda *_: pytest.fail("a frame was embedded"))
    again = found.rescore("calm, tense", agreement=True)
    pd.testing.assert_frame_equal(again.timeline, expected.timeline)
    assert again.texts == expected.texts
    assert again.rescore(WORDS).timeline.equals(found.timeline)


def test_unknown_options_are_named(loaded):
    """A misspelt option would otherwise count for nothing."""
    with pytest.raises(ValueError, match=r"knows no windw; it has mode, window"):
        analyze("clip.mp4", WORDS, loaded, windw=3)


@pytest.mark.parametrize("bad", ["missing.mp4", b"no video"])
def test_boxes_are_nobodys_where_one_of_two_videos_cannot_be_read(loaded, short_clip, bad):
    """They may be those of the other one, and were laid over this."""
    with pytest.raises(ValueError, match="without the column video belong to one video, got 2 videos"):
        analyze([short_clip, bad], WORDS, loaded, boxes=[2, 2, 32, 24], faces="all")


def test_boxes_of_a_name_are_told_apart_from_those_of_a_video_that_cannot_be_read(loaded, short_clip):
    """The name of a file is that of two, one of which is not there."""
    table = pd.DataFrame({"video": [short_clip.name], "x1": 2, "y1": 2, "x2": 32, "y2": 24})
    with pytest.raises(ValueError, match="must tell videos apart"):
        analyze([f"elsewhere/{short_clip.name}", short_clip], WORDS, loaded, boxes=table, faces="all")
    both = pd.concat([table.assign(video="missing.mp4"), table])
    found = analyze(["missing.mp4", short_clip], WORDS, loaded, boxes=both, faces="all")
    assert found.timeline["video"].unique().tolist() == [str(short_clip)]
    assert any("missing.mp4" in note for note in found.notes)
