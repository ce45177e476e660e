# SPDX-License-Identifier: Apache-2.0
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
def page(monkeypatch):
    page = Page()
    page.models = []
    monkeypatch.setattr(demo_app, "build_app", lambda model: page.models.append(model) or page)
    return page


def test_page_is_for_this_computer_alone(page, monkeypatch):
    """A public address, and an address in the local network, only for those who ask."""
    monkeypatch.delenv("GRADIO_SERVER_NAME", raising=False)
    assert launch.main(["--port", "7999", "--model", "some/folder"]) == 0
    assert page.models == ["some/folder"]
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
    assert page.models == [None]


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


def test_a_space_names_its_model_by_the_environment(page, monkeypatch):
    """A Space starts `app.py` without arguments."""
    monkeypatch.setenv("EMOCLIP_MODEL", "someone/model")
    assert launch.main([]) == 0
    assert page.models == ["someone/model"]
