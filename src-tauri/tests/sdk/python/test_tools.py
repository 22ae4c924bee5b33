"""Tools and structured output over chat completions."""

import json

import pytest
from pydantic import BaseModel

from asking import MODEL, user
from tools import CALL_TWICE, TOLD, WEATHER, weather_report

TOOLS = [{"type": "function", "function": WEATHER}]


def calls_of(client, streamed):
    if not streamed:
        return client.chat.completions.create(model=MODEL, messages=user(CALL_TWICE), tools=TOOLS).choices[0]
    with client.chat.completions.stream(model=MODEL, messages=user(CALL_TWICE), tools=TOOLS) as stream:
        for _ in stream:
            pass
        return stream.get_final_completion().choices[0]


@pytest.mark.parametrize("streamed", [False, True])
def test_parallel_tools_and_their_results(client, streamed):
    choice = calls_of(client, streamed)
    assert choice.finish_reason == "tool_calls"
    calls = choice.message.tool_calls
    assert [json.loads(call.function.arguments) for call in calls] == [{"city": "Köln"}, {"city": "北京"}]
    assert len({call.id for call in calls}) == 2
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": weather_report(at)} for at, call in enumerate(calls)
    ]
    said = {"role": "assistant", "content": choice.message.content}
    said["tool_calls"] = [call.model_dump(include={"id", "type", "function"}) for call in calls]
    history = user(CALL_TWICE) + [said] + results
    reply = client.chat.completions.create(model=MODEL, messages=history, tools=TOOLS)
    assert reply.choices[0].message.content == TOLD


def test_tools_that_must_not_be_called_are_not(client):
    reply = client.chat.completions.create(model=MODEL, messages=user("echo: no"), tools=TOOLS, tool_choice="none")
    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == ("no", "stop")


class City(BaseModel):
    name: str
    people: int


def test_structured_output(client):
    question = user('echo: {"name": "Köln", "people": 1087353}')
    reply = client.chat.completions.parse(model=MODEL, messages=question, response_format=City)
    assert reply.choices[0].message.parsed == City(name="Köln", people=1087353)
