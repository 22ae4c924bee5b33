import asyncio

import openai
import pytest
from openai import AsyncOpenAI

from asking import MODEL, echo, joined, user
from program import KEY

TEXT = "Grüße aus dem Eis: 猛犸 🦣 — two  spaces,\na line and an end."


def test_reply_with_usage(client):
    reply = client.chat.completions.create(model=MODEL, messages=echo(TEXT))
    assert reply.object == "chat.completion"
    assert reply.id.startswith("chatcmpl-")
    (choice,) = reply.choices
    assert choice.message.role == "assistant"
    assert choice.message.content == TEXT
    assert choice.finish_reason == "stop"
    assert reply.usage.prompt_tokens > 0
    assert reply.usage.completion_tokens > 0
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens


def test_all_roles_are_taken(client):
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": [{"type": "text", "text": "echo: yes"}]},
    ]
    reply = client.chat.completions.create(model=MODEL, messages=messages)
    assert reply.choices[0].message.content == "yes"


def test_stream(client):
    with client.chat.completions.create(model=MODEL, messages=echo(TEXT), stream=True) as stream:
        chunks = list(stream)
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert joined(chunks) == TEXT
    assert len([chunk for chunk in chunks if chunk.choices[0].delta.content]) > 1
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)


def test_stream_with_usage(client):
    with client.chat.completions.create(
        model=MODEL, messages=echo(TEXT), stream=True, stream_options={"include_usage": True}
    ) as stream:
        *chunks, last = list(stream)
    assert joined(chunks) == TEXT
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert last.choices == []
    assert last.usage.completion_tokens > 0
    assert last.usage.total_tokens == last.usage.prompt_tokens + last.usage.completion_tokens


def test_async_stream(program):
    async def ask():
        async with AsyncOpenAI(base_url=program.base_url, api_key=KEY, timeout=30) as client:
            stream = await client.chat.completions.create(model=MODEL, messages=echo(TEXT), stream=True)
            return [chunk async for chunk in stream]

    assert joined(asyncio.run(ask())) == TEXT


def test_slices_through_characters_are_joined_to_whole_ones(client):
    text = "é" + "🦣" * 40
    with client.chat.completions.create(model=MODEL, messages=echo(text, "slice=30"), stream=True) as stream:
        assert joined(stream) == text


def test_max_tokens_ends_with_length(client):
    reply = client.chat.completions.create(model=MODEL, messages=echo("one two three four five six"), max_tokens=3)
    assert reply.choices[0].finish_reason == "length"
    assert reply.choices[0].message.content
    assert "six" not in reply.choices[0].message.content
    assert reply.usage.completion_tokens <= 3


def test_max_completion_tokens_ends_a_stream_with_length(client):
    with client.chat.completions.create(
        model=MODEL, messages=echo("one two three four five six"), max_completion_tokens=2, stream=True
    ) as stream:
        chunks = list(stream)
    assert chunks[-1].choices[0].finish_reason == "length"
    assert "six" not in joined(chunks)


def test_stop_sequence_is_left_out_even_between_chunks(client):
    with client.chat.completions.create(
        model=MODEL, messages=echo("keep this END of it"), stop=["this END"], stream=True
    ) as stream:
        chunks = list(stream)
    assert joined(chunks) == "keep "
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_an_unknown_model_is_passed_on_where_it_may_exist(client, upstream):
    def ask():
        return client.chat.completions.create(model="somebodys-new-model-9", messages=user("Who are you?"))

    if upstream.unlisted_models:
        assert "somebodys-new-model-9" in ask().choices[0].message.content
    else:
        with pytest.raises(openai.NotFoundError) as caught:
            ask()
        assert caught.value.code == "not_found"


def test_headers_say_what_happened(client, upstream):
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=echo("hi"), temperature=0.2, presence_penalty=0.5
    )
    assert raw.headers["x-mammouth-account"]
    assert raw.headers["x-mammouth-attempts"] == "1"
    assert raw.headers["x-request-id"]
    ignored = raw.headers.get("x-mammouth-ignored", "").split(", ")
    assert set(filter(None, ignored)) == upstream.ignored
    assert raw.parse().choices[0].message.content == "hi"


def test_nothing_ignored_is_not_announced(client):
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=echo("hi"))
    assert "x-mammouth-ignored" not in raw.headers
