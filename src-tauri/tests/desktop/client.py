"""A client of the proxy: requests with the main key, whole or as a stream."""

import json
import urllib.error
import urllib.request

from session import SECONDS


def key(program, name="main"):
    return next(key["key"] for key in program.ask("keys.list", reveal=True) if key["name"] == name)


def chat(program, text, model="gpt-5", stream=False, address=None, with_key=None):
    """The open answer to one question, with the main key where none is given."""
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": text}]}
    request = urllib.request.Request(
        f"http://{address or program.address()}/v1/chat/completions", json.dumps(body).encode(),
        {"authorization": f"Bearer {with_key or key(program)}", "content-type": "application/json"})
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


def status_with(program, key_text):
    """The status for a client with this key."""
    return status_of(program, "hello", with_key=key_text)
