"""Anthropic's own SDK, unmodified."""

import anthropic
import pytest

from asking import MODEL, echo, user
from program import KEY
from tools import CALL_TWICE, TOLD, WEATHER, weather_report

TEXT = "Grüße aus dem Eis: 猛犸 🦣 — two  spaces,\na line and an end."
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
TOOLS = [{"name": WEATHER["name"], "description": WEATHER["description"], "input_schema": WEATHER["parameters"]}]


def connect(program, **options):
    return anthropic.Anthropic(**{"base_url": program.url, "api_key": KEY, "timeout": 30, **options})


@pytest.fixture
def claude(program):
    with connect(program) as client:
        yield client


def ask(client, messages, **more):
    return client.messages.create(model=MODEL, max_tokens=900, messages=messages, **more)


def test_reply_with_usage(claude):
    reply = ask(claude, echo(TEXT), system="Be brief.")
    assert (reply.type, reply.role, reply.stop_reason) == ("message", "assistant", "end_turn")
    assert [block.text for block in reply.content] == [TEXT]
    assert reply.id.startswith("msg_")
    assert reply.usage.input_tokens > 0 and reply.usage.output_tokens > 0


def test_stream(claude):
    with claude.messages.stream(model=MODEL, max_tokens=900, messages=echo(TEXT)) as stream:
        pieces = list(stream.text_stream)
        reply = stream.get_final_message()
    assert "".join(pieces) == TEXT and len(pieces) > 1
    assert (reply.content[0].text, reply.stop_reason) == (TEXT, "end_turn")
    assert reply.usage.input_tokens > 0 and reply.usage.output_tokens > 0


def test_both_ways_to_send_the_key(program):
    for options in ({"api_key": KEY}, {"api_key": None, "auth_token": KEY}):
        with connect(program, **options) as client:
            assert ask(client, echo("hi")).content[0].text == "hi"


def test_max_tokens(claude):
    reply = claude.messages.create(model=MODEL, max_tokens=3, messages=echo("one two three four five six"))
    assert (reply.stop_reason, reply.usage.output_tokens) == ("max_tokens", 3)


def test_stop_sequence(claude, upstream):
    question = {"messages": echo("keep this END of it"), "stop_sequences": ["never", "this END"]}
    with claude.messages.stream(model=MODEL, max_tokens=900, **question) as stream:
        streamed = stream.get_final_message()
    for reply in (ask(claude, **question), streamed):
        assert reply.content[0].text == "keep "
        told = ("stop_sequence", "this END") if upstream.tells_stop_sequences else ("end_turn", None)
        assert (reply.stop_reason, reply.stop_sequence) == told


def test_tokens_are_counted(claude):
    assert claude.messages.count_tokens(model=MODEL, messages=user("How many?")).input_tokens > 0


def test_models_are_listed(claude):
    assert "gpt-4o-mini" in [model.id for model in claude.models.list()]
    assert claude.models.retrieve("gpt-4o-mini").display_name == "gpt-4o-mini"


def test_image(claude):
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    reply = ask(claude, user([{"type": "text", "text": "What is this?"}, image]))
    assert "1 image" in reply.content[0].text


@pytest.mark.parametrize("streamed", [False, True])
def test_parallel_tools_and_their_results(claude, upstream, streamed):
    question = user(CALL_TWICE)
    if streamed:
        with claude.messages.stream(model=MODEL, max_tokens=900, messages=question, tools=TOOLS) as stream:
            reply = stream.get_final_message()
    else:
        reply = ask(claude, question, tools=TOOLS)
    assert reply.stop_reason == "tool_use"
    calls = [block for block in reply.content if block.type == "tool_use"]
    assert [(call.name, call.input) for call in calls] == [
        ("get_weather", {"city": "Köln"}),
        ("get_weather", {"city": "北京"}),
    ]
    said = "".join(block.text for block in reply.content if block.type == "text")
    assert said.strip() == upstream.said_before_calls
    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": weather_report(at)}]}
        for at, call in enumerate(calls)
    ]
    history = question + [{"role": "assistant", "content": reply.content}, {"role": "user", "content": results}]
    assert ask(claude, history, tools=TOOLS).content[0].text == TOLD


@pytest.mark.parametrize("streamed", [False, True])
def test_thoughts_may_come_back_with_the_history(claude, upstream, streamed):
    """The signature of a thought is none of Anthropic's. Clients send it back all the same, as they have to with theirs."""
    question = {"messages": user(upstream.thought), "thinking": {"type": "adaptive"}}
    if streamed:
        with claude.messages.stream(model=MODEL, max_tokens=900, **question) as stream:
            reply = stream.get_final_message()
    else:
        reply = ask(claude, **question)
    thought, said = reply.content
    assert (thought.type, thought.thinking.strip(), said.text.strip()) == ("thinking", "hm, so", "Yes.")
    assert thought.signature
    history = question["messages"] + [{"role": "assistant", "content": reply.content}] + echo("and on")
    assert ask(claude, history, thinking={"type": "adaptive"}).content[0].text == "and on"


def test_the_tool_runner_goes_on_without_threads(claude):
    asked = []

    @anthropic.beta_tool
    def get_weather(city: str) -> str:
        """The weather in a city.

        Args:
            city: The city's name.
        """
        asked.append(city)
        return weather_report(len(asked) - 1)

    runner = claude.beta.messages.tool_runner(
        model=MODEL, max_tokens=900, tools=[get_weather], messages=user(CALL_TWICE)
    )
    last = runner.until_done()
    assert asked == ["Köln", "北京"]
    assert last.content[0].text == TOLD


def test_errors_are_the_sdks_own(program, own_program):
    with connect(program, api_key="wrong-key-0000000000") as client, pytest.raises(anthropic.AuthenticationError):
        ask(client, echo("hi"))
    with connect(program) as client, pytest.raises(anthropic.BadRequestError) as caught:
        ask(client, [{"role": "robot", "content": "hi"}])
    assert caught.value.body["error"]["type"] == "invalid_request_error"
    with connect(program) as client, pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("nothing")
    with connect(own_program) as client, pytest.raises(anthropic.RateLimitError) as caught:
        ask(client, echo("hi", "quota"))
    assert caught.value.response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("fault", ["cut=2", "reset=2"])
def test_a_stream_that_breaks_off_is_an_error(own_program, fault):
    with connect(own_program) as client, pytest.raises(anthropic.APIStatusError):
        with client.messages.stream(model=MODEL, max_tokens=900, messages=echo("1 2 3 4", fault)) as stream:
            stream.until_done()


def test_f59_retries_of_the_sdk_do_not_multiply_ours(own_program):
    with connect(own_program, max_retries=2) as client, pytest.raises(anthropic.InternalServerError):
        ask(client, echo("hi", "status=500"))
    (record,) = own_program.log(1)
    assert 1 <= len(record["attempts"]) <= 3


def test_a_client_that_leaves_is_noticed(own_program):
    with connect(own_program) as client:
        with client.messages.stream(model=MODEL, max_tokens=90000, messages=user("sim: endless\nhi")) as stream:
            next(iter(stream.text_stream))
    (record,) = own_program.log(1)
    assert (record["dialect"], record["interrupted"]) == ("anthropic", True)
