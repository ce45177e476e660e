# SPDX-License-Identifier: Apache-2.0
"""Class prototypes against slow plain formulations."""

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch.nn.functional import normalize

from modeling_emoclip import Compound, EmoCLIPModel, EmoCLIPProcessor, Ensemble, PrototypeEncoder
from modeling_emoclip.labels_emoclip import EMOCLIP_CLASS_DESCRIPTIONS, MAFW_COMPOUND_CLASSES
from modeling_emoclip.prompts_emoclip import ensemble_texts


@pytest.fixture(scope="module")
def model(tiny_model_folder) -> EmoCLIPModel:
    return EmoCLIPModel.from_pretrained(tiny_model_folder).eval()


@pytest.fixture(scope="module")
def processor(tiny_model_folder) -> EmoCLIPProcessor:
    return EmoCLIPProcessor.from_pretrained(tiny_model_folder)


@pytest.fixture
def encoder(model, processor) -> PrototypeEncoder:
    return PrototypeEncoder(model, processor)


@pytest.fixture
def embed(model, processor):
    """Embed one text by itself, before normalisation."""

    def run(text: str) -> torch.Tensor:
        with torch.no_grad():
            return model.get_text_features(**processor(text=[text])).pooler_output[0]

    return run


@pytest.fixture
def video() -> torch.Tensor:
    return torch.randn(3, 10, generator=torch.Generator().manual_seed(0))


def test_plain_texts_score_as_the_model_itself_does(encoder, model, processor, video):
    """A prototype that is another vector than `forward` uses would make two tools disagree."""
    texts = ["happiness", "a person who is relieved"]
    with torch.no_grad():
        direct = normalize(model.get_text_features(**processor(text=texts)).pooler_output, dim=-1)
        expected = model.logit_scale.exp() * normalize(video, dim=-1) @ direct.T
        logits = model.get_prototype_logits(video, encoder.encode(texts))
    torch.testing.assert_close(logits, expected)


def test_mean_of_logits_by_hand(encoder, embed, model, video):
    """Exp-CLIP's rule: every prompt scores, then the scores are averaged."""
    logits = model.get_prototype_logits(video, encoder.encode(["fear"], "expclip_p5"))[:, 0]
    each = [normalize(video, dim=-1) @ normalize(embed(text), dim=0) for text in ensemble_texts("expclip_p5", "fear")]
    torch.testing.assert_close(logits, model.logit_scale.exp() * torch.stack(each).mean(dim=0))


def test_mean_of_embeddings_by_hand(encoder, embed):
    """CLIP's rule: normalise, average, normalise again."""
    prototype = encoder.encode([Ensemble(("joy", "delight"), "embeddings")])[0]
    expected = normalize(normalize(embed("joy"), dim=0) + normalize(embed("delight"), dim=0), dim=0)
    torch.testing.assert_close(prototype, expected)


def test_compound_averages_before_normalisation(encoder, embed):
    """EmoCLIP's equation 2; averaging directions instead is another class."""
    prototype = encoder.encode(["anger_disgust_contempt"], "description")[0]
    parts = [embed(EMOCLIP_CLASS_DESCRIPTIONS[name]) for name in ("anger", "disgust", "contempt")]
    torch.testing.assert_close(prototype, normalize(sum(parts) / 3, dim=0))


def test_weights_and_nesting_by_hand(encoder, embed):
    """A blend inside an ensemble inside a blend is still one vector."""
    weighted = encoder.encode(["happiness + 2*surprise"])[0]
    torch.testing.assert_close(weighted, normalize(embed("happiness") + 2 * embed("surprise"), dim=0))
    nested = encoder.encode([Compound((["joy", "delight"], "fear"), (3, 1))])[0]
    ensemble = (normalize(embed("joy"), dim=0) + normalize(embed("delight"), dim=0)) / 2
    torch.testing.assert_close(nested, normalize((3 * ensemble + embed("fear")) / 4, dim=0))


def test_classes_may_come_from_a_generator(encoder):
    """Read once for the names, it would be empty for the texts."""
    assert torch.equal(encoder.encode(name for name in ("joy", "fear")), encoder.encode(["joy", "fear"]))


def test_all_43_classes_come_in_order(encoder, embed):
    """The rows are the columns of the score table."""
    prototypes = encoder.encode(list(MAFW_COMPOUND_CLASSES), "description")
    assert prototypes.shape == (43, 10)
    row = list(MAFW_COMPOUND_CLASSES).index("fear_surprise")
    parts = [embed(EMOCLIP_CLASS_DESCRIPTIONS[name]) for name in ("fear", "surprise")]
    torch.testing.assert_close(prototypes[row], normalize(sum(parts), dim=0))


def test_descriptions_of_the_model_come_first(encoder, embed, monkeypatch):
    """A model knows the wording it was trained with better than the paper's."""
    monkeypatch.setattr(encoder.model.config, "class_descriptions", {"joy": "the mouth corners go up"})
    expected = normalize(embed("the mouth corners go up"), dim=0)
    torch.testing.assert_close(encoder.encode(["joy"], "description")[0], expected)
    own = encoder.encode(["joy"], "description", descriptions={"joy": "a smile"})[0]
    torch.testing.assert_close(own, normalize(embed("a smile"), dim=0))


class TestCache:
    @pytest.fixture
    def counted(self, model, processor, monkeypatch) -> tuple[PrototypeEncoder, list[int]]:
        """An encoder, and the number of texts of each call of the text tower."""
        calls: list[int] = []
        run = model.get_text_features

        def count(input_ids, **kwargs):
            calls.append(len(input_ids))
            return run(input_ids, **kwargs)

        monkeypatch.setattr(model, "get_text_features", count)
        return PrototypeEncoder(model, processor), calls

    def test_every_text_is_embedded_once(self, counted):
        """43 compound classes have 11 texts between them."""
        encoder, calls = counted
        first = encoder.encode(list(MAFW_COMPOUND_CLASSES), "description")
        second = encoder.encode(list(MAFW_COMPOUND_CLASSES), "description")
        assert calls == [11]
        assert torch.equal(first, second)

    def test_new_weights_make_new_prototypes(self, counted):
        """Prototypes kept through training would score the model of yesterday."""
        encoder, calls = counted
        before = encoder.encode(["joy"])
        parameter = encoder.model.text_projection.weight
        with torch.no_grad():
            parameter += 0.1
        try:
            assert not torch.equal(encoder.encode(["joy"]), before)
            assert calls == [1, 1]
        finally:
            with torch.no_grad():
                parameter -= 0.1

    def test_writes_that_pytorch_does_not_count_are_noticed(self, counted):
        """Some training loops write through `.data`."""
        encoder, calls = counted
        before = encoder.encode(["joy"])
        encoder.model.text_projection.weight.data.add_(0.1)
        try:
            assert not torch.equal(encoder.encode(["joy"]), before)
        finally:
            encoder.model.text_projection.weight.data.sub_(0.1)
        assert calls == [1, 1]

    def test_switched_adapters_make_new_prototypes(self, tiny_model_folder, processor):
        """A comparison with and without an adapter would compare the adapter with itself."""
        base = EmoCLIPModel.from_pretrained(tiny_model_folder)
        adapted = get_peft_model(base, LoraConfig(r=2, init_lora_weights=False)).eval()
        encoder = PrototypeEncoder(base, processor)
        on = encoder.encode(["joy"])
        with adapted.disable_adapter():
            off = encoder.encode(["joy"])
            assert not torch.equal(on, off)
        assert torch.equal(encoder.encode(["joy"]), on)
        adapted.merge_adapter()
        torch.testing.assert_close(encoder.encode(["joy"]), on)

    def test_the_cache_can_be_cleared(self, counted):
        """After a write that nothing tells of."""
        encoder, calls = counted
        encoder.encode(["joy"])
        encoder.clear()
        encoder.encode(["joy"])
        assert calls == [1, 1]

    def test_the_cache_is_bounded(self, model, processor):
        """A server that answers free words for a month must not grow."""
        encoder = PrototypeEncoder(model, processor, cache_size=3)
        for number in range(9):
            encoder.encode([f"word {number}", f"other {number}"])
        assert len(encoder._embeds) == 3
        assert encoder.encode([f"word {number}" for number in range(9)]).shape == (9, 10)

    def test_training_mode_is_restored(self, model, processor):
        """A look at the scores during training must not switch dropout off for the rest of it."""
        model.train()
        PrototypeEncoder(model, processor).encode(["joy"])
        assert model.training
        model.eval()


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ("joy", "must be a list or a mapping, got the text 'joy'"),
        ([], "At least 1 class"),
        (["joy", "joy"], "given once"),
        ([3], "a text, a list, a mapping"),
    ],
)
def test_bad_classes_are_refused(encoder, classes, message):
    """Letters of a word taken for classes give a table of nonsense."""
    with pytest.raises(ValueError, match=message):
        encoder.encode(classes)


def test_prototypes_of_another_model_are_refused(model):
    """Of equal width they could not be told; of another they must not fail in a matrix product."""
    with pytest.raises(ValueError, match="one width, got 10 and 11; make the prototypes with this model"):
        model.get_prototype_logits(torch.zeros(2, 10), torch.zeros(3, 11))
    with pytest.raises(ValueError, match="`cache_size` must be at least 1, got 0"):
        PrototypeEncoder(model, None, cache_size=0)
