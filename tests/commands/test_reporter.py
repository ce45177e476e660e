# SPDX-License-Identifier: Apache-2.0
import json
from types import SimpleNamespace

from emoclip.commands.reporter import Reporter


def reporter(*, json=False, quiet=False, verbose=False):
    return Reporter(SimpleNamespace(json=json, quiet=quiet, verbose=verbose))


def speak(one, capsys):
    one.line("for people")
    one.document({"for": "programs", "word": "Träne"})
    return capsys.readouterr().out


def test_people_get_lines(capsys):
    assert speak(reporter(), capsys) == "for people\n"


def test_programs_get_one_document_and_nothing_else(capsys):
    """A line for people before the document breaks every `| jq`."""
    assert json.loads(speak(reporter(json=True), capsys)) == {"for": "programs", "word": "Träne"}


def test_quiet_says_nothing(capsys):
    assert speak(reporter(quiet=True), capsys) == ""


def test_bar_moves_to_what_is_done_and_grows_where_more_comes(capsys):
    """A container that states too few frames must not make a bar of 120 %."""
    with reporter().bar("clip\x1b[2J.mp4", "frame") as show:
        show(3, 5)
        show(9, 5)
    assert "\x1b[2J" not in capsys.readouterr().err
