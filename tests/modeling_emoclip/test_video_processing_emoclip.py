# SPDX-License-Identifier: Apache-2.0
"""Tests of `modeling_emoclip.video_processing_emoclip`."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from modeling_emoclip.video_processing_emoclip import EmoCLIPVideoProcessor, as_video_list


@pytest.fixture
def processor() -> EmoCLIPVideoProcessor:
    return EmoCLIPVideoProcessor(num_frames=5, frame_stride=2, size=18, crop_size={"height": 14, "width": 16})


def natural_frames(height: int, width: int, count: int = 3) -> torch.Tensor:
    """Smooth frames with edges, as pictures have; white noise rounds worse than any picture."""
    y, x = np.mgrid[:height, :width]
    waves = [127 + 120 * np.sin(x / (5 + shift)) * np.cos(y / (7 + shift)) for shift in range(3 * count)]
    return torch.from_numpy(np.stack(waves).reshape(count, 3, height, width).astype(np.uint8))


@pytest.mark.parametrize("size", [(72, 128), (97, 61), (40, 30)])
def test_resizing_equals_pillow_within_one_grey_level(size):
    """CLIP was trained on Pillow's bicubic; another filter shifts every embedding."""
    processor = EmoCLIPVideoProcessor(size=36, do_center_crop=False)
    frames = natural_frames(*size)
    for given in (frames, frames.contiguous(memory_format=torch.channels_last)):
        resized = processor.resize_frames(given)
        assert resized.dtype == torch.uint8
        height, width = resized.shape[-2:]
        assert min(height, width) == 36
        for before, after in zip(frames, resized, strict=True):
            image = Image.fromarray(before.permute(1, 2, 0).numpy()).resize((width, height), Image.Resampling.BICUBIC)
            expected = torch.from_numpy(np.array(image)).permute(2, 0, 1).int()
            assert (after.int() - expected).abs().max() <= 1


def test_long_side_is_rounded_down_as_torchvision_does():
    """One pixel more moves the centre crop."""
    processor = EmoCLIPVideoProcessor(size=224, do_center_crop=False)
    assert processor.resize_frames(natural_frames(360, 640)).shape == (3, 3, 224, 398)
    assert processor.resize_frames(natural_frames(101, 50)).shape == (3, 3, 452, 224)


def test_crop_takes_the_middle(processor):
    """A crop from the corner cuts faces off."""
    frames = torch.zeros(1, 3, 18, 26, dtype=torch.uint8)
    frames[..., 2:16, 5:21] = 200
    assert processor.resize_frames(frames).unique().tolist() == [200]


def test_normalisation_by_hand(processor):
    """Mean and deviation of the wrong channel tint every frame."""
    frames = torch.full((1, 3, 14, 16), 51, dtype=torch.uint8)
    values = processor.normalize_frames(frames)[0, :, 0, 0]
    expected = (0.2 - torch.tensor([0.48145466, 0.4578275, 0.40821073])) / torch.tensor(
        [0.26862954, 0.26130258, 0.27577711]
    )
    assert torch.allclose(values, expected, atol=1e-6)
    assert values.dtype == torch.float32


def test_steps_can_be_switched_off():
    """Callers that hold prepared frames must get them back as they are."""
    processor = EmoCLIPVideoProcessor(do_resize=False, do_center_crop=False, do_rescale=False, do_normalize=False)
    frames = natural_frames(9, 11)
    assert torch.equal(processor.transform_frames(frames), frames.float())


def test_float_resizing_neither_rounds_nor_clamps():
    """The original resizes floats without antialias; rounding moves its scores away from the stored ones."""
    processor = EmoCLIPVideoProcessor(
        size=12, do_center_crop=False, resize_dtype="float32", antialias=False, do_rescale=False, do_normalize=False
    )
    frames = torch.zeros(1, 3, 24, 24, dtype=torch.uint8)
    frames[..., 12:] = 255
    resized = processor.transform_frames(frames)
    expected = torch.nn.functional.interpolate(frames.float(), size=(12, 12), mode="bicubic")
    assert torch.equal(resized, expected)
    assert resized.min() < 0 or resized.max() > 255


def test_clips_are_sampled_and_stacked(processor, tmp_path, write_video):
    """Files, arrays and pictures lists of any length must come out as one batch."""
    path = write_video(tmp_path / "a.mp4", num_frames=20)
    output = processor([path, np.zeros((3, 20, 30, 3), np.uint8)])
    assert output["pixel_values_videos"].shape == (2, 5, 3, 14, 16)
    assert output["pixel_values_videos"].dtype == torch.float32
    assert output["frame_mask"].dtype == torch.bool
    assert output["frame_mask"].all()


def test_sampled_frames_are_those_of_the_rule(processor, tmp_path, write_video, frame_numbers):
    """Every second frame from the first, as the processor was told."""
    path = write_video(tmp_path / "a.mp4", num_frames=20)
    frames, mask, _ = processor.load_clip(path)
    assert frame_numbers(frames) == [0, 2, 4, 6, 8]
    assert mask.tolist() == [True] * 5
    assert torch.equal(processor.normalize_frames(frames), processor(path)["pixel_values_videos"][0])


def test_short_clip_repeats_its_last_frame_under_the_uniform_rule():
    """The mask must reach the model, or the repeats weigh as frames."""
    processor = EmoCLIPVideoProcessor(num_frames=5, frame_sampling="uniform", size=8, crop_size=8)
    output = processor(np.zeros((3, 9, 9, 3), np.uint8))
    assert output["frame_mask"].tolist() == [[True, True, True, False, False]]


@pytest.mark.parametrize("kind", ["picture", "array", "path"])
def test_still_picture_is_a_clip_of_one_frame(kind, processor, tmp_path):
    """Repeating it 32 times would cost 32 times the work for one face."""
    array = np.zeros((20, 26, 3), np.uint8)
    Image.fromarray(array).save(tmp_path / "a.png")
    source = {"picture": Image.fromarray(array), "array": array, "path": tmp_path / "a.png"}[kind]
    output = processor(source)
    assert output["pixel_values_videos"].shape == (1, 1, 3, 14, 16)
    assert output["frame_mask"].tolist() == [[True]]


def test_picture_beside_a_video_is_filled_up_and_marked(processor):
    """A batch of both must not let the fill count as frames."""
    Image.new("RGB", (4, 4))
    output = processor([np.zeros((9, 20, 26, 3), np.uint8), {"path": None, "bytes": to_png()}])
    assert output["pixel_values_videos"].shape == (2, 5, 3, 14, 16)
    assert output["frame_mask"].tolist() == [[True] * 5, [True] + [False] * 4]


def to_png() -> bytes:
    import io

    buffer = io.BytesIO()
    Image.new("RGB", (26, 20)).save(buffer, "PNG")
    return buffer.getvalue()


def test_list_of_pictures_is_one_video():
    """Taken for a batch, a clip would become as many clips as it has frames."""
    pictures = [np.zeros((4, 4, 3), np.uint8)] * 3
    assert len(as_video_list(pictures)) == 1
    assert len(as_video_list([pictures, pictures])) == 2
    assert len(as_video_list(["a.mp4", "b.mp4"])) == 2
    assert len(as_video_list(["1.png", "2.png"])) == 1
    assert len(as_video_list("a.mp4")) == 1
    with pytest.raises(ValueError, match="At least 1 video"):
        as_video_list([])


def test_frames_of_two_sizes_cannot_form_a_batch():
    """Without a crop the sizes of the videos show through."""
    processor = EmoCLIPVideoProcessor(num_frames=2, size=8, do_center_crop=False)
    with pytest.raises(ValueError, match=r"one frame size.*do_center_crop=True"):
        processor([np.zeros((3, 9, 9, 3), np.uint8), np.zeros((3, 9, 18, 3), np.uint8)])


def test_damaged_video_is_used_up_to_the_damage_on_request(processor, tmp_path, write_video, draw_noise):
    """One cut file must not stop an analysis that was told to go on."""
    path = write_video(tmp_path / "a.mkv", draw=draw_noise, num_frames=60, size=(96, 64))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="on_error='truncate'"):
        processor(path)
    assert processor(path, on_error="truncate")["pixel_values_videos"].shape[1] == 5


def test_numpy_output(processor):
    """Callers without torch code ask for arrays."""
    output = processor(np.zeros((9, 20, 26, 3), np.uint8), return_tensors="np")
    assert isinstance(output["pixel_values_videos"], np.ndarray)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"num_frames": 0}, "`num_frames` must be a whole number of at least 1, got 0"),
        ({"num_frames": 2.5}, "got 2.5"),
        ({"num_frames": True}, "got True"),
        ({"frame_stride": -1}, "`frame_stride` must be a whole number"),
        (
            {"frame_sampling": "random"},
            "`frame_sampling` must be one of emoclip, emotionclip, expclip_paper_code, uniform, got",
        ),
        ({"resize_dtype": "float16"}, "`resize_dtype` must be one of uint8, float32"),
        ({"resample": 1}, "`resample` must be one of 0, 2, 3, got 1"),
        ({"antialias": "yes"}, "`antialias` must be True or False, got 'yes'"),
        (
            {"size": {"longest_edge": 3}},
            "`size` must be a whole number or have the keys shortest_edge or height, width",
        ),
        ({"size": {"height": 300, "width": 3}}, "`crop_size` must be at most the size of 300x3, got 224x224"),
        ({"random_start": 1}, "`random_start` must be True or False, got 1"),
        ({"size": 0}, r"`size\['shortest_edge'\]` must be"),
        ({"crop_size": "big"}, "`crop_size` must be a whole number or have the keys height, width"),
        ({"size": 100}, "`crop_size` must be at most the short side of 100, got 224"),
        ({"rescale_factor": 0}, "`rescale_factor` must be a number greater than 0, got 0"),
        ({"image_mean": [0.5]}, "`image_mean` must be 3 numbers"),
        ({"image_std": [0.5, 0.0, 0.5]}, "`image_std` must be 3 numbers greater than 0"),
        ({"image_mean": [0.5, float("nan"), 0.5]}, "`image_mean` must be 3 numbers"),
        ({"num_frame": 8}, "knows no num_frame; it has num_frames"),
    ],
)
def test_bad_values_are_refused_by_the_constructor(values, message):
    """A wrong value that passes shows only in bad results, hours later."""
    with pytest.raises(ValueError, match=message):
        EmoCLIPVideoProcessor(**values)


@pytest.mark.parametrize(
    "frames", [torch.zeros(2, 3, 9, 9), torch.zeros(3, 9, 9, dtype=torch.uint8), torch.zeros(2, 9, 9, 3).byte()]
)
def test_frames_of_another_form_are_refused(frames, processor):
    """Channels last taken for channels first resizes colours."""
    with pytest.raises(ValueError, match=r"must be uint8 of shape \(T, 3, H, W\)"):
        processor.resize_frames(frames)


def test_crop_larger_than_the_frames_is_refused():
    """Filling up with black would show the model a picture frame."""
    processor = EmoCLIPVideoProcessor(do_resize=False)
    with pytest.raises(ValueError, match=r"must fit into the frames, got 224x224 for frames of 9x11"):
        processor.resize_frames(natural_frames(9, 11))


def test_settings_travel_through_json(processor, tmp_path):
    """What is not in the file falls back to the defaults on the next machine."""
    changed = EmoCLIPVideoProcessor(
        num_frames=3, frame_sampling="uniform", resample=2, antialias=False, resize_dtype="float32", do_normalize=False,
        face_boxes={"haar": [0.1, 0.2, 0.9, 1.0]},
    )  # fmt: skip
    for one in (processor, changed):
        one.save_pretrained(tmp_path)
        saved = json.loads((tmp_path / "video_preprocessor_config.json").read_text())
        assert set(saved) >= set(EmoCLIPVideoProcessor.valid_kwargs.__annotations__)
        assert EmoCLIPVideoProcessor.from_pretrained(tmp_path).to_dict() == one.to_dict()
        assert EmoCLIPVideoProcessor.from_dict(one.to_dict()).to_dict() == one.to_dict()
    assert EmoCLIPVideoProcessor.from_pretrained(tmp_path, num_frames=9).num_frames == 9


def test_instances_do_not_share_their_defaults():
    """A size changed on one processor must not change all."""
    first, second = EmoCLIPVideoProcessor(), EmoCLIPVideoProcessor()
    first.size["shortest_edge"] = 5
    first.image_mean[0] = 9.0
    assert second.size["shortest_edge"] == 224
    assert second.image_mean[0] < 1
    assert EmoCLIPVideoProcessor.image_mean[0] < 1


class TestSubjects:
    @pytest.fixture
    def plain(self) -> EmoCLIPVideoProcessor:
        return EmoCLIPVideoProcessor(
            num_frames=3, frame_sampling="uniform", size=10, crop_size={"height": 8, "width": 6}
        )

    def test_boxes_move_with_the_pixels(self, plain):
        """By hand: 20 x 30 pixels shrink by half to 10 x 15, the crop cuts 1 row and 4 columns off at the near side."""
        video = np.zeros((3, 20, 30, 3), np.uint8)
        boxes = [[[9, 3, 16, 9]], [], [[0, 0, 30, 20]]]
        masks = plain(video, subject_boxes=[boxes])["subject_masks"]
        expected = torch.zeros(3, 8, 6)
        # x: floor(4.5) = 4 to 8, less 4; y: floor(1.5) = 1 to ceil(4.5) = 5, less 1.
        expected[0, 0:4, 0:4] = 1
        expected[2] = 1
        assert torch.equal(masks, expected[None])

    def test_boxes_of_another_picture_are_told(self, plain):
        """Boxes of the source on a crop of it would mark nobody, and the subject's token would say nothing in silence."""
        video = np.zeros((3, 20, 30, 3), np.uint8)
        outside = [[100.0, 80.0, 160.0, 140.0]]
        with pytest.raises(
            ValueError, match=r"within their frames of 30 x 20 pixels, got \[100\.0, 80\.0, 160\.0, 140\.0\]"
        ):
            plain(video, subject_boxes=[[outside, [], outside]])
        leaves = plain(video, subject_boxes=[[[[9, 3, 16, 9]], outside, []]])["subject_masks"]
        assert leaves.amax(dim=(2, 3)).tolist() == [[1.0, 0.0, 0.0]]

    def test_one_entry_stands_for_every_frame(self, plain):
        """An annotated person who sits still has one box."""
        video = np.zeros((5, 20, 30, 3), np.uint8)
        masks = plain(video, subject_boxes=[[[[9, 3, 16, 9, 0.93]]]])["subject_masks"]
        assert masks.shape == (1, 3, 8, 6)
        assert masks.sum(dim=(2, 3)).tolist() == [[16.0] * 3]

    def test_boxes_of_the_sampled_frames_are_taken(self, plain):
        """Masks of other frames than the pixels show would point at empty background."""
        boxes = [[[0, 0, 30, 20]] if number in (1, 7) else [] for number in range(9)]
        masks = plain(np.zeros((9, 20, 30, 3), np.uint8), subject_boxes=[boxes])["subject_masks"]
        indices, _ = plain.sample_frame_indices(9)
        assert indices.tolist() == [1, 4, 7]
        assert masks.amax(dim=(2, 3)).tolist() == [[1.0, 0.0, 1.0]]

    def test_masks_are_resized_and_cropped_as_the_frames_are(self, plain):
        """A mask that fills half of the picture fills half of the crop."""
        given = torch.zeros(1, 20, 30)
        given[..., 15:] = 1
        masks = plain(np.zeros((3, 20, 30, 3), np.uint8), subject_masks=[given])["subject_masks"]
        # The edge lies at column 7.5 of 15: the middle pixel is half covered, which is not more than one half.
        assert masks.unique().tolist() == [0.0, 1.0]
        assert masks[0, 0, 0].tolist() == [0, 0, 0, 0, 1, 1]

    def test_videos_with_and_without_subject_form_a_batch(self, plain):
        """Films have scenes without people; padding has no subject frame of its own."""
        still = np.zeros((20, 30, 3), np.uint8)
        output = plain([np.zeros((3, 20, 30, 3), np.uint8), still], subject_boxes=[None, [[[0, 0, 30, 20]]]])
        assert output["subject_masks"].shape == (2, 3, 8, 6)
        assert output["subject_masks"].amax(dim=(1, 2, 3)).tolist() == [0.0, 1.0]

    @pytest.mark.parametrize(
        ("subjects", "message"),
        [
            ({"subject_boxes": [[], []]}, "one entry per video, 1, got 2"),
            ({"subject_boxes": [[[[0, 0, 1, 1]]] * 2]}, "each of the 3 frames of the file or once for all, got 2"),
            ({"subject_boxes": [[[[0, 0, 1]]]]}, r"must be \[x1, y1, x2, y2\]"),
            ({"subject_boxes": [[[[5, 0, 1, 1]]]]}, r"x1 <= x2 and y1 <= y2, got \[5, 0, 1, 1\]"),
            ({"subject_boxes": [[[[0, 0, float("nan"), 1]]]]}, "got"),
            ({"subject_masks": [torch.zeros(1, 5, 5)]}, r"\(frames, 20, 30\).* got \(1, 5, 5\)"),
            ({"subject_masks": [torch.zeros(1, 20, 30)], "subject_boxes": [[]]}, "either .* got both"),
        ],
    )
    def test_bad_subjects_are_refused(self, plain, subjects, message):
        """A mask in the wrong place is a wrong answer that looks right."""
        with pytest.raises(ValueError, match=message):
            plain(np.zeros((3, 20, 30, 3), np.uint8), **subjects)


def test_every_form_of_a_video_gives_the_same_pixels(tmp_path):
    """What a user has at hand must not change the score."""
    frames = natural_frames(40, 52, count=5)
    processor = EmoCLIPVideoProcessor(num_frames=4, frame_stride=1, size=20, crop_size=16)
    (tmp_path / "frames").mkdir()
    pictures = [Image.fromarray(frame.permute(1, 2, 0).numpy()) for frame in frames]
    for number, picture in enumerate(pictures):
        picture.save(tmp_path / "frames" / f"{number}.png")
    array = frames.permute(0, 2, 3, 1).numpy()
    expected = processor(frames)["pixel_values_videos"]
    forms = [array, list(array), list(frames), pictures, tmp_path / "frames", sorted((tmp_path / "frames").iterdir())]
    for form in forms:
        assert torch.equal(processor(form)["pixel_values_videos"], expected)


def test_processor_of_a_model_follows_its_configuration(tiny_config):
    """Weights trained on squashed frames and scored on cropped ones lose without a word."""
    squash = {"num_frames": 3, "size": {"height": 16, "width": 16}, "do_center_crop": False, "do_normalize": False}
    processor = EmoCLIPVideoProcessor.from_config(tiny_config(preprocessing=squash))
    assert (processor.size, processor.do_normalize) == ({"height": 16, "width": 16}, False)
    default = EmoCLIPVideoProcessor.from_config(tiny_config())
    assert (default.size, default.crop_size) == ({"shortest_edge": 16}, {"height": 16, "width": 16})


def test_random_start_is_a_switch_of_evaluation():
    """The published code evaluates random windows, which no two runs repeat."""
    fixed, random = (EmoCLIPVideoProcessor(num_frames=4, frame_stride=1, random_start=on) for on in (False, True))
    assert fixed.sample_frame_indices(90)[0].tolist() == [0, 1, 2, 3]
    starts = {int(random.sample_frame_indices(90)[0][0]) for _ in range(20)}
    assert len(starts) > 5
