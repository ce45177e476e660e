# SPDX-License-Identifier: Apache-2.0
"""docs/emotionclip.md from films to scores, on rendered films."""

from pathlib import Path

import pytest

from tests.page_commands import ROOT, page_commands, run_words, save_tiny_clip, write_set


@pytest.mark.slow
def test_the_page_runs_from_films_to_scores(
    tmp_path, tiny_model_folder, classifier_folder, detector_folder, long_clip, monkeypatch
):
    """The page's last command named a configuration that cannot take the page's model."""
    from emoclip.synthetic.films import FilmWorld, render_films
    from emoclip.synthetic.render import World, render_world

    render_films(tmp_path / "films", FilmWorld(films=2, scenes=4, others=1))
    render_world(tmp_path / "data", World(train_clips=22, test_clips=22, stills=0), workers=1)
    write_set(tmp_path / "data/ferv39k.parquet")
    write_set(tmp_path / "data/dfew.parquet", folds=True)
    write_set(tmp_path / "data/bold.parquet", several=True)
    (tmp_path / "clip.mp4").symlink_to(long_clip)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    clip = save_tiny_clip(tiny_model_folder, tmp_path / "clip")
    monkeypatch.chdir(tmp_path)

    def further(words: list[str]) -> list[str]:
        if "data_scripts/prepare_dialogue.py" in words:
            models = ["--sentiment-model", str(classifier_folder), "--person-model", str(detector_folder)]
            return [*models, "--max-neutral", "1", "--min-person-score", "0"]
        if "train.py" in words:
            crop = [f"model.processor.crop_size.{side}=20" for side in ("height", "width")]
            small = ["epochs=1", "data.batch_size=2", "data.num_workers=0", "mixed_precision=no"]
            return [f"model.name={clip}", "model.processor.size.shortest_edge=24", *crop, *small]
        if "evaluate.py" in words:
            return ["data.num_workers=0", "num_resamples=20"]
        return ["--faces", "none"] if "analyze" in words else []

    # Made by a model of punctuation that knows the words of the rendered films; here the recipe gets the clips of the other command.
    (tmp_path / "data/dialogue_paper_code").symlink_to("dialogue")
    commands = [words for words in page_commands("emotionclip.md") if "--paper-code" not in words]
    run = [words for words in commands if run_words(words, further)]
    assert len(run) == 7
    assert all((Path("outputs/emotionclip") / name / "report.json").is_file() for name in ("ferv39k", "dfew"))
