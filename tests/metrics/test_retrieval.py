# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from emoclip.metrics import median_rank, precision_at_k, recall_at_k, retrieval_metrics, retrieval_ranks


# Query 0 has its text first, query 1 second, query 2 last.
SIMILARITY = np.array([[0.9, 0.1, 0.2, 0.3], [0.5, 0.4, 0.1, 0.2], [0.5, 0.4, 0.1, 0.2]])


def test_values_worked_by_hand():
    """Ranks 1, 2, 4 give everything else."""
    ranks = retrieval_ranks(SIMILARITY)
    assert ranks.tolist() == [1, 2, 4]
    assert [recall_at_k(ranks, k) for k in (1, 2, 3, 4)] == [1 / 3, 2 / 3, 2 / 3, 1]
    assert median_rank(ranks) == 2
    assert precision_at_k(SIMILARITY, 2) == pytest.approx((1 / 2 + 1 / 2 + 0) / 3)


def test_exact_precision_is_hit_over_k():
    """With one right text a query cannot have more than 1 / k of them right."""
    similarity = np.random.default_rng(0).normal(size=(31, 37))
    ranks = retrieval_ranks(similarity)
    for k in (1, 5, 10):
        assert precision_at_k(similarity, k) == pytest.approx(recall_at_k(ranks, k) / k)


def test_class_relevance_counts_texts_of_the_same_class():
    """Query 0 of class j: the first two texts are of the classes j and s; query 1 of class s: j, j."""
    similarity = np.array([[0.9, 0.1, 0.8], [0.7, 0.6, 0.1]])
    assert precision_at_k(similarity, 2, ["j", "s"], ["j", "j", "s"]) == pytest.approx((1 / 2 + 0) / 2)


def test_constant_similarity_gives_the_worst_rank():
    """An optimistic rank would crown a collapsed model: all equal, all first."""
    similarity = np.zeros((4, 4))
    assert retrieval_ranks(similarity).tolist() == [4, 4, 4, 4]
    assert precision_at_k(similarity, 3) == 0
    assert precision_at_k(similarity, 4) == pytest.approx(1 / 4)


def test_a_tie_at_the_edge_of_the_list_counts_against():
    """Places 2 and 3 are tied; of the list of two the second place goes to the wrong text."""
    similarity = np.array([[0.9, 0.5, 0.5]])
    assert precision_at_k(similarity, 2, ["x"], ["y", "x", "y"]) == 0
    assert precision_at_k(similarity, 2, ["x"], ["x", "x", "y"]) == 0.5


def test_best_of_several_captions_counts():
    """A video with three captions is found if one of them is; the others do not stand in the way."""
    similarity = np.array([[0.2, 0.8, 0.7, 0.9], [0.1, 0.2, 0.3, 0.4]])
    assert retrieval_ranks(similarity, ["a", "b"], ["a", "a", "a", "b"]).tolist() == [2, 1]


def test_both_directions():
    """A transposed matrix gives numbers that look right."""
    result = retrieval_metrics(SIMILARITY[:, :3], video_classes=[0, 1, 1], text_classes=[0, 1, 1], ks=(1, 2, 10))
    assert set(result) == {"video_to_text", "text_to_video"}
    assert result["video_to_text"]["recall_at_1"] == pytest.approx(1 / 3)
    # Text 0 is closest to video 0; text 1 ties between the videos 1 and 2; text 2 has video 2 behind one and beside another.
    assert result["text_to_video"]["recall_at_1"] == pytest.approx(1 / 3)
    assert result["text_to_video"]["recall_at_2"] == pytest.approx(2 / 3)
    assert result["text_to_video"]["class_precision_at_1"] == pytest.approx((1 + 1 + 0) / 3)
    assert result["text_to_video"]["median_rank"] == 2
    assert "recall_at_10" not in result["video_to_text"]
    assert (result["video_to_text"]["num_queries"], result["video_to_text"]["num_candidates"]) == (3, 3)


def test_many_queries_are_taken_in_blocks():
    """The matrix is looked at 512 rows at a time; the seams must not show."""
    similarity = np.random.default_rng(1).normal(size=(1100, 1103)).astype(np.float32)
    ranks = retrieval_ranks(similarity)
    expected = [(row >= row[i]).sum() for i, row in enumerate(similarity)]
    assert ranks.tolist() == expected
    assert precision_at_k(similarity, 7) == pytest.approx((ranks <= 7).mean() / 7)


@pytest.mark.parametrize(
    ("similarity", "ids", "message"),
    [
        ([0.1, 0.2], (), r"shape \(queries, candidates\), got \(2,\)"),
        ([[0.1, float("nan")]], (), r"must be finite, got nan at \(0, 1\)"),
        ([[0.1], [0.2]], (), "got 2 queries and 1 candidates; pass the ids"),
        ([[0.1, 0.2]], (["a"], None), r"one id per query and per candidate, \(1, 2\), got \(1, None\)"),
        ([[0.1, 0.2]], (["a"], ["b"]), r"got \(1, 1\)"),
        ([[0.1, 0.2], [0.3, 0.4]], (["a", "z"], ["a", "b"]), "query 1 has none"),
    ],
)
def test_bad_input_is_refused(similarity, ids, message):
    """A query without a right text would count as rank 1 or be lost."""
    with pytest.raises(ValueError, match=message):
        retrieval_ranks(np.array(similarity), *ids)


def test_one_sided_ids_are_refused():
    """The other side would be numbered and match by accident."""
    with pytest.raises(ValueError, match="`video_classes` and `text_classes` must be given together"):
        retrieval_metrics(SIMILARITY, video_classes=[0, 1, 1])
    with pytest.raises(ValueError, match="between 1 and the 4 candidates, got 5"):
        precision_at_k(SIMILARITY, 5)
