from asking import MODEL, echo


def test_a_client_that_leaves_ends_the_upstream_call(own_program, own_client, upstream):
    """The simulator stalls for ever after two words: they arrive all the same, and leaving ends the wait."""
    question = echo("one two three four", f"stall={2 + upstream.opening_chunks}")
    stream = own_client.chat.completions.create(model=MODEL, messages=question, stream=True)
    text = ""
    for chunk in stream:
        text += chunk.choices[0].delta.content or ""
        if "two" in text:
            break
    stream.close()
    assert "three" not in text

    # A record is closed when its upstream call has ended.
    (record,) = own_program.log(1)
    assert record["interrupted"] is True
    reply = own_client.chat.completions.create(model=MODEL, messages=echo("still here"))
    assert reply.choices[0].message.content == "still here"
