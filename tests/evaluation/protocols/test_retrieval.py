# SPDX-License-Identifier: Apache-2.0
import shutil

import numpy as np
import pytest
import torch

from emoclip.config_loading import load_config
from emoclip.evaluation.config import EvaluationConfig, SystemConfig
from emoclip.evaluation.markdown import render_markdown
from emoclip.evaluation.report_document import report_blocks, summary_lines
from emoclip.evaluation.results import Resampling, score, summarize
from emoclip.evaluation.run import check_evaluation
from emoclip.evaluation.systems import load_system
from emoclip.evaluation.target_predictions import NO_CLASS, RetrievalTable
from modeling_emoclip import EmoCLIPModel


ONLY = "protocols.zero_shot=false"
CAPTIONS = [
    ["A man sits in a car, his eyes wide.", "A second caption."],
    ["A woman waits. Her mouth is open."],
    [],
    ["The brows come down, a child shouts."],
    ["A crowd stands there."],
]


@pytest.fixture(scope="module")
def captioned(write_set):
    return write_set(5, lambda n: {"captions": CAPTIONS[n], "label": None if n == 1 else n % 3})


def test_every_clip_with_its_first_caption(captioned, run_tables, tiny_model_folder):
    """A clip without a caption has nothing to find; one without a class counts for exact retrieval."""
    (table,) = run_tables(captioned, ONLY, "protocols.retrieval={}")
    assert table.clip_ids == ["c0", "c1", "c3", "c4"]
    assert table.references == [0, NO_CLASS, 0, 1]
    system = load_system(SystemConfig("m", model=str(tiny_model_folder)))
    inputs = system.processor(text=[CAPTIONS[n][0] for n in (0, 1, 3, 4)], videos=None)
    with torch.inference_mode():
        text = system.model.get_text_features(**inputs).pooler_output
    text = text / text.norm(dim=1, keepdim=True)
    np.testing.assert_allclose(table.text_embeds, text, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(table.video_embeds, axis=1), 1, rtol=1e-5)


def test_ablation_compares_the_same_clips(captioned, run_tables):
    """A clip whose caption says nothing of the face must be missing everywhere, or the three numbers are of different clips."""
    tables = run_tables(captioned, ONLY, "protocols.caption_ablation={}")
    assert [table.prompt_set for table in tables] == ["full", "expression_only", "context_only"]
    assert all(table.clip_ids == ["c0", "c1", "c3"] for table in tables)
    np.testing.assert_array_equal(tables[0].video_embeds, tables[1].video_embeds)
    assert not np.allclose(tables[1].text_embeds, tables[2].text_embeds)


def test_ablation_takes_columns(write_set, run_tables):
    """Parts that people wrote are better than parts by rule."""
    path = write_set(3, lambda n: {"captions": [f"All {n}."], "face": f"Face {n}.", "rest": [f"Rest {n}."]})
    tables = run_tables(path, ONLY, "protocols.caption_ablation={expression: face, context: rest}")
    assert all(table.clip_ids == ["c0", "c1", "c2"] for table in tables)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("protocols.retrieval={captions: words}", r"needs the column `words`"),
        ("protocols.retrieval={ks: [0]}", r"`ks` must hold numbers of at least 1"),
    ],
)
def test_what_does_not_fit_is_told_before_work(captioned, run_tables, override, message):
    with pytest.raises(ValueError, match=message):
        run_tables(captioned, ONLY, override)


def test_set_without_captions_is_refused(write_set, run_tables):
    with pytest.raises(ValueError, match=r"at least 2 clips with a caption in `captions`, got 0"):
        run_tables(write_set(3, lambda n: {"label": n}), ONLY, "protocols.retrieval={}")


def test_lengths_of_the_lists_are_those_that_were_asked_for(run_tables, manifest, tmp_path):
    """A setting without effect; the report, which has only the tables, must know it too."""
    from emoclip.evaluation.results import Resampling, score
    from emoclip.evaluation.target_predictions import read_target_predictions, write_target_predictions

    (table,) = run_tables(manifest, "protocols.zero_shot=false", "protocols.retrieval={ks: [4, 2]}")
    again = read_target_predictions(write_target_predictions(table, tmp_path / "t.parquet"))
    assert again.ks == (2, 4)
    found = score(again, Resampling(num_resamples=20))["directions"]["video_to_text"]
    assert [name for name in found if name.startswith("recall_at_") and "interval" not in name] == [
        "recall_at_2",
        "recall_at_4",
    ]


def test_folds_with_models_of_their_own_lose_no_clip(write_set, run_tables, tiny_model_folder, tmp_path):
    """Only the first fold's clips were searched; and clips of two models must not be compared with one another."""
    for seed in (1, 2):
        shutil.copytree(tiny_model_folder, tmp_path / f"fold{seed}")
        torch.manual_seed(seed)
        EmoCLIPModel(EmoCLIPModel.from_pretrained(tiny_model_folder).config).save_pretrained(tmp_path / f"fold{seed}")
    path = write_set(7, lambda n: {"captions": [f"Caption {n}."], "test_fold": 1 + n % 2})
    options = (ONLY, "protocols.retrieval={ks: [1]}", "data.fold=all")
    tables = run_tables(path, *options, f"model={tmp_path}/fold{{fold}}")
    assert [table.protocol for table in tables] == ["retrieval.fold_1", "retrieval.fold_2"]
    assert [table.clip_ids for table in tables] == [["c0", "c2", "c4", "c6"], ["c1", "c3", "c5"]]
    for number, table in enumerate(tables, start=1):
        (alone,) = run_tables(path, *options, f"model={tmp_path}/fold{number}")
        places = [alone.clip_ids.index(name) for name in table.clip_ids]
        np.testing.assert_allclose(table.video_embeds, alone.video_embeds[places], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(table.text_embeds, alone.text_embeds[places], rtol=1e-4, atol=1e-5)
    both = f"systems=[{{name: own, model: '{tmp_path}/fold{{fold}}'}}, {{name: same}}]"
    assert [(t.protocol, t.system) for t in run_tables(path, *options, both)] == [
        (f"retrieval.fold_{fold}", system) for fold in (1, 2) for system in ("own", "same")
    ]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("protocols.caption_ablation={expression: face}", r"needs the column `face`"),
        ("protocols.caption_ablation={ks: [0]}", r"`ks` must hold numbers of at least 1"),
        ("protocols.caption_ablation={captions: words}", r"needs the column `words`"),
        ("protocols.retrieval={ks: [9]}", r"as many as its shortest list \(`ks`: 9\), got 4"),
    ],
)
def test_refused_before_the_pass(captioned, tiny_model_folder, override, message):
    """Hours of decoding would end with a sentence about a column."""
    base = [f"data.manifest={captioned}", f"model={tiny_model_folder}", ONLY, "data.num_workers=0"]
    with pytest.raises(ValueError, match=message):
        check_evaluation(load_config(EvaluationConfig, None, [*base, override]))


def test_lists_longer_than_the_shared_clips_are_told(run_tables, captioned):
    """Runs with few clips in common must not end in a bare StopIteration."""
    from emoclip.evaluation.alignment import take_rows

    (table,) = run_tables(captioned, ONLY, "protocols.retrieval={ks: [3]}")
    report = summarize([take_rows(table, [0, 1])], Resampling(num_resamples=20))
    (line,) = summary_lines(report)
    assert "2 candidates, fewer than every k" in line


def test_intervals_draw_whole_subjects(make_retrieval):
    """Many clips of one person are one piece of evidence: the interval of hits that go by person must be wide."""
    found = [False] * 20 + [True] * 20
    clips, people = (make_retrieval(found, columns) for columns in ({}, {"subject_id": ["a"] * 20 + ["b"] * 20}))
    results = [score(table, Resampling(num_resamples=300)) for table in (clips, people)]
    widths = [np.ptp(r["directions"]["video_to_text"]["recall_at_1_interval"]) for r in results]
    assert results[0]["intervals_over"] == "clips"
    assert (results[1]["intervals_over"], results[1]["num_drawn_subjects"]) == ("subjects", 2)
    assert widths[1] > 2 * widths[0]
    text = render_markdown(report_blocks(summarize([people], Resampling(num_resamples=20))))
    assert "intervals over 2 subjects, drawn whole" in text


@pytest.fixture
def make_retrieval():
    """Returns a function that makes a table in which these clips find their own caption, and the others another's."""

    def make(found, columns):
        size = len(found)
        text = np.eye(size, dtype=np.float32)
        video = np.stack([text[n] if hit else text[(n + 1) % size] for n, hit in enumerate(found)])
        ids = [f"c{n}" for n in range(size)]
        names = ("model", "revision", "prompt_set", "manifest_sha256")
        about = dict.fromkeys(names, "x")
        return RetrievalTable(ids, [NO_CLASS] * size, video, text, ["a", "b"], columns=columns, ks=(1,), **about)

    return make
