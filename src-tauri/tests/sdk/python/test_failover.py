from asking import MODEL, echo


def test_an_account_that_reaches_its_limit_is_followed_by_another(own_program, own_client, upstream):
    """One account of the demo has two calls left, so three times as many questions as accounts must meet its end."""
    accounts = set()
    for number in range(9):
        raw = own_client.chat.completions.with_raw_response.create(model=MODEL, messages=echo(f"answer {number}"))
        assert raw.parse().choices[0].message.content == f"answer {number}"
        accounts.add(raw.headers["x-mammouth-account"])
    assert (len(accounts) > 1) == upstream.several_accounts
    went_on = any(len(record["attempts"]) == 2 for record in own_program.log(9))
    assert went_on == upstream.several_accounts
