# SPDX-License-Identifier: Apache-2.0
import inspect
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import httpx
import pytest
from av.error import InvalidDataError
from gradio import Error
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

import emoclip
from emoclip.demo import analyse_tab, wording
from emoclip.demo.api import _Endpoints
from emoclip.demo.app import build_app
from emoclip.demo.studio import THRESHOLD
from emoclip.demo.sweeping import INTERVAL
from tests.demo.browsing import wait_for
from tests.demo.conftest import served


WORDS = "happiness\nquiet relief, doubt"


@pytest.fixture(scope="module")
def page(tiny_model_folder, tmp_path_factory):
    with served(tmp_path_factory.mktemp("page"), tiny_model_folder, seconds=30) as opened:
        yield opened


@pytest.fixture
def client(page):
    return Client(page[0], verbose=False, analytics_enabled=False)


def ask(client, path, words=WORDS, **options):
    options = {"words": words, "consent": True, "faces": "none", "other": 0, **options}
    return client.predict(file=handle_file(str(path)), api_name="/analyze", **options)


@pytest.mark.parametrize("clip", ["short_clip", "long_clip"])
def test_endpoint_gives_the_numbers_of_analyze(client, clip, request, tiny_model_folder):
    """For programs the same numbers as for people."""
    path = request.getfixturevalue(clip)
    told = ask(client, path)
    expected = emoclip.analyze(path, WORDS, tiny_model_folder, faces="none", agreement=True)
    matches = [row["match"] for row in told["timeline"]]
    assert matches == pytest.approx(list(expected.timeline["match"]), abs=1e-6)
    assert [row["emotion"] for row in told["summary"]] == list(expected.summary["emotion"])
    assert any("not what anyone feels" in note for note in told["notes"])


def test_other_words_are_scored_again_and_warned_of(client, long_clip):
    """By what the first answer named: clients over MCP share a session."""
    first = ask(client, long_clip)
    told = client.predict(visit=first["visit"], words="guilty, calm", other=0, api_name="/rescore")
    assert {row["emotion"] for row in told["timeline"]} == {"guilty", "calm"}
    assert "crime" in told["warnings"][0]


def test_nobody_scores_anothers_file(client, long_clip):
    """Two answers have two names, and a guessed one has no file."""
    visits = {ask(client, long_clip)["visit"] for _ in range(2)}
    assert len(visits) == 2
    with pytest.raises(AppError, match="press Analyse first"):
        client.predict(visit="None", words="calm", api_name="/rescore")


def test_moments_are_found(client, long_clip):
    """Records with times, for a program to cut by."""
    found = client.predict(file=handle_file(str(long_clip)), words="guilty", consent=True, api_name="/find_moments")
    assert all(record["mark"] == "no face" or record["end"] >= record["start"] for record in found["moments"])
    assert "crime" in found["warnings"][0]
    assert any("not what anyone feels" in note for note in found["notes"])


def test_none_of_these_is_offered_unless_it_is_left_out(client, long_clip):
    """The best of wrong words must not look like an answer."""
    told = client.predict(
        file=handle_file(str(long_clip)), words=WORDS, consent=True, faces="none", api_name="/analyze"
    )
    assert "none of these" in {row["emotion"] for row in told["summary"]}


def test_files_of_programs_go_with_the_answer(page, client, long_clip):
    """For other words they are not needed again."""
    book = page[1].book
    visit = ask(client, long_clip)["visit"]
    assert book.find(visit).uploads == set()
    assert client.predict(visit=visit, words="calm", api_name="/rescore")["visit"] == visit


@pytest.fixture
def of_programs(page, monkeypatch):
    """The files of programs on the server; none is kept for another who may send the same."""
    book = page[1].book
    monkeypatch.setattr(book, "grace", -1)

    def left():
        return [path for path in book.root.rglob("*") if path.is_file() and not book.owns(path)]

    # What the tests before have left.
    monkeypatch.setattr(book, "waiting", -1)
    book.sweep()
    monkeypatch.setattr(book, "waiting", 600)
    return left


def test_a_call_leaves_no_file(page, client, of_programs, long_clip):
    """Neither the file that was sent nor one that the server makes at every call."""
    ask(client, long_clip)
    client.predict(file=handle_file(str(long_clip)), words="awe", consent=True, api_name="/find_moments")
    page[1].book.sweep()
    assert of_programs() == []


@pytest.mark.parametrize("endpoint", ["/analyze", "/find_moments"])
def test_without_consent_nothing_is_analysed_and_nothing_kept(page, client, of_programs, short_clip, endpoint):
    """The page's box, for programs; the file nobody agreed to must be the first to go."""
    before = len(page[1].book)
    with pytest.raises(AppError, match="must have agreed"):
        client.predict(file=handle_file(str(short_clip)), words="awe", consent=False, api_name=endpoint)
    assert of_programs() == []
    assert len(page[1].book) == before


@pytest.mark.parametrize("wrong", [{"faces": "some"}, {"prompt": "loud"}, {"words": ""}, {"other": 7}])
def test_files_of_refused_calls_are_not_kept(client, of_programs, short_clip, wrong):
    """What is wrong with the call does not matter."""
    with pytest.raises(AppError, match="must"):
        ask(client, short_clip, **wrong)
    assert of_programs() == []


def test_an_upload_that_was_broken_off_is_swept(page, of_programs, monkeypatch):
    """A tab that is closed midway leaves its part where no visit knows of it."""
    address, studio = page
    host, port = address.removeprefix("http://").rstrip("/").split(":")
    head = '--edge\r\nContent-Disposition: form-data; name="files"; filename="film.mp4"\r\n\r\n' + "x" * 100_000
    with socket.create_connection((host, int(port))) as visitor:
        request = f"POST /gradio_api/upload HTTP/1.1\r\nHost: {host}\r\nContent-Length: 900000\r\n"
        visitor.sendall(f"{request}Content-Type: multipart/form-data; boundary=edge\r\n\r\n{head}".encode())
        wait_for(lambda: of_programs() != [])
        studio.book.sweep()
        assert len(of_programs()) == 1
    monkeypatch.setattr(studio.book, "waiting", -1)
    wait_for(lambda: not studio.book.sweep() and of_programs() == [])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "at least one word, got none"),
        ("joy\nJoy", "more than case and spaces"),
        ("\n".join(f"word {number}" for number in range(10_000)), "letters together, got"),
        ("<b>x</b>,<B>x</b>", "'&lt;b&gt;x&lt;/b&gt;' and"),
    ],
)
def test_bad_words_are_told_cleanly(client, short_clip, words, message):
    """One sentence in the visitor's browser; markup in it is shown, not run."""
    with pytest.raises(AppError, match=re.escape(message)):
        ask(client, short_clip, words)


@pytest.mark.parametrize("name", ["text.mp4", "..%2f..%2fetc.mp4", "a" * 200 + ".mp4", "<script>alert(1)<.mp4"])
def test_files_that_are_none_are_told_without_the_servers_folders(client, tmp_path, name):
    """Where the server keeps uploads is nobody's business, whatever the file is called."""
    (tmp_path / name).write_text("this is no video")
    with pytest.raises(AppError, match="must be a video or a picture") as caught:
        ask(client, tmp_path / name)
    assert "/tmp" not in str(caught.value)
    assert "<script" not in str(caught.value)


def test_visitors_never_get_anothers_result(page, short_clip, long_clip):
    """Many at once: each gets its own numbers."""
    clips = [short_clip, long_clip] * 5

    def one(number):
        own = Client(page[0], verbose=False, analytics_enabled=False)
        told = ask(own, clips[number], f"word {number}, other {number}")
        return {row["emotion"] for row in told["timeline"]}, len(told["timeline"])

    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(one, range(10)))
    assert [words for words, _ in found] == [{f"word {number}", f"other {number}"} for number in range(10)]
    assert len({rows for _, rows in found[::2]}) == len({rows for _, rows in found[1::2]}) == 1


def test_endpoints_are_typed_and_described(client):
    """What a machine, or a programmer, learns without reading our code; the page's own events are not offered."""
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {"/analyze", "/rescore", "/find_moments"}
    names = [parameter["parameter_name"] for parameter in endpoints["/analyze"]["parameters"]]
    assert names == ["file", "words", "consent", "faces", "prompt", "other"]
    assert "no probability of a feeling" in endpoints["/analyze"]["description"]


def test_arguments_are_labelled_and_their_choices_listed(page):
    """Programmers look there first: "parameter_7" and "str" tell nothing."""
    endpoints = httpx.get(f"{page[0].rstrip('/')}/gradio_api/info", timeout=120).json()["named_endpoints"]
    for endpoint in endpoints.values():
        for one in [*endpoint["parameters"], *endpoint["returns"]]:
            assert re.match(r"(\w+): ..", one["label"])
            assert one["label"].split(":")[0] == one.get("parameter_name", "answer")
    named = {one["parameter_name"]: one for one in endpoints["/analyze"]["parameters"]}
    assert named["faces"]["type"]["enum"] == ["all", "largest", "none"]
    assert named["prompt"]["type"]["enum"] == ["auto", "template", "plain", "description"]
    for name in ("/analyze", "/rescore"):
        (other,) = [one for one in endpoints[name]["parameters"] if one["parameter_name"] == "other"]
        assert other["parameter_default"] == THRESHOLD
        handler = getattr(_Endpoints, name.strip("/"))
        assert inspect.signature(handler).parameters["other"].default == THRESHOLD
    told = endpoints["/analyze"]["description"]
    assert all(f"{part}:" in told for part in named)
    assert all(f"`{key}`" in told for key in ("warnings", "summary", "timeline", "notes", "model", "visit"))


def test_the_endpoints_answer_plain_http(page, long_clip):
    """As curl asks: a file, a call, and the answer as it comes."""
    address = f"{page[0].rstrip('/')}/gradio_api"
    with httpx.Client(timeout=120) as http, long_clip.open("rb") as file:
        (path,) = http.post(f"{address}/upload", files={"files": ("clip.mp4", file, "video/mp4")}).json()
        stored = {"path": path, "meta": {"_type": "gradio.FileData"}}
        event = http.post(f"{address}/call/find_moments", json={"data": [stored, "awe", True]}).json()["event_id"]
        told = http.get(f"{address}/call/find_moments/{event}").text
    assert told.startswith("event: complete")
    assert "moments" in told


def test_notice_stands_before_the_fields_and_they_are_closed(tiny_model_folder, tmp_path):
    """Notice and consent come before any upload or camera."""
    app = build_app(tiny_model_folder, root=tmp_path)
    app.sweeping.set()
    config = app.get_config_file()
    kinds = [part["type"] for part in config["components"]]
    assert kinds.index("markdown") < kinds.index("checkbox") < kinds.index("video")
    texts = " ".join(str(part["props"].get("value")) for part in config["components"] if part["type"] == "markdown")
    assert f"Model: {tiny_model_folder}" in texts
    (tabs,) = [part for part in config["components"] if part["props"].get("elem_id") == "emo-tabs"]
    assert tabs["props"]["visible"] is False
    assert config["analytics_enabled"] is False


def test_uploads_are_deleted_as_promised(tiny_model_folder, tmp_path):
    """Within a minute or so after the visit, and half an hour after the last click; never by their age alone."""
    app = build_app(tiny_model_folder, root=tmp_path)
    app.sweeping.set()
    assert "about a minute after you close" in wording.NOTICE
    assert "half an hour without a click" in wording.NOTICE
    assert app.delete_cache is None
    assert app.studio.book.lifetime <= 30 * 60
    assert app.studio.book.grace + INTERVAL <= 90


@pytest.mark.parametrize("handler", ["analyse", "compare", "search", "annotate"])
def test_fields_that_were_opened_by_other_means_do_nothing(tiny_model_folder, tmp_path, short_clip, handler):
    """Hidden fields are only hidden: each event of a tab looks whether the box is ticked."""
    app = build_app(tiny_model_folder, root=tmp_path)
    app.sweeping.set()
    (event,) = [one for one in app.fns.values() if one.name == handler]
    given = {
        "consent": False,
        "video": str(short_clip),
        "picture": None,
        "words": "joy",
        "faces": "none",
        "prompt": "auto",
    }
    given |= {"other": 0, "blur": False, "prompt_a": "auto", "prompt_b": "auto", "model_a": str(tiny_model_folder)}
    given |= {"model_b": str(tiny_model_folder), "request": SimpleNamespace(session_hash="a"), "progress": None}
    wanted = inspect.signature(event.fn).parameters
    with pytest.raises(Error, match="must be ticked first"):
        event.fn(**{name: value for name, value in given.items() if name in wanted})


def test_a_tab_that_is_closed_midway_gets_no_new_visit(tiny_model_folder, tmp_path, short_clip, monkeypatch):
    """What is written after the analysis belongs to the visit that began it."""
    app = build_app(tiny_model_folder, root=tmp_path)
    app.sweeping.set()
    book, analyse = app.studio.book, app.studio.look_at

    def closed_meanwhile(*arguments):
        book.leave("a")
        return analyse(*arguments)

    monkeypatch.setattr(app.studio, "look_at", closed_meanwhile)
    (event,) = [one for one in app.fns.values() if one.name == "analyse"]
    request = SimpleNamespace(session_hash="a")
    event.fn(True, str(short_clip), None, "joy, awe", "none", "auto", 0.2, False, request, lambda *_, **__: None)
    assert len(book) == 0
    assert list(tmp_path.glob("visit-*")) == []


@pytest.fixture(scope="module")
def quiet_page(tiny_model_folder, tmp_path_factory):
    app = build_app(tiny_model_folder, root=tmp_path_factory.mktemp("quiet"))
    app.sweeping.set()
    return app


@pytest.fixture
def tab(quiet_page):
    """A page, and its first tab's button as a function of the file; what it gives is named by the page's elements."""
    app = quiet_page
    app.studio.book.forget("a")

    def press(path, **choices):
        (event,) = [one for one in app.fns.values() if one.name == "analyse"]
        given = {"consent": True, "words": "joy, awe", "faces": "none", "prompt": "auto", "other": 0.2, "blur": False}
        given |= {"video": str(path), "picture": None, "request": SimpleNamespace(session_hash="a")}
        answer = event.fn(**{**given, **choices}, progress=lambda *_, **__: None)
        return dict(zip([one.elem_id or one._id for one in event.outputs], answer, strict=True))

    return app, press


@pytest.mark.parametrize(
    ("part", "error"),
    [
        ("write_film", OSError("No space left")),
        ("write_film", InvalidDataError(1, "invalid")),
        ("heavy_frames", ValueError("broken")),
    ],
)
def test_numbers_survive_a_drawing_that_fails(tab, short_clip, long_clip, monkeypatch, part, error):
    """They were there; and what is taken away belongs to the file that is shown."""
    app, press = tab
    press(long_clip)

    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(analyse_tab, part, fail)
    shown = press(short_clip)
    assert "similarity" in shown["emo-ranking"]
    assert not shown["emo-result" if part == "write_film" else "emo-frames"]
    assert re.search("^The (annotated video is|frames that weighed most are) missing: ", shown["emo-notes"])
    assert app.studio.book.find("a").paths["analyse"] == short_clip


def test_a_film_that_comes_too_late_is_left_out(tab, long_clip, monkeypatch):
    """A click has one deadline for the analysis and for the drawing."""
    app, press = tab
    now, look_at = [0.0], app.studio.look_at

    def long_look(*arguments):
        found = look_at(*arguments)
        now[0] = app.studio.limits.processing + 1
        return found

    monkeypatch.setattr(app.studio, "clock", lambda: now[0])
    monkeypatch.setattr(app.studio, "look_at", long_look)
    shown = press(long_clip)
    assert "similarity" in shown["emo-ranking"]
    assert shown["emo-result"] is None
    assert "The annotated video is missing: An analysis may take 300 s here" in shown["emo-notes"]


def test_an_analysis_that_fails_leaves_what_is_shown(tab, long_clip, tmp_path):
    """Other words must not be scored on a file whose numbers nobody saw."""
    app, press = tab
    press(long_clip)
    before = app.studio.book.find("a").found["analyse"]
    (tmp_path / "text.mp4").write_text("this is no video")
    with pytest.raises(Error, match="must be a video or a picture"):
        press(tmp_path / "text.mp4")
    visit = app.studio.book.find("a")
    assert visit.found["analyse"] is before
    assert visit.paths["analyse"] == long_clip


def test_warnings_stand_above_the_numbers(tab, long_clip):
    """Below them they are read last, if at all."""
    shown = tab[1](long_clip, words="guilty, awe")
    assert shown["emo-ranking"].index("nothing about crime") < shown["emo-ranking"].index("similarity")
    assert "crime" not in shown["emo-notes"]
