import openai
import pytest


def test_models_are_listed(client):
    ids = {model.id for model in client.models.list()}
    assert {"gpt-4o-mini", "claude-3-7-sonnet-latest", "o4-mini", "gemini-2.5-pro", "grok-3"} <= ids


def test_a_model_is_described(client):
    model = client.models.retrieve("gpt-4o-mini")
    assert (model.id, model.object) == ("gpt-4o-mini", "model")
    assert model.owned_by


def test_a_model_that_is_not_listed_is_not_found(client):
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")
