"""One tool, and a question at which the simulated model calls it twice. The calls are written as the web upstream's
models write them; what comes back is told on."""

import json

WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "The city's name."}},
        "required": ["city"],
    },
}


def _written(city):
    call = json.dumps({"name": "get_weather", "arguments": {"city": city}}, ensure_ascii=False)
    return f"<tool_call>\n{call}\n</tool_call>"


CALL_TWICE = "echo: Let me see.\n" + _written("Köln") + "\n" + _written("北京")


def weather_report(_at):
    """A result that makes the simulated model say so, and nothing else."""
    return 'echo-chunks: ["It is ", "cold."]'
