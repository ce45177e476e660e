# SPDX-License-Identifier: Apache-2.0
"""The pipeline `zero-shot-video-classification`: videos and any words to scores, in one call."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from types import GeneratorType
from typing import Any

import torch
from transformers import AutoModel, Pipeline
from transformers.pipelines import PIPELINE_REGISTRY
from transformers.utils import logging

from .hub_emoclip import PIPELINE_TASK
from .prototypes_emoclip import PrototypeEncoder
from .text_classes_emoclip import class_names
from .video_processing_emoclip import as_video_list


LOG = logging.get_logger(__name__)


class ZeroShotVideoClassificationPipeline(Pipeline):
    r"""Says how well each of the user's texts matches a video.

    The scores are relative to the texts given: they compare texts, and are no probabilities of an emotion. What is described
    is the apparent expression, not what somebody feels.

    Example:
    ```python
    >>> from transformers import pipeline

    >>> classify = pipeline("zero-shot-video-classification", "folder-or-hub-id", trust_remote_code=True)
    >>> classify("clip.mp4", candidate_labels=["happiness", "quiet relief", "fear + 2*surprise"])
    [{'label': 'quiet relief', 'score': 0.61, 'similarity': 0.27}, ...]
    ```
    """

    _load_processor: Any = True
    _load_tokenizer: Any = False
    _load_image_processor: Any = False
    _load_video_processor: Any = False
    _load_feature_extractor: Any = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # The registry of transformers asks for parameters within its own constructor.
        self._encoder: PrototypeEncoder | None = None
        self._warned = False
        super().__init__(*args, **kwargs)
        if self.processor is None:
            raise ValueError("The pipeline must have a processor, got none; pass `processor=`.")

    def __call__(self, videos: Any, candidate_labels: Any = None, **kwargs: Any) -> Any:  # type: ignore[override]
        r"""Classify one video or many.

        Args:
            videos (`Any`):
                One video in any form that the processor takes (path, bytes, file, array, tensor, list of pictures, mapping
                of `datasets`), or a list, a generator or a column of `datasets` of such. A mapping with the key `"video"`
                may carry `"subject_boxes"` or `"subject_masks"` for a model that prompts by subject; without them its
                frames count as frames without a subject, and a warning says so once.
            candidate_labels (`list` or `dict`):
                The classes, in any form of `parse_class`, or class name -> such a form.
            style (`str`, *optional*, defaults to `"auto"`):
                How names become texts, see `Style`; `hypothesis_template` is another name for it.
            compound (`str`, *optional*, defaults to `"average"`):
                See `Style`.
            top_k (`int`, *optional*):
                How many of the best classes are returned; all by default.
            on_error (`str`, *optional*, defaults to `"raise"`):
                `"truncate"` uses the good frames of a damaged file.
            allow_urls (`bool`, *optional*, defaults to `False`):
                Whether `http(s)` addresses are read.
            batch_size (`int`, *optional*, defaults to 1):
                Videos that go through the model at once.

        Returns:
            For an empty list an empty list; for one video a list of `{"label", "score", "similarity"}`, best first: the share among the classes (softmax of
            the logits) and the logit without its scale, a cosine. A list of such lists for a list; an iterator over them
            for a generator, a data set or a column.

        Raises:
            ValueError: there is no class, an argument is not known, or a video cannot be decoded.
        """
        if candidate_labels is not None:
            # A generator can be read only once.
            is_generator = isinstance(candidate_labels, Iterator)
            kwargs["candidate_labels"] = list(candidate_labels) if is_generator else candidate_labels
        elif "prototypes" not in self._forward_params:
            raise ValueError("`candidate_labels` must be given, got none; for example ['happiness', 'quiet relief'].")
        if isinstance(videos, list | tuple) and not videos:
            self._sanitize_parameters(**kwargs)  # a slip in the words is told all the same
            return []
        if isinstance(videos, list | tuple) and len(as_video_list(videos)) == len(videos) and not _is_one(videos):
            return super().__call__(list(videos), **kwargs)
        if isinstance(videos, GeneratorType) or _is_column(videos):
            # A generator of its own, for the base class recognises no column of `datasets`.
            return super().__call__((video for video in videos), **kwargs)
        return super().__call__([videos], **kwargs)[0]

    def _sanitize_parameters(
        self,
        candidate_labels: Any = None,
        style: str | None = None,
        hypothesis_template: str | None = None,
        compound: str = "average",
        top_k: int | None = None,
        on_error: str | None = None,
        allow_urls: bool | None = None,
        **unknown: Any,
    ) -> tuple[dict, dict, dict]:
        if unknown:
            raise ValueError(f"The pipeline knows no {', '.join(sorted(unknown))}.")
        if style is not None and hypothesis_template is not None:
            raise ValueError("Give either `style` or `hypothesis_template`, got both.")
        if top_k is not None and (isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1):
            raise ValueError(f"`top_k` must be a whole number of at least 1, got {top_k!r}.")
        given = {"on_error": on_error, "allow_urls": allow_urls}
        preprocess = {name: value for name, value in given.items() if value is not None}
        postprocess: dict[str, Any] = {} if top_k is None else {"top_k": top_k}
        if candidate_labels is None:
            return preprocess, {}, postprocess
        # Encoded before the first video is decoded: a slip in the words must not cost an hour of decoding.
        if self._encoder is None:
            self._encoder = PrototypeEncoder(self.model, self.processor)
        style = style or hypothesis_template or "auto"
        prototypes = self._encoder.encode(candidate_labels, style, compound=compound)
        return preprocess, {"prototypes": prototypes}, {**postprocess, "labels": class_names(candidate_labels)}

    def preprocess(self, video: Any, **kwargs: Any) -> dict[str, torch.Tensor]:  # type: ignore[override]
        """One video to the model's input, with a batch axis of 1."""
        subject: dict[str, Any] = {}
        if isinstance(video, Mapping) and "video" in video:
            subject = {name: [video[name]] for name in ("subject_boxes", "subject_masks") if name in video}
            video = video["video"]
        processor: Any = self.processor
        model: Any = self.model
        if not subject and model.config.subject_prompting != "none":
            self._warn_of_no_subject()
            subject = {"subject_boxes": [None]}
        return dict(processor(videos=[video], **subject, **kwargs))

    def _warn_of_no_subject(self) -> None:
        if not self._warned:
            self._warned = True
            LOG.warning(
                "This model prompts by subject, and a video came without one: its frames count as frames without a subject. "
                'Give {"video": ..., "subject_boxes": ...} to say who is meant.'
            )

    def _forward(self, model_inputs: Any, prototypes: torch.Tensor) -> dict[str, torch.Tensor]:  # type: ignore[override]
        if bool(model_inputs["frame_mask"].all()):
            model_inputs = {name: tensor for name, tensor in model_inputs.items() if name != "frame_mask"}
        model: Any = self.model
        video = model.get_video_features(**model_inputs).pooler_output
        logits = model.get_prototype_logits(video, prototypes.to(video.device))
        return {"logits": logits, "similarity": logits / model.get_logit_multiplier()}

    def postprocess(  # type: ignore[override]
        self, model_outputs: Any, labels: list[str], top_k: int | None = None
    ) -> list[dict[str, Any]]:
        """One video's classes, best first."""
        scores, similarities = model_outputs["logits"].softmax(dim=-1), model_outputs["similarity"]
        rows = [
            {"label": label, "score": score, "similarity": similarity}
            for label, score, similarity in zip(labels, scores.tolist(), similarities.tolist(), strict=True)
        ]
        return sorted(rows, key=lambda row: -row["score"])[:top_k]

    def get_iterator(
        self,
        inputs: Iterable[Any],
        num_workers: int,
        batch_size: int,
        preprocess_params: dict[str, Any],
        forward_params: dict[str, Any],
        postprocess_params: dict[str, Any],
    ) -> Iterator[list[dict[str, Any]]]:
        """Results in the order of the inputs; clips of different lengths share a batch."""
        videos = iter(inputs)
        while chunk := list(islice(videos, batch_size)):
            prepared = [self.preprocess(video, **preprocess_params) for video in chunk]
            outputs = self.forward(_collate(prepared), **forward_params)
            for row in range(len(chunk)):
                one = {name: tensor[row] for name, tensor in outputs.items()}
                yield self.postprocess(one, **postprocess_params)

    def save_pretrained(self, save_directory: Any, **kwargs: Any) -> None:
        """Save model, processor and code; the base class leaves the processor out."""
        processor: Any = self.processor
        self.model.save_pretrained(save_directory, **kwargs)
        processor.save_pretrained(save_directory)


def _is_one(videos: Any) -> bool:
    """Whether a list is one video given as its pictures."""
    return len(videos) == 1 and as_video_list(videos)[0] is not videos[0]


def _is_column(videos: Any) -> bool:
    """A column or data set: something long that is looked up by number, of a library whose types are not imported here."""
    if isinstance(videos, torch.utils.data.Dataset):
        return True
    return type(videos).__module__.partition(".")[0] == "datasets" and hasattr(videos, "__iter__")


def _collate(clips: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Batches clips along the first axis; shorter ones are filled up with zeros that count nowhere."""
    longest = max(clip["frame_mask"].shape[1] for clip in clips)
    batch = {}
    for name in clips[0]:
        parts = []
        for clip in clips:
            tensor = clip[name]
            fill = tensor.new_zeros(1, longest - tensor.shape[1], *tensor.shape[2:])
            parts.append(torch.cat([tensor, fill], dim=1))
        batch[name] = torch.cat(parts)
    return batch


if PIPELINE_TASK not in PIPELINE_REGISTRY.get_supported_tasks():
    PIPELINE_REGISTRY.register_pipeline(
        PIPELINE_TASK, pipeline_class=ZeroShotVideoClassificationPipeline, pt_model=AutoModel, type="multimodal"
    )


__all__ = ["ZeroShotVideoClassificationPipeline"]
