# SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from torch.nn.functional import normalize

from emoclip.training.config import DataConfig, ModelConfig, TrainConfig
from emoclip.training.negatives import Negatives
from emoclip.training.objective import ContrastObjective
from emoclip.training.soft_targets import same_text_contrastive_loss, similar_text_contrastive_loss
from emoclip.training.task_config import TaskConfig
from modeling_emoclip import EmoCLIPConfig
from modeling_emoclip.loss_emoclip import contrastive_loss


SCALE = torch.tensor(20.0)


@pytest.fixture
def embeds() -> tuple[torch.Tensor, torch.Tensor]:
    """Five clips and five texts, of which the second and the fourth nearly say the same."""
    generator = torch.Generator().manual_seed(0)
    video, text = torch.randn(5, 7, generator=generator), torch.randn(5, 7, generator=generator)
    text[3] = text[1] + 0.05 * torch.randn(7, generator=generator)
    return video, text


def test_no_share_is_the_contrast_itself(embeds):
    """Switched off, the option must change nothing."""
    torch.testing.assert_close(similar_text_contrastive_loss(*embeds, SCALE, 0.0), contrastive_loss(*embeds, SCALE))


def test_target_is_a_mixture_by_hand(embeds):
    """Rows of a target that do not sum to 1, or a softmax over the wrong axis, still give a number."""
    video, text = embeds
    cosines = normalize(text, dim=-1) @ normalize(text, dim=-1).T
    logits = SCALE * normalize(video, dim=-1) @ normalize(text, dim=-1).T
    expected = 0.0
    for row in range(5):
        spread = torch.exp(cosines[row] / 0.2) / torch.exp(cosines[row] / 0.2).sum()
        for column in range(5):
            weight = 0.3 * spread[column] + (0.7 if row == column else 0.0)
            expected -= 0.5 / 5 * weight * logits[row].log_softmax(dim=0)[column]
            expected -= 0.5 / 5 * weight * logits[:, row].log_softmax(dim=0)[column]
    torch.testing.assert_close(similar_text_contrastive_loss(video, text, SCALE, 0.3, 0.2), expected)


def test_text_that_nearly_says_the_same_is_hardly_pushed_away(embeds):
    """That is what the option is for."""
    video, text = embeds
    pushed = []
    for share in (0.0, 0.6):
        free = text.clone().requires_grad_()
        # The clip of the second text against the fourth, which is alike.
        similar_text_contrastive_loss(video, free, SCALE, share, 0.02).backward()
        pushed.append(float(normalize(free.grad[3], dim=0) @ normalize(video[1], dim=0)))
    assert pushed[1] < pushed[0]


def test_no_gradient_flows_through_the_similarities(embeds):
    """A text tower that may change its own targets makes all texts alike."""
    video, text = embeds
    free = text.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(similar_text_contrastive_loss(video, free, SCALE, 0.5), free)
    with torch.no_grad():
        texts = normalize(text, dim=-1)
        target = 0.5 * torch.eye(5) + 0.5 * torch.softmax(texts @ texts.T / 0.1, dim=-1)
    fixed = text.clone().requires_grad_()
    logits = SCALE * normalize(video, dim=-1) @ normalize(fixed, dim=-1).T
    loss = -0.5 * (target * (logits.log_softmax(dim=-1) + logits.T.log_softmax(dim=-1))).sum(dim=-1).mean()
    torch.testing.assert_close(gradient, torch.autograd.grad(loss, fixed)[0])


def test_same_texts_share_the_target_evenly(embeds):
    """With a low temperature, equal texts and the whole mass spread, both ideas are one."""
    video, text = embeds
    text[3] = text[1]
    groups = torch.tensor([0, 1, 2, 1, 4])
    soft = similar_text_contrastive_loss(video, text, SCALE, 0.999999, 0.001)
    torch.testing.assert_close(soft, same_text_contrastive_loss(video, text, SCALE, groups), rtol=1e-4, atol=1e-4)


def test_objective_uses_the_configured_share(embeds):
    """A key that is read and not used trains the plain contrast under another name."""
    objective = ContrastObjective(EmoCLIPConfig(), Negatives("local", 1), soft_targets=(0.4, 0.1))
    loss, report = objective.loss(embeds, (SCALE,), {"input_ids": torch.zeros(5, 2)}, [5])
    torch.testing.assert_close(loss, similar_text_contrastive_loss(*embeds, SCALE, 0.4, 0.1))
    assert torch.equal(report, loss)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"soft_targets": 1.0}, "from 0 to below 1 .* got 1.0 and 0.1"),
        ({"soft_targets": 0.5, "soft_temperature": 0.0}, "got 0.5 and 0.0"),
        ({"soft_targets": 0.5, "same_text": "positives"}, "with same_text=negatives, got"),
        ({"soft_targets": 0.5, "kind": "regression"}, "belongs to captions and class_texts"),
    ],
)
def test_values_that_mean_nothing_are_refused(fields, message):
    """One of two contradicting options would win silently."""
    with pytest.raises(ValueError, match=message):
        TaskConfig(**fields)


def test_two_contrasts_at_once_are_refused(tmp_path):
    """The sentiment-guided loss and soft targets each replace the plain contrast."""
    data = DataConfig(manifest=tmp_path / "m.parquet", sentiment=True)
    with pytest.raises(ValueError, match=r"are two contrasts, got true and 0\.5; choose one"):
        TrainConfig(output_dir=tmp_path, model=ModelConfig(), data=data, task=TaskConfig(soft_targets=0.5))
