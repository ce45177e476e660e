# SPDX-License-Identifier: Apache-2.0
import base64
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from emoclip import cli
from emoclip.batch.sources import find_sources
from modeling_emoclip.video_decoding_emoclip import decode_video


@pytest.fixture
def films(short_clip, tmp_path):
    folder = tmp_path / "films"
    folder.mkdir()
    shutil.copyfile(short_clip, folder / "a.mp4")
    (folder / "bad.mp4").write_bytes(b"no film")
    return folder


def batch(films, output, tiny_model_folder, *more):
    arguments = [films, "--emotions", "joy,fear", "--model", tiny_model_folder, "--faces", "none", "--output", output]
    return cli.main(["batch", *map(str, arguments), "--workers", "1", *more])


def test_batch_writes_results_and_status(films, tiny_model_folder, tmp_path, capsys):
    """Exit code 1: a script must notice that some files failed."""
    assert batch(films, tmp_path / "out", tiny_model_folder, "--forms", "csv,.windows.json") == 1
    captured = capsys.readouterr()
    assert "2 files: 1 done, 1 failed" in captured.out
    assert "failed: bad.mp4: VideoDecodeError" in captured.err
    written = sorted(path.name for path in (tmp_path / "out").glob("*"))
    assert written == [".batch", "a.mp4.csv", "a.mp4.windows.json", "status.csv"]


def test_all_done_is_exit_code_0_and_json_one_document(films, tiny_model_folder, tmp_path, capsys):
    (films / "bad.mp4").unlink()
    assert batch(films, tmp_path / "out", tiny_model_folder, "--json") == 0
    assert json.loads(capsys.readouterr().out)["counts"] == {"done": 1}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--forms", "docx"], "must end in"),
        (["--forms", ","], "at least one ending"),
        (["--forms", "change.csv"], "needs a baseline"),
        (["--workers", "-1"], "must be at least 1, got -1"),
        (["--stride", "0"], "positive number"),
    ],
)
def test_bad_options_are_refused_before_any_work(more, message, films, tiny_model_folder, tmp_path, capsys):
    assert batch(films, tmp_path / "out", tiny_model_folder, *more) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_done(make_clip, tiny_model_folder, tmp_path):
    """A real signal to real processes; the same command goes on."""
    folder, output = tmp_path / "films", tmp_path / "out"
    folder.mkdir()
    film = make_clip(400, "long.mp4")
    for number in range(40):
        shutil.copyfile(film, folder / f"{number:02}.mp4")
    command = [sys.executable, "-m", "emoclip.cli", "batch", str(folder), "--emotions", "a,b", "--faces", "none"]
    command += ["--model", str(tiny_model_folder), "--output", str(output), "--workers", "2"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 240
    while not list(output.glob("*.mp4.csv")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    error = process.communicate(timeout=240)[1]
    assert process.returncode == 130, error
    assert "interrupted; what was done is kept" in error
    done = pd.read_csv(output / "status.csv")
    # How many came back before the signal is chance; none is half-written.
    assert len(done) < 40
    assert not list(output.glob("*.partial"))
    subprocess.run(command, check=True, timeout=300)
    assert len(pd.read_csv(output / "status.csv")) == 40


@pytest.mark.slow
def test_torchrun_shares_the_files(films, tiny_model_folder, tmp_path):
    """Accelerate tells each process which it is."""
    torchrun = Path(sys.executable).with_name("torchrun")
    command = [str(torchrun), "--standalone", "--nproc_per_node", "2", "-m", "emoclip.cli", "batch", str(films)]
    command += [
        "--emotions",
        "a,b",
        "--model",
        str(tiny_model_folder),
        "--faces",
        "none",
        "--output",
        str(tmp_path / "out"),
    ]
    (films / "bad.mp4").unlink()
    for name in ("b.mp4", "c.mp4"):
        shutil.copyfile(films / "a.mp4", films / name)
    subprocess.run(command, check=True, timeout=300, capture_output=True)
    assert pd.read_csv(tmp_path / "out" / "status.csv")["status"].tolist() == ["done"] * 3
    assert len([path for path in (tmp_path / "out" / ".batch").iterdir() if path.is_dir()]) == 2


@pytest.mark.slow
def test_a_disk_that_is_really_full_stops_the_batch_and_room_lets_it_go_on(
    make_clip, tiny_model_folder, tmp_path, on_small_disk
):
    """No file is blamed, what was done stays, nothing is half-written, and the same command ends the work."""
    folder = tmp_path / "films"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        shutil.copyfile(make_clip(40, name), folder / name)
    command = [sys.executable, "-m", "emoclip.cli", "batch", str(folder), "--emotions", "a,b", "--faces", "none"]
    command += ["--model", str(tiny_model_folder), "--output", "out", "--workers", "1", "--forms", "csv,png"]
    lines = [
        # Room for the first picture and the status, not for the second picture.
        "head -c 120k /dev/zero > ballast",
        shlex.join(command),
        "echo code $?; cat out/status.csv; find out -name '*.partial'; rm ballast",
        shlex.join(command),
        "echo code $?; cut -d, -f1,3 out/status.csv",
    ]
    result = on_small_disk("\n".join(lines), size="200k")
    first, second = result.stdout.split("code 2\n")
    assert "what was done is kept, run the same command again to go on" in result.stderr
    assert "failed" not in result.stdout
    assert "partial" not in second
    assert second.endswith("code 0\nname,status\na.mp4,done\nb.mp4,done\nc.mp4,done\n"), first


def test_words_of_a_file_count_for_a_batch_and_bad_sums_are_refused(films, tiny_model_folder, tmp_path, capsys):
    """Descriptions and groups are what long studies use; a slip must not stand a thousand times as a failed file."""
    words = tmp_path / "words.yaml"
    words.write_text(
        "emotions: {joy: , held-back anger: lips pressed}\ngroups: {all: [joy, held-back anger]}\n", encoding="utf-8"
    )
    options = ["--model", str(tiny_model_folder), "--faces", "none", "--workers", "1"]
    command = ["batch", str(films), "--output", str(tmp_path / "out"), *options]
    assert cli.main([*command, "--emotions-file", str(words), "--forms", "csv,groups.csv"]) == 1
    assert set(pd.read_csv(tmp_path / "out" / "a.mp4.csv")["emotion"]) == {"joy", "held-back anger"}
    assert pd.read_csv(tmp_path / "out" / "a.mp4.groups.csv")["match"].to_list() == pytest.approx([1.0], abs=1e-5)
    # The same command goes on, a changed file of words is another batch.
    assert cli.main([*command, "--emotions-file", str(words), "--forms", "csv,groups.csv"]) == 1
    words.write_text("[joy, fear]", encoding="utf-8")
    assert cli.main([*command, "--emotions-file", str(words), "--forms", "csv,groups.csv"]) == 2
    assert cli.main(["batch", str(films), "--output", str(tmp_path / "no"), *options, "--emotions", "a, 0*b + c"]) == 2
    assert not (tmp_path / "no").exists()


def test_what_every_file_would_fail_by_is_refused_and_claims_no_folder(films, tiny_model_folder, tmp_path, capsys):
    """A wrong path to the model stood as the failure of a thousand films, in a folder that was taken for good."""
    output = tmp_path / "out"
    for more, message in [
        (["--model", str(tmp_path / "nothing")], "The model folder must exist"),
        (["--emotions", "none of these,fear", "--other", "0.2"], "got the word 'none of these' as well"),
        (["--blur-faces"], "`--blur-faces` hides faces"),
        (["--font", "nope.ttf"], "`font` must be"),
        (["--boxes", str(tmp_path / "no.csv")], "must name a file"),
    ]:
        options = [] if "--boxes" in more else ["--faces", "none"]
        words = [] if "--emotions" in more else ["--emotions", "joy,fear"]
        model = [] if "--model" in more else ["--model", str(tiny_model_folder)]
        assert cli.main(["batch", str(films), "--output", str(output), *words, *model, *options, *more]) == 2
        assert message in capsys.readouterr().err
        assert not output.exists()


def test_videos_at_addresses_are_videos_and_need_leave(tmp_path, tiny_model_folder, capsys):
    """`batch URL` asked for a shard."""
    (address,) = find_sources(["https://host/films/a.MP4?token=1"])
    assert (address.is_shard, address.name) == (False, "a.MP4")
    assert find_sources(["https://host/clips-0.tar"])[0].is_shard
    command = ["batch", "https://host/a.mp4", "--emotions", "a,b", "--output", str(tmp_path / "out")]
    assert cli.main(command) == 2
    assert "pass --allow-urls" in capsys.readouterr().err
    assert cli.main([*command, "--allow-urls", "--forms", "mp4"]) == 2
    assert "needs the film again" in capsys.readouterr().err


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_boxes_among_the_films_are_none_of_them(ending, films, tiny_model_folder, tmp_path):
    """A table of boxes was refused as a shard, or failed as a film."""
    (films / "bad.mp4").unlink()
    boxes = films / f"boxes{ending}"
    table = pd.DataFrame([{"x1": 2, "y1": 2, "x2": 32, "y2": 24}])
    table.to_csv(boxes, index=False) if ending == ".csv" else table.to_parquet(boxes)
    command = ["batch", *map(str, sorted(films.iterdir())), "--boxes", str(boxes), "--emotions", "joy,fear"]
    command += ["--model", str(tiny_model_folder), "--workers", "1", "--output", str(tmp_path / "out")]
    assert cli.main(command) == 0
    assert pd.read_csv(tmp_path / "out" / "status.csv")["name"].tolist() == ["a.mp4"]


def test_what_a_batch_has_written_among_its_inputs_is_none_of_them(films, tiny_model_folder, short_clip, tmp_path):
    """Called again, it would have taken its own annotated films for further ones, and its own tables for shards."""
    (films / "bad.mp4").unlink()
    output = films / "results"
    assert batch(films, output, tiny_model_folder, "--forms", "mp4,parquet", "--no-panel") == 0
    assert {path.suffix for path in output.glob("a.mp4.*")} == {".mp4", ".parquet"}
    shutil.copyfile(short_clip, films / "b.mp4")
    assert batch(films, output, tiny_model_folder, "--forms", "mp4,parquet", "--no-panel") == 0
    assert sorted(pd.read_csv(output / "status.csv")["name"]) == ["a.mp4", "b.mp4"]


def test_faces_are_hidden_in_the_films_of_a_batch_and_its_pages_come_without_them(films, tiny_model_folder, tmp_path):
    """Batches of hundreds of films are where faces must be hidden, and they could not be."""
    (films / "bad.mp4").unlink()
    (tmp_path / "boxes.csv").write_text("x1,y1,x2,y2\n2,2,32,24\n")
    command = ["batch", str(films), "--emotions", "joy,fear", "--model", str(tiny_model_folder), "--workers", "1"]
    command += ["--boxes", str(tmp_path / "boxes.csv"), "--forms", "mp4,html", "--no-panel"]
    assert cli.main([*command, "--output", str(tmp_path / "open")]) == 0
    assert cli.main([*command, "--output", str(tmp_path / "hidden"), "--blur-faces"]) == 0
    shown, hidden = (decode_video(tmp_path / name / "a.mp4.mp4").frames.float() for name in ("open", "hidden"))
    assert shown.shape[-1] == 34  # no panel
    assert hidden[..., 6:20, 6:28].diff(dim=-1).abs().mean() < shown[..., 6:20, 6:28].diff(dim=-1).abs().mean() / 3
    film = base64.b64encode((films / "a.mp4").read_bytes()).decode()
    pages = [(tmp_path / name / "a.mp4.html").read_text(encoding="utf-8") for name in ("open", "hidden")]
    assert [film in page for page in pages] == [True, False]
