# SPDX-License-Identifier: Apache-2.0
"""Every configuration of a published table is run from end to end on miniatures of its data sets, with tiny models."""

import importlib.util
import json
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from emoclip.data.manifest import read_manifest, write_manifest
from emoclip.data.prepare import prepare
from emoclip.evaluation.cli import main


ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs" / "eval").glob("*.yaml"))
# One of each kind in the default run: sets of data and probes with subject masks; the others are slow.
QUICK = {"emotionclip_probes.yaml"}
# File of a manifest -> data set and task.
SOURCES = {
    "mafw": ("mafw", "single"),
    "mafw_compound": ("mafw", "compound"),
    "dfew": ("dfew", "single"),
    "afew": ("afew", "single"),
    "ferv39k": ("ferv39k", "single"),
    "rafdb": ("rafdb", "basic"),
    "affectnet_7": ("affectnet", "7"),
    "affectnet_8": ("affectnet", "8"),
    "ferplus": ("ferplus", "majority"),
    "bold": ("bold", "categories"),
    "moviegraphs": ("moviegraphs", "categories"),
    "meld": ("meld", "emotion"),
    "emotic": ("emotic", "categories"),
    "liris_accede": ("liris_accede", "mediaeval"),
    "ness_panss": ("ness", "regression"),
}


def _builders():
    """The builders of miniature downloads, which live with the readers' tests."""
    path = ROOT / "tests" / "data" / "readers" / "conftest.py"
    spec = importlib.util.spec_from_file_location("miniature_builders", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.BUILDERS


@pytest.fixture(scope="module")
def manifest_of(short_clip, tmp_path_factory):
    """Returns a function that gives the manifest of a miniature in which every class occurs in every split and fold."""
    made = {}

    def make(stem):
        if stem.startswith(("clips", "compound")):
            return rendered(stem)
        if stem not in made:
            name, task = SOURCES[stem]
            root = tmp_path_factory.mktemp(stem)
            _builders()[name](root, short_clip)
            plain = root.parent / f"{stem}_plain.parquet"
            prepare(name, root, plain, task=task, allow_missing=True)
            made[stem] = enriched(plain, root.parent / f"{stem}_all.parquet")
        return made[stem]

    def rendered(stem):
        if "rendered" not in made:
            from emoclip.synthetic.render import World, render_world

            made["rendered"] = tmp_path_factory.mktemp("rendered")
            render_world(made["rendered"], World(1, 11, 11, 0, compound_clips=43), workers=1)
        return made["rendered"] / f"{stem}.parquet"

    return make


def enriched(source, target):
    """The miniature with copies of its rows, so that nothing is refused for want of a class."""
    manifest = read_manifest(source, check_media=False)
    rows = manifest.table.to_pylist()
    size = len(manifest.class_names)
    single = any(row["label"] is not None for row in rows)
    groups = {}
    for row in rows:
        groups.setdefault((row["split"], row["test_fold"]), row)
    copies = []
    for (split, fold), row in groups.items():
        for number in range(size if single else 8):
            copy = row | {"clip_id": f"{split}_{fold}_{number}"}
            if single:
                copy |= {"label": number, "labels": [number]}
            elif row["labels"]:
                copy |= {"labels": sorted({number, size - 1 - number})}
            copies.append(copy)
    kept = rows if any(row.get("targets") for row in rows) else copies
    about = {name: getattr(manifest, name) for name in ("class_names", "dataset", "licence", "source")}
    # `path` is relative to the folder of the manifest, which is the same.
    write_manifest(target, kept, **about)
    return target


@pytest.fixture(scope="module")
def tiny_emotionclip_folder(tiny_model_folder, tmp_path_factory):
    """EmotionCLIP in small: a subject token, eight frames, residual transformer."""
    import torch

    from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel, EmoCLIPProcessor, EmoCLIPVideoProcessor

    plain = EmoCLIPConfig.from_pretrained(tiny_model_folder)
    temporal = {
        "pooling": "residual_transformer",
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "head_dim": 5,
        "intermediate_size": 11,
        "max_position_embeddings": 8,
    }
    fields = {name: getattr(plain, name).to_dict() for name in ("text_config", "vision_config")}
    torch.manual_seed(3)
    config = EmoCLIPConfig(**fields, temporal_config=temporal, projection_dim=10, subject_prompting="sap")
    sizes = {"size": {"shortest_edge": 22}, "crop_size": {"height": 20, "width": 20}}
    frames = EmoCLIPVideoProcessor(num_frames=8, frame_sampling="emotionclip", **sizes)
    folder = tmp_path_factory.mktemp("emotionclip")
    EmoCLIPModel(config).save_pretrained(folder)
    tokenizer = EmoCLIPProcessor.from_pretrained(tiny_model_folder).tokenizer
    EmoCLIPProcessor(frames, tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture
def model_of(tiny_model_folder, tiny_clip_folder, tiny_xclip_folder, tiny_emotionclip_folder, tmp_path):
    """Returns a function that gives the name of a tiny model of the kind that a name means."""

    def make(name, class_names=()):
        kinds = {"xclip": tiny_xclip_folder, "openai/": tiny_clip_folder, "emotionclip": tiny_emotionclip_folder}
        folder = next((path for word, path in kinds.items() if word in name), tiny_model_folder)
        if "{" not in name:
            return str(folder)
        for fold in range(1, 6):
            for label in class_names or ("x",):
                place = tmp_path / "models" / name.replace("{fold}", str(fold)).replace("{class}", label)
                place.parent.mkdir(parents=True, exist_ok=True)
                if not place.exists():
                    place.symlink_to(folder)
        return str(tmp_path / "models" / name)

    return make


def miniature(content, manifest_of, model_of):
    """The configuration with its manifests and models replaced."""
    content = json.loads(json.dumps(content))  # no shared parts
    for one in [content, *content.get("sets", {}).values()]:
        names = []
        if one.get("data"):
            path = manifest_of(Path(one["data"]["manifest"]).stem)
            names = read_manifest(path, check_media=False).class_names
            one["data"] |= {"manifest": str(path), "num_workers": 0, "batch_size": 16}
        for system in one.get("systems", []):
            if "model" in system:
                system["model"] = model_of(system["model"])
            if system.get("frames"):
                system["frames"] = {"num_frames": 4, "frame_sampling": "uniform"}
        protocols = one.get("protocols", {})
        if protocols.get("leave_one_out"):
            protocols["leave_one_out"]["model"] = model_of(protocols["leave_one_out"]["model"], names)
        if protocols.get("symptoms"):
            protocols["symptoms"] |= {"train_windows": 1, "test_windows": 2, "epochs": 1, "divisors": {names[0]: 2}}
        for probe in protocols.get("linear_probe", {}).values():
            probe |= {"epochs": 2, "max_iter": 20} if probe["kind"] == "mlp" else {"max_iter": 20}
        if "model" in one:
            one["model"] = model_of(one["model"])
    return {key: value for key, value in content.items() if key not in ("features", "output_dir")} | {
        "num_resamples": 20
    }


@pytest.mark.filterwarnings("ignore")  # of solvers that are stopped early
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=[] if path.name in QUICK else pytest.mark.slow)
        for path in CONFIGS
        if path.name != "synthetic.yaml"  # the demo runs it
    ],
)
def test_table_runs_from_its_configuration(path, manifest_of, model_of, tmp_path, tiny_model_folder, monkeypatch):
    """A table that cannot be made any more is noticed here and not by the person who has the data."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    content = miniature(yaml.safe_load(path.read_text()), manifest_of, model_of)
    if path.name == "embedded_default.yaml":
        content["model"] = str(tiny_model_folder)
    config = tmp_path / path.name
    config.write_text(yaml.safe_dump(content))
    output = tmp_path / "report"
    assert main(["--config", str(config), "--output", str(output)]) == 0
    report = json.loads((output / "report.json").read_text())
    reports = report["sets"] if content.get("sets") else {"": report}
    assert set(reports) == set(content.get("sets") or {""})
    for name, one in reports.items():
        assert one["results"]
        tables = sorted((output / name / "predictions").glob("*.parquet"))
        assert len(tables) == len(one["results"])
        for section, counted in enumerate(one["sections"]):
            expected = expected_clips(content, name, counted["protocol"])
            assert expected is None or counted["num_clips"] == expected, (section, counted["protocol"])
    if re.match(r"(emoclip|emotionclip|expclip)_", path.name):
        check_published(path, reports)
    shutil.rmtree(output / "predictions", ignore_errors=True)


def expected_clips(content, name, protocol):
    """Clips that a table must hold: all judged ones that have a label, None where that is not the rule."""
    data = (content["sets"][name] if name else content)["data"]
    manifest = read_manifest(Path(data["manifest"]), check_media=False)
    rows = manifest.table.to_pylist()
    kind, _, split = protocol.partition(".")
    if kind not in ("zero_shot", "leave_one_out", "linear_probe", "prompt_sensitivity"):
        return None
    if kind == "linear_probe" and all(row["label"] is None for row in rows):
        return None
    if data.get("fold") == "all":
        return sum(row["test_fold"] is not None and row["label"] is not None for row in rows)
    wanted = split or data.get("split", "test")
    return sum(row["label"] is not None and wanted in (None, row["split"]) for row in rows)


def test_every_table_says_what_it_expects():
    """A number without the published one beside it cannot be judged."""
    for path in CONFIGS:
        if re.match(r"(emoclip|emotionclip|expclip)_", path.name):
            text = path.read_text()
            assert "# Expect:" in text, path.name
            assert "# Needs:" in text, path.name


def test_models_are_those_that_the_commands_make():
    """A model that is looked for where no command puts it costs an evening."""
    made = set()
    for path in (ROOT / "configs").rglob("*.yaml"):
        header = "\n".join(line for line in path.read_text().splitlines() if line.startswith("#"))
        made |= set(re.findall(r"output_dir=(\S+)", header))
        if "output_dir=" not in header and path.parent.name in ("train", "distill"):
            made.add(yaml.safe_load(path.read_text())["output_dir"])

    def names(value):
        """Every value of a key `model` in a configuration."""
        if isinstance(value, dict):
            own = [value["model"]] if isinstance(value.get("model"), str) else []
            return own + [name for part in value.values() for name in names(part)]
        return [name for part in value for name in names(part)] if isinstance(value, list) else []

    checked = 0
    for path in CONFIGS:
        for name in names(yaml.safe_load(path.read_text())):
            # Converted weights, and what `make` makes in the folders that it names itself.
            if name.startswith("outputs/") and not name.startswith(
                ("outputs/models/", "outputs/demo/", "outputs/distill_demo/")
            ):
                place = name.replace("{fold}", "1").replace("fold4", "fold1").replace("{class}", "anger")
                assert place.removesuffix("/model") in made, f"{path.name}: {name}"
                checked += 1
    assert checked > 20


# Sets of data in which no published row is of one of the configuration's systems, or of one of its metrics.
NO_COUNTERPART = {"emotionclip_probes.yaml": {"liris_accede"}, "expclip_retrieval.yaml": {""}}


def check_published(path, reports):
    """Every set of a table of a paper must stand beside at least one row of that paper, and rows of others beside nothing."""
    for name, one in reports.items():
        rows = [row for section in one["sections"] for row in section["published"] if row["ours"] is not None]
        if name in NO_COUNTERPART.get(path.name, set()):
            assert not rows
            continue
        assert path.name.split("_")[0] in {row["paper"] for row in rows}, (path.name, name)
        values = {(r["system"], r["prompt_set"], r["protocol"]) for r in one["results"]}
        assert {(row["system"], row["prompt_set"]) for row in rows} <= {value[:2] for value in values}


def test_prediction_files_hold_all_that_was_asked(manifest_of, model_of, tmp_path):
    """The clips of all folds, each once, in one table."""
    content = miniature(
        yaml.safe_load((ROOT / "configs/eval/emoclip_table1_mafw.yaml").read_text()), manifest_of, model_of
    )
    content["systems"] = content["systems"][:1]
    config = tmp_path / "c.yaml"
    config.write_text(yaml.safe_dump(content))
    main(["--config", str(config), "--output", str(tmp_path / "r")])
    (table,) = (tmp_path / "r" / "predictions").glob("*.parquet")
    assert sorted(set(pq.read_table(table)["fold"].to_pylist())) == [1, 2, 3, 4, 5]
