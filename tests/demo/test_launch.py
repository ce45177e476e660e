# SPDX-License-Identifier: Apache-2.0
import os
import signal
import subprocess
import sys
import tempfile

import pytest

from emoclip.demo import app as demo_app
from emoclip.demo import launch


class Page:
    """Stands for the page and records how it is served."""

    def __init__(self):
        self.served = None

    def queue(self, **options):
        return self

    def launch(self, **options):
        self.served = options


@pytest.fixture
def page(monkeypatch, tmp_path):
    # Its folder is looked through for those of servers that are gone.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    page = Page()
    page.models = []
    page.roots = []
    page.handlers = []

    def build(model, *, revision, more_models, root):
        page.models.append((model, revision, more_models))
        page.roots.append(root)
        page.handlers.append([signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)])
        (root / "upload").touch()
        return page

    monkeypatch.setattr(demo_app, "build_app", build)
    return page


def test_page_is_for_this_computer_alone(page, monkeypatch):
    """A public address, and an address in the local network, only for those who ask."""
    monkeypatch.delenv("GRADIO_SERVER_NAME", raising=False)
    assert launch.main(["--port", "7999", "--model", "some/folder"]) == 0
    assert page.models == [("some/folder", None, None)]
    assert page.served["server_name"] == "127.0.0.1"
    assert page.served["server_port"] == 7999
    assert page.served["share"] is False
    assert page.served["run_history"] is False


def test_share_and_the_spaces_address_are_followed(page, monkeypatch):
    """A Space must listen beyond its own container."""
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    assert launch.main(["--share"]) == 0
    assert page.served["share"] is True
    assert page.served["server_name"] == "0.0.0.0"
    assert page.models == [(None, None, None)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "0"], "must be between 1 and 65535, got 0"),
        (["--port", "70000"], "got 70000"),
        (["--model", "no/such/folder"], "must exist, got no/such/folder"),
    ],
)
def test_bad_options_are_one_sentence(arguments, message, capsys):
    """Exit code 2 before anything is served."""
    assert launch.main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_space_names_its_models_by_the_environment(page, monkeypatch):
    """A Space starts `app.py` without arguments; a pinned revision keeps it what it was tested as."""
    monkeypatch.setenv("EMOCLIP_MODEL", "someone/model")
    monkeypatch.setenv("EMOCLIP_REVISION", "1f2e")
    monkeypatch.setenv("EMOCLIP_MORE_MODELS", "other/model")
    assert launch.main([]) == 0
    assert page.models == [("someone/model", "1f2e", "other/model")]


def test_nothing_is_left_when_the_server_ends(page):
    """Uploads lie in the folder that goes."""
    assert launch.main([]) == 0
    assert not page.roots[0].exists()


@pytest.mark.parametrize("ignored", [False, True])
def test_a_closed_terminal_ends_it_as_ctrl_c_does(page, ignored):
    """Unless it was told to outlive its terminal, as by `nohup`; afterwards all is as before."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    try:
        assert launch.main([]) == 0
        assert signal.getsignal(signal.SIGHUP) == (signal.SIG_IGN if ignored else signal.SIG_DFL)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert page.handlers == [[launch._leave, signal.SIG_IGN if ignored else launch._leave]]


def test_folders_of_servers_that_are_gone_go_at_the_next_start(page, tmp_path):
    """Nobody else deletes the uploads of a server that was killed; that of one that runs stays."""
    killed, unrelated = tmp_path / "emoclip-demo-killed", tmp_path / "emoclip-other"
    for folder in (killed, unrelated):
        (folder / "hash").mkdir(parents=True)
        (folder / "hash/film.mp4").touch()
    (tmp_path / "emoclip-demo-link").symlink_to(unrelated)
    with launch._own_folder() as running:
        assert launch.main([]) == 0
        assert running.is_dir()
    assert not running.exists()
    assert not killed.exists()
    assert (unrelated / "hash/film.mp4").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_when_the_server_is_told_to_end(tmp_path, number):
    """A Space is stopped by SIGTERM, not by Ctrl-C, and a closed terminal sends SIGHUP."""
    environment = {**os.environ, "TMPDIR": str(tmp_path), "GRADIO_ANALYTICS_ENABLED": "False"}
    command = [sys.executable, "-P", "-m", "emoclip.demo.launch", "--no-mcp"]
    # The terminal of whoever runs the tests may be one that has the signal ignored.
    server = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )
    try:
        assert any("Running on" in line for line in server.stdout)
        assert list(tmp_path.glob("emoclip-demo-*"))
        server.send_signal(number)
        assert server.wait(60) == 0
    finally:
        server.kill()
    assert not list(tmp_path.glob("emoclip-demo-*"))
