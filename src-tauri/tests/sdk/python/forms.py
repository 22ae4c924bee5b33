"""Holds answers against the types that the vendors publish: what is missing, of another type, or not known there.

The SDKs themselves are lenient: they take an answer without required fields, and keep fields that they do not know."""

import json
import typing

import anthropic.types
import ollama
import openai.types
from anthropic.types import RawMessageStreamEvent
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter

# Members beside the published types, by the type they stand in. OpenAI names no field for thoughts and pictures: clients
# read these, which DeepSeek, vLLM and Mammouth write. The others are what the vendors' own servers send beyond their types.
BESIDE = {
    "ChatCompletionMessage": {"reasoning_content", "images"},
    "ChoiceDelta": {"reasoning_content", "images"},
    "Response": {"store"},
    # In the types of the SDK for Node.
    "ResponseFunctionCallArgumentsDoneEvent": {"name"},
    # OpenAI's documentation shows it, though the type has none.
    "ResponseCustomToolCall": {"status"},
    # Tools come back as the client sent them.
    "WebSearchTool": {"search_content_types"},
    "ToolCall": {"id"},
    "Function": {"index"},
}


def _by_type(union):
    """The members of a union of events by their `type`."""
    members = typing.get_args(typing.get_args(union)[0])
    return {typing.get_args(member.model_fields["type"].annotation)[0]: member for member in members}


RESPONSE_EVENTS = _by_type(ResponseStreamEvent)
MESSAGE_EVENTS = _by_type(RawMessageStreamEvent)


def check(form, data):
    """Validates strictly and says where `data` holds something that the type does not have."""
    value = TypeAdapter(form).validate_json(json.dumps(data), strict=True)
    unknown = list(_unknown(data, value, form.__name__))
    assert not unknown, f"{unknown} in {data}"


def _unknown(data, value, path):
    if isinstance(value, BaseModel):
        fields = {field.alias or name: name for name, field in type(value).model_fields.items()}
        allowed = BESIDE.get(type(value).__name__, set())
        for name, member in data.items():
            if name in fields:
                yield from _unknown(member, getattr(value, fields[name]), f"{path}.{name}")
            elif name not in allowed:
                yield f"{path}.{name}"
    elif isinstance(value, list):
        for at, (member, item) in enumerate(zip(data, value, strict=True)):
            yield from _unknown(member, item, f"{path}[{at}]")


def chat(body):
    check(ChatCompletion, body)


def completion(body):
    check(openai.types.Completion, body)


def message(body):
    check(anthropic.types.Message, body)


def response(body):
    check(Response, body)


def llama_chat(body):
    check(ollama.ChatResponse, body)


def llama_generate(body):
    check(ollama.GenerateResponse, body)


def chat_stream(events):
    *chunks, end = events
    assert end == "[DONE]"
    for chunk in chunks:
        check(ChatCompletionChunk, chunk)
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1
    said = [chunk["choices"][0] for chunk in chunks if chunk["choices"]]
    assert said[0]["delta"]["role"] == "assistant"
    assert [choice["finish_reason"] is None for choice in said] == [True] * (len(said) - 1) + [False]
    assert all(chunk["choices"] for chunk in chunks[: len(said)]), "the usage comes last"


def completion_stream(events):
    *chunks, end = events
    assert end == "[DONE]"
    for chunk in chunks:
        # The published type knows no chunk that does not end, as OpenAI's servers send them.
        for choice in chunk["choices"]:
            choice["finish_reason"] = choice["finish_reason"] or "stop"
        check(openai.types.Completion, chunk)


def message_stream(events):
    """One start, blocks that open and close one after the other, a delta of the message, one end."""
    # The SDK's types leave pings out; its documentation allows them anywhere.
    events = [event for event in events if event != {"type": "ping"}]
    for event in events:
        check(MESSAGE_EVENTS[event["type"]], event)
    kinds = [event["type"] for event in events]
    assert kinds[0] == "message_start" and kinds[-2:] == ["message_delta", "message_stop"]
    opened = None
    blocks = 0
    for event in events[1:-2]:
        kind = event["type"].removeprefix("content_block_")
        assert event["index"] == blocks
        if kind == "start":
            assert opened is None
            opened = event["content_block"]["type"]
        elif kind == "delta":
            assert event["delta"]["type"] in DELTAS[opened]
        else:
            assert kind == "stop" and opened
            opened, blocks = None, blocks + 1
    assert opened is None


DELTAS = {
    "text": {"text_delta"},
    "thinking": {"thinking_delta", "signature_delta"},
    "tool_use": {"input_json_delta"},
}


def response_stream(events):
    """Numbered events; items that are added and done one after the other; at the end the response that they make."""
    for number, event in enumerate(events):
        check(RESPONSE_EVENTS[event["type"]], event)
        assert event["sequence_number"] == number
    kinds = [event["type"] for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] in ("response.completed", "response.incomplete")
    done = []
    open_item = None
    for event in events[2:-1]:
        assert event["output_index"] == len(done)
        if event["type"] == "response.output_item.added":
            assert open_item is None
            open_item = event["item"]["id"]
        elif event["type"] == "response.output_item.done":
            assert event["item"]["id"] == open_item
            done.append(event["item"])
            open_item = None
        else:
            assert event["item_id"] == open_item
    assert open_item is None and events[-1]["response"]["output"] == done


def llama_chat_stream(lines):
    _llama_stream(lines, llama_chat)


def llama_generate_stream(lines):
    _llama_stream(lines, llama_generate)


def _llama_stream(lines, check_line):
    for line in lines:
        check_line(line)
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert lines[-1]["done_reason"] and lines[-1]["eval_count"] >= 0
