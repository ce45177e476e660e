# SPDX-License-Identifier: Apache-2.0
"""The endpoints as tools over MCP, by the protocol's own client."""

import ast
import asyncio
import base64
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from emoclip.demo.parts import example_clips
from tests.demo.conftest import served


def data_url(path):
    """A file as MCP clients without an address of their own send it."""
    return f"data:video/mp4;base64,{base64.b64encode(path.read_bytes()).decode()}"


def talk(address, *calls):
    """The tools, and the answer to each call; from a thread, for a browser's test may have left an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _talk(address, calls)).result()


async def _talk(address, calls):
    async with (
        streamable_http_client(f"{address.rstrip('/')}/gradio_api/mcp/") as (read, write, *_),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        tools = (await session.list_tools()).tools
        return tools, [await session.call_tool(name, arguments) for name, arguments in calls]


@pytest.fixture(scope="module")
def address(tiny_model_folder, tmp_path_factory):
    root = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch, served(root, tiny_model_folder, mcp_server=True) as (opened, _):
        patch.setattr("gradio.mcp.DEFAULT_TEMP_DIR", str(root))
        yield opened


def test_tools_are_named_typed_and_described(address):
    """An agent knows nothing else of us: what for, with what, and what for not."""
    tools, _ = talk(address)
    named = {tool.name: tool for tool in tools}
    assert set(named) == {"analyze", "rescore", "find_moments"}
    assert "no probability of a feeling" in named["analyze"].description
    properties = named["analyze"].inputSchema["properties"]
    assert set(properties) == {"file", "words", "consent", "faces", "prompt", "other"}
    assert properties["consent"]["type"] == "boolean"
    assert "must be true" in properties["consent"]["description"]


def test_a_tool_gives_the_numbers_of_the_page(address, long_clip):
    """And refuses without consent, in a sentence that an agent can act on."""
    call = {"file": data_url(long_clip), "words": "joy, guilty", "faces": "none", "other": 0, "prompt": "auto"}
    _, (told, refused) = talk(address, ("analyze", {**call, "consent": True}), ("analyze", {**call, "consent": False}))
    assert not told.isError
    answer = ast.literal_eval(told.content[0].text)
    assert {row["emotion"] for row in answer["summary"]} == {"joy", "guilty"}
    assert "crime" in answer["warnings"][0]
    assert refused.isError
    assert "must have agreed" in refused.content[0].text


@pytest.mark.slow
def test_files_of_tools_go_with_the_server(tmp_path):
    """A file that came as text is written to the server's own folder as well, not elsewhere."""
    environment = {**os.environ, "TMPDIR": str(tmp_path), "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
    environment.pop("GRADIO_TEMP_DIR", None)
    command = [sys.executable, "-P", "-m", "emoclip.demo.launch"]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        line = next(line for line in server.stdout if "Running on" in line)
        (clip,) = [path for path in example_clips() if "one_person" in path]
        call = {"file": data_url(type(tmp_path)(clip)), "words": "awe", "consent": True}
        _, (told,) = talk(line.split()[-1], ("find_moments", call))
        assert not told.isError
        names = {path.name.split("-")[0] for path in tmp_path.iterdir()}
        assert "gradio" not in names
        server.terminate()
        assert server.wait(60) == 0
    finally:
        server.kill()
    assert not list(tmp_path.glob("emoclip-*"))
