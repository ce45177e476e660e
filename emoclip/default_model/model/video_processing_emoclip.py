# SPDX-License-Identifier: Apache-2.0
"""Video processor of EmoCLIP: which frames the model sees and how they become its input.

The only place where resizing, cropping and normalising are defined. Built on torch alone, because torchvision need not
be installed. Paper: EmoCLIP, section III.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, TypedDict

import torch
from torch.nn.functional import interpolate
from transformers.image_processing_base import BatchFeature
from transformers.video_processing_utils import VideoProcessorMixin

from .frame_sampling_emoclip import emoclip_indices, uniform_indices
from .video_decoding_emoclip import decode_video
from .video_sources_emoclip import is_image_like, is_still_image


OPENAI_CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
OPENAI_CLIP_STD = [0.26862954, 0.26130258, 0.27577711]
# Pillow's numbers, which processor files have always carried.
RESAMPLE_MODES = {0: "nearest-exact", 2: "bilinear", 3: "bicubic"}
FRAME_SAMPLING_RULES = ("emoclip", "uniform")
RESIZE_DTYPES = ("uint8", "float32")
# What transformers itself writes into a saved processor or adds when it loads one.
SERVICE_KEYS = ("auto_map", "feature_extractor_type", "processor_class", "return_metadata", "video_processor_type")


class EmoCLIPVideoProcessorKwargs(TypedDict, total=False):
    """Fields of `EmoCLIPVideoProcessor`, see there."""

    num_frames: int
    frame_stride: int
    frame_sampling: str
    do_resize: bool
    size: dict[str, int] | int
    resample: int
    antialias: bool
    resize_dtype: str
    do_center_crop: bool
    crop_size: dict[str, int] | int
    do_rescale: bool
    rescale_factor: float
    do_normalize: bool
    image_mean: list[float]
    image_std: list[float]


class EmoCLIPVideoProcessor(VideoProcessorMixin):
    r"""Decodes, samples and transforms videos for `EmoCLIPModel`.

    Args:
        num_frames (`int`, *optional*, defaults to 32): Frames per clip.
        frame_stride (`int`, *optional*, defaults to 4): Distance of neighbouring frames, for `"emoclip"` sampling.
        frame_sampling (`str`, *optional*, defaults to `"emoclip"`):
            `"emoclip"`: every `frame_stride`-th frame in one circular window, from a random frame in training and from
            frame 0 else; short clips wrap around and are then mirrored, every frame is valid. `"uniform"`: one frame
            of each of `num_frames` equal segments; short clips repeat the last frame with a `frame_mask` of `False`.
        do_resize (`bool`, *optional*, defaults to `True`): Whether to resize.
        size (`dict[str, int]` or `int`, *optional*, defaults to `{"shortest_edge": 224}`): Length of the short side.
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

    Raises:
        ValueError: If a value is out of its range or a keyword is not known.
    """

    model_input_names = ["pixel_values_videos", "frame_mask"]  # noqa: RUF012 - the form transformers reads
    valid_kwargs = EmoCLIPVideoProcessorKwargs  # type: ignore[assignment]  # our fields, not the general ones

    num_frames = 32
    frame_stride = 4
    frame_sampling = "emoclip"
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

    def __init__(self, **kwargs: Any) -> None:
        service = {key: kwargs.pop(key) for key in SERVICE_KEYS if key in kwargs}
        fields = list(EmoCLIPVideoProcessorKwargs.__annotations__)
        unknown = sorted(set(kwargs) - set(fields))
        if unknown:
            raise ValueError(f"EmoCLIPVideoProcessor knows no {', '.join(unknown)}; it has {', '.join(fields)}.")
        values = {name: kwargs.get(name, getattr(type(self), name)) for name in fields}
        values["size"] = _as_size(values["size"], "size", ("shortest_edge",))
        values["crop_size"] = _as_size(values["crop_size"], "crop_size", ("height", "width"))
        values["image_mean"] = _as_colour(values["image_mean"], "image_mean", minimum=-math.inf)
        values["image_std"] = _as_colour(values["image_std"], "image_std", minimum=0.0)
        _check_fields(values)
        service.pop("video_processor_type", None)
        super().__init__(**service, **values)

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
            return_tensors (`str`, *optional*, defaults to `"pt"`): `"pt"` or `"np"`.

        Returns:
            `BatchFeature`: `pixel_values_videos`, float32 (B, T, 3, height, width), and `frame_mask`, bool (B, T),
            `False` where a frame only fills the clip up.

        Raises:
            FileNotFoundError: If a path does not exist.
            VideoDecodeError: If a file cannot be decoded.
            ValueError: If there is no video, or an argument is out of its range.
        """
        clips: list[tuple[torch.Tensor, torch.Tensor]] = []
        for video in as_video_list(videos):
            frames, mask = self.load_clip(
                video, training=training, generator=generator, on_error=on_error, allow_urls=allow_urls
            )
            clips.append((self.normalize_frames(frames), mask))
        data = dict(zip(("pixel_values_videos", "frame_mask"), _stack_clips(clips), strict=True))
        return BatchFeature(data, tensor_type=return_tensors)

    def load_clip(
        self,
        video: Any,
        *,
        training: bool = False,
        generator: torch.Generator | None = None,
        on_error: str = "raise",
        allow_urls: bool = False,
    ) -> tuple[torch.Tensor, torch.BoolTensor]:
        """Decode and resize the sampled frames of one video; what may be kept of a clip between epochs.

        Returns:
            Frames as `resize_frames` gives them, and the mask (T,).
        """
        mask = torch.ones(1, dtype=torch.bool)

        def choose(total: int) -> list[int]:
            nonlocal mask
            indices, mask = self.sample_frame_indices(total, training=training, generator=generator)
            return indices.tolist()

        chosen: Callable[[int], Sequence[int]] = (lambda total: [0]) if is_still_image(video) else choose
        decoded = decode_video(video, indices=chosen, on_error=on_error, allow_urls=allow_urls)
        return self.resize_frames(decoded.frames), mask  # type: ignore[return-value]

    def sample_frame_indices(
        self, total: int, *, training: bool = False, generator: torch.Generator | None = None
    ) -> tuple[torch.LongTensor, torch.BoolTensor]:
        """Return the numbers of the frames to use of a clip of `total` frames, (T,), and their mask, (T,).

        Raises:
            ValueError: If the clip has no frame.
        """
        if self.frame_sampling == "uniform":
            return uniform_indices(total, self.num_frames, training=training, generator=generator)
        return emoclip_indices(total, self.num_frames, self.frame_stride, training=training, generator=generator)

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
            frames = self._resize(frames)
        if self.do_center_crop:
            frames = self._center_crop(frames)
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

    def _resize(self, frames: torch.Tensor) -> torch.Tensor:
        height, width = frames.shape[-2:]
        short, target = min(height, width), self.size["shortest_edge"]
        if short == target:
            return frames
        # Rounded down, as torchvision and CLIP do.
        new_size = (target * height // short, target * width // short)
        mode = RESAMPLE_MODES[self.resample]
        # Channels last in memory is twice as fast for uint8; decoded frames come that way.
        return interpolate(frames, size=new_size, mode=mode, antialias=self.antialias and self.resample != 0)

    def _center_crop(self, frames: torch.Tensor) -> torch.Tensor:
        height, width = frames.shape[-2:]
        crop_height, crop_width = self.crop_size["height"], self.crop_size["width"]
        if crop_height > height or crop_width > width:
            raise ValueError(
                f"`crop_size` must fit into the frames, got {crop_height}x{crop_width} for frames of {height}x{width}; "
                "set do_resize=True or a smaller crop."
            )
        top, left = round((height - crop_height) / 2), round((width - crop_width) / 2)
        return frames[..., top : top + crop_height, left : left + crop_width]


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


def _stack_clips(clips: list[tuple[torch.Tensor, torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Stack clips; a shorter one, such as a still picture, repeats its last frame with a mask of `False`."""
    sizes = {tuple(frames.shape[1:]) for frames, _ in clips}
    if len(sizes) > 1:
        raise ValueError(
            f"All clips of a batch must have one frame size, got {sorted(sizes)}; set do_center_crop=True or pass them "
            "one by one."
        )
    longest = max(len(mask) for _, mask in clips)
    positions = [torch.arange(longest).clamp(max=len(mask) - 1) for _, mask in clips]
    frames = torch.stack([clip[place] for (clip, _), place in zip(clips, positions, strict=True)])
    masks = [
        mask[place] & (torch.arange(longest) < len(mask)) for (_, mask), place in zip(clips, positions, strict=True)
    ]
    return frames, torch.stack(masks)


def _check_fields(values: dict[str, Any]) -> None:
    for name in ("num_frames", "frame_stride"):
        _check_positive_integer(values[name], name)
    for name, accepted in (
        ("frame_sampling", FRAME_SAMPLING_RULES),
        ("resize_dtype", RESIZE_DTYPES),
        ("resample", tuple(RESAMPLE_MODES)),
    ):
        if isinstance(values[name], bool) or values[name] not in accepted:
            raise ValueError(f"`{name}` must be one of {', '.join(map(str, accepted))}, got {values[name]!r}.")
    for name in ("do_resize", "antialias", "do_center_crop", "do_rescale", "do_normalize"):
        if not isinstance(values[name], bool):
            raise ValueError(f"`{name}` must be True or False, got {values[name]!r}.")
    factor = values["rescale_factor"]
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor < math.inf:
        raise ValueError(f"`rescale_factor` must be a number greater than 0, got {factor!r}.")
    values["resample"] = int(values["resample"])  # Pillow's enumeration does not travel through JSON by every writer
    crop, short = max(values["crop_size"].values()), values["size"]["shortest_edge"]
    if values["do_resize"] and values["do_center_crop"] and crop > short:
        raise ValueError(f"`crop_size` must be at most the short side of {short}, got {crop}; raise `size` as well.")


def _check_positive_integer(value: Any, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"`{name}` must be a whole number of at least 1, got {value!r}.")


def _as_size(value: Any, name: str, keys: tuple[str, ...]) -> dict[str, int]:
    if isinstance(value, int) and not isinstance(value, bool):
        value = dict.fromkeys(keys, value)
    try:
        size = dict(value)
    except (TypeError, ValueError):
        size = {}
    if set(size) != set(keys):
        raise ValueError(f"`{name}` must be a whole number or have the keys {', '.join(keys)}, got {value!r}.")
    for key in keys:
        _check_positive_integer(size[key], f"{name}[{key!r}]")
    return {key: size[key] for key in keys}


def _as_colour(value: Any, name: str, *, minimum: float) -> list[float]:
    entries = list(value) if isinstance(value, list | tuple) else []
    numbers = all(isinstance(entry, int | float) and not isinstance(entry, bool) for entry in entries)
    if len(entries) != 3 or not numbers or not all(minimum < entry < math.inf for entry in entries):
        rule = "3 numbers" if minimum == -math.inf else f"3 numbers greater than {minimum:g}"
        raise ValueError(f"`{name}` must be {rule}, got {value!r}.")
    return [float(entry) for entry in entries]


__all__ = ["EmoCLIPVideoProcessor", "EmoCLIPVideoProcessorKwargs", "as_video_list"]
