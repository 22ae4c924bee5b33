"""One tool, and a question at which the simulated model calls it twice and then tells what came back."""

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


def _call(city):
    return f"call: get_weather {json.dumps({'city': city}, ensure_ascii=False)}"


CALL_TWICE = _call("Köln") + "\n" + _call("北京")


def weather_report(at):
    return ["3 °C", "cold"][at]


TOLD = "The tools said: 3 °C | cold"
