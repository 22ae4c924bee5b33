"""LiteLLM over Ollama's dialect, unmodified. This version writes calls back without ids, and results with the id that it
made for them; later ones keep the ids."""

import os

import pytest

from asking import MODEL, user
from program import KEY
from tools import CALL_TWICE, TOLD, WEATHER, weather_report

# Its list of prices comes along; without this it looks for a newer one on the internet, again and again.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

TOOLS = [{"type": "function", "function": WEATHER}]


@pytest.fixture(scope="module")
def litellm():
    import litellm

    litellm.telemetry = False
    litellm.suppress_debug_info = True
    return litellm


def test_results_find_their_calls(litellm, program):
    def ask(messages):
        options = {"api_base": program.url, "api_key": KEY, "tools": TOOLS, "timeout": 30}
        return litellm.completion(model=f"ollama_chat/{MODEL}", messages=messages, **options).choices[0].message

    question = user(CALL_TWICE)
    called = ask(question)
    names = [call.function.name for call in called.tool_calls]
    assert names == ["get_weather", "get_weather"]
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": weather_report(at)}
        for at, call in enumerate(called.tool_calls)
    ]
    assert ask([*question, called.model_dump(), *results]).content == TOLD
