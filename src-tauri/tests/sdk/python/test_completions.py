from asking import MODEL


def test_legacy_completion(client):
    reply = client.completions.create(model=MODEL, prompt="echo: as in the old days")
    assert reply.object == "text_completion"
    assert reply.choices[0].text == "as in the old days"
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.completion_tokens > 0


def test_legacy_stream(client):
    with client.completions.create(model=MODEL, prompt="echo: as in the old days", stream=True) as stream:
        chunks = list(stream)
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == "as in the old days"
    assert chunks[-1].choices[0].finish_reason == "stop"
