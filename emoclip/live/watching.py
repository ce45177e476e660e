# SPDX-License-Identifier: Apache-2.0
"""A live source through the model: windows are scored as soon as they are complete, persons keep their numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import takewhile
from typing import Any

import pandas as pd

from emoclip.analysis.analyzer import split_options
from emoclip.analysis.calibration import read_calibration
from emoclip.analysis.encoding import VideoEncoder
from emoclip.analysis.frames import Frame
from emoclip.analysis.picture import Embedded, Picture
from emoclip.analysis.prototypes import read_words
from emoclip.analysis.result import Analysis
from emoclip.analysis.scoring import ScoringSettings, check_words, score_windows
from emoclip.analysis.sequences import Window
from emoclip.analysis.settings import AnalysisSettings
from emoclip.analysis.source_model import LoadedModel, scoring
from emoclip.analysis.video_job import VideoJob
from emoclip.analysis.words import read_emotions
from modeling_emoclip.video_decoding_emoclip import VideoInfo

from .camera import Camera


# Called with the rows of the timeline that have just become known.
Show = Callable[[pd.DataFrame], None]


class LiveJob(VideoJob):
    """A job whose frames come from a camera.

    Args:
        camera: Where they come from.
        loaded: The model.
        settings: How frames are looked at; `fps` is the camera's.
        seconds: Where it ends.
    """

    live = True

    def __init__(self, camera: Camera, loaded: LoadedModel, settings: AnalysisSettings, seconds: float | None = None):
        width, height = camera.size
        info = VideoInfo(camera.name, None, camera.fps, None, height, width)
        super().__init__(
            camera.name,
            info,
            loaded.processor.video_processor,
            replace(settings, fps=camera.fps),
            name=camera.name,
            image_size=loaded.model.config.vision_config.image_size,
            embed_dim=loaded.model.embed_dim,
            by_subject=loaded.model.config.subject_prompting != "none",
        )
        self._camera, self._seconds = camera, seconds

    def pictures(self) -> Iterator[Picture]:
        """Yield what the model is to see, as it comes."""
        frames = self._frames_in_order()
        return self._whole_frames(frames) if self._faces is None else self._faces.pictures(frames)

    def new_windows(self, known: int) -> pd.DataFrame:
        """Return the windows behind the first `known`, in the order in which they were complete."""
        return pd.DataFrame(self._rows[known:])

    @property
    def num_windows(self) -> int:
        """Windows that are complete."""
        return len(self._rows)

    def _frames_in_order(self) -> Iterator[Frame]:
        # The frames end, not the pictures: where nobody is in sight there are none of these.
        frames = self._camera.frames()
        try:
            yield from takewhile(lambda frame: self._seconds is None or frame.seconds <= self._seconds, frames)
        except OSError:
            # A stream that breaks off ends like any other, so that what waits is scored.
            if self._camera.failure is None:
                raise


def watch(
    camera: Camera,
    emotions: Any,
    loaded: LoadedModel,
    *,
    seconds: float | None = None,
    show: Show = lambda rows: None,
    prompt: str = "auto",
    agreement: bool = False,
    calibration: Any = None,
    **options: Any,
) -> Analysis:
    """Score a live source until it ends, `seconds` are over or somebody presses Ctrl-C, and return the whole analysis.

    Of a source that breaks off, what was scored until then is returned: the notes tell, and so does `camera.failure`.

    Args:
        camera: The source.
        emotions: As for `analyze`.
        loaded: The model.
        seconds: Stop after so many.
        show: Called with the new rows of the timeline.
        prompt: As for `analyze`.
        agreement: As for `analyze`.
        calibration: As for `analyze`.
        options: As for `analyze`; `mode` must be `windows` or `frames`.

    Raises:
        ValueError: An option cannot be used.
        OSError: The source breaks off before anything was scored.
    """
    settings, scores = split_options(options)
    check_mode(settings.mode)
    wanted = read_emotions(emotions)
    check_words(wanted.names, scores)
    if calibration is not None:
        scores = read_calibration(calibration).applied(scores, wanted, loaded, prompt)
    job = LiveJob(camera, loaded, settings, seconds)
    interrupted = False
    with scoring(loaded.model):
        words = read_words(wanted, loaded, prompt=prompt, agreement=agreement, neutral=scores.multi_label)
        encoder = loaded.encoder(settings.precision, compile=settings.compile)
        live = _Live(job, encoder, words.prototypes, scores, show)
        try:
            for picture in job.pictures():
                live.see(picture)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            camera.close()
        live.pool(job.finish())
    windows = job.windows()
    if camera.failure is not None and windows.table.empty:
        raise OSError(f"{camera.failure} Nothing was scored before.") from camera.failure
    broken = () if camera.failure is None else (f"{camera.failure} Scored is what came before.",)
    return Analysis.of(
        windows,
        words,
        loaded,
        scores,
        scope=settings.scope,
        warnings=broken,
        people=job.people(),
        interrupted=interrupted,
    )


def check_mode(mode: str) -> None:
    """Refuse what only the end of a video could tell.

    Raises:
        ValueError: `mode` is `whole`.
    """
    if mode == "whole":
        raise ValueError("A live source has no whole, got mode='whole'; choose 'windows' or 'frames'.")


class _Live:
    """Takes pictures one by one and shows what becomes known."""

    def __init__(self, job: LiveJob, encoder: VideoEncoder, prototypes: Any, scores: ScoringSettings, show: Show):
        self._job, self._encoder, self._show = job, encoder, show
        self._prototypes, self._scores = prototypes, scores

    def see(self, picture: Picture) -> None:
        (embed,) = self._encoder.embed([picture.pixels], [picture.subject])
        self.pool(self._job.push(picture, Embedded(embed, picture.frame, picture.look)))

    def pool(self, windows: list[Window]) -> None:
        """Embed complete windows, keep them and show their scores."""
        if not windows:
            return
        embeds, weights = self._encoder.pool(windows)
        known = self._job.num_windows
        for window, embed, row in zip(windows, embeds, weights, strict=True):
            self._job.add(window, embed, row)
        from emoclip.analysis.window_set import WindowSet

        self._show(score_windows(WindowSet(self._job.new_windows(known), embeds), self._prototypes, self._scores))


__all__ = ["LiveJob", "check_mode", "watch"]
