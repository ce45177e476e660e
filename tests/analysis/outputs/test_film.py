# SPDX-License-Identifier: Apache-2.0
"""Annotated films are decoded again: what is where, when, and what can still be seen of a hidden face."""

from fractions import Fraction

import av
import numpy as np
import pandas as pd
import pytest

import emoclip
from emoclip.analysis.outputs.boxes import BoxTrack
from emoclip.analysis.outputs.drawing import BLOCKS, draw_panel, hide_faces, load_font
from emoclip.analysis.outputs.film import FilmStyle, write_film
from modeling_emoclip.video_decoding_emoclip import decode_video


WIDTH, HEIGHT = 160, 120
# Of each frame, in hundredths of a second: not evenly spaced.
TIMES = [0, 4, 8, 20, 24, 40, 60, 80, 96, 100]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A grey film of varying rate with fine detail in the box of the face, and a tone as sound."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    rng = np.random.default_rng(4)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 100)
        sound = container.add_stream("aac", rate=16000, layout="mono")
        for time in TIMES:
            picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
            picture[40:80, 60:100] = rng.integers(0, 2, (40, 40, 1)) * 255
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 100)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        tone = (np.sin(np.arange(16000) * 0.2) * 20000).astype(np.int16)[None]
        audio = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
        audio.sample_rate, audio.pts = 16000, 0
        container.mux(sound.encode(audio))
        container.mux(sound.encode())
    return path


@pytest.fixture
def tables(make_timeline):
    people = pd.DataFrame(
        [
            {"video": "f", "person": 1, "frame": n, "time": n / 10, "x1": 60, "y1": 40, "x2": 100, "y2": 80}
            for n in range(11)
        ]
    )
    return make_timeline([(1, 0.0, 1.0, (0.7, 0.2, 0.1), "")], video="f"), people


def detail(frame):
    """How much neighbouring pixels differ inside the face, away from the edges of blocks."""
    return np.abs(np.diff(frame[42:78, 62:98].astype(float).mean(axis=-1), axis=1)).mean()


def test_film_keeps_times_and_sound_and_gains_a_panel(source, tables, tmp_path):
    """Sound that runs away from the picture, or times of an even rate, are what other tools get wrong."""
    done = []
    style = FilmStyle(boxes=False)
    assert write_film(source, tmp_path / "a.mp4", *tables, style, lambda count, total: done.append(count)) == ()
    film = decode_video(tmp_path / "a.mp4")
    np.testing.assert_allclose(film.timestamps.numpy(), np.array(TIMES) / 100, atol=1e-3)
    assert film.frames.shape[2] >= 180  # room for the bars
    assert film.frames.shape[3] > WIDTH + 100
    assert done == list(range(1, len(TIMES) + 1))
    with av.open(str(tmp_path / "a.mp4")) as container:
        (audio,) = container.streams.audio
        assert audio.codec_context.name == "aac"
        samples = sum(frame.samples for frame in container.decode(audio))
    assert samples >= 15000


def test_sound_of_a_recording_stays_with_its_pictures(source, tables, tmp_path):
    """The clock of a recording begins anywhere: its sound came an hour after its pictures."""
    with av.open(str(source)) as film, av.open(str(tmp_path / "late.mkv"), "w") as late:
        streams = {stream.index: late.add_stream_from_template(stream) for stream in film.streams}
        for packet in film.demux():
            if packet.dts is not None:
                later = round(3600 / packet.time_base)
                packet.pts, packet.dts = packet.pts + later, packet.dts + later
                packet.stream = streams[packet.stream.index]
                late.mux(packet)
    assert write_film(tmp_path / "late.mkv", tmp_path / "a.mp4", *tables, FilmStyle(boxes=False)) == ()
    with av.open(str(tmp_path / "a.mp4")) as container:
        starts = [float(next(container.decode(stream)).time) for stream in container.streams]
    assert starts == pytest.approx([0.0, 0.0], abs=0.1)


def test_picture_is_left_alone_beside_the_panel(source, tables, tmp_path):
    write_film(source, tmp_path / "a.mp4", *tables, FilmStyle(boxes=False))
    before, after = decode_video(source), decode_video(tmp_path / "a.mp4")
    difference = after.frames[:, :, :36, :50].float() - before.frames[:, :, :36, :50].float()
    assert difference.abs().max() < 16  # compressed twice


def test_hidden_face_keeps_no_detail(source, tables, tmp_path):
    """Blocks, not a soft blur, which can be undone; and the margin around the box is hidden too."""
    timeline, people = tables
    write_film(source, tmp_path / "open.mp4", timeline, people, FilmStyle(boxes=False, panel=False))
    write_film(source, tmp_path / "hidden.mp4", timeline, people, FilmStyle(boxes=False, panel=False, blur_faces=True))
    shown = decode_video(tmp_path / "open.mp4").frames.permute(0, 2, 3, 1).numpy()
    hidden = decode_video(tmp_path / "hidden.mp4").frames.permute(0, 2, 3, 1).numpy()
    assert min(detail(frame) for frame in shown) > 40
    assert max(detail(frame) for frame in hidden) < 8


def test_box_is_drawn_where_the_face_is(source, tables, tmp_path):
    timeline, people = tables
    write_film(source, tmp_path / "a.mp4", timeline, people, FilmStyle(panel=False))
    frame = decode_video(tmp_path / "a.mp4").frames[0].permute(1, 2, 0).numpy().astype(int)
    on_edge, outside = frame[60, 60], frame[60, 20]
    assert on_edge[0] - on_edge[2] > 60  # the first colour is orange
    assert abs(outside - 90).max() < 12


def test_film_of_a_stopped_analysis_ends_where_the_analysis_did(long_clip, tiny_model_folder, tmp_path):
    """Behind it no face is known: the rest of a film that hides faces would show everybody."""

    def stop(done, expected):
        if done == 20:
            raise KeyboardInterrupt

    options = {"boxes": [5, 5, 20, 20], "keep_partial": True, "progress": stop, "mode": "frames"}
    found = emoclip.analyze(str(long_clip), "a,b", tiny_model_folder, **options)
    found.save(tmp_path / "a.mp4", film=FilmStyle(blur_faces=True))
    end = found.timeline["end"].max()
    times = decode_video(tmp_path / "a.mp4").timestamps
    assert found.interrupted
    assert end < 3
    assert float(times[-1]) == pytest.approx(end, abs=1e-3)


def test_sound_ends_with_a_film_that_ends_early(source, tables, tmp_path):
    """Else a picture that stands still, or none, for the rest of the time; and it must be said."""
    (warning,) = write_film(source, tmp_path / "a.mp4", *tables, FilmStyle(), until=0.4)
    assert warning == "The film ends at 0.40 s, where the analysis was stopped."
    np.testing.assert_allclose(
        decode_video(tmp_path / "a.mp4").timestamps.numpy(), [0, 0.04, 0.08, 0.2, 0.24, 0.4], atol=1e-3
    )
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) < 0.6 * 16000


def test_film_without_sound_on_request(source, tables, tmp_path):
    write_film(source, tmp_path / "a.mp4", *tables, FilmStyle(sound=False))
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert not container.streams.audio


def test_hiding_faces_that_nobody_looked_for_is_refused(source, make_timeline, tables, tmp_path):
    """A film that was to be anonymous and is not would be passed on."""
    whole = make_timeline([(0, 0.0, 1.0, (0.7, 0.2, 0.1), "")])
    with pytest.raises(ValueError, match="analyse with faces='all'"):
        write_film(source, tmp_path / "a.mp4", whole, tables[1].iloc[:0], FilmStyle(blur_faces=True))


def test_hide_faces_leaves_few_values_and_all_else():
    """Odd boxes, beyond the picture too."""
    frame = np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)
    before = frame.copy()
    hide_faces(frame, [(-10.0, -5.0, 21.5, 30.2), (200.0, 10.0, 210.0, 20.0)])
    assert len(np.unique(frame[:30, :21].reshape(-1, 3), axis=0)) <= BLOCKS**2
    np.testing.assert_array_equal(frame[40:, 40:], before[40:, 40:])


def test_boxes_move_between_findings_and_end_with_them():
    """Half-way between two boxes; held for a moment; gone in a gap of more than a second."""
    people = pd.DataFrame(
        {"person": [1, 1, 1], "time": [0.0, 0.5, 3.0], "x1": [0, 10, 50], "y1": 0, "x2": [20, 30, 70], "y2": 9}
    )
    track = BoxTrack(people)
    assert track.at(0.25) == {1: (5.0, 0.0, 25.0, 9.0)}
    assert track.at(0.7) == {1: (10.0, 0.0, 30.0, 9.0)}
    assert track.at(1.5) == {}
    assert track.at(2.9) == {1: (50.0, 0.0, 70.0, 9.0)}


@pytest.mark.parametrize("size", [(180, 180), (300, 2000), (181, 60)])
def test_panel_draws_any_words_in_any_room(size):
    """Long, non-Latin and control characters; more persons than there is room for."""
    scores = {"joy": 0.5, "驚き 😀" * 20: 0.3, "a\nb\x1b": 0.2}
    rows = [(person, scores, "small face") for person in range(6)]
    panel = draw_panel(size, rows, "0:00.0", load_font(14))
    assert panel.shape == (size[1], size[0], 3)


def test_font_that_is_none_is_refused(tmp_path):
    (tmp_path / "a.ttf").write_text("no font")
    with pytest.raises(ValueError, match="must be a TrueType or OpenType file"):
        load_font(12, tmp_path / "a.ttf")
