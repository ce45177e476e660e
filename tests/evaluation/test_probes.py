# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, mse_loss

from emoclip.evaluation.probes import MLPSettings, fit_mlp, logistic_scores, mlp_outputs, one_vs_rest_scores, smoothed


FEATURES = torch.randn(7, 5, generator=torch.Generator().manual_seed(1))


def test_mlp_learns_what_it_is_shown():
    """With enough steps it must know its own clips."""
    labels = torch.tensor([2, 0, 1, 1, 0, 2, 2])
    settings = MLPSettings(hidden_size=16, epochs=300, learning_rate=0.05, milestones=(250,), batch_size=3)
    head = fit_mlp(FEATURES, labels, 3, cross_entropy, settings)
    assert mlp_outputs(head, FEATURES).argmax(1).tolist() == labels.tolist()


def test_mlp_depends_on_its_seed_alone():
    """A number of a paper must come out again, whatever was drawn before, and without moving other people's draws."""
    targets = torch.randn(7, 2, generator=torch.Generator().manual_seed(2))
    outputs = []
    for seed in (0, 0, 1):
        torch.manual_seed(len(outputs))
        state = torch.get_rng_state()
        outputs.append(
            mlp_outputs(fit_mlp(FEATURES, targets, 2, mse_loss, MLPSettings(epochs=2, seed=seed)), FEATURES)
        )
        assert torch.equal(state, torch.get_rng_state())
    torch.testing.assert_close(outputs[0], outputs[1], rtol=0, atol=0)
    assert not torch.allclose(outputs[0], outputs[2])


def test_fit_that_diverges_is_told():
    """Its scores would be no numbers, for which the report blames the model's weights."""
    targets = torch.randn(7, 2, generator=torch.Generator().manual_seed(2))
    with pytest.raises(
        ValueError, match=r"must not diverge, it did with `learning_rate` 1e\+06; choose a smaller one"
    ):
        fit_mlp(FEATURES, targets, 2, mse_loss, MLPSettings(epochs=30, learning_rate=1e6))


def test_class_that_no_training_clip_has_gets_nothing():
    """Columns must stay those of the classes, or all scores behind it stand under a wrong name."""
    scores = logistic_scores(
        FEATURES.numpy(), [0, 2, 0, 2, 0, 2, 0], FEATURES.numpy(), 4, regularization=1.0, max_iter=500, seed=0
    )
    assert scores.shape == (7, 4)
    assert (scores[:, [1, 3]] == 0).all()
    np.testing.assert_allclose(scores.sum(1), 1, rtol=1e-5)


def test_label_that_never_changes_is_what_it_is():
    labels = np.array([[1, 0, n % 2] for n in range(7)])
    scores = one_vs_rest_scores(FEATURES.numpy(), labels, FEATURES.numpy(), regularization=1.0, max_iter=500, seed=0)
    assert scores[:, 0].tolist() == [1] * 7
    assert scores[:, 1].tolist() == [0] * 7
    assert ((scores[:, 2] > 0) & (scores[:, 2] < 1)).all()


def test_smoothing_keeps_a_polynomial_of_its_order():
    """A filter along the wrong axis would mix valence with arousal."""
    values = np.stack([np.arange(9.0) ** 2, -np.arange(9.0)], axis=1).astype(np.float32)
    np.testing.assert_allclose(smoothed(values, 5, 2), values, atol=1e-4)
    assert smoothed(values[:2], 100, 3) is not None
    np.testing.assert_array_equal(smoothed(values[:2], 100, 3), values[:2])
