# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, Blip2ForConditionalGeneration

from emoclip.distillation.config import TeacherConfig
from emoclip.distillation.instructions import INSTRUCTIONS
from emoclip.distillation.teacher import Teacher, read_instructions, source_fingerprint, teacher_processor
from emoclip.synthetic.tiny_teacher import save_tiny_teacher


SIDE = 28
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def config(teacher_folder: Path) -> TeacherConfig:
    return TeacherConfig(name=str(teacher_folder), precision="float32")


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.rand(3, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def originals_feature(folder: str, pictures: torch.Tensor, text: str) -> torch.Tensor:
    """The original's way: generate, with a hook that reads what the LLM's encoder gives out."""
    model = Blip2ForConditionalGeneration.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    picture = [model.config.image_token_id] * model.config.num_query_tokens
    ids = torch.tensor([[*picture, *tokenizer(text)["input_ids"]]] * len(pictures))
    read = []
    hook = model.language_model.encoder.register_forward_hook(lambda _, __, out: read.append(out.last_hidden_state))
    model.generate(pixel_values=pictures, input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=1)
    hook.remove()
    assert len(read) == 1
    return read[0].mean(dim=1)


def test_feature_is_the_one_the_original_reads_by_its_hook(config, pictures):
    """A position left out, or the wrong layer, gives features that look right and distil another model."""
    teacher = Teacher(config, CPU)
    (feature,) = teacher.encode(pictures, teacher.instructions)
    expected = originals_feature(config.name, pictures, INSTRUCTIONS["action_describer"])
    assert feature.shape == (3, teacher.width) == (3, 40)
    torch.testing.assert_close(feature, expected, rtol=1e-4, atol=1e-6)


def test_decoder_is_not_loaded(config):
    """Half of an XXL's 12 billion weights would fill the memory for nothing."""
    names = set(Teacher(config, CPU).model.state_dict())
    assert not [name for name in names if "decoder" in name or "lm_head" in name]


def test_every_instruction_gives_a_feature_of_its_own(config, pictures):
    """An instruction that reaches nobody would make the ablation over instructions a comparison of equals."""
    names = ("action_describer", "expression_expert", "facial_actions", "empty", "random", "noise", "Is this a cat?")
    teacher = Teacher(replace(config, instructions=names), CPU)
    features = teacher.encode(pictures, teacher.instructions)
    for place, feature in enumerate(features):
        others = features[:place] + features[place + 1 :]
        assert all((feature - other).abs().max() > 1e-3 for other in others)
    again = Teacher(replace(config, instructions=names), CPU)
    for feature, repeated in zip(features, again.encode(pictures, again.instructions), strict=True):
        assert torch.equal(feature, repeated)


def test_unrelated_instructions_are_as_long_as_the_headline(config):
    """Random words of another length would compare lengths as well."""
    headline, text, noise, empty = read_instructions(
        replace(config, instructions=("action_describer", "random", "noise", "empty"))
    )
    assert len(text.token_ids) == len(noise.token_ids) == len(headline.token_ids)
    assert (text.token_ids[-1], len(empty.token_ids)) == (headline.token_ids[-1], 1)
    assert not torch.equal(text.token_ids, headline.token_ids)


def test_instruction_that_is_too_long_is_refused_before_weights_are_read(config):
    """T5 takes 512 tokens; cut silently, the instruction would lose its end."""
    with pytest.raises(ValueError, match=r"at most 504 tokens beside the picture's, got \d+ in 'Smile\. "):
        read_instructions(replace(config, instructions=("Smile. " * 200,)))


def test_other_kinds_of_models_are_refused(tiny_model_folder):
    """A folder of another kind must not become a teacher with random parts."""
    with pytest.raises(ValueError, match=r"must be a BLIP-2 with a Flan-T5.* of the type 'emoclip'"):
        Teacher(TeacherConfig(name=str(tiny_model_folder)), CPU)


def test_dropout_repeats_itself_with_its_seed(config, pictures):
    """The original's targets are noisy; a run that was stopped and resumed must still get the same ones."""
    teacher = Teacher(replace(config, dropout=True), CPU)
    (first,) = teacher.encode(pictures, teacher.instructions, seed=1)
    (second,) = teacher.encode(pictures, teacher.instructions, seed=1)
    (other,) = teacher.encode(pictures, teacher.instructions, seed=2)
    assert torch.equal(first, second)
    assert not torch.allclose(first, other)


def test_activation_can_be_set(config, pictures):
    """Checkpoints converted with T5's own activation are not the teacher the paper used."""
    (gelu,) = _encode(config, pictures)
    (relu,) = _encode(replace(config, hidden_act="relu"), pictures)
    assert not torch.allclose(gelu, relu)


def test_pictures_are_squashed_and_not_normalised_unless_asked(config):
    """CLIP's colours given to the teacher, or none where its own are wanted, shift every feature."""
    frames = torch.randint(0, 255, (2, 3, 31, 47), dtype=torch.uint8)
    plain = teacher_processor(config, 1).transform_frames(frames)
    own = teacher_processor(replace(config, normalize=True), 1).transform_frames(frames)
    assert plain.shape == own.shape == (2, 3, SIDE, SIDE)
    assert plain.min() >= 0 and plain.max() <= 1 and own.min() < 0
    torch.testing.assert_close(own[:, 0], (plain[:, 0] - 0.48145466) / 0.26862954)


@pytest.mark.parametrize("precision", ["8bit", "4bit"])
def test_missing_bitsandbytes_names_its_installation(config, precision, monkeypatch):
    """Who asks for 8 bits must read what to install."""
    monkeypatch.setitem(__import__("sys").modules, "bitsandbytes", None)
    with pytest.raises(ImportError, match=r"pip install 'emoclip\[quantize\]'"):
        Teacher(replace(config, precision=precision), CPU)


@pytest.mark.parametrize(("precision", "alike"), [("8bit", 0.99), ("4bit", 0.9)])
def test_quantised_teacher_says_nearly_the_same(pictures, precision, alike, tmp_path):
    """A quantisation that reached the wrong modules would return noise of the right shape."""
    pytest.importorskip("bitsandbytes", reason="needs the extra quantize")
    # On CPUs bitsandbytes packs four bits in blocks of 32.
    folder = save_tiny_teacher(tmp_path / "teacher", width=64, image_size=SIDE)
    config = TeacherConfig(name=str(folder), precision="float32")
    (whole,) = _encode(config, pictures)
    (small,) = _encode(replace(config, precision=precision), pictures)
    assert torch.nn.functional.cosine_similarity(whole, small).min() > alike


def test_fingerprint_tells_weights_apart(config, tmp_path: Path):
    """Features kept of other weights must not be taken for those of these."""
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(config.name, copy)
    same = replace(config, name=str(copy))
    assert source_fingerprint(same) == source_fingerprint(config)
    with (copy / "model.safetensors").open("r+b") as file:
        file.seek(-3, 2)
        file.write(b"\x01\x02\x03")
    assert source_fingerprint(same) != source_fingerprint(config)


def test_fingerprint_sees_the_middle_of_a_file(config, tmp_path: Path):
    """A tuned Q-Former lies between the image tower and the LLM, far from both ends of the file."""
    import os

    folder = tmp_path / "large"
    folder.mkdir()
    weights = folder / "model.safetensors"
    weights.write_bytes(bytes(3 << 20))
    stamp = weights.stat().st_mtime_ns
    before = source_fingerprint(replace(config, name=str(folder)))
    with weights.open("r+b") as file:
        file.seek(3 << 19)
        file.write(b"\x01")
    os.utime(weights, ns=(stamp, stamp + 1))
    assert source_fingerprint(replace(config, name=str(folder))) != before


def _encode(config: TeacherConfig, pictures: torch.Tensor) -> list[torch.Tensor]:
    teacher = Teacher(config, CPU)
    return teacher.encode(pictures, teacher.instructions)


def test_fingerprint_on_the_hub_is_the_commit_that_a_branch_stands_for(config, next_version):
    """Features of the next version were taken for those of this one."""
    named = replace(config, name="user/teacher", revision=None)
    commits = [next_version(Path(config.name), "user/teacher")]
    prints = [source_fingerprint(named)]
    commits.append(next_version(Path(config.name), "user/teacher"))
    prints.append(source_fingerprint(named))
    assert prints == commits
