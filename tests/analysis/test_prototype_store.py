# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from emoclip.analysis import load_model
from emoclip.analysis.prototype_store import FILE_NAME, StoredPrototypeEncoder, weights_key


@pytest.fixture
def open_encoder(tiny_model_folder, tmp_path):
    """Returns a function that opens an encoder as a new process would."""

    def make():
        loaded = load_model(tiny_model_folder)
        return StoredPrototypeEncoder(loaded.model, loaded.processor, tmp_path / "cache" / FILE_NAME)

    return make


def test_texts_are_encoded_once_for_all_processes(open_encoder, monkeypatch):
    """What was kept must come back to the last bit, without the model."""
    expected = open_encoder().encode(["joy", "喜び"])
    again = open_encoder()
    monkeypatch.setattr(again.model, "get_text_features", lambda **_: pytest.fail("a text was encoded"))
    assert torch.equal(again.encode(["喜び", "joy"]), expected.flip(0))


def test_changed_weights_are_other_weights(open_encoder):
    """A model that was trained further must not be given the old vectors."""
    before = open_encoder()
    kept = before.encode(["joy"])
    changed = open_encoder()
    with torch.no_grad():
        changed.model.text_projection.weight.add_(0.5 * torch.randn_like(changed.model.text_projection.weight))
    assert weights_key(changed.model) != weights_key(before.model)
    assert not torch.allclose(changed.encode(["joy"]), kept)


def test_a_cache_that_cannot_be_used_costs_no_result(open_encoder):
    """A damaged file, or a folder in its place, must not stop an analysis."""
    expected = open_encoder().encode(["joy"])
    broken = open_encoder()
    broken.file.write_text("this is no database " * 100)
    assert torch.allclose(broken.encode(["joy"]), expected)
    blocked = open_encoder()
    blocked.file = blocked.file.parent / "missing" / FILE_NAME
    (blocked.file.parent).write_text("a file where the folder should be")
    assert torch.allclose(blocked.encode(["joy"]), expected)


def test_models_without_a_file_are_not_kept(tiny_model_folder):
    """Weights that nobody can name again have no place in a cache."""
    model = load_model(tiny_model_folder).model
    model.name_or_path = ""
    model.config.name_or_path = ""
    assert weights_key(model) is None


def test_the_next_version_on_the_hub_is_another_model(tiny_model_folder, next_version):
    """Its weights may be the same and its tokenizer another; before, nothing of the Hub was kept at all."""
    next_version(tiny_model_folder, "user/model")
    model = load_model("user/model").model
    first = weights_key(model)
    assert first == weights_key(load_model("user/model").model) is not None
    next_version(tiny_model_folder, "user/model")
    assert weights_key(load_model("user/model").model) != first
