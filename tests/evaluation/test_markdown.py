# SPDX-License-Identifier: Apache-2.0
from emoclip.evaluation.document import percent
from emoclip.evaluation.markdown import markdown_table as table
from emoclip.evaluation.markdown import render_markdown
from emoclip.evaluation.report_document import report_blocks
from emoclip.evaluation.results import Resampling, summarize


FEW = Resampling(num_resamples=50)
RUN = {
    "command": "python evaluate.py --config x.yaml",
    "commit": "0123abc",
    "dataset": {"name": "tiny", "licence": "CC0-1.0", "manifest": "m.parquet", "split": "test"},
    "left_out": [{"clip_id": "c99", "error": "c99.mp4 is empty."}],
    "texts": {"set": {"anger": "A frown."}},
    "versions": {"torch": "2.13.0"},
    "config": {"seed": 0},
}


def render(report, picture=None):
    """The Markdown of a report with one picture."""
    pictures = [{"section": 0, "kind": "confusion_matrix", "file": picture, "caption": "C"}] if picture else []
    return render_markdown(report_blocks({**report, "pictures": pictures}))


def test_every_fact_needed_to_repeat_the_run_is_there(make_table):
    """A number without model, data, texts and command cannot be checked by anybody."""
    report = summarize([make_table(), make_table("weak", skill=0.0)], FEW) | {"run": RUN}
    text = render(report, picture="matrix.png")
    facts = ["--config x.yaml", "0123abc", "some/model", "abc", "f" * 64, "CC0-1.0", "c99.mp4 is empty", "A frown."]
    for fact in [*facts, "matrix.png", "torch: 2.13.0", "seed: 0", "split `test`", "50 resamples"]:
        assert fact in text


def test_numbers_are_those_of_the_report(make_table):
    """Only the rounding may differ."""
    report = summarize([make_table(), make_table("weak", skill=0.0)], FEW)
    text = render(report)
    assert f"**UAR {percent(report['uar'], report['uar_interval'])} %**" in text
    assert percent(report["comparisons"][0]["difference"], signed=True) in text
    assert "| anger | 11 |" in text


def test_tables_alone_are_enough(make_table):
    """Tables of another program come without a record of the run, and one system without comparison."""
    text = render(summarize([make_table()], FEW))
    assert "Comparison" not in text
    assert "left out" not in text
    assert "manifest sha256" in text


def test_percent():
    assert percent(0.6214) == "62.1"
    assert percent(0.5, [0.25, 1.0]) == "50.0 [25.0, 100.0]"
    assert percent(-0.031, [-0.1, 0.02], signed=True) == "-3.1 [-10.0, +2.0]"


def test_table_keeps_its_columns():
    """A bar in a name would open a column."""
    assert table(["a", "b"], [["x|y", "1"]]) == "| a | b |\n|---|---:|\n| x\\|y | 1 |"


def test_notes_of_the_data_stand_before_the_numbers(make_table):
    """Clips that training and test share must not be found out later by somebody else."""
    run = {**RUN, "dataset": {**RUN["dataset"], "notes": ["MAFW contains clips of DFEW."]}}
    text = render(summarize([make_table()], FEW) | {"run": run})
    assert text.index("**About the data.** MAFW contains clips of DFEW.") < text.index("| ")
