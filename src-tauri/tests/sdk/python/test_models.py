import openai
import pytest

from upstreams import UPSTREAMS


def test_models_that_can_be_served_are_listed(client, upstream):
    ids = {model.id for model in client.models.list()}
    assert {"gpt-4o-mini", "gemini-2.5-pro", *upstream.own_models} <= ids
    (other,) = [other for other in UPSTREAMS if other != upstream]
    assert not other.own_models & ids


def test_a_model_is_described(client):
    model = client.models.retrieve("gpt-4o-mini")
    assert (model.id, model.object) == ("gpt-4o-mini", "model")
    assert model.owned_by


def test_a_model_that_is_not_listed_is_not_found(client):
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")
