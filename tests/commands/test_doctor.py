# SPDX-License-Identifier: Apache-2.0
import json

from emoclip import cli
from emoclip.diagnosis import Finding, decoders, machine, self_test, versions
from emoclip.diagnosis.finding import check


def test_doctor_says_all_is_well_here(capsys):
    """The first command of a bug report: every part is there, and the path from drawing to score works."""
    assert cli.main(["doctor"]) == 0
    printed = capsys.readouterr().out
    for part in ("Versions", "Extras", "Computer", "Decoders", "Self-test", "h264", "All is well."):
        assert part in printed


def test_json_is_one_document(capsys):
    """What a program reads must hold nothing but the document."""
    assert cli.main(["doctor", "--json", "--no-self-test"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["ok"] is True
    assert list(content["parts"]) == ["Versions", "Extras", "Computer", "Decoders"]
    torch = next(found for found in content["parts"]["Versions"] if found["name"] == "torch")
    assert torch["status"] == "ok"


def test_failed_check_gives_exit_code_1_and_the_remedy(monkeypatch, capsys):
    """A doctor that exits 0 with a broken decoder is believed by scripts."""
    broken = Finding("PyAV", "fail", "ImportError: no libavcodec", "run: pip install av")
    monkeypatch.setattr("emoclip.diagnosis.PARTS", {"Decoders": lambda: [broken]})
    assert cli.main(["doctor", "--no-self-test"]) == 1
    printed = capsys.readouterr().out
    assert "FAIL  PyAV" in printed
    assert "run: pip install av" in printed
    assert "1 checks failed." in printed


def test_missing_package_of_the_base_is_a_failure_and_of_an_extra_a_note(monkeypatch):
    """Optional packages may be absent; the line that installs them is the exact one."""
    installed = versions._version
    absent = {"av", "matplotlib"}
    monkeypatch.setattr(versions, "_version", lambda name: None if name in absent else installed(name))
    base = {found.name: found for found in versions.examine_versions()}
    extras = {found.name: found for found in versions.examine_extras()}
    assert base["av"].status == "fail"
    assert base["av"].remedy.startswith("run: pip install 'av>=")
    assert (extras["plot"].status, extras["plot"].remedy) == ("note", "run: pip install 'emoclip[plot]'")
    assert "all" not in extras


def test_version_outside_the_range_is_a_failure(monkeypatch):
    """An environment that another tool downgraded looks complete otherwise."""
    monkeypatch.setattr(versions, "_version", lambda name: "0.0.1")
    found = {found.name: found for found in versions.examine_versions()}
    assert found["transformers"].status == "fail"
    assert "outside" in found["transformers"].detail


def test_any_defect_of_a_check_becomes_a_finding():
    """A broken library may raise anything; the other checks must still run."""

    def broken() -> str:
        raise RuntimeError("symbol not found")

    assert check("PyAV", broken, "reinstall") == Finding("PyAV", "fail", "RuntimeError: symbol not found", "reinstall")


def test_self_test_notices_a_model_that_mixes_up_its_words(monkeypatch):
    """The self-test must be able to fail."""
    right = self_test._match
    monkeypatch.setattr(self_test, "_match", lambda clips: right(clips)[::-1])
    (found,) = self_test.examine_path()
    assert found.status == "fail"
    assert "were taken for sadness, happiness" in found.detail


def test_self_test_without_opencv_scores_noise(monkeypatch):
    """The base installation can draw no faces; the decoder and the model are still tried."""

    def absent(package: str, extra: str) -> None:
        raise ImportError(f"`{package}` is not installed; run: pip install 'emoclip[{extra}]'")

    monkeypatch.setattr(self_test, "require", absent)
    (found,) = self_test.examine_path()
    assert found.status == "note"
    assert found.detail == "the same scores twice"
    assert "emoclip[data]" in found.remedy


def test_codec_that_is_missing_is_named(monkeypatch):
    """An FFmpeg without HEVC cannot read a phone's films."""
    has = decoders._has
    monkeypatch.setattr(decoders, "_has", lambda av, codec, mode: codec != "hevc" and has(av, codec, mode))
    reads = next(found for found in decoders.examine_decoders() if found.name == "can read")
    assert reads.status == "note"
    assert reads.detail.endswith("; not hevc")


def test_little_room_for_models_is_noted(monkeypatch, tmp_path):
    """A download that fills the disk half-way is the worse message."""
    monkeypatch.setattr(machine, "LITTLE_ROOM", 2**62)
    assert machine._room().status == "note"
