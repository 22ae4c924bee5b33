"""Every answer as it is on the wire, whole and streamed, against the types that the vendors publish, and so is what the
golden exchanges expect."""

import json
import urllib.request
from pathlib import Path

import pytest

import forms
from asking import MODEL, user
from program import KEY
from tools import CALL_TWICE, WEATHER

GOLDEN = sorted((Path(__file__).parents[2] / "golden").glob("*.json"))
DURATIONS = {"total_duration", "prompt_eval_duration", "eval_duration"}
TOOL = {"type": "function", "function": WEATHER}
FLAT_TOOL = {"type": "function", "strict": False, **WEATHER}
CLAUDE_TOOL = {"name": WEATHER["name"], "input_schema": WEATHER["parameters"]}
# The checks of an answer and of a stream, and a question in the dialect's form, with tools if it knows any.
DIALECTS = {
    "/v1/chat/completions": (
        forms.chat,
        forms.chat_stream,
        lambda text: {"messages": user(text), "stream_options": {"include_usage": True}, "tools": [TOOL]},
    ),
    "/v1/completions": (forms.completion, forms.completion_stream, lambda text: {"prompt": text}),
    "/v1/messages": (
        forms.message,
        forms.message_stream,
        lambda text: {
            "messages": user(text),
            "max_tokens": 900,
            "tools": [CLAUDE_TOOL],
            "thinking": {"type": "adaptive"},
        },
    ),
    "/v1/responses": (
        forms.response,
        forms.response_stream,
        lambda text: {"input": text, "tools": [FLAT_TOOL], "reasoning": {"summary": "auto"}},
    ),
    "/api/chat": (forms.llama_chat, forms.llama_chat_stream, lambda text: {"messages": user(text), "tools": [TOOL]}),
    "/api/generate": (forms.llama_generate, forms.llama_generate_stream, lambda text: {"prompt": text}),
}


def post(program, path, body):
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(program.url + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


def events_of(text):
    if not text.startswith(("data:", "event:")):
        return [json.loads(line) for line in text.splitlines()]
    data = [line.removeprefix("data: ") for line in text.split("\n") if line.startswith("data: ")]
    return [event if event == "[DONE]" else json.loads(event) for event in data]


@pytest.mark.parametrize("path", DIALECTS)
def test_every_answer_has_the_published_form(program, upstream, path):
    whole, streamed, ask = DIALECTS[path]
    for text in ("echo: Grüße 🦣", CALL_TWICE, upstream.thought, *upstream.pictures):
        question = {"model": MODEL, **ask(text)}
        plain = {name: value for name, value in question.items() if name != "stream_options"}
        whole(json.loads(post(program, path, {**plain, "stream": False})))
        streamed(events_of(post(program, path, {**question, "stream": True})))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_answers_have_the_published_form(path):
    golden = json.loads(path.read_text())
    dialect = golden["path"].split("?")[0]
    whole, streamed, _ = DIALECTS[dialect]
    numbers = DURATIONS if dialect.startswith("/api/") else {"created", "created_at"}
    answer = of_a_run(golden["expected"]["answer"], numbers)
    (streamed if isinstance(answer, list) else whole)(answer)


def of_a_run(value, numbers):
    """Ids, times and durations are left out of the exchanges: a number stands in for those that are one."""
    if isinstance(value, dict):
        return {
            name: 7 if member == "*" and name in numbers else of_a_run(member, numbers)
            for name, member in value.items()
        }
    return [of_a_run(member, numbers) for member in value] if isinstance(value, list) else value
