# SPDX-License-Identifier: Apache-2.0
"""`analyze`: a video and words in, a timeline of apparent expression out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from modeling_emoclip.video_decoding_emoclip import VideoInfo, probe_video

from .encoding import Progress, encode_windows
from .result import Analysis, score_timeline
from .source_model import LoadedModel, load_model, scoring
from .windows import DEFAULT_STRIDE, WindowPlan, check_seconds
from .words import check_prompt, emotion_texts, parse_emotions


def analyze(  # noqa: PLR0913 - the front door of the package: each argument is a wish of the user's
    video: Any,
    emotions: str | Iterable[str],
    model: Any = None,
    processor: Any = None,
    *,
    window: float | None = None,
    stride: float | None = None,
    prompt: str = "auto",
    on_error: str = "raise",
    progress: Progress | None = None,
) -> Analysis:
    """Return the relative match of each word to the apparent expression in each window of a video.

    Whole frames are scored, not faces: crop the face first where it is small. A video that fits the model's own span
    (`num_frames` frames, `frame_stride` apart) is one window, sampled as the processor does in evaluation.

    Args:
        video: A video file, a still image, a folder of frames, bytes, a file object, a list of images or an array, as
            the video processor takes them. One video; loop over several with one `load_model()`.
        emotions: Any words or phrases, as a list or as one text with commas between them; at most 256, no two equal.
        model: A Hub folder, a Hub id, a loaded `EmoCLIPModel` or what `load_model` gave. `None` is the embedded default,
            which was trained on rendered faces and knows nothing of real ones.
        processor: Needed with a loaded model that came from no folder.
        window: Seconds of a window. `None`: the model's own span in frames. In a longer window the model's number of
            frames is spread evenly; a shorter one holds fewer frames.
        stride: Seconds from one window to the next; 1 by default.
        prompt: How a word becomes a text, see `emoclip.analysis.words.emotion_texts`.
        on_error: `"raise"`, or `"truncate"` to score a damaged video up to its last good frame, with a warning.
        progress: Called with the frames done and the frames expected (or `None`), for videos of several windows.

    Raises:
        ValueError: Words, `window`, `stride`, `prompt`, `on_error` or model that cannot be used.
        FileNotFoundError: The video or the model folder does not exist.
        VideoDecodeError: The video cannot be decoded.

    Example:
        >>> import emoclip
        >>> emoclip.analyze("interview.mp4", "happiness, quiet relief, doubt").save("interview.csv")
    """
    words = parse_emotions(emotions)
    check_prompt(prompt)
    check_seconds("window", window)
    check_seconds("stride", stride)
    if on_error not in ("raise", "truncate"):
        raise ValueError(f"`on_error` must be 'raise' or 'truncate', got {on_error!r}.")
    source = _rereadable(video)
    info = probe_video(source)
    loaded = load_model(model, processor)
    video_processor = loaded.processor.video_processor
    plan: WindowPlan[torch.Tensor] = WindowPlan(
        video_processor.num_frames, window, DEFAULT_STRIDE if stride is None else stride
    )
    expected = _expected_frames(info, video_processor.frame_stride)
    report = None if progress is None else (lambda done: progress(done, expected))
    texts = emotion_texts(words, prompt, loaded.class_descriptions)
    with scoring(loaded.model):
        text_embeds = embed_texts(list(texts.values()), loaded)
        windows = encode_windows(source, loaded, plan, on_error=on_error, on_frames=report)
        scale = loaded.model.logit_scale.exp().item()
    timeline = score_timeline(_name(video, info), windows, words, text_embeds, scale)
    warnings = () if windows.error is None else (f"Scored only up to the damage: {windows.error}",)
    return Analysis(timeline, texts, loaded.name, _statement(loaded, texts), warnings=warnings)


def embed_texts(texts: list[str], loaded: LoadedModel) -> torch.Tensor:
    """Return text embeddings, float32, (texts, dim), not normalised."""
    tokens = loaded.processor(text=texts).to(loaded.model.device)
    output = loaded.model.get_text_features(tokens["input_ids"], tokens["attention_mask"])
    return output.pooler_output.float().cpu()


def _rereadable(video: Any) -> Any:
    """A stream that cannot be rewound becomes its bytes, because a short video is read twice."""
    is_stream = hasattr(video, "read") and not (hasattr(video, "seekable") and video.seekable())
    return video.read() if is_stream else video


def _statement(loaded: LoadedModel, texts: Mapping[str, str]) -> str:
    described = [word for word, text in texts.items() if text in loaded.class_descriptions.values()]
    if not described:
        return loaded.statement
    return (
        f"{loaded.statement} It read its own class descriptions for {', '.join(described)}; "
        "the prompt 'template' has it read the words instead."
    )


def _expected_frames(info: VideoInfo, frame_stride: int) -> int | None:
    # Containers may state a wrong number; it only feeds the progress bar.
    return None if info.num_frames is None else -(-info.num_frames // frame_stride)


def _name(video: Any, info: VideoInfo) -> str:
    return str(video) if isinstance(video, str | Path) else info.name
