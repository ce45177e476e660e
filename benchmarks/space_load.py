# SPDX-License-Identifier: Apache-2.0
"""How the page stands visitors: one with a clip of twenty seconds, a crowd at once, two hundred one after another.

    python -P benchmarks/space_load.py [--visits 200] [--crowd 30]

Starts `emoclip demo` with the embedded default in a process of its own. Visitors do over HTTP what the page does in a browser: open a
session, upload, press Analyse (which draws the annotated video and cuts the heavy frames), fetch the tables, close the tab. Prints one
JSON line: seconds until a 20-second clip of 360 lines with a drawn face is shown, and until other words are, by the page and by the
endpoints for programs; of a crowd larger than the queue those that got their own right answer, were told that the page is busy, got
another's, or anything else; the server's memory in MB along the visits; files left once the tabs are closed, and once the server has
ended.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import httpx
import numpy as np
import psutil

from emoclip.demo.launch import MAX_WAITING
from emoclip.demo.parts import example_clips
from emoclip.synthetic.video_file import encode_h264
from modeling_emoclip.video_decoding_emoclip import decode_video


SECONDS, FPS, SIDES = 20, 25, (640, 360)
WORDS = "happiness, sadness, anger, surprise, neutral"
# After how many visits memory is looked at, as shares of all.
MARKS = (0.05, 0.25, 0.5, 0.75, 1.0)


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visits", type=int, default=200)
    parser.add_argument("--crowd", type=int, default=30)
    parser.add_argument("--settle", type=float, default=90, help="seconds from the last tab to the count of files")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip, short = write_clip(folder / "clip.mp4", SECONDS), write_clip(folder / "short.mp4", 2)
        environment = {**os.environ, "TMPDIR": name, "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
        port = free_port()
        command = [sys.executable, "-P", "-m", "emoclip.demo.launch", "--no-mcp", "--port", str(port)]
        with (
            (folder / "server.log").open("w") as log,
            subprocess.Popen(command, env=environment, stdout=log, stderr=log) as server,
        ):
            try:
                address = wait_for(port)
                result = {"benchmark": "space_load", "clip_seconds": SECONDS, **single(address, clip)}
                result |= crowd(address, short, args.crowd)
                result |= many(address, short, args.visits, psutil.Process(server.pid))
                result["files_left_after_tabs"] = uploads_left(folder, args.settle)
            finally:
                server.terminate()
                server.wait(60)
        result["files_left"] = sum(1 for path in folder.glob("emoclip-demo-*"))
    print(json.dumps(result))


class Visitor:
    """A tab: what the page's script sends, and the answers it waits for."""

    def __init__(self, address: str, number: int):
        self.address, self.session, self.http = (
            f"{address}/gradio_api",
            f"visitor{number}x{time.time_ns()}",
            httpx.Client(timeout=600),
        )
        config = self.http.get(f"{address}/config").json()
        self.events = {one["api_name"]: one for one in config["dependencies"]}
        # As long as this stream is read, the tab is open.
        self.open = self.http.stream("GET", f"{self.address}/heartbeat/{self.session}")
        self.lines = self.open.__enter__().iter_lines()
        next(self.lines)

    def close(self) -> None:
        """Close the tab."""
        self.open.__exit__(None, None, None)
        self.http.close()

    def upload(self, clip: Path) -> dict:
        """Hand a file over, as the field for videos does."""
        with clip.open("rb") as file:
            (path,) = self.http.post(f"{self.address}/upload", files={"files": (clip.name, file, "video/mp4")}).json()
        return {"path": path, "orig_name": clip.name, "meta": {"_type": "gradio.FileData"}}

    def press(self, name: str, data: list) -> list:
        """What a handler answers.

        Raises:
            RuntimeError: The server says no; the message is its.
        """
        body = {"data": data, "fn_index": self.events[name]["id"], "session_hash": self.session, "event_data": None}
        joined = self.http.post(f"{self.address}/queue/join", json=body)
        if joined.status_code != 200:
            raise RuntimeError(joined.text)
        wanted = joined.json()["event_id"]
        with self.http.stream("GET", f"{self.address}/queue/data?session_hash={self.session}") as answers:
            for line in answers.iter_lines():
                told = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
                if told.get("msg") == "process_completed" and told["event_id"] == wanted:
                    if not told["success"]:
                        raise RuntimeError(told["output"].get("error"))
                    return told["output"]["data"]
        raise RuntimeError("The answer ended early.")

    def analyse(self, clip: Path, words: str) -> str:
        """Upload, press Analyse, and return the ranking, once film, frames and tables are there too."""
        shown = self.press("analyse", [True, self.upload(clip), None, words, "all", "auto", 0.2, False])
        if shown[4] is None or not shown[5]:
            raise RuntimeError("The video or the frames are missing.")
        self.press("tables", [])
        return shown[0]

    def rescore(self, words: str) -> str:
        """Change the words and return the ranking."""
        # The endpoint of this name was there first.
        return self.press("rescore_1", [True, words, "all", "auto", 0.2])[0]


def write_clip(path: Path, seconds: int) -> Path:
    """A drawn face in a larger picture that moves on."""
    frames = decode_video(example_clips()[0]).frames.permute(0, 2, 3, 1).numpy()
    pictures = []
    for number in range(seconds * FPS):
        picture = np.full((SIDES[1], SIDES[0], 3), 96, np.uint8)
        left = 40 + number % 200
        picture[60:300, left : left + 240] = cv2.resize(frames[number % len(frames)], (240, 240))
        pictures.append(picture)
    path.write_bytes(encode_h264(np.stack(pictures), FPS))
    return path


def client(address: str):
    """A visitor."""
    from gradio_client import Client

    return Client(address, verbose=False, analytics_enabled=False)


def ask(visitor, clip: Path, words: str) -> dict:
    """What `/analyze` answers."""
    from gradio_client import handle_file

    return visitor.predict(file=handle_file(str(clip)), words=words, consent=True, api_name="/analyze")


def single(address: str, clip: Path) -> dict[str, float]:
    """Seconds of a first and of a later visit, and of other words."""
    first = [timed(lambda number=number: page_once(address, clip, number)) for number in range(3)]
    visitor = Visitor(address, 0)
    visitor.analyse(clip, WORDS)
    again = [timed(lambda number=number: visitor.rescore(f"awe {number}, boredom {number}")) for number in range(7)]
    visitor.close()
    programs = client(address)
    ask_seconds = [timed(lambda: ask(programs, clip, WORDS)) for _ in range(2)]
    return {
        "page_first_s": round(first[0], 2),
        "page_s": round(min(first[1:]), 2),
        "page_other_words_s": round(statistics.median(again), 3),
        "endpoint_s": round(min(ask_seconds), 2),
    }


def page_once(address: str, clip: Path, number: int) -> None:
    """A visit from opening to closing."""
    visitor = Visitor(address, number)
    try:
        visitor.analyse(clip, f"{WORDS}, word {number}")
    finally:
        visitor.close()


def timed(call: Callable[[], object]) -> float:
    """Seconds of a call."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def crowd(address: str, clip: Path, size: int) -> dict[str, int]:
    """Visitors at once, each with words of its own: more than may wait, then as many as may."""
    counts = {}
    for kind, number in (("crowd", size), ("twenty", MAX_WAITING)):
        with ThreadPoolExecutor(number) as pool:
            visitors = list(pool.map(lambda one: Visitor(address, one), range(number)))
            found = list(pool.map(lambda one: outcome(one[1], clip, one[0]), enumerate(visitors)))
            list(pool.map(Visitor.close, visitors))
        counts |= {f"{kind}_{one}": found.count(one) for one in ("right", "busy", "anothers")}
        counts[f"{kind}_other"] = number - sum(found.count(one) for one in ("right", "busy", "anothers"))
    return counts


def outcome(visitor: Visitor, clip: Path, number: int) -> str:
    """What became of a visitor of the crowd."""
    try:
        shown = visitor.analyse(clip, f"word {number}!, other {number}!")
    except (RuntimeError, httpx.HTTPError) as error:
        return "busy" if "queue is full" in str(error).lower() else f"other: {error}"
    words = set(re.findall(r'title="((?:word|other) \d+!)"', shown))
    return "right" if words == {f"word {number}!", f"other {number}!"} else "anothers"


def many(address: str, clip: Path, visits: int, server: psutil.Process) -> dict[str, object]:
    """Visits one after another; the server's memory along the way."""
    sizes = {}
    for number in range(1, visits + 1):
        page_once(address, clip, number)
        if number in [round(mark * visits) for mark in MARKS]:
            sizes[number] = round(server.memory_info().rss / 2**20)
    return {"visits": visits, "mb_after": sizes}


def uploads_left(folder: Path, settle: float) -> int:
    """Files of visitors in the server's folder some time after the last tab was closed."""
    time.sleep(settle)
    own = {Path(path).name for path in example_clips()}
    return sum(
        path.is_file() and path.name not in own for root in folder.glob("emoclip-demo-*") for path in root.rglob("*")
    )


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port: int) -> str:
    """The address, once the server answers."""
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return f"http://127.0.0.1:{port}"
        time.sleep(0.2)
    raise TimeoutError("The server did not start within two minutes.")


if __name__ == "__main__":
    main()
