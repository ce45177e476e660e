# SPDX-License-Identifier: Apache-2.0
import copy
import dataclasses
import math

import numpy as np
import pytest
import torch

import emoclip
from emoclip.analysis import load_model, source_model
from emoclip.analysis.calibration import Calibration, fit, fit_calibration, prior_bias, read_calibration
from emoclip.analysis.weights import weights_digest


@pytest.fixture(scope="module")
def found(tiny_model_folder):
    noise = np.random.default_rng(3).integers(0, 255, size=(40, 26, 34, 3), dtype=np.uint8)
    return emoclip.analyze(
        noise, "calm,tense,amused", load_model(tiny_model_folder), faces="none", mode="frames", fps=25
    )  # fmt: skip


def test_bias_gives_every_word_its_share():
    """A word that fits everything a little better must not win everywhere."""
    logits = torch.randn(60, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) + torch.tensor(
        [3.0, 0, -1]
    )
    target = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    bias = prior_bias(logits, target)
    assert (logits + bias).softmax(1).mean(0).tolist() == pytest.approx(target.tolist(), abs=1e-6)
    assert float(bias.sum()) == pytest.approx(0, abs=1e-9)


def test_temperature_makes_matches_as_sure_as_prompts_agree():
    """Known by hand: two mirrored windows with logits 4 apart; sigmoid(4 / t) = 0.75 at t = 4 / ln 3."""
    logits = torch.tensor([[4.0, 0.0], [0.0, 4.0]], dtype=torch.float64)
    temperature, bias = fit(logits, torch.tensor([0.5, 0.5], dtype=torch.float64), 0.75)
    assert temperature == pytest.approx(4 / math.log(3), rel=1e-4)
    assert bias.tolist() == pytest.approx([0, 0], abs=1e-9)


def test_calibrated_matches_have_equal_means(found, tmp_path):
    """The file brings about in `analyze` what was fitted."""
    path = fit_calibration(found).save(tmp_path / "c.json")
    again = emoclip.analyze(
        np.random.default_rng(3).integers(0, 255, size=(40, 26, 34, 3), dtype=np.uint8),
        "calm,tense,amused", found.loaded, faces="none", mode="frames", fps=25, calibration=path,
    )  # fmt: skip
    assert again.timeline.groupby("emotion")["match"].mean().tolist() == pytest.approx([1 / 3] * 3, abs=1e-4)
    assert read_calibration(path) == fit_calibration(found)


def test_a_calibration_belongs_to_its_words_and_model(found):
    """Biases of other words would shift the wrong ones."""
    fitted = fit_calibration(found)
    with pytest.raises(ValueError, match="belongs to its words and its model, this one to calm, tense, amused"):
        fitted.applied(found.settings, ["calm", "tense"], found.loaded)
    other = copy.deepcopy(found.loaded.model)
    next(other.temporal.parameters()).data.add_(1)
    with pytest.raises(ValueError, match="with other weights; fit another"):
        fitted.applied(found.settings, fitted.words, dataclasses.replace(found.loaded, model=other))


def test_a_calibration_knows_its_model_under_another_path(found):
    """`model` and `./model` are one folder; and a folder that was trained on keeps its name."""
    fitted = fit_calibration(found)
    moved = dataclasses.replace(found.loaded, name=f"./{found.loaded.name}")
    assert fitted.applied(found.settings, fitted.words, moved).bias == fitted.bias
    unsigned = dataclasses.replace(fitted, weights="")
    with pytest.raises(ValueError, match="belongs to its words and its model"):
        unsigned.applied(found.settings, fitted.words, moved)


def test_the_weights_of_a_model_are_read_once_until_they_change(found, monkeypatch):
    """A folder of thousands would read hundreds of megabytes of weights again for each film."""
    loaded = dataclasses.replace(found.loaded, model=copy.deepcopy(found.loaded.model))
    read = []
    monkeypatch.setattr(source_model, "weights_digest", lambda model: read.append(model) or weights_digest(model))
    first = loaded.digest()
    assert loaded.digest() == first == found.loaded.digest()
    assert read.count(loaded.model) == 1
    with torch.no_grad():
        next(loaded.model.temporal.parameters()).add_(1)
    assert loaded.digest() != first


def test_too_few_windows_are_refused(found):
    """A prior from three windows is noise."""
    few = dataclasses.replace(
        found, windows=dataclasses.replace(found.windows, embeds=found.windows.embeds[:3], table=found.windows.table[:3])
    )  # fmt: skip
    with pytest.raises(ValueError, match="at least 2 words and 20 windows with scores, got 3 words and 3 windows"):
        fit_calibration(few)


def test_files_that_are_no_calibration_are_told(tmp_path):
    """Most likely a table of results was named."""
    (tmp_path / "a.json").write_text('{"timeline": []}')
    with pytest.raises(ValueError, match="must be a file of `emoclip calibrate`"):
        read_calibration(tmp_path / "a.json")
    with pytest.raises(FileNotFoundError, match="must name a file"):
        read_calibration(tmp_path / "b.json")
    assert isinstance(read_calibration(Calibration((), {}, 1.0, 1.0, 0, "m", {})), Calibration)


def labelled(shares, seed=5):
    """Logits (600, 3) of windows with labels in known shares, of words that fit every face by +2, 0 and -1.5 more."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.repeat_interleave(torch.arange(3), torch.tensor([round(600 * share) for share in shares]))
    signal = 2.0 * torch.nn.functional.one_hot(labels, 3).double()
    noise = torch.randn(600, 3, dtype=torch.float64, generator=generator)
    return 4 * (signal + noise * 0.6 + torch.tensor([2.0, 0.0, -1.5], dtype=torch.float64)), labels


def accuracy(logits, labels):
    return float((logits.argmax(1) == labels).double().mean())


@pytest.mark.parametrize("shares", [(1 / 3, 1 / 3, 1 / 3), (0.2, 0.3, 0.5)])
def test_the_right_prior_gives_back_what_the_words_own_offsets_took(shares):
    """What it is for: without a label, nearly as many right as with the offsets known."""
    logits, labels = labelled(shares)
    best = accuracy(logits - 4 * torch.tensor([2.0, 0.0, -1.5]), labels)
    corrected = logits + prior_bias(logits, torch.tensor(shares, dtype=torch.float64))
    assert accuracy(logits, labels) < 0.7
    assert accuracy(corrected, labels) > 0.9
    assert accuracy(corrected, labels) > best - 0.02


def test_a_wrong_prior_costs_what_a_right_one_gains():
    """The documentation says that clips must be as mixed as assumed; this is how much it matters."""
    logits, labels = labelled((0.9, 0.05, 0.05))
    equal = logits + prior_bias(logits, torch.full((3,), 1 / 3, dtype=torch.float64))
    right = logits + prior_bias(logits, torch.tensor([0.9, 0.05, 0.05], dtype=torch.float64))
    assert accuracy(equal, labels) < accuracy(logits, labels) < accuracy(right, labels)


def test_the_temperature_brings_confidence_to_what_is_right():
    """Matches that say 97 % and are right in 70 % mislead; the log loss tells."""
    logits, labels = labelled((1 / 3, 1 / 3, 1 / 3))
    # Wilder noise, so that the model is often wrong and always sure.
    logits = logits + 6 * torch.randn(600, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(8))
    target = torch.full((3,), 1 / 3, dtype=torch.float64)
    unsoftened = logits + prior_bias(logits, target)
    share = accuracy(unsoftened, labels)
    temperature, bias = fit(logits, target, share)
    calibrated = logits / temperature + bias
    sure = [float(one.softmax(1).max(1).values.mean()) for one in (unsoftened, calibrated)]
    loss = [float(torch.nn.functional.cross_entropy(one, labels)) for one in (unsoftened, calibrated)]
    assert temperature > 1.5
    assert sure[0] - share > 0.1
    assert sure[1] == pytest.approx(share, abs=1e-3)
    assert loss[1] < 0.7 * loss[0]


def test_a_calibration_belongs_to_its_texts(found, tmp_path):
    """By another prompt the similarities are others; the biases of the first would shift them at random."""
    fitted = fit_calibration(found)
    with pytest.raises(ValueError, match=r"read 'an expression of calm\.' for 'calm', got 'calm'; use the prompt"):
        fitted.applied(found.settings, fitted.words, found.loaded, "plain")
    meant = {"calm": "nothing moves", "tense": "tense", "amused": "amused"}
    with pytest.raises(ValueError, match="got 'an expression of nothing moves"):
        fitted.applied(found.settings, meant, found.loaded)


def test_windows_that_are_not_scored_are_not_fitted_from(found):
    """`--min-quality` was accepted and passed over."""
    quality = [0.2] * 15 + [0.9] * 25
    windows = dataclasses.replace(found.windows, table=found.windows.table.assign(quality=quality))
    settings = dataclasses.replace(found.settings, min_quality=0.5)
    assert fit_calibration(dataclasses.replace(found, windows=windows, settings=settings)).num_windows == 25


def test_scored_again_by_the_same_words_is_still_calibrated_and_by_others_says_that_it_is_not(found):
    """The temperature alone was kept, under which no word had its share."""
    settings = fit_calibration(found).applied(found.settings, found.reading.emotions, found.loaded)
    calibrated = found.rescore("calm,tense,amused", bias=settings.bias, temperature=settings.temperature)
    again = calibrated.rescore("calm,tense,amused")
    assert again.settings == calibrated.settings
    assert again.timeline["match"].tolist() == calibrated.timeline["match"].tolist()
    other = calibrated.rescore("calm,tense,bored")
    assert (other.settings.bias, other.settings.temperature) == ({}, 1.0)
    assert other.notes[0] == "The calibration belongs to other words or texts, so it was not applied to these."
    assert calibrated.rescore("calm,tense,amused", prompt="plain").settings.temperature == 1.0


def test_a_calibration_that_is_given_with_other_words_is_applied_and_not_denied(found):
    """The notes said that it was not applied, beside numbers to which it was."""
    settings = fit_calibration(found).applied(found.settings, found.reading.emotions, found.loaded)
    calibrated = found.rescore("calm,tense,amused", bias=settings.bias, temperature=settings.temperature)
    bias = {"calm": 0.5, "tense": 0.0, "bored": -0.5}
    other = calibrated.rescore("calm,tense,bored", bias=bias, temperature=2.0)
    assert (other.settings.bias, other.settings.temperature) == (bias, 2.0)
    assert not any("was not applied" in note for note in other.notes)
    assert any("was not applied" in note for note in calibrated.rescore("calm,tense,bored", temperature=2.0).notes)
