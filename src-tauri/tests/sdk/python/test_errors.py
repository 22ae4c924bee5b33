import openai
import pytest

from asking import MODEL, echo
from conftest import connect


@pytest.mark.parametrize("key", ["sdk-test-key-0000000000000000", "x"])
def test_a_wrong_key_is_an_authentication_error(program, key):
    with connect(program, api_key=key) as client, pytest.raises(openai.AuthenticationError) as caught:
        client.chat.completions.create(model=MODEL, messages=echo("hi"))
    assert caught.value.code == "invalid_api_key"


def test_more_than_one_choice_is_never_answered_with_one(client, upstream):
    if upstream.several_choices:
        assert client.chat.completions.create(model=MODEL, messages=echo("hi"), n=2).choices
        return
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=echo("hi"), n=2)
    assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "n")


def test_no_messages_are_a_bad_request(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=[])
    assert (caught.value.code, caught.value.param) == ("invalid_request", "messages")


def test_a_broken_image_is_a_bad_request(client):
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,bm8gcGljdHVyZQ=="}}
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": [image]}])
    assert caught.value.code == "invalid_image"


def test_all_accounts_limited_is_a_rate_limit_error(own_client):
    with pytest.raises(openai.RateLimitError) as caught:
        own_client.chat.completions.create(model=MODEL, messages=echo("hi", "quota"))
    assert caught.value.code == "insufficient_quota"
    headers = caught.value.response.headers
    assert int(headers["retry-after"]) > 0
    assert headers["x-should-retry"] == "false"


def test_a_limit_holds_for_what_it_was_told_of(own_client, upstream):
    with pytest.raises(openai.RateLimitError):
        own_client.chat.completions.create(model=MODEL, messages=echo("hi", "quota"))
    with pytest.raises(openai.RateLimitError):
        own_client.chat.completions.create(model=MODEL, messages=echo("again"))
    if upstream.limits_are_of_a_family:
        reply = own_client.chat.completions.create(model="gemini-2.5-pro", messages=echo("other family"))
        assert reply.choices[0].message.content == "other family"
    else:
        with pytest.raises(openai.RateLimitError):
            own_client.chat.completions.create(model="gemini-2.5-pro", messages=echo("other family"))


@pytest.mark.parametrize("fault", ["status=500", "reset=0", "body=html"])
def test_f59_retries_of_the_sdk_do_not_multiply_ours(own_program, fault):
    with connect(own_program, max_retries=2) as client, pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model=MODEL, messages=echo("hi", fault))
    assert caught.value.response.headers["x-should-retry"] == "false"
    (record,) = own_program.log(1)
    assert 1 <= len(record["attempts"]) <= 3


@pytest.mark.parametrize("fault", ["cut", "reset"])
def test_a_stream_that_breaks_off_is_an_error(own_client, upstream, fault):
    text = ""
    question = echo("one two three four", f"{fault}={2 + upstream.opening_chunks}")
    with own_client.chat.completions.create(model=MODEL, messages=question, stream=True) as stream:
        with pytest.raises(openai.APIError) as caught:
            for chunk in stream:
                text += chunk.choices[0].delta.content or ""
    assert caught.value.code == "stream_interrupted"
    assert text.startswith("one")
    assert "four" not in text
