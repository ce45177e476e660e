# SPDX-License-Identifier: Apache-2.0
import re

import pandas as pd
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

import emoclip
from emoclip.demo import app as demo_app
from emoclip.demo import wording


WORDS = "happiness\nquiet relief, doubt"


@pytest.fixture(scope="module")
def client(tiny_model_folder):
    """A client of the page, served on a free port of this computer for the tests of this module."""
    page = demo_app.build_app(tiny_model_folder)
    _, address, _ = page.queue().launch(
        server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, ssr_mode=False, run_history=False
    )
    yield Client(address, verbose=False, analytics_enabled=False)
    page.close()


@pytest.mark.parametrize("clip", ["short_clip", "long_clip"])
def test_endpoint_gives_the_numbers_of_analyze(client, clip, request, tiny_model_folder):
    """The page is a way to look at `emoclip.analyze`, not a second opinion."""
    path = request.getfixturevalue(clip)
    ranking, plot, table, notes = client.predict(handle_file(str(path)), WORDS, api_name="/analyze")
    expected = emoclip.analyze(path, WORDS, tiny_model_folder, faces="none")
    confidences = {item["label"]: item["confidence"] for item in ranking["confidences"]}
    summary = expected.summary
    assert confidences == pytest.approx(dict(zip(summary["emotion"], summary["match"], strict=True)))
    found = pd.DataFrame(table["data"], columns=table["headers"])
    pd.testing.assert_frame_equal(found, expected.timeline[found.columns.to_list()], check_dtype=False, atol=1e-4)
    assert plot["plot"].startswith("data:image/png;base64,")
    assert "not what anyone feels" in notes
    assert "whole frame" in notes


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "at least one word, got none"),
        ("joy\nJoy", "more than case and spaces"),
        ("\n".join(f"word {number}" for number in range(10_000)), "at most 256 words, got 10000"),
        ("<b>x</b>,<B>x</b>", "'&lt;b&gt;x&lt;/b&gt;' and"),
    ],
)
def test_bad_words_are_told_cleanly(client, short_clip, words, message):
    """One sentence in the visitor's browser; markup in it is shown, not run."""
    with pytest.raises(AppError, match=re.escape(message)):
        client.predict(handle_file(str(short_clip)), words, api_name="/analyze")


def test_bad_files_are_told_cleanly(client, tmp_path):
    """No video, and a file that is none."""
    with pytest.raises(AppError, match="A video must be uploaded first"):
        client.predict(None, WORDS, api_name="/analyze")
    (tmp_path / "text.mp4").write_text("this is no video")
    with pytest.raises(AppError, match=r"text\.mp4"):
        client.predict(handle_file(str(tmp_path / "text.mp4")), WORDS, api_name="/analyze")


def test_messages_hide_the_servers_folders(client, tmp_path):
    """Where the server keeps uploads is nobody's business, and long paths hide the message."""
    (tmp_path / "text.mp4").write_text("this is no video")
    with pytest.raises(AppError) as caught:
        client.predict(handle_file(str(tmp_path / "text.mp4")), WORDS, api_name="/analyze")
    assert "/" not in str(caught.value).split("text.mp4")[0]


def test_long_films_are_refused_before_the_work(client, short_clip, monkeypatch):
    """One visitor's film must not keep all others waiting for an hour."""
    monkeypatch.setattr(demo_app, "MAX_SECONDS", 0.1)
    with pytest.raises(AppError, match=r"at most 0\.1 s long here"):
        client.predict(handle_file(str(short_clip)), WORDS, api_name="/analyze")


def test_endpoint_is_typed_and_described(client):
    """What a machine, or a programmer, learns without reading our code."""
    endpoint = client.view_api(return_format="dict")["named_endpoints"]["/analyze"]
    assert [parameter["parameter_name"] for parameter in endpoint["parameters"]] == ["video", "words"]
    assert len(endpoint["returns"]) == 4
    assert "Whole frames are scored" in endpoint["description"]


def test_page_says_what_must_be_known_before_the_upload(tiny_model_folder):
    """The notice stands above the upload, with the model's own statement."""
    config = demo_app.build_app(tiny_model_folder).get_config_file()
    texts = [part["props"].get("value") for part in config["components"] if part["type"] == "markdown"]
    kinds = [part["type"] for part in config["components"]]
    assert kinds.index("markdown") < kinds.index("video")
    everything = " ".join(map(str, texts))
    for part in ("apparent expression", "agreed", "workplace, school, hiring, policing or diagnosis", "Whole frames"):
        assert part in everything
    assert f"Model: {tiny_model_folder}" in everything
    assert config["analytics_enabled"] is False


def test_uploads_are_deleted_as_promised(tiny_model_folder):
    """The notice says about half an hour."""
    every, age = demo_app.build_app(tiny_model_folder).delete_cache
    assert "half an hour" in wording.NOTICE
    assert every + age <= 40 * 60


def test_model_that_is_none_is_refused():
    """Said at the start, not at the first visitor."""
    with pytest.raises(FileNotFoundError, match="must exist"):
        demo_app.build_app("no/such/folder")


def test_page_works_with_the_embedded_default(short_clip):
    """What `emoclip demo` shows when nothing else is named."""
    page = demo_app.build_app()
    _, address, _ = page.queue().launch(
        server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, ssr_mode=False, run_history=False
    )
    try:
        client = Client(address, verbose=False, analytics_enabled=False)
        *_, notes = client.predict(handle_file(str(short_clip)), WORDS, api_name="/analyze")
    finally:
        page.close()
    assert "knows nothing of real faces" in notes
