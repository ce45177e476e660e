# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from emoclip.evaluation.embeddings import EmbeddingTable
from emoclip.evaluation.pictures.embedding_clouds import plot_pca, plot_tsne, principal_components


@pytest.fixture
def make_cloud():
    """Returns a function that makes 40 clips of 3 classes, some without, and a text of each class."""

    def make(system="model", clips=40, width=9):
        generator = np.random.default_rng(0)
        references = [number % 4 - 1 for number in range(clips)]
        embeds = generator.normal(size=(clips, width)).astype(np.float32)
        texts = generator.normal(size=(3, width)).astype(np.float32)
        ids, names = [str(number) for number in range(clips)], ["a", "b", "c"]
        return EmbeddingTable(ids, references, embeds, names, system, "m", "r", "f" * 64, names, names, texts)

    return make


def test_components_are_those_of_scikit_learn():
    """A wrong axis gives a cloud as well."""
    from sklearn.decomposition import PCA

    points = np.random.default_rng(1).normal(size=(50, 7)) * np.arange(1, 8)
    components, shares = principal_components(points, 3)
    expected = PCA(3).fit(points)
    assert np.abs(components) == pytest.approx(np.abs(expected.components_))
    assert shares == pytest.approx(expected.explained_variance_ratio_)


def test_flat_clouds_have_components_of_zero():
    """Two dimensions, or all points in one place, must not stop a report."""
    components, shares = principal_components(np.array([[0.0, 1], [0, 2], [0, 4]]), 3)
    assert components.shape == (3, 2)
    assert shares == pytest.approx([1, 0, 0])
    assert principal_components(np.ones((4, 5)), 3)[1] == pytest.approx([0, 0, 0])


@pytest.mark.parametrize("plot", [plot_pca, plot_tsne])
def test_pictures_are_written(plot, make_cloud, tmp_path):
    """Clips without a class and systems of another width belong to it."""
    path = plot([make_cloud(), make_cloud("wider", width=12)], tmp_path / "p.png", max_points=30)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_same_tables_give_the_same_picture(make_cloud, tmp_path):
    """A report that is computed again must not change."""
    first, second = (plot_tsne([make_cloud()], tmp_path / name).read_bytes() for name in ("a.png", "b.png"))
    assert first == second


@pytest.mark.parametrize("plot", [plot_pca, plot_tsne])
def test_two_clips_are_no_cloud(plot, make_cloud, tmp_path):
    with pytest.raises(ValueError, match="at least 3 clips, got 2 of model"):
        plot([make_cloud(clips=2)], tmp_path / "p.png")
