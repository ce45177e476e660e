# SPDX-License-Identifier: Apache-2.0
"""Video processor of EmoCLIP: which frames the model sees and how they become its input.

Built on torch alone, because torchvision need not be installed. Paper: EmoCLIP, section III.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from transformers.image_processing_base import BatchFeature
from transformers.video_processing_utils import VideoProcessorMixin

from .frame_sampling_emoclip import (
    emoclip_indices,
    emotionclip_indices,
    expclip_paper_code_indices,
    uniform_indices,
)
from .frame_transform_emoclip import center_crop, check_boxes_inside, draw_boxes, resize, resize_masks, resized_sides
from .preprocessing_emoclip import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD
from .video_decoding_emoclip import decode_video, stretch_bounds
from .video_fields_emoclip import EmoCLIPVideoProcessorKwargs, check_fields
from .video_sources_emoclip import is_image_like, is_still_image


# What transformers itself writes into a saved processor or adds when it loads one.
SERVICE_KEYS = ("auto_map", "feature_extractor_type", "processor_class", "return_metadata", "video_processor_type")


class EmoCLIPVideoProcessor(VideoProcessorMixin):
    r"""Decodes, samples and transforms videos for `EmoCLIPModel`.

    Args:
        num_frames (`int`, *optional*, defaults to 32): Frames per clip.
        frame_stride (`int`, *optional*, defaults to 4): Distance of neighbouring frames, for `"emoclip"` sampling.
        frame_sampling (`str`, *optional*, defaults to `"emoclip"`):
            `"emoclip"`: every `frame_stride`-th frame in one circular window, from a random frame in training and from
            frame 0 else; short clips wrap around and are then mirrored, every frame is valid. `"uniform"`: one frame
            of each of `num_frames` equal segments; short clips repeat the last frame with a `frame_mask` of `False`.
            `"emotionclip"`: equal distances from the first frame to the last, random distinct frames in training.
            `"expclip_paper_code"`: as `"uniform"`, but a clip of at most `num_frames` gives its frame 0 every time.
        random_start (`bool`, *optional*, defaults to `False`):
            Whether the `"emoclip"` window starts at a random frame in evaluation too, as the published code does.
        do_resize (`bool`, *optional*, defaults to `True`): Whether to resize.
        size (`dict[str, int]` or `int`, *optional*, defaults to `{"shortest_edge": 224}`):
            Length of the short side; `{"height": ..., "width": ...}` squashes the frame to these sides.
        resample (`int`, *optional*, defaults to 3): 0 nearest, 2 bilinear, 3 bicubic.
        antialias (`bool`, *optional*, defaults to `True`): Whether shrinking averages over the source pixels.
        resize_dtype (`str`, *optional*, defaults to `"uint8"`):
            `"uint8"` resizes in whole grey levels as Pillow does, many times faster. `"float32"` neither rounds nor
            clamps; with `antialias=False` it is what the original EmoCLIP does.
        do_center_crop (`bool`, *optional*, defaults to `True`): Whether to crop the middle.
        crop_size (`dict[str, int]` or `int`, *optional*, defaults to `{"height": 224, "width": 224}`): Its size.
        do_rescale (`bool`, *optional*, defaults to `True`): Whether to multiply by `rescale_factor`.
        rescale_factor (`float`, *optional*, defaults to 1/255): Maps grey levels to [0, 1].
        do_normalize (`bool`, *optional*, defaults to `True`): Whether to subtract the mean and divide by the deviation.
        image_mean (`list[float]`, *optional*, defaults to CLIP's): Mean of each colour.
        image_std (`list[float]`, *optional*, defaults to CLIP's): Standard deviation of each colour.
        face_boxes (`dict[str, list[float]]`, *optional*, defaults to `{}`):
            How the model's pictures frame a face: name of a detector, or `"any"` for the others, to where its box of a face
            lies in the picture, `[x1, y1, x2, y2]` in shares of the sides. Whoever crops faces for the model crops them so;
            the processor itself crops none.

    Raises:
        ValueError: If a value is out of its range or a keyword is not known.
    """

    model_input_names = ["pixel_values_videos", "frame_mask", "subject_masks"]  # noqa: RUF012 - the form transformers reads
    valid_kwargs = EmoCLIPVideoProcessorKwargs  # type: ignore[assignment]  # our fields, not the general ones

    num_frames = 32
    frame_stride = 4
    frame_sampling = "emoclip"
    random_start = False
    do_resize = True
    size = {"shortest_edge": 224}  # noqa: RUF012 - a default, copied into every instance
    resample = 3
    antialias = True
    resize_dtype = "uint8"
    do_center_crop = True
    crop_size = {"height": 224, "width": 224}  # noqa: RUF012 - a default, copied into every instance
    do_rescale = True
    rescale_factor = 1 / 255
    do_normalize = True
    image_mean = OPENAI_CLIP_MEAN
    image_std = OPENAI_CLIP_STD
    face_boxes: dict[str, list[float]] = {}  # noqa: RUF012 - a default, copied into every instance

    def __init__(self, **kwargs: Any) -> None:
        service = {key: kwargs.pop(key) for key in SERVICE_KEYS if key in kwargs}
        fields = list(EmoCLIPVideoProcessorKwargs.__annotations__)
        unknown = sorted(set(kwargs) - set(fields))
        if unknown:
            raise ValueError(f"EmoCLIPVideoProcessor knows no {', '.join(unknown)}; it has {', '.join(fields)}.")
        values = {name: kwargs.get(name, getattr(type(self), name)) for name in fields}
        check_fields(values)
        service.pop("video_processor_type", None)
        super().__init__(**service, **values)

    @classmethod
    def from_config(cls, config: Any) -> "EmoCLIPVideoProcessor":
        """Return the processor that belongs to a model: what its configuration says, else the defaults at its size."""
        if config.preprocessing is not None:
            return cls(**config.preprocessing)
        side = config.vision_config.image_size
        return cls(size={"shortest_edge": side}, crop_size={"height": side, "width": side})

    def __call__(self, videos: Any, **kwargs: Any) -> BatchFeature:  # type: ignore[override]
        """Return the input of the model for one video or several, see `preprocess`."""
        return self.preprocess(videos, **kwargs)

    def preprocess(
        self,
        videos: Any,
        *,
        training: bool = False,
        generator: torch.Generator | None = None,
        on_error: str = "raise",
        allow_urls: bool = False,
        subject_boxes: Sequence[Any] | None = None,
        subject_masks: Sequence[Any] | None = None,
        return_tensors: str | None = "pt",
    ) -> BatchFeature:
        """Decode, sample and transform one video or a list of videos.

        Args:
            videos (`Any`):
                A video in any form `decode_video` takes, or a list of them. A list of pictures is one video. A still
                picture is a clip of one frame.
            training (`bool`, *optional*, defaults to `False`): Whether frames are sampled at random.
            generator (`torch.Generator`, *optional*): Source of the randomness.
            on_error (`str`, *optional*, defaults to `"raise"`):
                `"truncate"` uses the good frames of a damaged file.
            allow_urls (`bool`, *optional*, defaults to `False`): Whether `http(s)` addresses are read.
            subject_boxes (`Sequence`, *optional*):
                Where the subject is, for models with subject prompting: one entry per video, `None` for no subject, else
                a list with the boxes of every frame of the file, or of one frame that stands for all. A box is `[x1, y1, x2, y2]` in
                pixels of the file; a frame without boxes has no subject.
            subject_masks (`Sequence`, *optional*):
                The same as masks: per video (frames of the file or 1, height, width) of 0 and 1.
            return_tensors (`str`, *optional*, defaults to `"pt"`): `"pt"` or `"np"`.

        Returns:
            `BatchFeature`: `pixel_values_videos`, float32 (B, T, 3, height, width), and `frame_mask`, bool (B, T),
            `False` where a frame only fills the clip up; with boxes or masks also `subject_masks`, float32 (B, T, height,
            width) of 0 and 1.

        Raises:
            FileNotFoundError: If a path does not exist.
            VideoDecodeError: If a file cannot be decoded.
            ValueError: If there is no video, or an argument is out of its range.
        """
        given = as_video_list(videos)
        subjects = _as_subjects(subject_boxes, subject_masks, len(given))
        clips, masks, marked = [], [], []
        for video, subject in zip(given, subjects or [None] * len(given), strict=True):
            clip = self._load(video, training=training, generator=generator, on_error=on_error, allow_urls=allow_urls)
            clips.append(self.normalize_frames(clip.frames))
            masks.append(clip.mask)
            if subjects:
                marked.append(self._subject_masks(subject, clip, from_boxes=subject_boxes is not None))
        frames, mask = _stack_clips(clips, masks)
        data: dict[str, Any] = {"pixel_values_videos": frames, "frame_mask": mask}
        if subjects:
            data["subject_masks"] = _stack_clips(marked, masks)[0]
        return BatchFeature(data, tensor_type=return_tensors)

    def load_clip(
        self,
        video: Any,
        *,
        training: bool = False,
        generator: torch.Generator | None = None,
        on_error: str = "raise",
        allow_urls: bool = False,
        stretch: tuple[int, int | None] | None = None,
        subject_boxes: Sequence[Any] | None = None,
    ) -> "LoadedClip":
        """Decode and resize the sampled frames of one video; what may be kept of a clip between epochs.

        Args:
            video (`Any`): As for `preprocess`.
            training (`bool`, *optional*, defaults to `False`): Whether frames are sampled at random.
            generator (`torch.Generator`, *optional*): Source of the randomness.
            on_error (`str`, *optional*, defaults to `"raise"`): `"truncate"` uses the good frames of a damaged file.
            allow_urls (`bool`, *optional*, defaults to `False`): Whether `http(s)` addresses are read.
            stretch (`tuple[int, int | None]`, *optional*):
                First frame and the one after the last, `None` for the end, of the part of the file that is the clip; a
                part that goes on after the end of the file ends there.
            subject_boxes (`Sequence`, *optional*):
                As one entry of those of `preprocess`, counted from the first frame of the stretch; frames after the last
                entry of several have no subject.

        Returns:
            `LoadedClip`: `frames` as `resize_frames` gives them, `frame_mask` (T,), and with boxes `subject_masks` (T, height,
            width).

        Raises:
            FileNotFoundError: If a path does not exist.
            VideoDecodeError: If a file cannot be decoded, or ends before the stretch begins.
        """
        clip = self._load(
            video, training=training, generator=generator, on_error=on_error, allow_urls=allow_urls, stretch=stretch
        )
        if subject_boxes is None:
            return LoadedClip(clip.frames, clip.mask)
        boxes = list(subject_boxes)
        if len(boxes) > 1:
            boxes = (boxes + [[]] * (clip.num_frames - len(boxes)))[: clip.num_frames]
        return LoadedClip(clip.frames, clip.mask, self._subject_masks(boxes, clip, from_boxes=True))

    def _load(
        self,
        video: Any,
        *,
        training: bool,
        generator: torch.Generator | None,
        on_error: str,
        allow_urls: bool,
        stretch: tuple[int, int | None] | None = None,
    ) -> "_Clip":
        indices, mask, num_frames = [0], torch.ones(1, dtype=torch.bool), 1
        still = is_still_image(video)

        def choose(total: int) -> list[int]:
            nonlocal indices, mask, num_frames
            if still:
                return indices
            first, end = stretch_bounds(stretch, total)
            num_frames = end - first
            chosen, mask = self.sample_frame_indices(num_frames, training=training, generator=generator)
            indices = chosen.tolist()
            return [first + index for index in indices]

        frames = decode_video(video, indices=choose, on_error=on_error, allow_urls=allow_urls).frames
        source = (frames.shape[-2], frames.shape[-1])
        return _Clip(self.resize_frames(frames), mask, indices, num_frames, source)  # type: ignore[arg-type]

    def _subject_masks(self, subject: Any, clip: "_Clip", *, from_boxes: bool) -> torch.Tensor:
        """Masks (T, height, width) of the sampled frames from the boxes or masks of the file's frames."""
        entries = len(subject) if subject is not None else 1
        if entries not in (1, clip.num_frames):
            raise ValueError(
                f"The subject must be given for each of the {clip.num_frames} frames of the file or once for all, got "
                f"{entries} entries."
            )
        places = [0] * len(clip.indices) if entries == 1 else clip.indices
        sides = resized_sides(clip.source, self.size) if self.do_resize else clip.source
        if subject is None:
            masks = torch.zeros(len(places), *sides)
        elif from_boxes:
            masks = torch.stack([draw_boxes(subject[place], clip.source, sides) for place in places])
            check_boxes_inside(subject, clip.source)
        else:
            masks = resize_masks(_checked_masks(subject, clip.source)[places], sides)
        return (center_crop(masks, self.crop_size) if self.do_center_crop else masks).contiguous()

    def sample_frame_indices(
        self, total: int, *, training: bool = False, generator: torch.Generator | None = None
    ) -> tuple[torch.LongTensor, torch.BoolTensor]:
        """Return the numbers of the frames to use of a clip of `total` frames, (T,), and their mask, (T,).

        Raises:
            ValueError: If the clip has no frame.
        """
        if self.frame_sampling == "emoclip":
            random = training or self.random_start
            return emoclip_indices(total, self.num_frames, self.frame_stride, training=random, generator=generator)
        rule = _RULES[self.frame_sampling]
        return rule(total, self.num_frames, training=training, generator=generator)

    def transform_frames(self, frames: torch.Tensor) -> torch.Tensor:
        """Turn uint8 frames (T, 3, height, width) into the model's input, float32 (T, 3, h, w)."""
        return self.normalize_frames(self.resize_frames(frames))

    def resize_frames(self, frames: torch.Tensor) -> torch.Tensor:
        """Resize and crop uint8 frames (T, 3, height, width).

        Returns:
            (T, 3, h, w), contiguous: uint8, or float32 in grey levels with `resize_dtype="float32"`.

        Raises:
            ValueError: If the frames have another shape or type, or are smaller than the crop.
        """
        if frames.ndim != 4 or frames.shape[1] != 3 or frames.dtype != torch.uint8:
            raise ValueError(
                f"Frames must be uint8 of shape (T, 3, H, W), got {frames.dtype} of shape {tuple(frames.shape)}; "
                "decode them with `decode_video`."
            )
        if self.resize_dtype == "float32":
            frames = frames.float()
        if self.do_resize:
            frames = resize(frames, self.size, self.resample, self.antialias)
        if self.do_center_crop:
            frames = center_crop(frames, self.crop_size)
        return frames.contiguous()

    def normalize_frames(self, frames: torch.Tensor) -> torch.Tensor:
        """Rescale and normalise frames (..., 3, h, w) in grey levels to float32."""
        frames = frames.float()
        scale = self.rescale_factor if self.do_rescale else 1.0
        if not self.do_normalize:
            return frames * scale
        mean = torch.tensor(self.image_mean, device=frames.device)[:, None, None]
        std = torch.tensor(self.image_std, device=frames.device)[:, None, None]
        return (frames * scale - mean) / std


class LoadedClip(NamedTuple):
    """Resized frames (T, 3, h, w) of one video, their mask (T,), and where the subject is, (T, h, w) of 0 and 1."""

    frames: torch.Tensor
    frame_mask: torch.BoolTensor
    subject_masks: torch.Tensor | None = None


class _Clip(NamedTuple):
    """Sampled frames of one video: resized (T, 3, h, w), mask (T,), their numbers, how many the clip has, its sides."""

    frames: torch.Tensor
    mask: torch.BoolTensor
    indices: list[int]
    num_frames: int
    source: tuple[int, int]


_RULES = {
    "emotionclip": emotionclip_indices,
    "expclip_paper_code": expclip_paper_code_indices,
    "uniform": uniform_indices,
}


def as_video_list(videos: Any) -> list[Any]:
    """Return a list of videos for one video or several; a list of pictures is one video.

    Raises:
        ValueError: If the list is empty.
    """
    if not isinstance(videos, list | tuple):
        return [videos]
    if not videos:
        raise ValueError("At least 1 video must be given, got an empty list.")
    return [list(videos)] if all(is_image_like(item) for item in videos) else list(videos)


def _stack_clips(clips: list[torch.Tensor], masks: list[torch.BoolTensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Stack clips; a shorter one, such as a still picture, repeats its last frame with a mask of `False`."""
    sizes = {tuple(frames.shape[1:]) for frames in clips}
    if len(sizes) > 1:
        raise ValueError(
            f"All clips of a batch must have one frame size, got {sorted(sizes)}; set do_center_crop=True or pass them "
            "one by one."
        )
    longest = max(len(mask) for mask in masks)
    positions = [torch.arange(longest).clamp(max=len(mask) - 1) for mask in masks]
    frames = torch.stack([clip[place] for clip, place in zip(clips, positions, strict=True)])
    counts = [mask[place] & (torch.arange(longest) < len(mask)) for mask, place in zip(masks, positions, strict=True)]
    return frames, torch.stack(counts)


def _as_subjects(boxes: Any, masks: Any, count: int) -> list[Any] | None:
    """One entry per video of boxes or masks, whichever is given; `None` where neither is."""
    if boxes is not None and masks is not None:
        raise ValueError("Give either `subject_boxes` or `subject_masks`, got both.")
    name, subjects = ("subject_boxes", boxes) if masks is None else ("subject_masks", masks)
    if subjects is None:
        return None
    subjects = list(subjects)
    if len(subjects) != count:
        raise ValueError(
            f"`{name}` must have one entry per video, {count}, got {len(subjects)}; put one video's into a list."
        )
    return subjects


def _checked_masks(masks: Any, source: tuple[int, int]) -> torch.Tensor:
    masks = torch.as_tensor(masks)
    if masks.ndim != 3 or tuple(masks.shape[1:]) != source:
        raise ValueError(
            f"`subject_masks` of a video must be (frames, {source[0]}, {source[1]}), the sides of its frames, got "
            f"{tuple(masks.shape)}."
        )
    return masks


__all__ = ["EmoCLIPVideoProcessor", "EmoCLIPVideoProcessorKwargs", "LoadedClip", "as_video_list"]
