"""A client of the proxy: requests with the main key, whole or as a stream."""

import json
import urllib.error
import urllib.request

from session import SECONDS


def key(program):
    return next(key["key"] for key in program.ask("keys.list", reveal=True) if key["key"])


def chat(program, text, model="gpt-5", stream=False, address=None):
    """The open answer to one question."""
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": text}]}
    request = urllib.request.Request(
        f"http://{address or program.address()}/v1/chat/completions", json.dumps(body).encode(),
        {"authorization": f"Bearer {key(program)}", "content-type": "application/json"})
    return urllib.request.urlopen(request, timeout=SECONDS)


def status_of(program, *arguments, **options):
    """The status alone."""
    try:
        with chat(program, *arguments, **options) as answer:
            answer.read()
            return answer.status
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code
