# SPDX-License-Identifier: Apache-2.0
"""What a data set card says, and of whom it may say anything."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from emoclip.cli import main
from emoclip.data.publishing import Plan, plan_push, write_card


def header(plan: Plan) -> dict:
    return yaml.safe_load(plan.uploads[0].content.decode().split("---\n")[1])


def test_card_counts_names_and_explains(make_manifest: Callable) -> None:
    """Who finds the data set on the Hub reads nothing else."""
    plan = plan_push(make_manifest(), "me/x")
    card = plan.uploads[0].content.decode()
    assert header(plan) | {"configs": None} == {
        "license": "cc-by-nc-sa-4.0",
        "task_categories": ["video-classification"],
        "size_categories": "n<1K",
        "tags": ["emoclip", "facial-expression-recognition", "affective-computing"],
        "pretty_name": "RAVDESS",
        "configs": None,
    }
    assert "| tense | 1 | 1 |" in card and "| **all** | 1 | 2 |" in card
    for part in ("zenodo.org", "A | note.", "`text`", "apparent expression", "Article 5(1)(f)", '"me/x"'):
        assert part in card


def test_card_counts_several_labels_and_numbers_for_what_they_are(make_manifest: Callable, tmp_path: Path) -> None:
    """`(none)` for every person of BoLD, or `valence 0`, in public."""
    several = make_manifest("bold/categories", kinds=("image",), label=None, labels=[0, 1])
    card = write_card(several, tmp_path / "several").read_text()
    for line in ("| tense | 1 |", "| calm | 1 |", "| **all** | 1 |", "counts in each of them, and once in all."):
        assert line in card
    assert "(none)" not in card
    numbers = make_manifest("liris_accede/discrete", kinds=("image",), label=None, targets=[0.5, 1.0])
    card = write_card(numbers, tmp_path / "numbers").read_text()
    assert "| class | train |\n|---|---:|\n| **all** | 1 |\n" in card
    assert "in 2 classes" not in card and "with 2 numbers each (tense, calm)" in card


def test_card_is_whole_or_not_there(make_manifest: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a card would be refused as one that exists."""

    def full(self: Path, *_, **__) -> None:
        self.write_bytes(b"half")
        raise OSError("No space left on device")

    path = make_manifest(kinds=("image",))
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(Path, "write_text", full)
        write_card(path, tmp_path / "card")
    assert write_card(path, tmp_path / "card").is_file()


def test_card_of_gated_data_is_written_here_only(make_manifest: Callable, tmp_path: Path, capsys) -> None:
    """The one thing about them that can be given away, and no loading example that cannot work."""
    path = make_manifest("mafw/single")
    command = ["data", "push", "--manifest", str(path), "--card-only", str(tmp_path / "card")]
    assert main(command) == 0
    card = (tmp_path / "card" / "README.md").read_text()
    assert "Not included: media and annotations" in card and "mafw-database.github.io" in card
    assert "load_dataset" not in card and "## Columns" not in card
    assert main(command) == 2 and "README.md exists" in capsys.readouterr().err


def test_card_of_own_clips_bears_the_name_of_the_repository(make_manifest: Callable) -> None:
    """`your own folder` is no title."""
    plan = plan_push(make_manifest("folder/classes"), "me/clips", own_media=True, licence="cc-by-4.0")
    assert header(plan)["pretty_name"] == "clips" and header(plan)["license"] == "cc-by-4.0"


def test_card_of_an_unknown_set_is_refused(make_manifest: Callable, tmp_path: Path) -> None:
    """It would state terms that nobody looked up."""
    with pytest.raises(ValueError, match="of which no licence is known"):
        write_card(make_manifest("mine"), tmp_path / "card")
