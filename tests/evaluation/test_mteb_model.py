# SPDX-License-Identifier: Apache-2.0
"""The wrapper under the benchmark itself, on tiny tasks with data of their own; skipped where `mteb` is not installed."""

import numpy as np
import pytest
import torch


mteb = pytest.importorskip("mteb", reason="needs the extra `benchmark`")

from emoclip.evaluation.mteb_model import _mteb_name, mteb_model  # noqa: E402


LABELS = ["a smiling face", "a frowning face"]


def tiny_task(kind, rows):
    """A zero-shot task over rows that are already here."""
    from datasets import DatasetDict
    from mteb.abstasks.task_metadata import TaskMetadata
    from mteb.abstasks.zeroshot_classification import AbsTaskZeroShotClassification

    class TinyTask(AbsTaskZeroShotClassification):
        metadata = TaskMetadata(
            name=f"Tiny{kind.capitalize()}ZeroShot",
            description="Six clips.",
            reference="https://example.com",
            dataset={"path": "local/tiny", "revision": "0"},
            type="VideoZeroshotClassification" if kind == "video" else "ZeroShotClassification",
            category="v2t" if kind == "video" else "i2t",
            eval_splits=["test"],
            eval_langs=["eng-Latn"],
            main_score="accuracy",
            date=("2026-01-01", "2026-01-02"),
            domains=["Spoken"],
            task_subtypes=["Emotion classification"],
            license="cc0-1.0",
            annotations_creators="derived",
            dialect=[],
            modalities=[kind, "text"],
            sample_creation="created",
            bibtex_citation="",
        )
        input_column_name = kind
        label_column_name = "label"

        def load_data(self, **kwargs):
            self.dataset, self.data_loaded = DatasetDict({"test": rows}), True

        def get_candidate_labels(self):
            return LABELS

    return TinyTask()


@pytest.fixture(scope="module")
def model():
    return mteb_model()


@pytest.fixture(scope="module")
def video_rows(make_clip):
    """Six clips of two classes, stored as files."""
    from datasets import Dataset, Features, Value, Video

    clips = [str(make_clip(9 + number, f"m{number}.mp4", seed=number)) for number in range(6)]
    features = Features({"video": Video(decode=False), "label": Value("int64")})
    return Dataset.from_dict({"video": clips, "label": [0, 1, 0, 1, 1, 0]}, features=features)


def evaluate(model, task, folder):
    """Scores of the task's test split."""
    result = mteb.evaluate(model, tasks=[task], cache=mteb.cache.ResultCache(folder), show_progress_bar=False)
    return result.task_results[0].scores["test"][0]


def test_benchmark_gives_the_accuracy_of_our_own_scores(model, video_rows, tmp_path):
    """The benchmark's number must be that of the model as it is used elsewhere, down to the frames that are sampled."""
    scores = evaluate(model, tiny_task("video", video_rows), tmp_path)
    encoder = model.encoder
    inputs = encoder.processor(text=LABELS, videos=[row["path"] for row in video_rows["video"]], return_tensors="pt")
    with torch.inference_mode():
        logits = encoder.model(**inputs).logits_per_video
    expected = (logits.argmax(dim=-1) == torch.tensor(video_rows["label"][:])).double().mean()
    assert scores["accuracy"] == pytest.approx(expected.item())


def test_pictures_are_clips_of_one_frame(model, tmp_path):
    """FER2013 is a task of stills."""
    from datasets import Dataset, Features, Image, Value
    from PIL import Image as Picture

    pixels = np.random.default_rng(0).integers(0, 255, (4, 40, 52, 3), dtype=np.uint8)
    features = Features({"image": Image(), "label": Value("int64")})
    rows = Dataset.from_dict(
        {"image": [Picture.fromarray(p) for p in pixels], "label": [0, 1, 1, 0]}, features=features
    )
    assert 0 <= evaluate(model, tiny_task("image", rows), tmp_path)["accuracy"] <= 1


def test_it_is_what_the_benchmark_calls_an_encoder(model):
    """Missing methods are found out at the end of a long evaluation."""
    from mteb.models import EncoderProtocol

    assert isinstance(model, EncoderProtocol)
    assert model.mteb_model_meta.name.startswith("local/")
    assert model.mteb_model_meta.embed_dim == model.encoder.embed_texts(["a face"]).shape[1]
    embeds = torch.tensor([[3.0, 4.0], [1.0, 0.0]])
    assert model.similarity(embeds, embeds)[0].tolist() == pytest.approx([1.0, 0.6])
    assert model.similarity_pairwise(embeds, embeds.flip(0)).tolist() == pytest.approx([0.6, 0.6])


def test_rows_with_sound_alone_are_refused(model):
    """An embedding of nothing would get a score."""
    from datasets import Dataset
    from torch.utils.data import DataLoader

    rows = DataLoader(Dataset.from_dict({"audio": [1]}))
    with pytest.raises(ValueError, match="must hold a text, a video or an image, one of them, got audio"):
        model.encode(rows, task_metadata=None, hf_split="test", hf_subset="default")


def test_names():
    """Results are filed under owner and name."""
    assert _mteb_name("me/emoclip") == "me/emoclip"
    assert _mteb_name("/home/me/run/model") == "local/model"
    with pytest.raises(ValueError, match="must be OWNER/NAME"):
        mteb_model(name="emoclip")
