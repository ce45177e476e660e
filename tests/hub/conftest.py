# SPDX-License-Identifier: Apache-2.0
"""A Hub of its own on this computer: the part of the interface that saving and loading need, as the real client calls it."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

import pytest


KIND = "(models|datasets)/"


@dataclass
class Repository:
    """Files of one repository; every commit gives a new id. Branches other than the main one are only counted."""

    private: bool = False
    branches: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[str] = field(default_factory=lambda: [hashlib.sha1(b"start").hexdigest()])


@dataclass
class Hub:
    """What the server holds, and what it was asked. Names of data sets begin with `datasets/`."""

    address: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    # Large files in the order of their arrival, and what is called with each before it counts as arrived.
    uploads: list[str] = field(default_factory=list)
    on_upload: Callable[[str], None] = lambda digest: None
    new_repository = Repository


class Handler(BaseHTTPRequestHandler):
    """Answers of the Hub. Weights go the way of large files (LFS), all else inside the commit."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self._path()
        if path == "/api/repos/create":
            asked = json.loads(body)
            organisation = asked.get("organization") or "me"
            kind = "datasets/" if asked.get("type") == "dataset" else ""
            name = f"{kind}{organisation}/{asked['name']}"
            self.hub.repositories.setdefault(name, Repository(private=asked.get("visibility") == "private"))
            self._json({"url": f"{self.hub.address}/{name}", "name": f"{organisation}/{asked['name']}"})
        elif path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif match := re.fullmatch(r"/api/datasets/(.+)/branch/([^/]+)", path):
            self.hub.repositories[f"datasets/{match[1]}"].branches.append(match[2])
            self._json({})
        elif match := re.fullmatch(r"/api/datasets/(.+)/paths-info/[^/]+", path):
            self._paths(f"datasets/{match[1]}", parse_qs(body.decode())["paths"])
        elif match := re.fullmatch(rf"/api/{KIND}(.+)/preupload/[^/]+", path):
            files = [file["path"] for file in json.loads(body)["files"]]
            large = [name.endswith((".safetensors", ".parquet", ".mp4")) for name in files]
            modes = [{"path": name, "uploadMode": "lfs" if is_large else "regular", "shouldIgnore": False}
                     for name, is_large in zip(files, large, strict=True)]  # fmt: skip
            self._json({"files": modes})
        elif match := re.fullmatch(r"/(.+)\.git/info/lfs/objects/batch", path):
            objects = json.loads(body)["objects"]
            # What has arrived before is not asked for again, as by the Hub itself.
            answers = [
                one
                if one["oid"] in self.hub.objects
                else {**one, "actions": {"upload": {"href": f"{self.hub.address}/lfs/{one['oid']}"}}}
                for one in objects
            ]
            self._json({"transfer": "basic", "objects": answers})
        elif match := re.fullmatch(rf"/api/{KIND}(.+)/commit/[^/]+", path):
            self._commit(self.hub.repositories[_named(match)], body)
        else:
            self._missing("EntryNotFound")

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        digest = self._path().removeprefix("/lfs/")
        if hashlib.sha256(body).hexdigest() != digest:
            self._answer(400, b"")
            return
        self.hub.on_upload(digest)
        self.hub.objects[digest] = body
        self.hub.uploads.append(digest)
        self._answer(200, b"")

    def do_GET(self) -> None:
        path = self._path()
        if match := re.fullmatch(r"/(?:api/resolve-cache/models/)?(.+?)/resolve/([^/]+)/(.+)", path):
            self._file(match[1], match[3])
        elif match := re.fullmatch(rf"/api/{KIND}(.+?)/tree/([^/]+)(?:/(.+))?", path):
            self._tree(_named(match), match[4])
        elif match := re.fullmatch(rf"/api/{KIND}([^/]+/[^/]+)(?:/revision/[^/]+)?", path):
            self._info(_named(match))
        elif path == "/api/whoami-v2":
            self._json({"type": "user", "name": "me", "orgs": []})
        else:
            self._missing("EntryNotFound")

    do_HEAD = do_GET

    def _commit(self, repository: Repository, body: bytes) -> None:
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                repository.files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                repository.files[value["path"]] = self.hub.objects[value["oid"]]
            elif entry["key"] == "deletedFile":
                del repository.files[value["path"]]
        repository.commits.append(hashlib.sha1(body).hexdigest())
        head = repository.commits[-1]
        self._json({"commitUrl": f"{self.hub.address}/me/x/commit/{head}", "commitOid": head, "hookOutput": ""})

    def _file(self, name: str, path: str) -> None:
        repository = self.hub.repositories.get(name)
        if repository is None:
            self._missing("RepoNotFound")
        elif path not in repository.files:
            self._missing("EntryNotFound", {"X-Repo-Commit": repository.commits[-1]})
        else:
            content = repository.files[path]
            tag = hashlib.sha256(content).hexdigest()
            self._answer(200, content, {"ETag": f'"{tag}"', "X-Repo-Commit": repository.commits[-1]})

    def _tree(self, name: str, folder: str | None) -> None:
        repository = self.hub.repositories.get(name)
        if repository is None:
            self._missing("RepoNotFound")
            return
        recursive = parse_qs(urlsplit(self.path).query).get("recursive", ["false"])[0].lower() in ("true", "1")
        start = PurePosixPath(folder or "")
        entries = [*_entries(repository), *_folders(repository)]
        inside = [entry for entry in entries if start in PurePosixPath(entry["path"]).parents]
        self._json([one for one in inside if recursive or PurePosixPath(one["path"]).parent == start])

    def _paths(self, name: str, paths: list[str]) -> None:
        """What lies at paths, folders included."""
        entries = _entries(self.hub.repositories[name])
        folders = {parent.as_posix() for entry in entries for parent in PurePosixPath(entry["path"]).parents}
        found = [entry for entry in entries if entry["path"] in paths]
        self._json([*found, *({"type": "directory", "path": path, "oid": "0"} for path in paths if path in folders)])

    def _info(self, name: str) -> None:
        repository = self.hub.repositories.get(name)
        if repository is None:
            self._missing("RepoNotFound")
            return
        siblings = [{"rfilename": path} for path in repository.files]
        head = {"id": name, "modelId": name, "sha": repository.commits[-1], "private": repository.private}
        licence = re.search(rb"^license: (.+)$", repository.files.get("README.md", b""), re.MULTILINE)
        card = {"cardData": {"license": licence[1].decode()}} if licence else {}
        self._json({**head, **card, "tags": [], "siblings": siblings})

    def _path(self) -> str:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        return path

    def _json(self, content: object) -> None:
        self._answer(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _missing(self, code: str, headers: dict[str, str] | None = None) -> None:
        self._answer(404, b"{}", {"X-Error-Code": code, **(headers or {})})

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def _named(match: re.Match) -> str:
    return f"datasets/{match[2]}" if match[1] == "datasets" else match[2]


def _entries(repository: Repository) -> list[dict]:
    return [
        {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
        for path, content in repository.files.items()
    ]


def _folders(repository: Repository) -> list[dict]:
    names = {parent.as_posix() for path in repository.files for parent in PurePosixPath(path).parents} - {"."}
    return [{"type": "directory", "path": name, "oid": hashlib.sha1(name.encode()).hexdigest()} for name in names]


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """A running Hub, empty at first."""
    state = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"hub": state}))
    state.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield state
    server.shutdown()
