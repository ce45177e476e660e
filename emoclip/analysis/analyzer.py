# SPDX-License-Identifier: Apache-2.0
"""`analyze`: a video and words in, a timeline of apparent expression out."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from modeling_emoclip.video_decoding_emoclip import VideoDecodeError, probe_video

from .encoding import Progress
from .prototypes import read_words
from .result import Analysis
from .run import encode_jobs
from .scoring import ScoringSettings
from .settings import AnalysisSettings
from .source_model import LoadedModel, load_model, scoring
from .video_job import VideoJob, video_name
from .window_set import NO_FACE
from .words import check_prompt, read_emotions


SETTINGS = tuple(field.name for field in fields(AnalysisSettings))
SCORING = tuple(field.name for field in fields(ScoringSettings))


def analyze(
    video: Any,
    emotions: Any,
    model: Any = None,
    processor: Any = None,
    *,
    prompt: str = "auto",
    agreement: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> Analysis:
    """Return the relative match of each word to the apparent expression in each window of a video.

    Args:
        video: A video file, a still image, a folder of frames, bytes, a file object, a list of images or an array, as
            the video processor takes them. One video; loop over several with one `load_model()`.
        emotions: Any words or phrases, as a list or as one text with commas between them, at most 256, no two equal; or
            sums, descriptions and other forms, see `emoclip.analysis.words.read_emotions`.
        model: A Hub folder, a Hub id, a loaded `EmoCLIPModel` or what `load_model` gave. `None` is the embedded default,
            which was trained on rendered faces and knows nothing of real ones.
        processor: Needed with a loaded model that came from no folder.
        prompt: How a word becomes a text, see `emoclip.analysis.words.word_trees`.
        agreement: Also read the words by other prompts; the match's interval over them stands in the timeline.
        progress: Called with the frames done and the frames expected (or `None`), for videos of several windows.
        options: Arguments of `AnalysisSettings` (`mode`, `window`, `stride`, `fps`, `faces`, `boxes`, `on_error`, ...) and of
            `ScoringSettings` (`other`, `multi_label`, ...).

    Raises:
        ValueError: Words, options or model that cannot be used.
        FileNotFoundError: The video or the model folder does not exist.
        VideoDecodeError: The video cannot be decoded.

    Example:
        >>> import emoclip
        >>> emoclip.analyze("interview.mp4", "happiness, quiet relief, doubt").save("interview.csv")
    """
    wanted = read_emotions(emotions)
    check_prompt(prompt)
    settings, scores = split_options(options)
    source = _rereadable(video)
    info = probe_video(source, allow_urls=settings.allow_urls)
    loaded = load_model(model, processor)
    job = VideoJob(
        source,
        info,
        loaded.processor.video_processor,
        settings,
        name=video_name(source, info),
        image_size=loaded.model.config.vision_config.image_size,
        embed_dim=loaded.model.embed_dim,
    )
    with scoring(loaded.model):
        words = read_words(wanted, loaded, prompt=prompt, agreement=agreement, neutral=scores.multi_label)
        interrupted = _encode_until_stopped(job, loaded, settings, progress)
    warnings = tuple(f"Scored only up to the damage: {error}" for error in job.errors)
    return Analysis.of(
        job.windows(),
        words,
        loaded,
        scores,
        scope=settings.scope,
        warnings=warnings,
        people=job.people(),
        interrupted=interrupted,
    )


def split_options(options: dict[str, Any]) -> tuple[AnalysisSettings, ScoringSettings]:
    """Return the two groups of options of `analyze`.

    Raises:
        ValueError: A name is not known, or a value is out of its range.
    """
    unknown = sorted(set(options) - set(SETTINGS) - set(SCORING))
    if unknown:
        raise ValueError(f"`analyze` knows no {', '.join(unknown)}; it has {', '.join((*SETTINGS, *SCORING))}.")
    return (
        AnalysisSettings(**{name: value for name, value in options.items() if name in SETTINGS}),
        ScoringSettings(**{name: value for name, value in options.items() if name in SCORING}),
    )


def _encode_until_stopped(
    job: VideoJob, loaded: LoadedModel, settings: AnalysisSettings, progress: Progress | None
) -> bool:
    """Fill the job and return whether Ctrl-C stopped it; windows that were complete by then are kept."""
    try:
        encode_jobs([job], loaded, settings, progress)
    except KeyboardInterrupt:
        if job.windows().table["mark"].eq(NO_FACE).all():
            raise
        return True
    return False


def _rereadable(video: Any) -> Any:
    """A stream that cannot be rewound becomes its bytes, because a short video is read twice."""
    is_stream = hasattr(video, "read") and not (hasattr(video, "seekable") and video.seekable())
    return video.read() if is_stream else video


__all__ = ["VideoDecodeError", "analyze", "split_options"]
