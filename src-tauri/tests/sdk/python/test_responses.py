"""OpenAI's SDK over Responses."""

import json

import openai
import pytest
from pydantic import BaseModel

from asking import MODEL
from conftest import connect
from tools import CALL_TWICE, TOLD, WEATHER, weather_report

TEXT = "Grüße aus dem Eis: 猛犸 🦣 — two  spaces,\na line and an end."
TOOLS = [{"type": "function", "strict": False, **WEATHER}]
PNG = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"


def test_reply_with_usage(client):
    reply = client.responses.create(model=MODEL, input=f"echo: {TEXT}", instructions="Be brief.")
    assert (reply.output_text, reply.status, reply.object) == (TEXT, "completed", "response")
    assert reply.instructions == "Be brief."
    assert reply.usage.total_tokens == reply.usage.input_tokens + reply.usage.output_tokens


def test_stream(client):
    with client.responses.stream(model=MODEL, input=f"echo: {TEXT}") as stream:
        events = list(stream)
        reply = stream.get_final_response()
    assert reply.output_text == TEXT
    assert [event.sequence_number for event in events if event.type != "response.output_text.delta"] == sorted(
        event.sequence_number for event in events if event.type != "response.output_text.delta"
    )
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert kinds.count("response.output_text.delta") > 1


def test_a_conversation_goes_on(client):
    first = client.responses.create(model=MODEL, input="echo: first")
    second = client.responses.create(model=MODEL, input="How many turns?", previous_response_id=first.id)
    assert "3 turns" in second.output_text
    assert client.responses.retrieve(first.id).output_text == "first"
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=MODEL, input="hi", previous_response_id=first.id)
    assert caught.value.code == "previous_response_not_found"


@pytest.mark.parametrize("streamed", [False, True])
def test_parallel_tools_and_their_results(client, streamed):
    question = [{"role": "user", "content": CALL_TWICE}]
    if streamed:
        with client.responses.stream(model=MODEL, input=question, tools=TOOLS) as stream:
            reply = stream.until_done().get_final_response()
    else:
        reply = client.responses.create(model=MODEL, input=question, tools=TOOLS)
    calls = [item for item in reply.output if item.type == "function_call"]
    assert [json.loads(call.arguments) for call in calls] == [{"city": "Köln"}, {"city": "北京"}]
    results = [
        {"type": "function_call_output", "call_id": call.call_id, "output": weather_report(at)}
        for at, call in enumerate(calls)
    ]
    said = [item.model_dump(exclude_unset=True, exclude={"parsed_arguments"}) for item in reply.output]
    last = client.responses.create(model=MODEL, input=question + said + results, tools=TOOLS, store=False)
    assert last.output_text == TOLD


def test_image(client):
    image = {"type": "input_image", "detail": "auto", "image_url": PNG}
    content = [{"type": "input_text", "text": "What is this?"}, image]
    reply = client.responses.create(model=MODEL, input=[{"role": "user", "content": content}])
    assert "1 image" in reply.output_text


class City(BaseModel):
    name: str
    people: int


def test_structured_output(client):
    question = 'echo: {"name": "Köln", "people": 1087353}'
    reply = client.responses.parse(model=MODEL, input=question, text_format=City)
    assert reply.output_parsed == City(name="Köln", people=1087353)


def test_max_output_tokens(client):
    reply = client.responses.create(model=MODEL, input="echo: one two three four", max_output_tokens=2)
    assert (reply.status, reply.incomplete_details.reason) == ("incomplete", "max_output_tokens")


def test_errors(program, own_client):
    with connect(program, api_key="x") as client, pytest.raises(openai.AuthenticationError):
        client.responses.create(model=MODEL, input="hi")
    with connect(program) as client, pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=MODEL, input="hi", background=True)
    assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "background")
    with pytest.raises(openai.APIError) as caught:
        for _ in own_client.responses.create(model=MODEL, input="sim: cut=2\necho: 1 2 3 4", stream=True):
            pass
    assert caught.value.code == "stream_interrupted"
    with pytest.raises(openai.RateLimitError) as caught:
        own_client.responses.create(model=MODEL, input="sim: quota\necho: hi")
    assert caught.value.code == "insufficient_quota"
