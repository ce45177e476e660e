# SPDX-License-Identifier: Apache-2.0
"""Plain CLIP, X-CLIP and models with a head, each against what transformers itself computes."""

import shutil

import pytest
import torch
from transformers import AutoTokenizer, CLIPModel, XCLIPModel

from emoclip.data import load
from emoclip.evaluation.clip_features import PassOptions, encode_features
from emoclip.evaluation.config import SystemConfig
from emoclip.evaluation.protocols.context import check_head_classes
from emoclip.evaluation.systems import HEAD, load_system
from modeling_emoclip import EmoCLIPForVideoClassification
from modeling_emoclip.text_classes_emoclip import Compound, Ensemble, Prompt


TEXTS = ["a frown", "a wide smile", "lips down"]
TREES = [Prompt(text) for text in TEXTS]


@pytest.fixture(scope="module")
def rows(manifest):
    return load(manifest, "test")


def logits_of(system, rows):
    found = encode_features({"m": system.encoder}, rows, range(len(rows)), options=PassOptions(batch_size=2))["m"]
    return system.encoder.class_logits(found.values, TREES)


def pixels_of(system, rows):
    return system.encoder.video_processor([rows[number]["file"] for number in range(len(rows))])


def test_plain_clip_is_the_mean_of_its_frames(tiny_clip_folder, rows):
    """The baseline of the papers must be CLIP itself, with its own colours."""
    system = load_system(SystemConfig("clip", model=str(tiny_clip_folder)))
    assert system.encoder.video_processor.image_mean == [0.5, 0.4, 0.3]
    clip = CLIPModel.from_pretrained(tiny_clip_folder).eval()
    tokens = AutoTokenizer.from_pretrained(tiny_clip_folder)(TEXTS, padding=True, return_tensors="pt")
    pixels = pixels_of(system, rows)["pixel_values_videos"]
    with torch.inference_mode():
        frames = clip.get_image_features(pixels.flatten(0, 1)).pooler_output.view(*pixels.shape[:2], -1)
        video = torch.nn.functional.normalize(frames.mean(1), dim=-1)
        text = torch.nn.functional.normalize(clip.get_text_features(**tokens).pooler_output, dim=-1)
        expected = clip.logit_scale.exp() * video @ text.T
    torch.testing.assert_close(logits_of(system, rows), expected, rtol=1e-4, atol=1e-4)


def test_plain_clip_on_the_middle_frame(tiny_clip_folder, rows):
    """The other baseline; it shares the tower of the first, so that its frames are not embedded again."""
    mean = load_system(SystemConfig("mean", model=str(tiny_clip_folder)))
    middle = load_system(SystemConfig("middle", model=str(tiny_clip_folder), pooling="middle_frame"))
    assert mean.encoder.tower_key == middle.encoder.tower_key
    assert middle.source.endswith("with pooling=middle_frame")
    assert not torch.allclose(logits_of(mean, rows), logits_of(middle, rows))


def test_xclip_gives_what_transformers_gives(tiny_xclip_folder, rows):
    """Its texts are changed by the video, so nothing can be tested by halves."""
    system = load_system(SystemConfig("xclip", model=str(tiny_xclip_folder)))
    model = XCLIPModel.from_pretrained(tiny_xclip_folder).eval()
    tokens = AutoTokenizer.from_pretrained(tiny_xclip_folder)(TEXTS, padding=True, return_tensors="pt")
    pixels = pixels_of(system, rows)["pixel_values_videos"]
    assert pixels.shape[1] == 4
    with torch.inference_mode():
        expected = model(pixel_values=pixels, **tokens).logits_per_video
    torch.testing.assert_close(logits_of(system, rows), expected, rtol=1e-4, atol=1e-4)


def test_ensembles_and_compounds_of_xclip(tiny_xclip_folder, rows):
    """An ensemble is the mean of logits; a compound is one text vector, the weighted mean of its parts."""
    system = load_system(SystemConfig("xclip", model=str(tiny_xclip_folder)))
    features = encode_features({"m": system.encoder}, rows, [0, 1])["m"].values
    single = system.encoder.class_logits(features, TREES)
    both = system.encoder.class_logits(features, [Ensemble((TREES[0], TREES[2]))])
    torch.testing.assert_close(both[:, 0], (single[:, 0] + single[:, 2]) / 2)
    one = system.encoder.class_logits(features, [Compound((TREES[1],), (3.0,))])
    torch.testing.assert_close(one[:, 0], single[:, 1])
    assert system.encoder.clip_embeds(features).shape == (2, 16)


@pytest.fixture
def head_folder(tiny_model_folder, tmp_path):
    """A model with a head whose classes stand in another order than the manifest's."""
    labels = {0: "sadness", 1: "anger", 2: "happiness"}
    model = EmoCLIPForVideoClassification.from_pretrained(tiny_model_folder, num_labels=3, id2label=labels)
    model.config.label2id = {name: number for number, name in labels.items()}
    folder = tmp_path / "head"
    model.save_pretrained(folder)
    for file in tiny_model_folder.glob("*processor*"):
        shutil.copy(file, folder)
    for file in tiny_model_folder.glob("token*"):
        shutil.copy(file, folder)
    return folder


def test_head_keeps_its_classes(head_folder, rows):
    system = load_system(SystemConfig("head", model=str(head_folder)))
    assert list(system.encoder.class_names) == ["sadness", "anger", "happiness"]
    assert system.prompt_sets == (HEAD,)
    with torch.inference_mode():
        expected = system.model(**pixels_of(system, rows)).logits
    torch.testing.assert_close(logits_of(system, rows), expected, rtol=1e-4, atol=1e-4)


def test_head_with_other_classes_is_refused(head_folder):
    """Scores under wrong names would look like bad recognition."""
    system = load_system(SystemConfig("head", model=str(head_folder)))
    with pytest.raises(ValueError, match=r"only the model has sadness, only the manifest has fear, joy"):
        check_head_classes(system, ["anger", "fear", "happiness", "joy"])


@pytest.mark.parametrize("change", ["pooling=mean", "untrained=true"])
def test_changes_that_another_model_cannot_have_are_refused(tiny_xclip_folder, change):
    name, value = change.split("=")
    spec = SystemConfig("x", model=str(tiny_xclip_folder), **{name: "mean" if value == "mean" else True})
    with pytest.raises(ValueError, match="change EmoCLIP and CLIP only, the system x is X-CLIP"):
        load_system(spec)


def test_folds_place_without_folds_is_refused():
    with pytest.raises(ValueError, match=r"`model` has the place \{fold\} but there is no value for it"):
        load_system(SystemConfig("m", model="outputs/fold{fold}/model"))
