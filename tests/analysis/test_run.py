# SPDX-License-Identifier: Apache-2.0
from types import SimpleNamespace

import av
import pytest
import torch

from emoclip.analysis.run import encode_jobs
from emoclip.analysis.settings import AnalysisSettings
from emoclip.analysis.source_model import load_model, scoring
from emoclip.analysis.video_job import VideoJob
from modeling_emoclip.video_decoding_emoclip import VideoDecodeError, decode_video, probe_video


NUM_FRAMES, FRAME_STRIDE = 5, 3


@pytest.fixture(scope="module")
def loaded(tiny_model_folder):
    return load_model(tiny_model_folder)


@pytest.fixture
def embedded_frames(loaded, monkeypatch):
    """Counts the frames that go through the image tower."""
    counts = []
    original = loaded.model.get_frame_features

    def counting(pixel_values_videos):
        counts.append(pixel_values_videos.shape[1])
        return original(pixel_values_videos)

    monkeypatch.setattr(loaded.model, "get_frame_features", counting)
    return counts


def encode_all(sources, loaded, **settings):
    """The windows of several videos, encoded together."""
    wanted = AnalysisSettings(**{"faces": "none", **settings})
    jobs = [
        VideoJob(source, probe_video(source), loaded.processor.video_processor, wanted, name="v", embed_dim=10)
        for source in sources
    ]
    with scoring(loaded.model):
        encode_jobs(jobs, loaded, wanted)
    found = []
    for job in jobs:
        windows = job.windows()
        error = job.errors[0] if job.errors else None
        starts, ends = windows.table["start"].tolist(), windows.table["end"].tolist()
        found.append(
            SimpleNamespace(starts=starts, ends=ends, embeds=windows.embeds, frames=windows.frames, error=error)
        )
    return found


def encode(source, loaded, **settings):
    return encode_all([source], loaded, **settings)[0]


def direct(loaded, frames):
    """The model on its own, over frames (time, 3, height, width)."""
    pixels = loaded.processor.video_processor.transform_frames(frames)[None]
    with torch.inference_mode():
        return loaded.model.get_video_features(pixels).pooler_output[0]


def test_short_video_is_what_the_processor_makes_of_it(loaded, short_clip):
    """Analysis and evaluation must not disagree on the same clip."""
    found = encode(short_clip, loaded)
    inputs = loaded.processor(videos=str(short_clip))
    with torch.inference_mode():
        expected = loaded.model.get_video_features(
            inputs["pixel_values_videos"], frame_mask=inputs["frame_mask"]
        ).pooler_output
    torch.testing.assert_close(found.embeds, expected, rtol=1e-5, atol=1e-5)
    # Frames 0, 3, 6 and 9 of 11 at 25 frames a second.
    assert (found.starts, found.ends) == ([0.0], pytest.approx([9 / 25]))


def test_windows_are_the_models_answer_on_their_own_frames(loaded, long_clip):
    """Sharing frame embeddings between windows must not change a window's result."""
    found = encode(long_clip, loaded, stride=0.72)
    frames = decode_video(long_clip).frames
    # 0.72 s are 18 frames: windows begin at frames 0, 18, 36, ... and hold every third frame.
    for place in (0, 2):
        first = 18 * place
        chosen = frames[[first + FRAME_STRIDE * step for step in range(NUM_FRAMES)]]
        torch.testing.assert_close(found.embeds[place], direct(loaded, chosen), rtol=1e-5, atol=1e-5)
        assert found.starts[place] == pytest.approx(first / 25)
        assert found.ends[place] == pytest.approx((first + 12) / 25)
    assert found.ends[-1] == pytest.approx(96 / 25)


def test_every_frame_is_embedded_once(loaded, long_clip, embedded_frames):
    """Windows overlap many times; the image tower is nearly all the cost."""
    found = encode(long_clip, loaded, stride=0.12)
    assert len(found.starts) > 20
    assert sum(embedded_frames) == -(-97 // FRAME_STRIDE)


def test_repeats_of_a_short_video_are_embedded_once(loaded, short_clip, embedded_frames):
    """The sampling rule repeats frames of a short clip; they need not be computed again."""
    encode(short_clip, loaded)
    assert sum(embedded_frames) == 4


def test_long_windows_are_thinned_and_short_ones_are_not_padded(loaded, long_clip):
    """Both ends of the choice of a window, against the model on the frames that belong in it."""
    frames = decode_video(long_clip).frames
    long = encode(long_clip, loaded, window=2.4, stride=1.0)
    # 2.4 s hold 20 of the analysed frames; spread over 5: the first, 4.75 apart, the last.
    chosen = [FRAME_STRIDE * place for place in (0, 5, 10, 14, 19)]
    torch.testing.assert_close(long.embeds[0], direct(loaded, frames[chosen]), rtol=1e-5, atol=1e-5)
    short = encode(long_clip, loaded, window=0.3, stride=1.0)
    torch.testing.assert_close(short.embeds[0], direct(loaded, frames[[0, 3, 6]]), rtol=1e-5, atol=1e-5)


def test_a_short_window_cuts_a_short_video_too(loaded, short_clip):
    """A window that was asked for is kept even where the whole video would fit the model."""
    assert len(encode(short_clip, loaded, window=0.2, stride=0.2).starts) > 1


def test_still_image_is_one_window_at_zero(loaded):
    """A picture is a clip of one frame."""
    found = encode(torch.zeros(26, 34, 3, dtype=torch.uint8).numpy(), loaded)
    assert (found.starts, found.ends) == ([0.0], [0.0])


def test_still_image_is_scored_as_the_processor_gives_it(loaded):
    """Copies of the picture, one for each frame of a clip, would get another answer from the temporal transformer."""
    picture = torch.randint(0, 256, (26, 34, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(3)).numpy()
    inputs = loaded.processor(videos=picture)
    assert inputs["pixel_values_videos"].shape[1] == 1
    with torch.inference_mode():
        expected = loaded.model.get_video_features(**inputs).pooler_output
    torch.testing.assert_close(encode(picture, loaded).embeds, expected, rtol=1e-5, atol=1e-5)


def damaged_copy(clip, folder):
    """A copy with its index in front (so that it opens) and its last frames missing."""
    path = folder / "damaged.mp4"
    with av.open(str(clip)) as source, av.open(str(path), "w", options={"movflags": "faststart"}) as copy:
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 97 // 100])
    return path


def test_damaged_video_is_refused(loaded, long_clip, tmp_path):
    """A table that silently ends with the damage would look like a table of the whole video."""
    with pytest.raises(VideoDecodeError, match=r"damaged\.mp4"):
        encode(damaged_copy(long_clip, tmp_path), loaded)


@pytest.mark.parametrize("clip", ["long_clip", "short_clip"])
def test_damaged_video_can_be_cut_at_the_damage(loaded, clip, request, tmp_path):
    """What is good is scored, and the damage comes along to be told."""
    whole = request.getfixturevalue(clip)
    found = encode(damaged_copy(whole, tmp_path), loaded, on_error="truncate")
    assert isinstance(found.error, VideoDecodeError)
    assert found.ends[-1] < encode(whole, loaded).ends[-1]
    assert encode(whole, loaded, on_error="truncate").error is None


def test_videos_encoded_together_come_out_as_encoded_alone(loaded, long_clip, short_clip):
    """Frames of several videos share batches; none may end up in the windows of another."""
    together = encode_all([short_clip, long_clip, short_clip], loaded)
    for found, clip in zip(together, (short_clip, long_clip, short_clip), strict=True):
        alone = encode(clip, loaded)
        torch.testing.assert_close(found.embeds, alone.embeds, rtol=1e-5, atol=1e-5)
        assert found.starts == alone.starts


def test_whole_mode_is_one_window_spread_over_the_video(loaded, long_clip):
    """The rule of training would look at the first half second and call it the whole."""
    found = encode(long_clip, loaded, mode="whole")
    frames = decode_video(long_clip).frames
    torch.testing.assert_close(found.embeds[0], direct(loaded, frames[[0, 24, 48, 72, 96]]), rtol=1e-5, atol=1e-5)
    assert (found.starts, found.ends) == ([0.0], pytest.approx([96 / 25]))


def test_whole_mode_of_a_short_video_is_what_the_processor_makes_of_it(loaded, short_clip):
    """One window either way, so both ways must agree."""
    whole, sliding = encode(short_clip, loaded, mode="whole"), encode(short_clip, loaded)
    torch.testing.assert_close(whole.embeds, sliding.embeds, rtol=1e-5, atol=1e-5)


def test_frames_mode_is_the_model_on_every_analysed_frame(loaded, short_clip):
    """A frame by itself is a clip of one frame, as a still picture is."""
    found = encode(short_clip, loaded, mode="frames")
    frames = decode_video(short_clip).frames
    assert found.starts == found.ends == pytest.approx([0, 3 / 25, 6 / 25, 9 / 25])
    torch.testing.assert_close(found.embeds[2], direct(loaded, frames[[6]]), rtol=1e-5, atol=1e-5)


def test_frames_a_second_are_chosen_by_the_frame_rate(loaded, long_clip):
    """25 frames a second, 5 analysed: every fifth."""
    found = encode(long_clip, loaded, mode="frames", fps=5)
    assert found.starts[:3] == pytest.approx([0, 0.2, 0.4])


def test_weights_of_a_windows_frames_add_up_to_one(loaded, long_clip, short_clip):
    """A share of a whole; the repeats of a short video count for the frame that is repeated."""
    for clip in (long_clip, short_clip):
        frames = encode(clip, loaded).frames
        assert frames.groupby("window")["weight"].sum().tolist() == pytest.approx([1.0] * frames["window"].nunique())
    assert encode(short_clip, loaded).frames["frame"].tolist() == [0, 3, 6, 9]
