# SPDX-License-Identifier: Apache-2.0
"""The auxiliary loss against values by hand."""

import math

import pytest
import torch

from emoclip.training.word_prediction import WordPrediction, inverse_document_frequency


def test_frequent_tokens_count_less_and_special_ones_nothing() -> None:
    """By hand: token 0 in 3 of 3 texts, token 1 in 1, token 2 never; token 3 ends texts."""
    weights = inverse_document_frequency([[0, 1, 3], [0, 0, 3], [0, 3]], vocab_size=4, special_ids=[3])
    assert weights.tolist() == pytest.approx([math.log(4 / 3), math.log(4), 0.0, 0.0])


def test_target_counts_each_token_once() -> None:
    """Padding repeats a token; repeated words must not outweigh rare ones."""
    head = WordPrediction(3, torch.tensor([1.0, 3.0, 0.0]))
    target = head.target(torch.tensor([[0, 0, 1, 2], [2, 2, 2, 2]]))
    assert target.tolist() == [[0.25, 0.75, 0.0], [0.0, 0.0, 0.0]]


def test_uniform_prediction_costs_the_log_of_the_vocabulary() -> None:
    """Zero heads predict every token alike."""
    head = WordPrediction(3, torch.ones(5))
    for parameter in head.parameters():
        torch.nn.init.zeros_(parameter)
    loss = head(torch.randn(2, 3), torch.randn(2, 3), torch.tensor([[0, 1], [2, 2]]))
    assert loss.shape == ()
    assert loss.item() == pytest.approx(math.log(5))


def test_both_embeddings_receive_gradients() -> None:
    """A head for one side only leaves the other on the plateau."""
    video, text = torch.randn(2, 3, requires_grad=True), torch.randn(2, 3, requires_grad=True)
    WordPrediction(3, torch.ones(5))(video, text, torch.tensor([[0, 1], [2, 3]])).backward()
    assert video.grad.abs().sum() > 0
    assert text.grad.abs().sum() > 0
