# SPDX-License-Identifier: Apache-2.0
"""Processor of EmoCLIP: one object for texts and videos."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer
from transformers.feature_extraction_utils import BatchFeature
from transformers.processing_utils import ProcessorMixin
from transformers.video_processing_utils import VideoProcessorMixin

from .hub_emoclip import complete_folder
from .video_processing_emoclip import EmoCLIPVideoProcessor, EmoCLIPVideoProcessorKwargs


# Tokenizers without a limit of their own carry a huge number instead.
NO_MAX_LENGTH = 1_000_000


class EmoCLIPProcessor(ProcessorMixin):
    r"""Turns texts and videos into the input of `EmoCLIPModel`.

    Args:
        video_processor (`EmoCLIPVideoProcessor`): Decodes, samples and transforms videos.
        tokenizer (`PreTrainedTokenizerBase`): CLIP's tokenizer, or another with an end-of-text token.

    Example:
    ```python
    processor = EmoCLIPProcessor.from_pretrained("folder")
    inputs = processor(text=["a person who is relieved"], videos="clip.mp4")
    ```
    """

    def __init__(self, video_processor: Any = None, tokenizer: Any = None) -> None:
        super().__init__(video_processor, tokenizer)

    def __call__(  # noqa: PLR0913 - the keywords that calls of CLIP carry
        self,
        text: str | list[str] | None = None,
        videos: Any = None,
        *,
        training: bool = False,
        generator: torch.Generator | None = None,
        on_error: str = "raise",
        allow_urls: bool = False,
        subject_boxes: Sequence[Any] | None = None,
        subject_masks: Sequence[Any] | None = None,
        return_tensors: str | None = "pt",
        padding: bool | str = True,
        truncation: bool = True,
    ) -> BatchFeature:
        """Return the model's input for texts, videos or both.

        Texts are padded to the longest and cut at the tokenizer's `model_max_length`; a text that is cut keeps its
        end-of-text token, from which the model reads the text.

        Args:
            text (`str` or `list[str]`, *optional*): One text or several.
            videos (`Any`, *optional*): One video or a list, in any form `EmoCLIPVideoProcessor` takes.
            training (`bool`, *optional*, defaults to `False`): Whether frames are sampled at random.
            generator (`torch.Generator`, *optional*): Source of the randomness.
            on_error (`str`, *optional*, defaults to `"raise"`): `"truncate"` uses the good frames of a damaged file.
            allow_urls (`bool`, *optional*, defaults to `False`): Whether `http(s)` addresses are read.
            subject_boxes, subject_masks (`Sequence`, *optional*):
                Where the subject of each video is, see `EmoCLIPVideoProcessor.preprocess`.
            return_tensors (`str`, *optional*, defaults to `"pt"`): `"pt"` or `"np"`.
            padding, truncation (`bool`, *optional*, defaults to `True`):
                Accepted because calls of CLIP carry them; texts are always padded and cut, so only `True` is allowed.

        Returns:
            `BatchFeature`: `input_ids` and `attention_mask` (N, L) for texts; `pixel_values_videos`
            (B, T, 3, height, width), `frame_mask` (B, T) and, where subjects are given, `subject_masks`
            (B, T, height, width) for videos.

        Raises:
            ValueError: If there is neither text nor video, or a text is no text.
            FileNotFoundError: If a path does not exist.
            VideoDecodeError: If a file cannot be decoded.
        """
        for name, value in (("padding", padding), ("truncation", truncation)):
            if value not in (True, "longest", "longest_first"):
                raise ValueError(
                    f"`{name}` must be True, got {value!r}; texts are padded to the longest and cut to fit."
                )
        if text is None and videos is None:
            raise ValueError("`text` or `videos` must be given, got neither.")
        data: dict[str, Any] = {}
        if text is not None:
            data.update(self.tokenize(text, return_tensors=return_tensors))
        if videos is not None:
            clips = self.video_processor(
                videos,
                training=training,
                generator=generator,
                on_error=on_error,
                allow_urls=allow_urls,
                subject_boxes=subject_boxes,
                subject_masks=subject_masks,
                return_tensors=return_tensors,
            )
            data.update(clips)
        return BatchFeature(data)

    def tokenize(self, text: str | list[str], *, return_tensors: str | None = "pt") -> dict[str, Any]:
        """Return `input_ids` and `attention_mask`, both int64 (N, L), for one text or several.

        Raises:
            ValueError: If there is no text, or an entry is no text or is empty.
        """
        texts = [text] if isinstance(text, str) else list(text)
        if not texts:
            raise ValueError("`text` must hold at least 1 text, got an empty list.")
        for entry in texts:
            if not isinstance(entry, str) or not entry.strip():
                raise ValueError(f"`text` must be a text that is not empty, or a list of such, got {entry!r}.")
        limit = self.tokenizer.model_max_length
        encoded = self.tokenizer(
            texts,
            padding="longest",
            truncation=limit < NO_MAX_LENGTH,
            max_length=limit if limit < NO_MAX_LENGTH else None,
            return_tensors=return_tensors,
        )
        return {name: encoded[name] for name in ("input_ids", "attention_mask")}

    def save_pretrained(self, save_directory: Any, push_to_hub: bool = False, **kwargs: Any) -> Any:
        """As in transformers; the folder also gets the code and the whole map of classes, so that it opens anywhere."""
        hub = kwargs if push_to_hub else {}
        saved = super().save_pretrained(save_directory, push_to_hub=False, **({} if push_to_hub else kwargs))
        complete_folder(save_directory)
        if push_to_hub:
            self.push_to_hub(hub.pop("repo_id", None) or Path(save_directory).name, **hub)
        return saved

    def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
        """Check the class of a part; the video processor is ours, which the base class does not accept.

        Raises:
            TypeError: If a part has another class.
        """
        # The base class asks for BaseVideoProcessor, which cannot be imported without torchvision.
        if argument_name != "video_processor":
            return super().check_argument_for_proper_class(argument_name, argument)
        if not isinstance(argument, VideoProcessorMixin):
            raise TypeError(
                f"`video_processor` must be an EmoCLIPVideoProcessor, got {type(argument).__name__}; pass the video "
                "processor first and the tokenizer second."
            )
        return VideoProcessorMixin

    @classmethod
    def _get_arguments_from_pretrained(
        cls, pretrained_model_name_or_path: Any, processor_dict: dict[str, Any] | None = None, **kwargs: Any
    ) -> list[Any]:
        """Load the parts by their classes: AutoVideoProcessor is a placeholder where torchvision is missing."""
        fields = EmoCLIPVideoProcessorKwargs.__annotations__
        # Fields such as `num_frames=8` are for the video processor; a tokenizer would keep and save them.
        for_video = {name: kwargs.pop(name) for name in list(kwargs) if name in fields}
        video_processor = EmoCLIPVideoProcessor.from_pretrained(pretrained_model_name_or_path, **for_video, **kwargs)
        tokenizer = AutoTokenizer.from_pretrained(pretrained_model_name_or_path, **kwargs)
        return [video_processor, tokenizer]


__all__ = ["EmoCLIPProcessor"]
