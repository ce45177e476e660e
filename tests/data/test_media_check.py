# SPDX-License-Identifier: Apache-2.0
"""Every clip is decoded once, failures are listed, and a stopped run goes on."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from emoclip.cli import main
from emoclip.data import media_check, quarantine
from emoclip.data.journal import Journal
from emoclip.data.manifest import build_table, fingerprint, read_manifest, write_manifest, write_manifest_table
from emoclip.data.media_check import Checked, check_media
from emoclip.data.quarantine import move_failed, write_good


@pytest.fixture
def manifest(tmp_path: Path, short_clip: Path) -> Path:
    """Three good clips, one cut file, one that is not there."""
    rows = []
    for name in ("a", "b", "c", "cut", "gone"):
        path = tmp_path / f"{name}.mp4"
        content = short_clip.read_bytes()
        if name != "gone":
            path.write_bytes(content[: len(content) // 3] if name == "cut" else content)
        rows.append({"clip_id": name, "path": path.name, "media": "video", "split": "train", "label": 0})
    write_manifest(tmp_path / "m.parquet", rows, class_names=["x"], dataset="d", licence="l", source="s")
    return tmp_path / "m.parquet"


@pytest.mark.parametrize("workers", [1, 2])
def test_failures_are_listed_and_frames_counted(manifest: Path, tmp_path: Path, workers: int) -> None:
    """One damaged clip in ten thousand is reported and does not stop the rest."""
    failed = check_media(manifest, tmp_path / "out.parquet", workers=workers)
    assert {one.clip_id for one in failed} == {"cut", "gone"}
    table = {row["clip_id"]: row for row in pq.read_table(tmp_path / "out.parquet").to_pylist()}
    assert table["a"]["error"] is None and table["a"]["num_frames"] > 1
    assert "gone.mp4" in table["gone"]["error"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_a_stopped_run_goes_on(manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoding a large set takes a night."""
    monkeypatch.setattr(media_check, "CHUNK", 2)
    decoded: list[str] = []
    decode: Callable = media_check._decode

    def stop_at_the_fourth(job):
        if job["clip_id"] == "cut" and len(decoded) == 3:
            raise KeyboardInterrupt
        decoded.append(job["clip_id"])
        return decode(job)

    monkeypatch.setattr(media_check, "_decode", stop_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        check_media(manifest, tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()
    monkeypatch.setattr(media_check, "_decode", lambda job: (decoded.append(job["clip_id"]), decode(job))[1])
    check_media(manifest, tmp_path / "out.parquet")
    # The first two were kept; the third was not yet written.
    assert decoded == ["a", "b", "c", "c", "cut", "gone"]
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 5


def test_stopped_run_of_another_manifest_is_not_gone_on_with(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clips that are in no row of this manifest would stand in its table."""
    monkeypatch.setattr(media_check, "CHUNK", 1)
    monkeypatch.setattr(media_check, "_decode", _stop_at("b", media_check._decode))
    with pytest.raises(KeyboardInterrupt):
        check_media(manifest, tmp_path / "out.parquet")
    rows = [{"clip_id": "b", "path": "b.mp4", "media": "video", "split": "train"}]
    write_manifest(tmp_path / "other.parquet", rows, class_names=["x"], dataset="d", licence="l", source="s")
    monkeypatch.undo()
    check_media(tmp_path / "other.parquet", tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet")["clip_id"].to_pylist() == ["b"]


def _stop_at(clip_id: str, decode: Callable) -> Callable:
    def stop(row: dict) -> Checked:
        if row["clip_id"] == clip_id:
            raise KeyboardInterrupt
        return decode(row)

    return stop


def test_the_command_writes_the_ids_to_leave_out(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """They go straight into `prepare --exclude-ids`."""
    command = ["data", "check-media", "--manifest", str(manifest), "--output", str(tmp_path / "out.parquet")]
    assert main([*command, "--exclude", str(tmp_path / "ids.txt")]) == 0
    assert (tmp_path / "ids.txt").read_text().split() == ["cut", "gone"]
    assert "2 clips failed" in capsys.readouterr().out
    assert main([*command, "--exclude", str(manifest)]) == 2
    assert "holds something else" in capsys.readouterr().err
    assert main([*command, "--workers", "0"]) == 2
    (tmp_path / "out.parquet").write_bytes(b"of another program")
    assert main(command) == 2
    assert "must not exist yet" in capsys.readouterr().err


@pytest.mark.parametrize("killed_at", ["write_good", "move_failed"])
def test_killed_after_the_table_decodes_nothing_again(
    killed_at: str, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """The night of decoding is over; what is left takes seconds."""
    command = ["data", "check-media", "--manifest", str(manifest), "--output", str(tmp_path / "out.parquet")]
    command += ["--exclude", str(tmp_path / "ids.txt"), "--good", str(tmp_path / "good.parquet")]
    command += ["--quarantine", str(tmp_path / "away")]

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(quarantine, killed_at, stop)
        assert main(command) == 130
    assert (tmp_path / "out.parquet").is_file() and (tmp_path / "cut.mp4").is_file()
    monkeypatch.setattr(media_check, "_decode", stop)
    assert main(command) == 0
    assert "Decoded before" in capsys.readouterr().out
    assert (tmp_path / "ids.txt").read_text().split() == ["cut", "gone"]
    assert read_manifest(tmp_path / "good.parquet").table["clip_id"].to_pylist() == ["a", "b", "c"]
    assert (tmp_path / "away" / "cut.mp4").is_file()


def test_killed_while_files_are_moved_lists_each_once(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file in the quarantine that no list names, or one that two lines name."""
    failed = [Checked("cut", "cut.mp4", 0, "bad, and more"), Checked("a", "a.mp4", 0, None)]
    real = quarantine.shutil.move
    with monkeypatch.context() as patched:
        patched.setattr(
            quarantine.shutil,
            "move",
            lambda source, target: _stop() if "a.mp4" in str(source) else real(source, target),
        )
        with pytest.raises(KeyboardInterrupt):
            move_failed(manifest, tmp_path / "away", failed)
    assert [path.name for path in move_failed(manifest, tmp_path / "away", failed)] == ["a.mp4"]
    lines = (tmp_path / "away" / "quarantine.csv").read_text().splitlines()
    assert lines == ["clip_id,path,error", 'cut,cut.mp4,"bad, and more"', "a,a.mp4,"]


def _stop() -> None:
    raise KeyboardInterrupt


# Decodes in the manner of a codec that crashes at one clip; worker processes run these lines too.
CRASHING = """
import os, signal, sys
from emoclip.data import media_check, quarantine
from emoclip.data.journal import Journal
real = media_check.iter_clip

def iter_clip(row):
    if row["clip_id"] == "b":
        os.kill(os.getpid(), signal.SIGKILL)
    return real(row)

media_check.iter_clip = iter_clip
if __name__ == "__main__":
    failed = media_check.check_media(sys.argv[1], sys.argv[2])
    print([one.clip_id for one in failed if "ended the process" in one.error], len(failed))
"""


def test_one_worker_dies_once_of_a_clip_that_kills_it(manifest: Path, tmp_path: Path) -> None:
    """Every run would end at the same clip, and nothing behind it ever be decoded."""
    (tmp_path / "crashing.py").write_text(CRASHING)
    command = [sys.executable, "-P", str(tmp_path / "crashing.py"), str(manifest), str(tmp_path / "out.parquet")]
    first = subprocess.run(command, capture_output=True, text=True, check=False)
    assert first.returncode == -9 and not (tmp_path / "out.parquet").exists()
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stderr
    assert second.stdout.strip() == "['b'] 3"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_clip_at_which_a_run_was_killed_from_outside_is_not_blamed(manifest: Path, tmp_path: Path) -> None:
    """A machine that is switched off says nothing about the clip that was being decoded."""
    name = f".out.parquet.{fingerprint(manifest)[:12]}.parts"
    Journal(tmp_path / name, media_check.COLUMNS).mark("b")
    assert {one.clip_id for one in check_media(manifest, tmp_path / "out.parquet")} == {"cut", "gone"}


def test_failures_are_left_out_and_moved_away(manifest: Path, tmp_path: Path) -> None:
    """Another tool that reads the folder would stumble over the same files."""
    command = ["data", "check-media", "--manifest", str(manifest), "--output", str(tmp_path / "out.parquet")]
    good, away = tmp_path / "sub" / "good.parquet", tmp_path / "away"
    assert main([*command, "--good", str(good), "--quarantine", str(away)]) == 0
    rows = read_manifest(good)  # looks for the files too
    assert rows.table["clip_id"].to_pylist() == ["a", "b", "c"]
    assert rows.notes == ("2 clips were left out because they do not decode.",)
    assert (away / "cut.mp4").is_file() and not (tmp_path / "cut.mp4").exists()
    lines = (away / "quarantine.csv").read_text().splitlines()
    assert lines[0] == "clip_id,path,error" and lines[1].startswith("cut,cut.mp4,") and len(lines) == 2


def test_files_outside_of_the_manifests_folder_are_moved_once_their_root_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """The usual place of a download; a manifest of somebody else must not reach for the user's files by itself."""
    broken = tmp_path / "download" / "clips" / "bad.mp4"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"no video")
    (tmp_path / "lists").mkdir()
    manifest = tmp_path / "lists" / "m.parquet"
    rows = [{"clip_id": "bad", "path": "../download/clips/bad.mp4", "media": "video", "split": "train"}]
    write_manifest(manifest, rows, class_names=["x"], dataset="d", licence="l", source="s")
    command = ["data", "check-media", "--manifest", str(manifest), "--quarantine", str(tmp_path / "away")]
    output = ["--output", str(tmp_path / "out.parquet")]
    # Before a night of decoding and not after it.
    assert main([*command, *output]) == 2
    assert "bad.mp4 lies outside of" in (told := capsys.readouterr().err) and "with --root" in told
    assert broken.is_file() and not (tmp_path / "out.parquet").exists()
    assert main([*command, *output, "--root", str(tmp_path / "no")]) == 2
    assert "`--root` must be the folder of the media" in capsys.readouterr().err
    root = ["--root", str(tmp_path / "download")]
    assert main([*command, *output, *root]) == 0
    assert (tmp_path / "away" / "clips" / "bad.mp4").is_file() and not broken.exists()


def test_file_that_a_good_clip_needs_stays(tmp_path: Path, short_clip: Path) -> None:
    """One scene behind the end of a film must not take the film away from the others."""
    (tmp_path / "film.mp4").write_bytes(short_clip.read_bytes())
    scenes = [("first", 0, 5), ("behind", 90, 99)]
    rows = [
        {
            "clip_id": clip,
            "path": "film.mp4",
            "media": "video",
            "split": "train",
            "start_frame": start,
            "end_frame": end,
        }
        for clip, start, end in scenes
    ]
    write_manifest(tmp_path / "m.parquet", rows, class_names=["x"], dataset="d", licence="l", source="s")
    failed = check_media(tmp_path / "m.parquet", tmp_path / "out.parquet")
    assert [one.clip_id for one in failed] == ["behind"]
    assert {row["clip_id"]: row["num_frames"] for row in pq.read_table(tmp_path / "out.parquet").to_pylist()}[
        "first"
    ] == 5
    assert move_failed(tmp_path / "m.parquet", tmp_path / "away", failed) == []
    assert (tmp_path / "film.mp4").is_file()


def test_what_was_missing_before_is_still_told(tmp_path: Path, short_clip: Path) -> None:
    """A score is judged by which clips of the official set it lacks."""
    (tmp_path / "a.mp4").write_bytes(short_clip.read_bytes())
    table = build_table([{"clip_id": "a", "path": "a.mp4", "media": "video", "split": "train"}])
    about = {"class_names": ["x"], "dataset": "d", "licence": "l", "source": "s", "missing": ["b"]}
    write_manifest_table(tmp_path / "m.parquet", table, **about)
    write_good(tmp_path / "m.parquet", tmp_path / "good.parquet", [])
    assert read_manifest(tmp_path / "good.parquet").missing == ["b"]


def test_nothing_left_is_an_error(manifest: Path, tmp_path: Path) -> None:
    """An empty manifest fails later, in a place that says less."""
    everything = [Checked(name, f"{name}.mp4", 0, "bad") for name in ("a", "b", "c", "cut", "gone")]
    with pytest.raises(ValueError, match="At least one clip must decode, none of the 5"):
        write_good(manifest, tmp_path / "good.parquet", everything)


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("--good", "good.csv", "must end in .parquet"),
        ("--exclude", "m.parquet/ids.txt", "is a file; choose another"),
        ("--quarantine", "m.parquet", "is a file; choose another"),
    ],
)
def test_every_output_is_tried_before_the_first_clip(
    flag: str, value: str, message: str, manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """After a night of decoding it is too late to say so."""
    command = ["data", "check-media", "--manifest", str(manifest), "--output", str(tmp_path / "out.parquet")]
    assert main([*command, flag, str(tmp_path / value)]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out.parquet").exists()
