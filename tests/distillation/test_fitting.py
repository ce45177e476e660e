# SPDX-License-Identifier: Apache-2.0
import math

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn.functional import cross_entropy, normalize

from emoclip.distillation.config import FitConfig, HeadConfig
from emoclip.distillation.fitting import (
    CenteredPairs,
    TensorPairs,
    epoch_order,
    fit_projection,
    isometric_weight,
    rate_factor,
    start_head,
)


WIDTH, DIM, PAIRS = 13, 29, 47
# The original's recipe at the size of a test: SGD with momentum, rate never lowered.
PAPER = FitConfig(
    optimizer="sgd", lr=1e-3, weight_decay=1e-4, schedule="constant", batch_size=10, epochs=3, center_teacher=False
)


@pytest.fixture
def pairs() -> TensorPairs:
    """Features with a linear relation between them, noise, and a large common part in the teacher's."""
    generator = torch.Generator().manual_seed(0)
    embeds = torch.randn(PAIRS, WIDTH, generator=generator)
    relation = torch.randn(WIDTH, DIM, generator=generator)
    noise = torch.randn(PAIRS, DIM, generator=generator)
    captions = embeds + 0.5 * torch.randn(PAIRS, WIDTH, generator=generator)
    return TensorPairs(embeds, embeds @ relation + 0.3 * noise + 9.0, captions)


@pytest.fixture
def head() -> nn.Linear:
    torch.manual_seed(1)
    return nn.Linear(WIDTH, DIM, bias=False)


def test_recipe_is_the_originals_step_by_step(pairs, head):
    """Another momentum, decay or temperature would still converge, to another head than the paper's."""
    weight = head.weight.detach().clone().requires_grad_()
    velocity = torch.zeros_like(weight)
    losses = []
    for epoch in range(3):
        for indices in epoch_order(PAIRS, 10, 5, epoch):
            images = normalize(pairs.embeds[indices] @ weight.T, dim=-1)
            logits = 100.0 * images @ normalize(pairs.teacher[indices], dim=-1).T
            target = torch.arange(10)
            loss = 0.5 * cross_entropy(logits, target) + 0.5 * cross_entropy(logits.T, target)
            (gradient,) = torch.autograd.grad(loss, weight)
            with torch.no_grad():
                velocity = 0.9 * velocity + gradient + 1e-4 * weight
                weight -= 1e-3 * velocity
            losses.append(loss.item())
    records = fit_projection(head, pairs, PAPER, 100.0, seed=5)
    torch.testing.assert_close(head.weight.detach(), weight.detach(), rtol=1e-4, atol=1e-6)
    assert [record["epoch"] for record in records] == [1, 2, 3]
    assert records[-1]["loss"] == pytest.approx(sum(losses[-4:]) / 4, rel=1e-4)


def test_loss_of_the_golden_head_is_the_originals(request):
    """The stored original's features, head and loss tie the fit to the published code."""
    golden = load_file(request.config.rootpath / "tests/golden/expclip_small.safetensors")
    from emoclip.distillation.fitting import PairBatch, batch_loss

    weight = golden["state.projection_head.mlp.weight"]
    head = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    head.load_state_dict({"weight": weight})
    embeds = _golden_images(golden)
    teacher = golden["in.llm_token_states"].float().mean(dim=1)
    scale = golden["state.clip_model.logit_scale"].exp().item()
    loss, _ = batch_loss(head, PairBatch(embeds, teacher), PAPER, scale)
    torch.testing.assert_close(
        loss.detach(), golden["out.distillation_loss_first_frame"].reshape(()), rtol=1e-4, atol=0
    )


def _golden_images(golden: dict[str, torch.Tensor]) -> torch.Tensor:
    from emoclip.convert import convert_original

    prefix = "state.clip_model."
    base = {name.removeprefix(prefix): tensor for name, tensor in golden.items() if name.startswith(prefix)}
    model = convert_original(
        {"mlp.weight": golden["state.projection_head.mlp.weight"]}, "expclip", base_state_dict=base
    )
    with torch.no_grad():
        return model.get_frame_features(golden["in.pixel_values_videos"][:, :1])[:, 0]


def test_order_is_shuffled_whole_and_repeatable():
    """The original shuffles, drops the last batch, and is seeded; an order by position would tie batches to classes."""
    first = list(epoch_order(PAIRS, 10, 3, 0))
    assert [len(indices) for indices in first] == [10] * 4
    flat = torch.cat(first)
    assert len(set(flat.tolist())) == 40 and not torch.equal(flat, flat.sort().values)
    assert torch.equal(flat, torch.cat(list(epoch_order(PAIRS, 10, 3, 0))))
    assert not torch.equal(flat, torch.cat(list(epoch_order(PAIRS, 10, 3, 1))))
    assert not torch.equal(flat, torch.cat(list(epoch_order(PAIRS, 10, 4, 0))))


def test_isometric_start_keeps_every_cosine_and_turns_towards_the_teacher(pairs):
    """From this start the untouched towers' scores are the first model, so that fitting can only move away from them on purpose."""
    config = FitConfig(center_teacher=False)
    centered = CenteredPairs.of(pairs)
    weight = isometric_weight(centered, config, WIDTH, DIM)
    torch.testing.assert_close(weight.T @ weight, torch.eye(WIDTH), rtol=0, atol=1e-5)
    embeds, teacher = pairs.embeds, normalize(centered.batch(torch.arange(PAIRS)).teacher, dim=-1)

    def agreement(matrix: torch.Tensor) -> float:
        return float((normalize(embeds @ matrix.T, dim=-1) * teacher).sum(dim=-1).mean())

    torch.manual_seed(0)
    random = [torch.linalg.qr(torch.randn(DIM, WIDTH))[0] for _ in range(20)]
    assert agreement(weight) > max(agreement(matrix) for matrix in random) + 0.3


def test_centred_teacher_has_no_common_part(pairs):
    """Left in, the common part makes all targets of a batch nearly the same."""
    raw = normalize(pairs.teacher, dim=-1)
    centered = CenteredPairs.of(pairs).batch(torch.arange(PAIRS)).teacher
    assert (raw @ raw.T).mean() > 0.5
    torch.testing.assert_close(centered.mean(dim=0), torch.zeros(DIM), rtol=0, atol=1e-6)


@pytest.mark.parametrize("teacher_weight", [0.0, 1.0])
@pytest.mark.parametrize("caption_weight", [0.0, 1.0])
def test_fit_learns_from_what_it_is_given(pairs, head, teacher_weight, caption_weight):
    """A weight that is read and not used would fit to the wrong thing."""
    if not teacher_weight and not caption_weight:
        with pytest.raises(ValueError, match="must be above 0, got 0 and 0"):
            FitConfig(teacher_weight=0.0, caption_weight=0.0)
        return
    config = FitConfig(
        lr=3e-3,
        batch_size=10,
        epochs=15,
        teacher_weight=teacher_weight,
        caption_weight=caption_weight,
        logit_scale=20.0,
    )
    records = fit_projection(head, CenteredPairs.of(pairs), config, 20.0)
    expected = {"epoch", "loss"} | ({"top1"} if teacher_weight else set())
    expected |= {"caption_top1"} if caption_weight else set()
    assert set(records[0]) == expected
    assert records[-1]["loss"] < records[0]["loss"]
    for name in expected - {"epoch", "loss"}:
        assert records[-1][name] > 0.35  # chance is 0.1


def test_schedule_rises_and_falls():
    """A rate that never falls leaves the head wherever the last batch threw it."""
    factors = [rate_factor(FitConfig(), step, 40) for step in range(40)]
    assert factors[0] < factors[3] < max(factors) == pytest.approx(1.0)
    assert factors[-1] < 0.01
    assert {rate_factor(PAPER, step, 40) for step in range(40)} == {1.0}


def test_teacher_of_another_width_is_refused(pairs):
    """The loss would fail with a message about shapes, after hours of caching."""
    with pytest.raises(ValueError, match=r"must have the teacher's width, 29, got 31; leave `head\.dim` at null"):
        fit_projection(nn.Linear(WIDTH, 31, bias=False), pairs, PAPER, 100.0)


def test_too_few_pictures_are_refused(pairs, head):
    """With the last batch dropped there would be no step, and an untrained head would be saved."""
    with pytest.raises(ValueError, match=r"at least one batch of 512 pictures, got 47; lower fit\.batch_size"):
        fit_projection(head, pairs, FitConfig(), 100.0)


def test_isometric_start_of_a_narrow_head_is_refused(pairs):
    """Fewer rows than columns cannot keep all cosines."""
    with pytest.raises(ValueError, match="at least as wide as CLIP's joint space, 13, got 7"):
        isometric_weight(pairs, FitConfig(), WIDTH, 7)


def test_rate_that_breaks_the_head_is_told(pairs, head):
    """Weights that are not finite must not be saved as a model."""
    broken = TensorPairs(pairs.embeds * math.inf, pairs.teacher, pairs.captions)
    with pytest.raises(ValueError, match=r"must stay finite, got nan in epoch 1; lower `fit\.lr`"):
        fit_projection(head, broken, PAPER, 100.0)


def test_start_without_a_teacher_changes_nothing(pairs):
    """Fitted to captions alone the head must begin as the untouched towers."""
    head = nn.Linear(WIDTH, DIM, bias=False)
    start_head(head, pairs, HeadConfig(), FitConfig(teacher_weight=0.0, caption_weight=1.0))
    assert torch.equal(head.weight.detach(), torch.eye(DIM, WIDTH))
