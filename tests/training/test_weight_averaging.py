# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest
import torch

from emoclip.cli import main
from emoclip.training.weight_averaging import average_models, average_weights
from modeling_emoclip import EmoCLIPModel


@pytest.fixture
def models(tiny_model_folder: Path) -> tuple[EmoCLIPModel, EmoCLIPModel]:
    """A model, and one whose weights differ."""
    tuned, original = (EmoCLIPModel.from_pretrained(tiny_model_folder) for _ in range(2))
    with torch.no_grad():
        for parameter in tuned.parameters():
            parameter.add_(0.5)
    return tuned, original


@pytest.mark.parametrize(("weight", "moved"), [(0.0, 0.0), (0.25, 0.125), (1.0, 0.5)])
def test_every_weight_lies_where_the_average_says(models, weight, moved):
    """Swapped ends would call the original tuned."""
    tuned, original = models
    before = {name: tensor.clone() for name, tensor in original.state_dict().items()}
    averaged = average_models(tuned, original, weight).state_dict()
    for name, tensor in averaged.items():
        torch.testing.assert_close(tensor, before[name] + moved)
        torch.testing.assert_close(original.state_dict()[name], before[name], rtol=0, atol=0)


def test_parts_that_the_tuned_model_alone_has_stay():
    """A temporal part halved towards nothing would be broken."""
    tuned = {"a": torch.ones(2), "new": torch.ones(3), "count": torch.tensor(3)}
    averaged = average_weights(tuned, {"a": torch.zeros(2), "old": torch.ones(1), "count": torch.tensor(1)}, 0.5)
    assert averaged.keys() == tuned.keys()
    assert averaged["a"].tolist() == [0.5, 0.5]
    assert (averaged["new"].tolist(), averaged["count"].item()) == ([1.0, 1.0, 1.0], 3)


def test_half_precision_is_averaged_in_float32():
    """At bfloat16's spacing the average of near values would be one of them."""
    low, high = torch.tensor([1.0]), torch.tensor([1.0078125], dtype=torch.bfloat16)
    assert average_weights({"a": low}, {"a": high}, 0.5)["a"].item() == pytest.approx(1.00390625)


@pytest.mark.parametrize(
    ("tuned", "original", "weight", "message"),
    [
        ({"a": torch.ones(2)}, {"a": torch.ones(2)}, 1.5, "from 0 .* to 1 .*, got 1.5"),
        ({"a": torch.ones(2)}, {"a": torch.ones(3)}, 0.5, r"the same sizes, got \(2,\) and \(3,\) for a"),
        ({"a": torch.ones(2)}, {"b": torch.ones(2)}, 0.5, "must have parts in common, got none"),
    ],
)
def test_what_cannot_be_averaged_is_refused(tuned, original, weight, message):
    """Broadcasting would make numbers of any two shapes."""
    with pytest.raises(ValueError, match=message):
        average_weights(tuned, original, weight)


def test_command_writes_a_folder(models, tiny_model_folder, tmp_path, capsys):
    """From two folders to a third that loads."""
    tuned, original = models
    tuned.save_pretrained(tmp_path / "tuned")
    from modeling_emoclip import EmoCLIPProcessor

    EmoCLIPProcessor.from_pretrained(tiny_model_folder).save_pretrained(tmp_path / "tuned")
    command = ["average", str(tmp_path / "tuned"), str(tiny_model_folder), "--output", str(tmp_path / "out")]
    assert main([*command, "--weight", "0.2"]) == 0
    averaged = EmoCLIPModel.from_pretrained(tmp_path / "out")
    torch.testing.assert_close(averaged.logit_scale, original.logit_scale + 0.1)
    EmoCLIPProcessor.from_pretrained(tmp_path / "out")
    assert "(0.2)" in (tmp_path / "out" / "README.md").read_text()
    assert main(command) == 2
    assert "must not exist yet" in capsys.readouterr().err
    assert main([*command, "--weight", "2"]) == 2
