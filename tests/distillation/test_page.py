# SPDX-License-Identifier: Apache-2.0
"""docs/expclip.md from pictures to scores, and the combined recipe, on rendered faces."""

from pathlib import Path

import pytest

from tests.page_commands import ROOT, page_commands, run_words, save_tiny_clip, write_set


def prepare_sets(folder: Path) -> None:
    """Stills as CAER-S, clips as FERV39k and as MAFW with its folds, cropped as the page says."""
    from emoclip import cli
    from emoclip.synthetic.render import World, render_world

    render_world(folder / "data", World(train_clips=22, test_clips=11, stills=26), workers=1)
    write_set(folder / "data/caer_s.parquet", source="stills")
    write_set(folder / "data/ferv39k.parquet")
    write_set(folder / "data/mafw.parquet", folds=True)
    crop = ["--manifest", str(folder / "data/mafw.parquet"), "--output", str(folder / "data/mafw_faces")]
    assert cli.main(["data", "crop-faces", *crop, "--no-face", "keep"]) == 0


@pytest.mark.slow
def test_the_page_runs_from_pictures_to_scores(tmp_path, tiny_model_folder, teacher_folder, long_clip, monkeypatch):
    """Two steps of the combined recipe named a split that their manifest has not."""
    prepare_sets(tmp_path)
    write_dialogue(tmp_path)
    (tmp_path / "clip.mp4").symlink_to(long_clip)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    clip = save_tiny_clip(tiny_model_folder, tmp_path / "clip")
    monkeypatch.chdir(tmp_path)

    def further(words: list[str]) -> list[str]:
        told = " ".join(words)
        if "evaluate.py" in words:
            return ["data.num_workers=0", "num_resamples=20"]
        if "train.py" in words:
            own = [f"model.name={clip}"] if "combined_films" in told else []
            return [*own, "epochs=1", "data.batch_size=3", "data.num_workers=0", "mixed_precision=no"]
        if "analyze" in words:
            return ["--faces", "none"]
        if "crop-faces" in words:
            return ["--no-face", "keep"]
        if "distill" not in words:
            return []
        own = [] if "combined" in told else [f"model.name={clip}"]
        squash = [f"model.processor.size.{side}=20" for side in ("height", "width")] if "paper_code" in told else []
        small = ["fit.batch_size=8", "data.num_workers=0", f"teachers.0.name={teacher_folder}", "fit.epochs=1"]
        return [*own, *squash, *small]

    # The path without downloads is run by `tests/demo`; data sets and teachers by the tests of their readers.
    skipped = ("demo", "prepare", "pip", "tiny_teacher", "render_synthetic_faces", "distilled")
    commands = [words for words in page_commands("expclip.md") if not any(one in " ".join(words) for one in skipped)]
    run = [words for words in commands if run_words(words, further)]
    assert len(run) == 11
    assert (Path("outputs/combined/report") / "report.json").is_file()


def write_dialogue(folder: Path) -> None:
    """A manifest of scenes as `data_scripts/prepare_dialogue.py` writes it, with sentiment and boxes."""
    from emoclip.data.manifest import read_manifest, write_manifest

    rows = read_manifest(folder / "data/clips.parquet").table.to_pylist()[:8]
    (folder / "data/dialogue").mkdir()
    for number, row in enumerate(rows):
        row |= {
            "path": f"../{row['path']}", "captions": [f"This is line {number}."], "boxes": [[1.0, 1.0, 9.0, 9.0]],
            "sentiment_logits": [float(number == place) for place in range(7)], "split": "train",
        }  # fmt: skip
    about = {"class_names": [], "dataset": "dialogue", "licence": "CC0-1.0", "source": "rendered"}
    write_manifest(
        folder / "data/dialogue/manifest.parquet", [{**row, "label": None, "labels": None} for row in rows], **about
    )
