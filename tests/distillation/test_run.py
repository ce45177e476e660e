# SPDX-License-Identifier: Apache-2.0
import csv
import json
import shutil
from pathlib import Path

import pytest
import torch
from torch.nn.functional import normalize

from emoclip.distillation.student import with_head
from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel, EmoCLIPProcessor


def test_result_is_a_folder_whose_towers_are_untouched(make_run, tiny_model_folder, tmp_path):
    """Exp-CLIP trains the head alone; a tower that moved would be another method."""
    output = make_run().run()
    model, before = EmoCLIPModel.from_pretrained(output), EmoCLIPModel.from_pretrained(tiny_model_folder)
    EmoCLIPProcessor.from_pretrained(output)
    assert model.config.expression_projection_dim == 40
    after = model.state_dict()
    assert after.keys() - before.state_dict().keys() == {"expression_projection.weight"}
    assert all(torch.equal(after[name], tensor) for name, tensor in before.state_dict().items())
    records = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [record["epoch"] for record in records] == [1, 2]
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (record["pairs"], record["clips"], record["skipped"]) == (26, 26, 0)
    card = (output / "README.md").read_text()
    assert "untouched" in card and "'action_describer'" in card


def test_result_repeats_itself_and_the_seed_matters(make_run, tmp_path):
    """A number in a table must be made again by its command."""
    heads = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run = make_run(
            output_dir=str(tmp_path / name), features_dir=str(tmp_path / "features"), seed=seed, head__init="torch"
        )
        heads.append(EmoCLIPModel.from_pretrained(run.run()).expression_projection.weight)
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_second_run_computes_no_feature_again(make_run, tmp_path, monkeypatch):
    """The fit takes seconds only if the teacher is not even loaded."""
    from emoclip.distillation import teacher_features

    shared = {"features_dir": str(tmp_path / "features")}
    make_run(output_dir=str(tmp_path / "first"), **shared).run()
    monkeypatch.setattr(teacher_features, "Teacher", None)
    run = make_run(output_dir=str(tmp_path / "second"), **shared)
    assert any("0 clips to show it" in line for line in run.plan())
    run.run()


@pytest.mark.parametrize("kind", ["mlp2", "mlp3", "transformer"])
def test_other_heads_are_fitted_and_saved(make_run, kind):
    """The paper's Table 4 compares them."""
    output = make_run(head__type=kind, head__init="torch", head__hidden_size=17).run()
    model = EmoCLIPModel.from_pretrained(output)
    assert model.config.expression_projection_type == kind
    assert model.embed_dim == 40


@pytest.mark.parametrize("kind", ["linear", "mlp2", "mlp3", "transformer"])
def test_heads_see_captions_as_the_model_gives_them(make_run, world, kind):
    """A head that is not linear makes another thing of another length: it was fitted to captions of length 1 and used on others."""
    run = make_run(
        data__manifest=str(world / "clips.parquet"), teachers=[], fit__teacher_weight=0.0, fit__caption_weight=1.0,
        head__type=kind, head__init="torch", head__hidden_size=17, fit__epochs=1,
    )  # fmt: skip
    pairs = run.make_pairs()
    model, processor = run.fit(pairs), run.towers[1]
    with torch.no_grad():
        fitted = model.expression_projection(pairs.captions.embeds[:3].float())
        used = model.get_text_features(**processor.tokenize(run.captions[0][:3])).pooler_output
    torch.testing.assert_close(fitted, used, rtol=2e-2, atol=2e-2 * float(used.abs().max()))


def test_head_attaches_behind_a_temporal_transformer(make_run, world):
    """The tiny model has a CLS transformer; its clip embedding, not the frames', must go through the head."""
    run = make_run(
        data__manifest=str(world / "clips.parquet"), data__level="clip", data__frames_per_clip=3, fit__batch_size=5
    )
    run.make_teacher_features()
    pairs = run.make_pairs()
    model, processor = run.towers
    row = run.rows[4]
    with torch.no_grad():
        expected = model.get_video_features(**processor(videos=row["file"], return_tensors="pt")).pooler_output[0]
    torch.testing.assert_close(pairs.embeds[4].float(), expected, rtol=5e-2, atol=5e-3)
    assert len(pairs) == 22
    assert run.fit(pairs).config.temporal_config.pooling == "cls_transformer"


def test_frames_of_clips_are_pairs_of_their_own(make_run, world):
    """At the level of frames a clip gives as many pairs as frames."""
    run = make_run(data__manifest=str(world / "clips.parquet"), data__frames_per_clip=3)
    run.make_teacher_features()
    pairs = run.make_pairs()
    assert (len(pairs), pairs.num_clips) == (66, 22)


def test_captions_alone_need_no_teacher(make_run, world):
    """Where there are captions the projection can be fitted without an LLM."""
    run = make_run(teachers=[], fit__teacher_weight=0.0, fit__caption_weight=1.0)
    model = EmoCLIPModel.from_pretrained(run.run())
    assert model.config.expression_projection_dim == 10
    assert "caption_top1" in run.records[0]


def test_several_teachers_and_instructions_are_averaged(make_run, teacher_folder, tmp_path):
    """The mean is of features of length 1, or the teacher with the larger numbers alone would count."""
    from emoclip.synthetic.tiny_teacher import save_tiny_teacher

    other = save_tiny_teacher(tmp_path / "other", width=40, image_size=28, seed=9)
    teachers = [
        {"name": str(teacher_folder), "precision": "float32", "instructions": ["empty", "facial_actions"]},
        {"name": str(other), "precision": "float32"},
    ]
    run = make_run(teachers=teachers)
    run.make_teacher_features()
    pairs = run.make_pairs()
    assert len(pairs.teachers) == 3
    rows = pairs.rows[:4]
    parts = [normalize(source.frames(rows, pairs.frames[:4]), dim=-1) for source in pairs.teachers]
    torch.testing.assert_close(pairs.batch(torch.arange(4)).teacher, sum(parts) / 3)


def test_captions_are_drawn_anew_each_epoch(make_run, world):
    """Three captions a clip of which one is ever seen would waste two."""
    run = make_run(
        data__manifest=str(world / "clips.parquet"), teachers=[], fit__teacher_weight=0.0, fit__caption_weight=1.0
    )
    pairs = run.make_pairs()
    model, processor = run.towers
    first, second = (pairs.batch(torch.arange(22), epoch).captions for epoch in (0, 1))
    assert torch.equal(first, pairs.batch(torch.arange(22), 0).captions)
    assert not torch.equal(first, second)
    with torch.no_grad():
        own = model.get_text_features(**processor.tokenize(run.rows[6]["captions"])).pooler_output
    own = normalize(own, dim=-1)
    assert (own @ normalize(first[6], dim=0)).max() > 0.999


def test_unreadable_pictures_are_listed(make_run, world, tmp_path):
    """Who distils a large set must learn which of its files are broken."""
    copy = tmp_path / "world"
    shutil.copytree(world, copy)
    run = make_run(data__manifest=str(copy / "stills.parquet"))
    Path(run.rows[3]["file"]).write_bytes(b"no picture")
    run.run()
    with (tmp_path / "run" / "skipped.csv").open() as file:
        (line,) = list(csv.DictReader(file))
    assert line["clip_id"] == run.rows[3]["clip_id"]
    assert json.loads((tmp_path / "run" / "run.json").read_text())["pairs"] == 25


def test_a_head_that_is_there_is_replaced(tiny_model_folder):
    """Distilling twice must not stack heads, and features are those before the head."""
    model = EmoCLIPModel.from_pretrained(tiny_model_folder)
    first = with_head(model, 31)
    second = with_head(first, 23, "mlp2", 5)
    assert second.config.expression_projection_dim == 23
    plain = with_head(second, None)
    assert plain.state_dict().keys() == model.state_dict().keys()
    assert isinstance(model.config, EmoCLIPConfig) and model.config.expression_projection_dim is None


def test_towers_of_plain_clip_get_a_head(make_run, world, tmp_path, tiny_model_folder):
    """The paper starts from CLIP as it is on the Hub."""
    from transformers import CLIPConfig, CLIPModel

    config = EmoCLIPModel.from_pretrained(tiny_model_folder).config
    clip = CLIPModel(
        CLIPConfig(
            text_config=config.text_config.to_dict(), vision_config=config.vision_config.to_dict(), projection_dim=10
        )
    )
    clip.save_pretrained(tmp_path / "clip")
    EmoCLIPProcessor.from_pretrained(tiny_model_folder).tokenizer.save_pretrained(tmp_path / "clip")
    run = make_run(
        model={
            "init": "clip",
            "name": str(tmp_path / "clip"),
            "config": {"temporal_config": {"pooling": "mean"}},
            "processor": {"size": {"height": 20, "width": 20}, "do_center_crop": False, "do_normalize": False},
        }
    )
    model = EmoCLIPModel.from_pretrained(run.run())
    assert torch.equal(model.visual_projection.weight, clip.visual_projection.weight)


class TestRefusals:
    def test_head_of_another_width(self, make_run):
        """Refused before the first picture is shown to anybody."""
        with pytest.raises(ValueError, match=r"must have the teacher's width, 40, got 31; leave `head\.dim` at null"):
            make_run(head__dim=31)

    def test_teachers_of_two_widths(self, make_run, teacher_folder, tmp_path):
        """Features of two widths have no mean."""
        from emoclip.synthetic.tiny_teacher import save_tiny_teacher

        other = save_tiny_teacher(tmp_path / "other", width=48, image_size=28)
        with pytest.raises(ValueError, match=r"must have one width, got .* 40, .* 48; fit to one of them"):
            make_run(teachers=[{"name": str(teacher_folder)}, {"name": str(other)}])

    def test_no_teacher_and_no_captions(self, make_run):
        """There is nothing to fit to."""
        with pytest.raises(ValueError, match="`teachers` must name at least 1"):
            make_run(teachers=[])

    def test_captions_that_are_not_there(self, make_run, world, tmp_path):
        """Found before any feature is computed."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pq.read_table(world / "stills.parquet")
        empty = pa.array([[]] * len(table), pa.list_(pa.string()))
        bare = table.set_column(table.schema.get_field_index("captions"), "captions", empty)
        path = world / "bare.parquet"
        pq.write_table(bare, path)
        try:
            with pytest.raises(ValueError, match=r"needs captions, .*bare\.parquet has none"):
                make_run(data__manifest=str(path), fit__caption_weight=1.0)
        finally:
            path.unlink()

    def test_a_model_that_is_not_there(self, make_run, tiny_model_folder, tmp_path):
        """The dry run was content, and the run failed after all of the teacher's hours."""
        with pytest.raises(OSError, match="nowhere"):
            make_run(model={"init": "emoclip", "name": str(tmp_path / "nowhere")})
        shutil.copytree(tiny_model_folder, tmp_path / "bare", ignore=shutil.ignore_patterns("*.safetensors"))
        with pytest.raises(OSError, match=r"must hold its weights, .*bare has no model\.safetensors"):
            make_run(model={"init": "emoclip", "name": str(tmp_path / "bare")})
        shutil.copytree(tiny_model_folder, tmp_path / "mute", ignore=shutil.ignore_patterns("processor*"))
        with pytest.raises(OSError, match="mute"):
            make_run(model={"init": "emoclip", "name": str(tmp_path / "mute")})

    def test_a_head_that_cannot_keep_all_cosines(self, make_run):
        """The joint space is 10 wide; found after the teacher's and CLIP's features were made."""
        with pytest.raises(ValueError, match=r"needs a head at least as wide as CLIP's joint space, 10, got 7"):
            make_run(teachers=[], fit__teacher_weight=0.0, fit__caption_weight=1.0, head__dim=7)

    @pytest.mark.parametrize("parent", ["{tmp_path}", "outputs"])
    def test_teacher_that_is_not_there(self, make_run, tmp_path, parent):
        """A typing error in the folder must be told as such, also where the folder's name could be an id on the Hub."""
        name = f"{parent.format(tmp_path=tmp_path)}/nowhere"
        with pytest.raises(FileNotFoundError, match=rf"A teacher must be a folder .*got '{name}'; check the spelling"):
            make_run(teachers=[{"name": name}])


def test_parts_of_all_methods_go_together(make_run, world, tmp_path, tiny_model_folder):
    """Subject token, temporal transformer, teacher and captions in one model, as the combined configurations have them."""
    fields = EmoCLIPModel.from_pretrained(tiny_model_folder).config.to_dict() | {"subject_prompting": "sap"}
    EmoCLIPModel(EmoCLIPConfig(**fields)).save_pretrained(tmp_path / "sap")
    EmoCLIPProcessor.from_pretrained(tiny_model_folder).save_pretrained(tmp_path / "sap")
    run = make_run(
        model={"init": "emoclip", "name": str(tmp_path / "sap")},
        data__manifest=str(world / "clips.parquet"),
        data__level="clip",
        data__frames_per_clip=2,
        fit__caption_weight=0.5,
    )
    model = EmoCLIPModel.from_pretrained(run.run())
    assert (model.config.subject_prompting, model.config.temporal_config.pooling) == ("sap", "cls_transformer")
    assert set(run.records[0]) == {"epoch", "loss", "top1", "caption_top1"}


def test_captions_that_are_embedded_outlast_a_stop(make_run, world, monkeypatch):
    """All captions were embedded before the first was kept: an hour of a million captions was lost to a kill."""
    from emoclip.distillation import student

    monkeypatch.setattr(student, "TEXTS_AT_ONCE", 4)
    embed, calls = student._text_embeds, []

    def stop_at_third(texts, *arguments):
        calls.append(len(texts))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return embed(texts, *arguments)

    monkeypatch.setattr(student, "_text_embeds", stop_at_third)
    changes = {
        "data__manifest": str(world / "clips.parquet"), "teachers": [], "fit__teacher_weight": 0.0, "fit__caption_weight": 1.0,
    }  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        make_run(**changes).make_pairs()
    run = make_run(**changes)
    pairs = run.make_pairs()
    texts = sorted({text for row in run.captions for text in row})
    assert sum(calls[3:]) == len(texts) - 8
    model, processor = run.towers
    expected = embed(run.captions[5], model, processor)
    first = pairs.captions.starts[5]
    found = pairs.captions.embeds[first : first + len(expected)].float()
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)
