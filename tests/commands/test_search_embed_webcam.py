# SPDX-License-Identifier: Apache-2.0
"""The commands around single calls: what they print, write and refuse."""

import json
import shutil
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emoclip import cli
from modeling_emoclip.video_decoding_emoclip import VideoDecodeError


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def films(long_clip, tmp_path):
    (tmp_path / "films").mkdir()
    shutil.copyfile(long_clip, tmp_path / "films" / "a.mp4")
    return tmp_path / "films"


def call(*arguments):
    return cli.main([*map(str, arguments)])


def test_search_reads_once_and_answers_again(films, tiny_model_folder, capsys, monkeypatch):
    """The second search must not decode a frame."""
    options = ["--model", tiny_model_folder, "--faces", "none", "--workers", "1"]
    assert call("search", films, "--query", "a smile", "--top", "2", "--output", "m.csv", *options) == 0
    assert "a smile:\n    1" in capsys.readouterr().out
    assert len(pd.read_csv("m.csv")) == 2
    monkeypatch.setattr("emoclip.batch.scorer.Scorer.analyze", lambda *args: pytest.fail("decoded again"))
    assert call("search", films, "--query", "x", "--query", "y", "--json", *options) == 0
    moments = json.loads(capsys.readouterr().out)["moments"]
    assert {row["query"] for row in moments} == {"x", "y"}


@pytest.mark.parametrize("inputs", [["."], ["**/*"], ["films", "emoclip-index", "boxes.csv"]])
def test_search_again_from_the_same_folder_passes_over_its_own_index(inputs, films, tiny_model_folder, capsys):
    """Every search after the first was refused for the shards of the index; boxes and tables may lie there too."""
    Path("boxes.csv").write_text(f"video,x1,y1,x2,y2\n{films / 'a.mp4'},2,2,32,24\n")
    pd.read_csv("boxes.csv").to_parquet(films / "table.parquet")
    options = ["--query", "x", "--model", tiny_model_folder, "--boxes", "boxes.csv", "--workers", "1", "--json"]
    assert call("search", "films", *options) == 0
    first = json.loads(capsys.readouterr().out)
    assert len(first["moments"]) > 0
    assert call("search", *inputs, *options) == 0
    assert [row["video"] for row in json.loads(capsys.readouterr().out)["moments"]] == [
        row["video"] for row in first["moments"]
    ]


def test_search_tells_of_films_that_cannot_be_read(films, tiny_model_folder, capsys):
    (films / "bad.mp4").write_bytes(b"x")
    options = ["--model", tiny_model_folder, "--faces", "none", "--workers", "1"]
    assert call("search", films, "--query", "a smile", *options) == 1
    assert "failed: bad.mp4" in capsys.readouterr().err


def test_search_reads_a_failed_film_again_where_that_is_asked(films, tiny_model_folder, capsys, monkeypatch):
    """A film that failed for a passing reason is unchanged, and would be left out for ever."""
    from emoclip.batch.scorer import Scorer

    options = ["--query", "x", "--model", tiny_model_folder, "--faces", "none", "--workers", "1"]
    with monkeypatch.context() as patched:
        patched.setattr(Scorer, "analyze", _no_memory)
        assert call("search", films, *options, "--quiet") == 1
        assert "failed: a.mp4" in capsys.readouterr().err
    assert call("search", films, *options) == 1
    assert call("search", films, *options, "--retry-failed") == 0


def _no_memory(*_args, **_kwargs):
    raise ValueError("out of memory for now")


def test_embed_writes_windows_and_texts_that_compare(films, tiny_model_folder, capsys):
    """The cosine of the two files is the similarity of `analyze`."""
    options = ["--model", tiny_model_folder, "--faces", "none"]
    assert call("embed", films / "a.mp4", "--mode", "whole", "--output", "v.parquet", *options) == 0
    assert call("embed", "--texts", "joy,fear", "--output", "t.json", *options) == 0
    assert "1 rows of 10 dimensions" in capsys.readouterr().out
    assert (
        call("analyze", films / "a.mp4", "--emotions", "joy,fear", "--mode", "whole", "--output", "a.csv", *options)
        == 0
    )
    video = np.stack(pd.read_parquet("v.parquet")["embed"])
    rows = json.loads(open("t.json").read())["rows"]  # noqa: PTH123, SIM115 - a test
    text = np.array([row["embed"] for row in rows])
    cosines = (video @ text.T) / np.linalg.norm(video) / np.linalg.norm(text, axis=1)
    np.testing.assert_allclose(cosines[0], pd.read_csv("a.csv")["similarity"], atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["embed", "--output", "a.parquet"], "either videos or `--texts`, got neither"),
        (["embed", "x.mp4", "--texts", "a", "--output", "a.parquet"], "got both"),
        (["embed", "--texts", "a", "--output", "a.csv"], "must end in .parquet or .json"),
        (["webcam", "--source", "nothing.mp4", "--emotions", "a,b"], "must be a camera, a file or an address"),
        (["webcam", "--source", "nothing.mp4", "--emotions", "a,b", "--mode", "whole"], "A live source has no whole"),
        (["webcam", "--emotions", "a,b", "--seconds", "0"], "`--seconds` must be a positive number"),
        (["webcam", "--emotions", "a,b", "--output", "a.doc"], "must end in"),
        (
            ["webcam", "--source", "nothing.mp4", "--emotions", "a,b", "--output", "a.mp4"],
            "needs the film again, which is not kept of a camera",
        ),
        (["search", "nothing", "--query", "a"], "must exist or be a pattern"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments, message, tiny_model_folder, capsys):
    assert call(*arguments, "--model", tiny_model_folder) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_webcam_prints_windows_and_writes_at_the_end(films, tiny_model_folder, capsys):
    arguments = ["--source", films / "a.mp4", "--every-frame", "--emotions", "joy,fear", "--model", tiny_model_folder]
    outputs = ["--output", "cam.csv", "--output", "cam.html", "--faces", "none", "--fps", "8.33", "--stride", "0.5"]
    assert call("webcam", *arguments, *outputs) == 0
    printed = capsys.readouterr().out
    assert printed.count("whole frame  ") >= 4
    assert "Written: cam.csv" in printed
    assert len(pd.read_csv("cam.csv")) >= 8


def test_an_output_of_webcam_that_cannot_be_written_costs_no_other(films, tiny_model_folder, capsys, monkeypatch):
    """A session cannot be had again."""
    from emoclip.analysis.outputs import forms

    def full(analysis, path, options):
        if path.suffix == ".html":
            raise OSError(5, "Input/output error", str(path))
        return written(analysis, path, options)

    written = forms._write
    monkeypatch.setattr(forms, "_write", full)
    arguments = ["--source", films / "a.mp4", "--every-frame", "--emotions", "joy,fear", "--model", tiny_model_folder]
    assert call("webcam", *arguments, "--faces", "none", "--output", "cam.html", "--output", "cam.csv") == 1
    printed = capsys.readouterr()
    assert "error: cam.html: Input/output error" in printed.err
    assert len(pd.read_csv("cam.csv")) > 0


def test_search_tells_of_unreadable_films_every_time_and_serves_nothing_of_them(films, tiny_model_folder, capsys):
    """The moments of a film that is gone, or that was written over by half, were served from the index."""
    shutil.copyfile(films / "a.mp4", films / "b.mp4")
    options = ["--model", tiny_model_folder, "--faces", "none", "--workers", "1"]
    assert call("search", films, "--query", "x", *options) == 0
    (films / "b.mp4").write_bytes(b"x")
    for _ in range(2):
        assert call("search", films, "--query", "x", "--output", "m.csv", "--overwrite", *options) == 1
        assert "failed: b.mp4: VideoDecodeError" in capsys.readouterr().err
        assert set(pd.read_csv("m.csv")["video"]) == {str(films / "a.mp4")}
    next(Path("emoclip-index").glob("a.mp4.*")).unlink()
    capsys.readouterr()
    assert call("search", films, "--query", "x", "--json", *options) == 1
    found = json.loads(capsys.readouterr().out)
    assert {row["video"] for row in found["moments"]} == {str(films / "a.mp4")}
    assert [row["name"] for row in found["unread"]] == ["b.mp4"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--top", "0"], "`top` must be at least 1"),
        (["--workers", "-1"], "`--workers` must be at least 1"),
        (["--model", "no/such/folder"], "The model folder must exist"),
        (["--other", "0.2"], "makes no use of --other"),
        (["clips.tar"], "reads videos, got the shard clips.tar"),
        (["https://host/a.mp4"], "pass --allow-urls"),
    ],
)
def test_search_refuses_before_it_reads_or_takes_a_folder(more, message, films, tiny_model_folder, capsys):
    """The films of a day were read before `--top 0` was found to be wrong."""
    Path("clips.tar").write_bytes(b"")
    model = [] if "--model" in more else ["--model", tiny_model_folder]
    assert call("search", films, *more, "--query", "x", *model) == 2
    assert message in capsys.readouterr().err
    assert not Path("emoclip-index").exists()


def test_an_index_of_other_settings_is_named_as_an_index(films, tiny_model_folder, capsys):
    """The message named --output and --overwrite, of which search has neither for its index."""
    options = ["--model", tiny_model_folder, "--faces", "none", "--workers", "1"]
    assert call("search", films, "--query", "x", *options) == 0
    assert call("search", films, "--query", "x", *options, "--fps", "5") == 2
    error = capsys.readouterr().err
    assert "`--index` emoclip-index is of other settings (fps); name another one" in error


def test_every_option_of_search_reaches_the_films(films, tiny_model_folder, monkeypatch):
    """The weights of the detector were passed over in silence."""
    from emoclip.batch.running import BatchResult

    seen = {}

    def run(sources, settings, **others):
        seen.update(settings.options)
        return BatchResult({}, 0, Path("t"), interrupted=True)

    monkeypatch.setattr("emoclip.batch.running.run_batch", run)
    options = ["--detector", "yunet", "--detector-weights", "w.onnx", "--allow-urls", "--compile"]
    assert call("search", films, "--query", "x", *options) == 130
    assert (seen["detector_weights"], seen["allow_urls"], seen["compile"]) == ("w.onnx", True, True)


def test_embed_keeps_the_others_of_a_damaged_one(films, make_clip, tiny_model_folder, capsys):
    """One broken file cost the vectors of a night."""
    data = make_clip(300, "b.mkv").read_bytes()
    (films / "b.mkv").write_bytes(data[: len(data) // 2])
    (films / "c.mp4").write_bytes(b"no film")
    assert call("embed", films, "--output", "v.parquet", "--model", tiny_model_folder, "--faces", "none") == 1
    assert set(pd.read_parquet("v.parquet")["video"]) == {str(films / "a.mp4")}
    error = capsys.readouterr().err
    assert error.count("error: Not analysed: ") == 2


def test_embed_writes_what_ctrl_c_left(films, tiny_model_folder, monkeypatch, capsys):
    """As analyze does: the windows until then."""

    @contextmanager
    def pressed(self, name, unit):
        def show(done, expected):
            if done == 20:
                raise KeyboardInterrupt

        yield show

    monkeypatch.setattr("emoclip.commands.reporter.Reporter.bar", pressed)
    options = ["--model", tiny_model_folder, "--faces", "none", "--mode", "frames"]
    assert call("embed", films, "--output", "v.parquet", *options) == 130
    assert len(pd.read_parquet("v.parquet")) == 20
    assert "interrupted; what was embedded is written" in capsys.readouterr().err


def test_embed_reads_addresses_that_are_allowed(tiny_model_folder, monkeypatch):
    """`--allow-urls` was refused by the first look at the header."""
    seen = []

    def probe(source, *, allow_urls=False):
        seen.append((source, allow_urls))
        raise VideoDecodeError("stop here")

    monkeypatch.setattr("modeling_emoclip.video_decoding_emoclip.probe_video", probe)
    assert call("embed", "https://host/a.mp4", "--allow-urls", "--output", "v.parquet") == 2
    assert seen == [("https://host/a.mp4", True)]


def test_calibrate_tells_of_clips_that_failed_and_refuses_what_has_no_effect(films, tiny_model_folder, capsys):
    """A calibration from half of the clips looked like one from all."""
    (films / "bad.mp4").write_bytes(b"x")
    options = ["--emotions", "a,b", "--model", tiny_model_folder, "--faces", "none", "--mode", "frames"]
    assert call("calibrate", films, *options, "--json") == 1
    printed = capsys.readouterr()
    assert "error: Not analysed: " in printed.err
    assert len(json.loads(printed.out)["failed"]) == 1
    assert call("calibrate", films, *options, "--other", "0.2", "--output", "c.json") == 2
    assert "makes no use of --other" in capsys.readouterr().err
