# SPDX-License-Identifier: Apache-2.0
"""`analyze`: a video and words in, a timeline of apparent expression out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pandas as pd

from emoclip.precision import best_device
from modeling_emoclip.video_decoding_emoclip import VideoDecodeError, VideoInfo, probe_video

from .calibration import read_calibration
from .encoding import Progress
from .given_faces import check_boxes
from .inputs import different_names, list_videos
from .prototypes import read_words
from .result import Analysis
from .run import encode_jobs
from .scoring import ScoringSettings, check_words
from .settings import AnalysisSettings
from .source_model import LoadedModel, load_model, scoring
from .video_job import VideoJob, video_name
from .window_set import WindowSet
from .words import check_prompt, read_emotions


# How the notes tell of one among several videos that could not be read.
NOT_ANALYSED = "Not analysed: "
STOPPED = "Stopped by Ctrl-C: scored is what had been read until then."
SETTINGS = tuple(field.name for field in fields(AnalysisSettings))
SCORING = tuple(field.name for field in fields(ScoringSettings))


def analyze(  # noqa: PLR0913 - the front door of the package: each argument is a wish of the user's
    video: Any,
    emotions: Any,
    model: Any = None,
    processor: Any = None,
    *,
    mode: str = "windows",
    window: float | None = None,
    stride: float | None = None,
    fps: float | None = None,
    faces: str = "all",
    boxes: Any = None,
    prompt: str = "auto",
    agreement: bool = False,
    other: float | None = None,
    multi_label: bool = False,
    calibration: Any = None,
    on_error: str = "raise",
    keep_partial: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> Analysis:
    """Return the relative match of each word to the apparent expression in each window of a video, person by person.

    Args:
        video: A video file, a still image, a folder of frames, bytes, a file object, a list of images or an array, as
            the video processor takes them. A list of such, a pattern such as `"clips/*.mp4"` or a folder of videos are
            several videos, see `list_videos`; they share batches, and one that cannot be decoded is told in the notes. A
            camera never ends: it is for `emoclip webcam` and `emoclip.live.watching.watch`.
        emotions: Any words or phrases, as a list or as one text with commas between them, at most 256, no two equal; or
            sums, descriptions and other forms, see `emoclip.analysis.words.read_emotions`; or a `.yaml` file of them.
        model: A Hub folder, a Hub id, a loaded `EmoCLIPModel` or what `load_model` gave. `None` is the embedded default,
            which was trained on rendered faces and knows nothing of real ones.
        processor: Needed with a loaded model that came from no folder.
        mode: `"windows"` that slide, `"whole"` for one window, `"frames"` for each analysed frame by itself.
        window: Seconds of a window. `None`: the model's own span in frames. In a longer window the model's number of
            frames is spread evenly; a shorter one holds fewer frames.
        stride: Seconds from one window to the next; 1 by default.
        fps: Analysed frames a second, about. `None`: every `frame_stride`-th frame, as in training.
        faces: `"all"` faces that are found, those of the one person whose face is `"largest"` (added up over the video,
            see `main_person`), or `"none"`: whole frames.
        boxes: Faces that are known, see `emoclip.analysis.given_faces.read_boxes`.
        prompt: How a word becomes a text, see `emoclip.analysis.words.word_trees`.
        agreement: Also read the words by other prompts; the match's interval over them stands in the timeline.
        other: A similarity that a word must exceed; else the match goes to `none of these`.
        multi_label: Match each word by itself instead of against the others.
        calibration: A file of `emoclip calibrate` or what `fit_calibration` gave, for these very words.
        on_error: `"raise"`, or `"truncate"` to score a damaged video up to its last good frame, with a warning.
        keep_partial: On Ctrl-C return what there is, with `interrupted` set, instead of raising.
        progress: Called with the frames done and the frames expected (or `None`).
        options: Further arguments of `AnalysisSettings` (`precision`, `compile`, `allow_urls`, `detector`, ...) and of
            `ScoringSettings` (`min_quality`, `temperature`, ...).

    Raises:
        ValueError: Words, options or model that cannot be used.
        FileNotFoundError: The video or the model folder does not exist.
        VideoDecodeError: The video cannot be decoded, or none of several can.

    Example:
        >>> import emoclip
        >>> emoclip.analyze("interview.mp4", "happiness, quiet relief, doubt").save("interview.csv")
    """
    wanted = read_emotions(emotions)
    check_prompt(prompt)
    named = {"mode": mode, "window": window, "stride": stride, "fps": fps, "faces": faces, "boxes": boxes}
    named |= {"on_error": on_error, "other": other, "multi_label": multi_label}
    settings, scores = split_options({**named, **options})
    check_words(wanted.names, scores)
    sources = list_videos(video)
    opened = [_open(source, settings, one_of_many=len(sources) > 1) for source in sources]
    readable = [one for one in opened if isinstance(one, tuple)]
    failed = [one for one in opened if isinstance(one, str)]
    if not readable:
        raise VideoDecodeError(" ".join(failed))
    # Of all, for the boxes that are given may be those of a video that cannot be read.
    every = different_names([_name(*one) for one in zip(sources, opened, strict=True)])
    if settings.boxes is not None:
        settings = replace(settings, boxes=check_boxes(settings.boxes, every))
    names = [name for name, one in zip(every, opened, strict=True) if isinstance(one, tuple)]
    loaded = load_model(model, processor, device=best_device())
    if calibration is not None:
        scores = read_calibration(calibration).applied(scores, wanted, loaded, prompt)
    jobs = [_job(*one, name, loaded, settings) for one, name in zip(readable, names, strict=True)]
    with scoring(loaded.model):
        words = read_words(wanted, loaded, prompt=prompt, agreement=agreement, neutral=scores.multi_label)
        whole = encode_jobs(jobs, loaded, settings, progress, keep_partial=keep_partial)
    failed += [not_analysed(job.failure) for job in jobs if job.failure is not None]
    jobs = [job for job in jobs if job.failure is None]
    if not jobs:
        raise VideoDecodeError(" ".join(failed))
    return Analysis.of(
        WindowSet.combine([job.windows() for job in jobs]),
        words,
        loaded,
        scores,
        scope=settings.scope,
        warnings=(*failed, *_warnings(jobs, whole=whole)),
        people=pd.concat([job.people() for job in jobs], ignore_index=True) if len(jobs) > 1 else jobs[0].people(),
        interrupted=not whole,
    )


def _open(source: Any, settings: AnalysisSettings, *, one_of_many: bool) -> tuple[Any, VideoInfo] | str:
    """A source that can be read twice with its header; of one among many that cannot be read, a sentence."""
    source = _rereadable(source)
    try:
        return source, probe_video(source, allow_urls=settings.allow_urls)
    except (VideoDecodeError, FileNotFoundError) as error:
        if not one_of_many:
            raise
        return not_analysed(error)


def _name(source: Any, opened: tuple[Any, VideoInfo] | str) -> str:
    """What a source is called, also where it cannot be read."""
    if isinstance(opened, tuple):
        return video_name(*opened)
    return str(source) if isinstance(source, str | Path) else type(source).__name__


def not_analysed(error: Exception | str) -> str:
    """Return how the notes tell of one among several videos that could not be read."""
    return f"{NOT_ANALYSED}{error}"


def _job(source: Any, info: VideoInfo, name: str, loaded: LoadedModel, settings: AnalysisSettings) -> VideoJob:
    return VideoJob(
        source,
        info,
        loaded.processor.video_processor,
        settings,
        name=name,
        image_size=loaded.model.config.vision_config.image_size,
        embed_dim=loaded.model.embed_dim,
        by_subject=loaded.model.config.subject_prompting != "none",
    )


def _warnings(jobs: Sequence[VideoJob], *, whole: bool) -> list[str]:
    damaged = [f"Scored only up to the damage: {error}" for job in jobs for error in job.errors]
    outside = [
        f"Boxes that lie outside the picture were passed over, {job.num_outside} in {job.name} of "
        f"{job.info.width} x {job.info.height}; were they made on a copy of another size?"
        for job in jobs
        if job.num_outside
    ]
    told = [*damaged, *outside, *(note for job in jobs if (note := _left_out(job)))]
    return told if whole else [*told, STOPPED]


def _left_out(job: VideoJob) -> str:
    others = len(set(job.people()["person"]) - {job.followed})
    if job.followed is None or not others:
        return ""
    return (
        f"Followed in {job.name}: person {job.followed}, whose face is the largest over the video; {others} other"
        f"{'s' if others > 1 else ''} left out."
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


def _rereadable(video: Any) -> Any:
    """A stream that cannot be rewound becomes its bytes, because a short video is read twice."""
    is_stream = hasattr(video, "read") and not (hasattr(video, "seekable") and video.seekable())
    return video.read() if is_stream else video


__all__ = ["NOT_ANALYSED", "STOPPED", "analyze", "not_analysed", "split_options"]
