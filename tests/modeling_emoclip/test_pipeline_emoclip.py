# SPDX-License-Identifier: Apache-2.0
"""The pipeline on a tiny model: one call from a file and words to scores."""

from collections.abc import Callable
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
from PIL import Image
from transformers import pipeline

from modeling_emoclip import (
    EmoCLIPConfig,
    EmoCLIPModel,
    EmoCLIPProcessor,
    PrototypeEncoder,
    ZeroShotVideoClassificationPipeline,
    pipeline_emoclip,
)


TASK = "zero-shot-video-classification"
LABELS = ["happiness", "quiet relief", "fear + 2*surprise"]


@pytest.fixture(scope="module")
def classify(tiny_model_folder: Path) -> ZeroShotVideoClassificationPipeline:
    """As a user with the package installed makes it."""
    model = EmoCLIPModel.from_pretrained(tiny_model_folder)
    return pipeline(TASK, model=model, processor=EmoCLIPProcessor.from_pretrained(tiny_model_folder))


def clip(seed: int = 0, num_frames: int = 17) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (num_frames, 24, 30, 3), dtype=np.uint8)


def test_scores_are_the_models_own(classify: ZeroShotVideoClassificationPipeline) -> None:
    """The pipeline is a shorter way to the same numbers, not other numbers."""
    rows = classify(clip(), candidate_labels=LABELS)
    assert isinstance(classify, ZeroShotVideoClassificationPipeline)
    with torch.no_grad():
        video = classify.model.get_video_features(classify.processor(videos=clip())["pixel_values_videos"])
        prototypes = PrototypeEncoder(classify.model, classify.processor).encode(LABELS, "auto")
        logits = classify.model.get_prototype_logits(video.pooler_output, prototypes)[0]
    expected = dict(zip(LABELS, logits.softmax(dim=-1).tolist(), strict=True))
    assert [row["score"] for row in rows] == sorted(expected.values(), reverse=True)
    assert {row["label"]: row["score"] for row in rows} == expected
    cosines = logits / classify.model.logit_scale.exp()
    assert {row["label"]: row["similarity"] for row in rows} == pytest.approx(
        dict(zip(LABELS, cosines.tolist(), strict=True)), abs=1e-6
    )


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_batches_score_as_single_videos_do(classify: Callable, short_clip: Path, batch_size: int) -> None:
    """Stills, arrays and files of different lengths in one batch; padding must count nowhere."""
    still = Image.fromarray(clip()[0])
    videos = [str(short_clip), clip(1), still, clip(2, num_frames=2), {"path": None, "bytes": short_clip.read_bytes()}]
    together = classify(videos, candidate_labels=LABELS, batch_size=batch_size)
    assert len(together) == 5
    for video, rows in zip(videos, together, strict=True):
        alone = {row["label"]: row["score"] for row in classify(video, candidate_labels=LABELS)}
        assert {row["label"]: row["score"] for row in rows} == pytest.approx(alone, abs=1e-5)


def test_generators_and_columns_are_read_as_they_are_used(classify: Callable, short_clip: Path) -> None:
    """A folder of ten thousand must not be decoded before the first result."""
    taken: list[int] = []

    def videos():
        for number in range(5):
            taken.append(number)
            yield clip(number)

    results = classify(videos(), candidate_labels=LABELS, batch_size=2)
    next(iter(results))
    assert taken == [0, 1]
    table = datasets.Dataset.from_dict({"video": [str(short_clip)] * 3})
    rows = list(classify(table["video"], candidate_labels=LABELS, batch_size=2))
    assert len(rows) == 3
    assert [row["label"] for row in rows[0]] == [row["label"] for row in rows[2]]
    assert rows[0][0]["score"] == pytest.approx(rows[2][0]["score"], abs=1e-6)


def test_list_of_pictures_is_one_video(classify: Callable) -> None:
    """Frames from another tool; taken for a batch they would score one by one."""
    pictures = [Image.fromarray(frame) for frame in clip()]
    rows = classify(pictures, candidate_labels=LABELS)
    assert {row["label"]: row["score"] for row in rows} == pytest.approx(
        {row["label"]: row["score"] for row in classify(clip(), candidate_labels=LABELS)}, abs=1e-6
    )


def test_classes_may_have_names_of_their_own_and_any_style(classify: Callable) -> None:
    """The column headers of somebody's table."""
    classes = {"mixed": "fear + surprise", "calm": ["calm", "at ease"]}
    rows = classify(clip(), candidate_labels=classes, hypothesis_template="a face with {}", top_k=1)
    assert len(rows) == 1
    assert rows[0]["label"] in classes
    single = classify(clip(), candidate_labels=["fear_surprise", "joy"], style="expclip_p4")
    assert {row["label"] for row in single} == {"fear_surprise", "joy"}


def test_subject_boxes_come_with_the_video(tiny_model_folder: Path) -> None:
    """A model that prompts by subject must be told whom."""
    folder = EmoCLIPConfig.from_pretrained(tiny_model_folder)
    folder.subject_prompting = "sap"
    model = EmoCLIPModel.from_pretrained(tiny_model_folder, config=folder)
    classify = pipeline(TASK, model=model, processor=EmoCLIPProcessor.from_pretrained(tiny_model_folder))
    left, right = ({"video": clip(), "subject_boxes": [[box]]} for box in ([0, 0, 15, 24], [15, 0, 30, 24]))
    first, second = classify([left, right], candidate_labels=LABELS, batch_size=2)
    assert first != second


def test_videos_without_a_subject_score_with_one_warning(
    tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain path failed for such models, and beside a video with boxes it broke the batch."""
    config = EmoCLIPConfig.from_pretrained(tiny_model_folder)
    config.subject_prompting = "sap"
    model = EmoCLIPModel.from_pretrained(tiny_model_folder, config=config)
    classify = pipeline(TASK, model=model, processor=EmoCLIPProcessor.from_pretrained(tiny_model_folder))
    warnings: list[str] = []
    monkeypatch.setattr(pipeline_emoclip.LOG, "warning", warnings.append)
    boxed = {"video": clip(), "subject_boxes": [[[0, 0, 15, 24]]]}
    together = classify([boxed, clip(), {"video": clip(1)}], candidate_labels=LABELS, batch_size=3)
    assert together[0] != together[1]
    assert len(warnings) == 1 and '"subject_boxes": ...' in warnings[0]
    alone = {row["label"]: row["score"] for row in classify(clip(), candidate_labels=LABELS)}
    assert {row["label"]: row["score"] for row in together[1]} == pytest.approx(alone, abs=1e-5)
    none = classify({"video": clip(), "subject_boxes": None}, candidate_labels=LABELS)
    assert {row["label"]: row["score"] for row in none} == pytest.approx(alone, abs=1e-5)
    assert len(warnings) == 1


def test_no_videos_give_no_results(classify: Callable) -> None:
    """The folder of a night without recordings."""
    assert classify([], candidate_labels=LABELS) == []
    with pytest.raises(ValueError, match="given once"):
        classify([], candidate_labels=["joy", "joy"])


def test_words_may_come_from_a_generator(classify: Callable) -> None:
    """Read once for the names, it would be empty for the texts."""
    rows = classify(clip(), candidate_labels=(label for label in LABELS))
    assert rows == classify(clip(), candidate_labels=LABELS)


def test_saved_pipeline_has_its_processor(classify: ZeroShotVideoClassificationPipeline, tmp_path: Path) -> None:
    """The base class leaves it out, and the pipeline would open nowhere."""
    classify.save_pretrained(tmp_path)
    again = pipeline(TASK, model=EmoCLIPModel.from_pretrained(tmp_path), processor=str(tmp_path))
    assert again(clip(), candidate_labels=LABELS) == classify(clip(), candidate_labels=LABELS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "`candidate_labels` must be given, got none"),
        ({"candidate_labels": []}, "At least 1 class"),
        ({"candidate_labels": ["joy", "joy"]}, "given once"),
        ({"candidate_labels": "joy"}, "must be a list or a mapping"),
        ({"candidate_labels": ["joy"], "style": "fancy"}, "`style` must be one of auto, name"),
        ({"candidate_labels": ["joy"], "style": "name", "hypothesis_template": "{}"}, "got both"),
        ({"candidate_labels": ["joy"], "top_k": 0}, "`top_k` must be a whole number of at least 1, got 0"),
        ({"candidate_labels": ["joy"], "topk": 1}, "knows no topk"),
    ],
)
def test_bad_calls_are_refused_before_a_video_is_opened(
    classify: ZeroShotVideoClassificationPipeline, arguments: dict, message: str
) -> None:
    """The file does not exist here, so reading it first would give another error."""
    with pytest.raises(ValueError, match=message):
        classify("no/such/file.mp4", **arguments)


def test_a_pipeline_without_a_processor_is_refused(tiny_model_folder: Path) -> None:
    """It could decode nothing."""
    with pytest.raises(ValueError, match=r"must have a processor, got none"):
        ZeroShotVideoClassificationPipeline(EmoCLIPModel.from_pretrained(tiny_model_folder))
