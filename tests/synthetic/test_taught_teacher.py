# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest
import torch

from emoclip.distillation.config import TeacherConfig
from emoclip.distillation.teacher import Teacher
from emoclip.synthetic.taught_teacher import CaptionLoss, Lessons, teach, words_of
from emoclip.synthetic.tiny_teacher import build_model, build_tokenizer


SIDE = 14
LESSONS = Lessons(steps=100, batch_size=6, lr=1e-2, held_out=8)
INSTRUCTION = "describe the face"
# What the picture shows, a grey level, is the caption's first word.
SHADES = {"dark": 20, "bright": 230}
PICTURES = [list(SHADES)[number * number // 3 % 2] for number in range(40)]
CAPTIONS = [f"{shade} face" for shade in PICTURES]
PIXELS = torch.stack([torch.full((3, SIDE, SIDE), SHADES[shade], dtype=torch.uint8) for shade in PICTURES])


@pytest.fixture(scope="module")
def untaught(tmp_path_factory) -> Path:
    """The image tower is random too: light and dark it tells apart as it is."""
    folder = tmp_path_factory.mktemp("untaught")
    tokenizer = build_tokenizer(words_of(CAPTIONS))
    build_model(len(tokenizer), 16, SIDE, 4).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def taught(untaught: Path, output: Path, **changes) -> dict:
    options = {"lessons": LESSONS, "seed": 5, "show_progress": False} | changes
    return teach(untaught, output, PIXELS, CAPTIONS, INSTRUCTION, **options)


@pytest.fixture(scope="module")
def first(untaught: Path, tmp_path_factory) -> tuple[Path, dict]:
    output = tmp_path_factory.mktemp("first") / "taught"
    return output, taught(untaught, output)


def test_what_was_taught_is_seen_in_new_pictures(first):
    """A teacher that has only learned how captions sound would pass for one that sees."""
    loss = first[1]["held_out_loss"]
    assert loss["taught"] < 0.2 * loss["untaught"]
    assert loss["taught"] < 0.5 * loss["other_picture"]


def test_the_same_seed_teaches_the_same_and_another_another(untaught, first, tmp_path):
    again, other = taught(untaught, tmp_path / "again"), taught(untaught, tmp_path / "other", seed=6)
    assert again == first[1]
    assert other["held_out_loss"]["taught"] != again["held_out_loss"]["taught"]
    files = [folder / "model.safetensors" for folder in (first[0], tmp_path / "again")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_taught_teacher_is_kept_and_never_taken_for_another(untaught, first):
    """Minutes of teaching at each run of a study; or features of a teacher that the record does not describe."""
    before = (first[0] / "model.safetensors").stat().st_mtime_ns
    assert taught(untaught, first[0]) == first[1]
    assert (first[0] / "model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(FileExistsError, match="taught otherwise"):
        taught(untaught, first[0], seed=7)


def test_distillation_reads_the_folder_as_any_teacher(first):
    """The encoder that distillation loads must be the one that was taught."""
    teacher = Teacher(
        TeacherConfig(name=str(first[0]), precision="float32", instructions=(INSTRUCTION,)), torch.device("cpu")
    )
    (features,) = teacher.encode(PIXELS[[0, 2]] / 255, teacher.instructions)
    assert features.shape == (2, 16)
    assert not torch.allclose(features[0], features[1], atol=1e-2)


def test_the_mean_is_over_tokens_also_where_batches_differ(untaught):
    """Captions of a short batch would count more than others."""
    from transformers import AutoTokenizer, Blip2ForConditionalGeneration

    model = Blip2ForConditionalGeneration.from_pretrained(untaught)
    captions = [*CAPTIONS[:3], "dark face dark face face"]
    loss = CaptionLoss(model, AutoTokenizer.from_pretrained(untaught), PIXELS[:4], captions, INSTRUCTION)
    with torch.no_grad():
        alone = [(float(value), tokens) for value, tokens in (loss(torch.tensor([number])) for number in range(4))]
    expected = sum(value * tokens for value, tokens in alone) / sum(tokens for _, tokens in alone)
    assert loss.over(torch.arange(4)) == pytest.approx(expected, rel=1e-4)
    assert [tokens for _, tokens in alone] == [3, 3, 3, 6]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"steps": 0}, "`steps` must be at least 1, got 0"),
        ({"lr": 0.0}, "`lr` must be above 0, got 0.0"),
        ({"held_out": 1}, "`held_out` must be at least 2.*got 1"),
    ],
)
def test_lessons_check_their_values(changes, match):
    with pytest.raises(ValueError, match=match):
        Lessons(**changes)


def test_too_few_pictures_are_refused_before_work(untaught, tmp_path):
    with pytest.raises(ValueError, match="14 pictures or more, got 5"):
        teach(untaught, tmp_path / "out", PIXELS[:5], CAPTIONS[:5], INSTRUCTION, lessons=LESSONS)
    with pytest.raises(ValueError, match="must have a caption, got 40 and 39"):
        teach(untaught, tmp_path / "out", PIXELS, CAPTIONS[:-1], INSTRUCTION, lessons=LESSONS)
    assert not (tmp_path / "out").exists()
