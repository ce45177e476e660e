# SPDX-License-Identifier: Apache-2.0
"""Every training configuration takes two steps on a miniature of its data set and leaves a folder that loads."""

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, CLIPConfig, CLIPModel

from emoclip.config_loading import load_config
from emoclip.data.clips import ClipDataset, collate_clips
from emoclip.data.manifest import read_manifest
from emoclip.data.prepare import prepare
from emoclip.metrics import mae, mean_average_precision, war
from emoclip.training.build import load_earlier_run
from emoclip.training.config import TrainConfig
from emoclip.training.loop import TrainingRun
from modeling_emoclip import EmoCLIPForVideoClassification, EmoCLIPModel, EmoCLIPProcessor


ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs" / "train"
TINY = {"hidden_size": 12, "intermediate_size": 17, "num_hidden_layers": 1, "num_attention_heads": 3}
# Configuration -> data set of the miniature, and values that the miniature needs.
REGIMES: dict[str, tuple[str, list[str]]] = {
    "emoclip_captions": ("mafw", ["data.split=all"]),
    "emoclip_mafw_finetuned": ("mafw", []),
    "emoclip_mafw_frozen": ("mafw", []),
    "classes_mafw": ("mafw", []),
    "classes_dfew": ("dfew", []),
    "classes_ferv39k": ("ferv39k", []),
    "classes_afew": ("afew", []),
    "leave_class_out_mafw": ("mafw", ["data.left_out_class=fear"]),
    "leave_class_out_dfew": ("dfew", ["data.left_out_class=happiness"]),
    "leave_class_out_ferv39k": ("ferv39k", ["data.left_out_class=fear"]),
    "leave_class_out_afew": ("afew", ["data.left_out_class=fear"]),
    "linear_probe_mafw": ("mafw", []),
    "symptoms_ness": ("ness", []),
    "lora_mafw": ("mafw", []),
    "dora_mafw": ("mafw", []),
    "own_labels": ("folder", ["task.class_texts={texts}"]),
    "captions_with_stills": ("mafw", ["data.mix=[{stills}]"]),
    "leave_class_out_synthetic": ("world", ["data.left_out_class=anger", "model.name={stills_model}"]),
    "emotionclip": ("scenes", ["model.processor.size={{shortest_edge: 24}}"]),
    "emotionclip_paper_code": (
        "scenes",
        ["model.processor.size={{shortest_edge: 24}}", "model.processor.crop_size={{height: 20, width: 20}}"],
    ),
    "combined_films": ("scenes", []),
}
# Tried elsewhere.
ELSEWHERE = {
    "combined_captions": "below, on the model of combined_films",
    "demo_stills": "`make demo`",
    "demo_clips": "`make demo`",
}


def _miniatures():
    """The builders of the readers' tests, which lie in another folder."""
    path = ROOT / "tests" / "data" / "readers" / "conftest.py"
    spec = importlib.util.spec_from_file_location("miniatures", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.BUILDERS


@pytest.fixture(scope="module")
def manifest_of(tmp_path_factory, short_clip: Path, world: Path, scenes: Path) -> Callable[[str], Path]:
    """Returns a function that prepares the miniature of a data set, once; rendered ones are there already."""
    root, made = tmp_path_factory.mktemp("downloads"), {"world": world / "clips.parquet", "scenes": scenes}

    def build(name: str) -> Path:
        if name not in made:
            _miniatures()[name](root / name, short_clip)
            made[name] = root / "manifests" / f"{name}.parquet"
            prepare(name, root / name, made[name], allow_missing=True)
        return made[name]

    return build


@pytest.fixture(scope="module")
def tiny_clip_folder(tmp_path_factory, tiny_model_folder: Path) -> Path:
    """A CLIP checkpoint as the Hub has it, with random weights."""
    folder = tmp_path_factory.mktemp("clip")
    tokenizer = AutoTokenizer.from_pretrained(tiny_model_folder)
    ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": 1}
    text = {**TINY, **ids, "vocab_size": len(tokenizer), "max_position_embeddings": 57}
    torch.manual_seed(2)
    config = CLIPConfig(text_config=text, vision_config={**TINY, "image_size": 20, "patch_size": 5}, projection_dim=10)
    CLIPModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def stills_model(tmp_path_factory, tiny_model_folder: Path) -> Path:
    """A model of stills: its frames are averaged, and it has no temporal part."""
    folder = tmp_path_factory.mktemp("stills_model")
    shutil.copytree(tiny_model_folder, folder, dirs_exist_ok=True)
    load_earlier_run(str(tiny_model_folder), {"temporal_config": {"pooling": "mean"}}).save_pretrained(folder)
    return folder


@pytest.fixture
def run_of(manifest_of, tiny_clip_folder, tiny_model_folder, stills_model, tmp_path) -> Callable[..., TrainingRun]:
    """Returns a function that builds the run of a configuration on its miniature."""

    def build(name: str, *more: str) -> TrainingRun:
        dataset, values = REGIMES[name]
        path = CONFIGS / f"{name}.yaml"
        is_earlier = "init: emoclip" in path.read_text(encoding="utf-8")
        texts = tmp_path / "texts.yaml"
        texts.write_text("ruhig: a calm face\ngespannt: a tense face\n", encoding="utf-8")
        places = {
            "texts": texts,
            "stills_model": stills_model,
            "stills": manifest_of("affectnet") if "{stills}" in str(values) else "",
        }
        tiny = f"model.name={tiny_model_folder if is_earlier else tiny_clip_folder}"
        overrides = [
            tiny,
            *(() if is_earlier else ["model.config.temporal_config.head_dim=7", "model.processor.num_frames=5"]),
            *(f"data.manifest={manifest_of(dataset)}", "data.batch_size=2", "data.num_workers=0"),
            *(f"data.features_dir={tmp_path / 'features'}", f"output_dir={tmp_path / 'run'}"),
            *("max_steps=2", "tracker=none", "mixed_precision=no"),
            *(value.format(**places) for value in values),
            *more,
        ]
        return TrainingRun(load_config(TrainConfig, path, overrides))

    return build


def moved(run: TrainingRun) -> set[str]:
    """Parts of the model whose weights a run changes."""
    before = {name: parameter.detach().clone() for name, parameter in run.model.named_parameters()}
    run.train()
    changed = [name for name, parameter in run.model.named_parameters() if not torch.equal(parameter, before[name])]
    return {".".join(name.split(".")[:2]) if "lora" in name else name.split(".")[0] for name in changed}


def test_every_configuration_is_tried() -> None:
    """A file that is added without a try fails for the first who needs it."""
    assert {path.stem for path in CONFIGS.glob("*.yaml")} == set(REGIMES) | set(ELSEWHERE)


@pytest.mark.parametrize("name", REGIMES)
def test_configuration_trains_and_leaves_a_folder_that_loads(run_of, tmp_path, name) -> None:
    """The miniature has the official layout, so what fails here fails on the real data too."""
    run = run_of(name)
    parts = moved(run)
    kind = EmoCLIPForVideoClassification if run.config.task.has_head else EmoCLIPModel
    saved = kind.from_pretrained(tmp_path / "run" / "model")
    trained = "classifier" if run.config.task.has_head else "temporal"
    assert trained in parts
    processor = EmoCLIPProcessor.from_pretrained(tmp_path / "run" / "model")
    pixels = torch.randn(1, processor.video_processor.num_frames, 3, 20, 20)
    masks = torch.ones(1, len(pixels[0]), 20, 20) if saved.config.subject_prompting != "none" else None
    assert saved.get_video_features(pixels, subject_masks=masks).pooler_output.isfinite().all()


def test_the_combined_recipe_goes_on_from_its_films(run_of, tmp_path) -> None:
    """Step two takes the model of step one, with its subject token, and learns with soft targets."""
    films = run_of("combined_films").train()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(REGIMES, "combined_captions", ("scenes", ["data.fold=null"]))
        run = run_of("combined_captions", f"model.name={films}", f"output_dir={tmp_path / 'captions'}")
    assert "subject_masks" in next(iter(run.data.epoch(0))).inputs
    assert run.objective.soft_targets == (0.1, 0.1)
    assert {"temporal", "vision_model", "text_model"} <= moved(run)


def test_fold_is_left_out(run_of) -> None:
    """A model tested on clips of its training tells nothing."""
    names = {fold: set(run_of("classes_dfew", f"data.fold={fold}").data.clip_ids) for fold in (1, 4)}
    assert len(names[1]) == len(names[4]) == 8
    assert names[1] != names[4]


def test_fold_that_does_not_exist_is_refused(run_of) -> None:
    """The sixth of five folds."""
    with pytest.raises(ValueError, match=r"No fold 6 in .*mafw\.parquet; it has 1, 2, 3, 4, 5"):
        run_of("emoclip_mafw_frozen", "data.fold=6")


def test_class_is_left_out(run_of, manifest_of) -> None:
    """One clip of the class would make it a seen one."""
    run = run_of("leave_class_out_dfew")
    names = read_manifest(manifest_of("dfew")).class_names
    assert names.index("happiness") not in run.data.rows["label"]
    with pytest.raises(ValueError, match=r"`left_out_class` must be one of .*, got 'joy'"):
        run_of("leave_class_out_dfew", "data.left_out_class=joy")


def test_patient_is_left_out(run_of) -> None:
    """Each fold is a patient; by name it is the same."""
    by_fold = run_of("symptoms_ness", "data.fold=1").data
    by_name = run_of("symptoms_ness", "data.fold=null", "data.split=all", "data.left_out_subject=P1").data
    assert by_fold.clip_ids == by_name.clip_ids == ["a.mp4", "c.mp4"]
    with pytest.raises(ValueError, match=r"`left_out_subject` must be a `subject_id` of .*, got 'P9'"):
        run_of("symptoms_ness", "data.fold=null", "data.split=all", "data.left_out_subject=P9")


def test_missing_captions_are_refused_before_any_step(run_of, manifest_of) -> None:
    """A set without captions in caption mode."""
    with pytest.raises(ValueError, match=r"Every training clip needs a caption, but 8 of 8 .* task.kind=class_texts"):
        run_of("classes_dfew", "task.kind=captions", "task.fill_captions=null")


def test_probe_trains_the_head_alone_or_the_temporal_part_too(run_of) -> None:
    """The paper freezes the video encoder; its code leaves the temporal part free."""
    assert moved(run_of("linear_probe_mafw")) == {"classifier"}


def test_probe_can_let_the_temporal_part_learn(run_of) -> None:
    """As the code of the paper."""
    assert moved(run_of("linear_probe_mafw", "task.freeze_temporal=false")) == {"classifier", "temporal"}


def test_random_temporal_part_is_not_frozen(run_of) -> None:
    """A probe on random features would train without an error and learn little."""
    with pytest.raises(ValueError, match=r"has random weights, which task.freeze_temporal=true would keep"):
        run_of("classes_mafw", "task.kind=classification")


def test_head_knows_its_classes(run_of, tmp_path) -> None:
    """Numbers without names are of no use to who downloads the model."""
    run_of("linear_probe_mafw").train()
    config = EmoCLIPForVideoClassification.from_pretrained(tmp_path / "run" / "model").config
    assert config.id2label[0] == "anger"
    assert config.problem_type == "single_label_classification"


def test_regression_starts_at_the_mean_and_scales_the_loss(run_of) -> None:
    """Totals of 30 beside items of 3 would be all that is learned."""
    run = run_of("symptoms_ness")
    assert run.model.classifier.fc2.bias.tolist() == pytest.approx([2.5, 4.0])
    scaled = run_of("symptoms_ness", 'task.target_scale={"N3: Poor Rapport": 2.0}')
    logits, labels = torch.zeros(2, 2), {"labels": torch.tensor([[0.0, 4.0], [0.0, 4.0]])}
    assert scaled.objective.loss((logits,), (), labels, [2])[0] == pytest.approx(2.0)
    assert run.objective.loss((logits,), (), labels, [2])[0] == pytest.approx(8.0)
    with pytest.raises(ValueError, match=r"`task.target_scale` must name targets, .*, got 'N2'"):
        run_of("symptoms_ness", "task.target_scale={N2: 2.0}")


def test_stills_are_clips_of_one_frame_with_the_text_of_their_class(run_of, manifest_of) -> None:
    """Classes go by name: the sets number them differently."""
    run = run_of("captions_with_stills")
    stills = [index for index, name in enumerate(run.data.clip_ids) if name.startswith("affectnet/")]
    own, mixed = read_manifest(manifest_of("affectnet")), read_manifest(manifest_of("mafw"))
    for index in stills:
        row = run.data.about(index)
        place = own.table["clip_id"].to_pylist().index(row["clip_id"].removeprefix("affectnet/"))
        name = own.class_names[own.table["label"][place].as_py()]
        assert mixed.class_names[row["label"]] == name
        assert run.data.clips[index]["frame_mask"].shape == (1,)
    assert stills


def test_regression_without_targets_names_what_is_missing(run_of) -> None:
    """The library that reads the table spoke of column names."""
    with pytest.raises(
        ValueError, match=r"Every training clip needs `targets`, but \d+ of \d+ in .*mafw\.parquet have none"
    ):
        run_of("linear_probe_mafw", "task.kind=regression")


def test_masks_for_a_model_that_takes_none_are_refused_before_any_step(run_of) -> None:
    """It was told in the first step, or with stored features as clips that cannot be read."""
    with pytest.raises(ValueError, match=r"`data.subject_masks` needs a model with subject prompting, got .*=none"):
        run_of("emoclip_mafw_frozen", "data.subject_masks=true")


def test_multi_label_head_learns_several_classes_at_once(run_of, tmp_path) -> None:
    """Compound labels as sums of their parts."""
    run = run_of("linear_probe_mafw", "task.kind=multi_label")
    labels = next(iter(run.data.epoch(0))).inputs["labels"]
    assert labels.shape == (2, 11)
    assert labels.sum(dim=1).tolist() == [1.0, 1.0]
    run.train()
    config = EmoCLIPForVideoClassification.from_pretrained(tmp_path / "run" / "model").config
    assert config.problem_type == "multi_label_classification"


def test_classes_that_the_first_manifest_has_not_are_left_out_and_told(run_of, manifest_of, caplog) -> None:
    """Contempt would otherwise take the number of another class."""
    run = run_of("classes_dfew", f"data.mix=[{manifest_of('affectnet')}]")
    assert "1 clips of" in caplog.text
    assert "no class 'contempt'" in caplog.text
    assert sum(name.startswith("affectnet/") for name in run.data.clip_ids) == 1


def test_mix_without_a_class_in_common_is_refused(run_of, manifest_of) -> None:
    """Names in another language would silently leave every still out."""
    with pytest.raises(
        ValueError, match=r"`mix` must share classes with the first manifest, anger, .* has gespannt, ruhig"
    ):
        run_of("classes_mafw", f"data.mix=[{manifest_of('folder')}]")


@pytest.mark.parametrize(
    ("name", "more", "metrics"),
    [
        ("linear_probe_mafw", [], ("uar", "war")),
        ("linear_probe_mafw", ["task.kind=multi_label", "validation.metric=map"], ("map",)),
        ("symptoms_ness", ["validation.metric=ccc"], ("ccc", "mae")),
    ],
)
def test_heads_are_validated_by_what_they_are_taught(run_of, name, more, metrics) -> None:
    """The figures must be those of the head's own outputs on the same clips, through the training's transform without its chance."""
    run = run_of(name, "validation.split=all", *more)
    assert run.validation is not None
    model = run.accelerator.unwrap_model(run.model)
    figures = run.validation(model)
    assert tuple(figures) == metrics
    rows = run.validation.rows
    clips = ClipDataset(rows, run.processor.video_processor)
    batch = collate_clips(clips[number] for number in range(len(rows)))
    with torch.inference_mode():
        logits = model.eval()(batch["pixel_values_videos"], frame_mask=batch["frame_mask"]).logits
    if metrics == ("uar", "war"):
        expected = war(list(rows["label"]), logits.argmax(dim=1).tolist())
    elif metrics == ("map",):
        wanted = [[int(number in labels) for number in range(11)] for labels in rows["labels"]]
        expected = mean_average_precision(np.array(wanted), logits.numpy())
    else:
        expected = mae(np.array(rows["targets"]), logits.numpy())
    assert figures[metrics[-1]] == pytest.approx(expected, rel=1e-5)


def test_head_is_validated_by_metrics_of_its_kind(run_of) -> None:
    """The recall of captions by a head would fail after the first epoch only."""
    with pytest.raises(ValueError, match=r"`validation.metric` must be map with task.kind=multi_label, got 'uar'"):
        run_of("linear_probe_mafw", "task.kind=multi_label", "validation.split=all")


def test_head_is_validated_on_its_own_classes(run_of, manifest_of) -> None:
    """Numbers of another data set's classes mean something else."""
    with pytest.raises(
        ValueError, match=r"classes that the head is trained on, in the same order, anger, .*; got happiness"
    ):
        run_of(
            "linear_probe_mafw",
            "validation.split=test",
            f"validation.manifest={manifest_of('dfew')}",
            "validation.fold=1",
        )
