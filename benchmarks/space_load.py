# SPDX-License-Identifier: Apache-2.0
"""How the page stands visitors: one with a clip of twenty seconds, twenty at once, two hundred one after another.

    python -P benchmarks/space_load.py [--visits 200]

Starts `emoclip demo` with the embedded default in a process of its own and asks its endpoints. Prints one JSON line: seconds for a
20-second clip of 360 lines with a drawn face, and for other words; of 20 visitors at once those that got their own right answer, were
told that the page is busy, or got anything else; the server's memory in MB after the first visits and after all; files left.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import psutil

from emoclip.demo.parts import example_clips
from emoclip.synthetic.video_file import encode_h264
from modeling_emoclip.video_decoding_emoclip import decode_video


SECONDS, FPS, SIDES = 20, 25, (640, 360)
WARM = 20
WORDS = "happiness, sadness, anger, surprise, neutral"


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visits", type=int, default=200)
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
                result = {"benchmark": "space_load", **single(address, clip), **crowd(address, short)}
                result |= many(address, short, args.visits, psutil.Process(server.pid))
            finally:
                server.terminate()
                server.wait(60)
        result["files_left"] = sum(1 for path in folder.glob("emoclip-demo-*"))
    print(json.dumps(result))


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
    """Seconds of a first analysis and of other words, the second of two visits."""
    for _ in range(2):
        visitor = client(address)
        begin = time.perf_counter()
        visit = ask(visitor, clip, WORDS)["visit"]
        first = time.perf_counter() - begin
        again = []
        for number in range(5):
            begin = time.perf_counter()
            visitor.predict(visit=visit, words=f"awe {number}, boredom {number}", api_name="/rescore")
            again.append(time.perf_counter() - begin)
    return {"clip_seconds": SECONDS, "analyse_s": round(first, 2), "other_words_s": round(statistics.median(again), 3)}


def crowd(address: str, clip: Path) -> dict[str, int]:
    """Twenty visitors at once, each with words of its own."""

    def one(number: int) -> str:
        try:
            told = ask(client(address), clip, f"word {number}, other {number}")
        except Exception as error:  # whatever it is, it is counted
            return "busy" if "queue" in str(error).lower() or "busy" in str(error).lower() else f"other: {error}"
        return (
            "right"
            if {row["emotion"] for row in told["timeline"]} == {f"word {number}", f"other {number}"}
            else "wrong"
        )

    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(one, range(20)))
    return {f"crowd_{kind}": found.count(kind) for kind in ("right", "busy")} | {
        "crowd_other": sum(kind not in ("right", "busy") for kind in found)
    }


def many(address: str, clip: Path, visits: int, server: psutil.Process) -> dict[str, float]:
    """Visits one after another; the server's memory after the first and after all."""
    sizes = []
    for number in range(visits):
        ask(client(address), clip, f"word {number}, other")
        if number + 1 in (WARM, visits):
            sizes.append(server.memory_info().rss / 2**20)
    return {"visits": visits, "mb_after_first": round(sizes[0]), "mb_after_all": round(sizes[-1])}


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
