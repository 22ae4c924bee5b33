"""Ollama's own client, unmodified."""

import base64
import json

import ollama
import pytest

from asking import MODEL, echo, user
from program import KEY
from tools import CALL_TWICE, TOLD, WEATHER, weather_report

TEXT = "Grüße aus dem Eis: 猛犸 🦣 — two  spaces,\na line and an end."
TOOLS = [{"type": "function", "function": WEATHER}]
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)


def connect(program, key=KEY):
    return ollama.Client(host=program.url, headers={"Authorization": f"Bearer {key}"}, timeout=30)


@pytest.fixture
def llama(program):
    with connect(program) as client:
        yield client


def test_reply_with_counts(llama):
    reply = llama.chat(model=MODEL, messages=echo(TEXT), options={"temperature": 0.1, "num_ctx": 4096})
    assert (reply.message.content, reply.done, reply.done_reason) == (TEXT, True, "stop")
    assert reply.prompt_eval_count > 0 and reply.eval_count > 0 and reply.total_duration > 0


def test_stream(llama):
    parts = list(llama.chat(model=MODEL, messages=echo(TEXT), stream=True))
    assert "".join(part.message.content for part in parts) == TEXT and len(parts) > 2
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]


def test_generate(llama):
    assert llama.generate(model=MODEL, prompt=f"echo: {TEXT}", system="Be brief.").response == TEXT
    parts = list(llama.generate(model=MODEL, prompt=f"echo: {TEXT}", stream=True))
    assert "".join(part.response for part in parts) == TEXT


def test_models(llama):
    names = [model.model for model in llama.list().models]
    assert "gpt-4o-mini" in names
    shown = llama.show("gpt-4o-mini")
    assert "tools" in shown.capabilities and shown.modelinfo["mammouth.context_length"] > 0
    assert llama.ps().models == []


def test_image(llama):
    reply = llama.chat(model=MODEL, messages=[{"role": "user", "content": "What is this?", "images": [PNG]}])
    assert "1 image" in reply.message.content


@pytest.mark.parametrize("streamed", [False, True])
def test_parallel_tools_and_their_results(llama, streamed):
    question = user(CALL_TWICE)
    if streamed:
        parts = llama.chat(model=MODEL, messages=question, tools=TOOLS, stream=True)
        calls = [call for part in parts for call in part.message.tool_calls or []]
    else:
        calls = llama.chat(model=MODEL, messages=question, tools=TOOLS).message.tool_calls
    assert [call.function.arguments for call in calls] == [{"city": "Köln"}, {"city": "北京"}]
    said = {"role": "assistant", "content": "", "tool_calls": [call.model_dump() for call in calls]}
    results = [{"role": "tool", "tool_name": "get_weather", "content": weather_report(at)} for at in range(2)]
    reply = llama.chat(model=MODEL, messages=question + [said] + results, tools=TOOLS)
    assert reply.message.content == TOLD


def test_structured_output(llama):
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    reply = llama.chat(model=MODEL, messages=user('echo: {"a": 1}'), format=schema)
    assert json.loads(reply.message.content) == {"a": 1}


def test_errors(program, own_program):
    with connect(program, "wrong-key-0000000000") as client, pytest.raises(ollama.ResponseError) as caught:
        client.chat(model=MODEL, messages=echo("hi"))
    assert caught.value.status_code == 401 and "client key" in caught.value.error
    with connect(program) as client, pytest.raises(ollama.ResponseError) as caught:
        client.show("nothing")
    assert caught.value.status_code == 404
    with connect(own_program) as client, pytest.raises(ollama.ResponseError) as caught:
        list(client.chat(model=MODEL, messages=echo("1 2 3 4", "cut=2"), stream=True))
    assert "broke off" in caught.value.error
    with connect(own_program) as client, pytest.raises(ollama.ResponseError) as caught:
        client.chat(model=MODEL, messages=echo("hi", "quota"))
    assert caught.value.status_code == 429
