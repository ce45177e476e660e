# SPDX-License-Identifier: Apache-2.0
"""Fetching of released files from a server in this process."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from emoclip.convert import download


CONTENT = bytes(range(256)) * 9000


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:1000] if self.path == "/cut" else CONTENT)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_released_file_is_fetched_by_its_name(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command's --download, with the address of this server in the place of the real one."""
    name = "ExpCLIP_B32_model.pth"
    monkeypatch.setitem(download.RELEASED_FILES, name, f"{address}/file")
    path = download.download("expclip", tmp_path / "new" / name)
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    """No server is asked here, so a request would fail."""
    path = tmp_path / "ExpCLIP_L14_model.pth"
    path.write_bytes(b"mine")
    assert download.download("expclip", path).read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("page", "message"), [("missing", "must be reachable, got: .*404"), ("cut", "must give 2304000 bytes, got 1000")]
)
def test_a_failed_download_leaves_nothing(address: str, page: str, message: str, tmp_path: Path) -> None:
    """Half a file under the right name would be taken for whole the next time."""
    with pytest.raises(ValueError, match=message):
        download.fetch(f"{address}/{page}", tmp_path / "a.pth")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("method", "name", "message"),
    [
        ("emoclip", "a.pth", "no stable address. Get it by a browser from https://drive.google.com"),
        ("emotionclip", "a.pth", "from https://github.com/Xeaver/EmotionCLIP"),
        ("expclip", "a.pth", "must be one of ExpCLIP_B32_model.pth, .* got a.pth"),
    ],
)
def test_files_without_an_address_are_refused(method: str, name: str, message: str, tmp_path: Path) -> None:
    """With the page where a person can get it."""
    with pytest.raises(ValueError, match=message):
        download.download(method, tmp_path / name)


def test_fingerprint_of_a_known_file(tmp_path: Path) -> None:
    """The value of an empty file is in every textbook."""
    (tmp_path / "empty").touch()
    assert download.sha256(tmp_path / "empty").startswith("e3b0c44298fc1c14")
