# SPDX-License-Identifier: Apache-2.0
"""The losses against values by hand and slow formulations."""

import math

import pytest
import torch

from modeling_emoclip.loss_emoclip import (
    contrastive_loss,
    distillation_loss,
    pool_teacher_states,
    sentiment_guided_contrastive_loss,
    sentiment_weights,
)


def test_orthogonal_pairs_give_the_value_by_hand() -> None:
    """Two pairs, cosines 1 and 0, scale 2: each row's loss is log(1 + e^-2)."""
    embeds = torch.eye(2) * torch.tensor([[3.0], [0.5]])
    assert contrastive_loss(embeds, torch.eye(2), 2.0).item() == pytest.approx(math.log(1 + math.exp(-2)))


def test_loss_is_symmetric_in_the_two_modalities() -> None:
    """A one-directional loss would train retrieval one way only."""
    torch.manual_seed(0)
    video, text = torch.randn(5, 7), torch.randn(5, 7)
    torch.testing.assert_close(contrastive_loss(video, text, 3.0), contrastive_loss(text, video, 3.0))


def test_equals_the_loop_over_anchors() -> None:
    """The slow formulation: each anchor's negative log share of its own pair, both ways."""
    torch.manual_seed(1)
    video, text, scale = torch.randn(4, 3), torch.randn(4, 3), 5.0
    cosine = torch.nn.functional.cosine_similarity(video[:, None], text[None], dim=-1)
    total = 0.0
    for i in range(4):
        total -= math.log(math.exp(scale * cosine[i, i]) / sum(math.exp(scale * cosine[i, j]) for j in range(4)))
        total -= math.log(math.exp(scale * cosine[i, i]) / sum(math.exp(scale * cosine[j, i]) for j in range(4)))
    assert contrastive_loss(video, text, scale).item() == pytest.approx(total / 8, rel=1e-5)


def test_loss_stays_float32_under_autocast() -> None:
    """bfloat16 logits at scale 100 are wrong by half a unit."""
    torch.manual_seed(2)
    video, text = torch.randn(6, 8), torch.randn(6, 8)
    expected = contrastive_loss(video, text, 100.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = contrastive_loss(video, text, 100.0)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("shapes", [((3, 4), (2, 4)), ((3, 4), (3, 5)), ((4,), (4,))])
def test_shapes_that_are_no_pairs_are_refused(shapes: tuple) -> None:
    """Cross-entropy would accept a rectangular matrix with wrong targets."""
    with pytest.raises(ValueError, match="pairs of one shape"):
        contrastive_loss(torch.randn(shapes[0]), torch.randn(shapes[1]), 1.0)


class TestSentimentGuided:
    @pytest.fixture
    def batch(self) -> tuple[torch.Tensor, ...]:
        generator = torch.Generator().manual_seed(3)
        return tuple(torch.randn(5, width, generator=generator) for width in (6, 6, 7))

    @pytest.mark.parametrize("direction", ["released", "paper"])
    def test_weights_equal_the_divergence_term_by_term(self, batch: tuple, direction: str) -> None:
        """The two directions differ; only one reproduces the released model."""
        logits = batch[2]
        probs = logits.softmax(dim=-1).tolist()
        weights = sentiment_weights(logits, direction)
        for i in range(5):
            for j in range(5):
                p, q = (probs[j], probs[i]) if direction == "released" else (probs[i], probs[j])
                divergence = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
                expected = 0.0 if i == j else 1 / abs(divergence)
                assert weights[i, j].item() == pytest.approx(expected, rel=1e-4)

    def test_equals_the_loop_over_anchors(self, batch: tuple) -> None:
        """The same matrix, not its transpose, is subtracted from texts to clips: that is what the code does."""
        video, text, logits = batch
        weights, scale, beta = sentiment_weights(logits), 5.0, 0.3
        cosine = torch.nn.functional.cosine_similarity(video[:, None], text[None], dim=-1)
        total = 0.0
        for matrix in (cosine, cosine.T):
            for i in range(5):
                row = [math.exp(scale * matrix[i, j] - beta * weights[i, j]) for j in range(5)]
                total -= math.log(row[i] / sum(row))
        loss = sentiment_guided_contrastive_loss(video, text, scale, logits, beta)
        assert loss.item() == pytest.approx(total / 10, rel=1e-5)

    def test_no_strength_is_the_contrastive_loss(self, batch: tuple) -> None:
        """0 times infinity would be NaN."""
        video, text, logits = batch
        logits[1] = logits[0]
        loss = sentiment_guided_contrastive_loss(video, text, 5.0, logits, beta=0)
        torch.testing.assert_close(loss, contrastive_loss(video, text, 5.0))

    def test_duplicate_texts_are_removed_and_gradients_stay_finite(self, batch: tuple) -> None:
        """Equal sentiments divide by zero; the negative must go, not the training run."""
        video, text, logits = (tensor.clone() for tensor in batch)
        logits[3] = logits[0]
        video.requires_grad_(), text.requires_grad_()
        weights = sentiment_weights(logits)
        assert weights[0, 3].isinf() and weights[3, 0].isinf()
        loss = sentiment_guided_contrastive_loss(video, text, 5.0, logits, beta=0.01)
        loss.backward()
        assert loss.isfinite() and video.grad.isfinite().all() and text.grad.isfinite().all()
        # Removed exactly: what the anchor's own removed negative holds does not change its row.
        moved = text.detach().clone()
        moved[3] = -moved[3]
        row = [sentiment_row(video.detach(), candidate, weights) for candidate in (text.detach(), moved)]
        torch.testing.assert_close(row[0], row[1], rtol=0, atol=0)

    def test_stays_float32_under_autocast(self, batch: tuple) -> None:
        """Small divergences computed in half precision are noise."""
        video, text, logits = batch
        expected = sentiment_guided_contrastive_loss(video, text, 100.0, logits)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = sentiment_guided_contrastive_loss(video, text, 100.0, logits)
        torch.testing.assert_close(loss, expected)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"beta": -1.0}, "at least 0, got -1.0"),
            ({"beta": float("nan")}, "got nan"),
            ({"kl_direction": "up"}, "released, paper, got 'up'"),
            ({"sentiment_logits": torch.zeros(4, 7)}, r"one row per text, \(5, num_sentiments\), got \(4, 7\)"),
        ],
    )
    def test_bad_terms_are_refused(self, batch: tuple, change: dict, message: str) -> None:
        """A weight matrix of another batch would broadcast or fail far away."""
        with pytest.raises(ValueError, match=message):
            sentiment_guided_contrastive_loss(
                **{"video_embeds": batch[0], "text_embeds": batch[1], "logit_scale": 1.0, "sentiment_logits": batch[2]}
                | change
            )


def sentiment_row(video: torch.Tensor, text: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Log shares of clip 0 over the texts other than the removed one."""
    cosine = torch.nn.functional.cosine_similarity(video[:1], text, dim=-1)
    return (5.0 * cosine - 0.01 * weights[0]).log_softmax(dim=-1)[:3]


class TestDistillation:
    def test_teacher_states_are_averaged_over_all_positions(self) -> None:
        """By hand, with and without a mask."""
        states = torch.tensor([[[1.0, 2], [3, 4], [8, 9]]])
        torch.testing.assert_close(pool_teacher_states(states), torch.tensor([[4.0, 5]]))
        mask = torch.tensor([[1, 1, 0]])
        torch.testing.assert_close(pool_teacher_states(states, mask), torch.tensor([[2.0, 3]]))

    def test_bfloat16_states_are_averaged_in_float32(self) -> None:
        """Flan-T5 runs in bfloat16, whose mean over 60 positions loses digits."""
        states = torch.randn(2, 61, 5).bfloat16()
        torch.testing.assert_close(pool_teacher_states(states), states.float().mean(dim=1))

    def test_is_the_contrastive_loss_without_gradient_to_the_teacher(self) -> None:
        """The teacher is frozen."""
        embeds, teacher = torch.randn(4, 6, requires_grad=True), torch.randn(4, 6, requires_grad=True)
        loss = distillation_loss(embeds, teacher, 100.0)
        torch.testing.assert_close(loss, contrastive_loss(embeds, teacher, 100.0))
        loss.backward()
        assert embeds.grad is not None and teacher.grad is None

    def test_a_teacher_of_another_width_is_refused(self) -> None:
        """T5-XL is 2048 wide, the released heads 4096."""
        with pytest.raises(ValueError, match=r"embeds \(2, 96\) and teacher_embeds \(2, 64\)"):
            distillation_loss(torch.zeros(2, 96), torch.zeros(2, 64), 1.0)

    @pytest.mark.parametrize(
        ("states", "mask", "message"),
        [
            (torch.zeros(2, 3), None, r"\(batch, length, dim\) .* got \(2, 3\)"),
            (torch.zeros(2, 3, 4), torch.ones(2, 4), r"and \(2, 4\)"),
            (torch.zeros(2, 3, 4), torch.zeros(2, 3), "at least 1 position"),
        ],
    )
    def test_bad_states_are_refused(self, states: torch.Tensor, mask: torch.Tensor | None, message: str) -> None:
        """An empty row would be NaN in every pair of the batch."""
        with pytest.raises(ValueError, match=message):
            pool_teacher_states(states, mask)
