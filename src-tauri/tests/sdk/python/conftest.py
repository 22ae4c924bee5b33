import pytest
from openai import OpenAI

from program import KEY, Program
from upstreams import UPSTREAMS

CLIENT_SECONDS = 30


def connect(program, **options):
    return OpenAI(**{"base_url": program.base_url, "api_key": KEY, "timeout": CLIENT_SECONDS, **options})


@pytest.fixture(scope="session", params=UPSTREAMS, ids=str)
def upstream(request):
    """Every test that asks a model something runs over both. Those of one upstream run together, as pytest sorts them."""
    return request.param


@pytest.fixture(scope="session")
def program(upstream, tmp_path_factory):
    """One program for all tests that leave its accounts as they were."""
    with Program(tmp_path_factory.mktemp("shared"), upstream.settings) as running:
        yield running


@pytest.fixture
def client(program):
    with connect(program) as client:
        yield client


@pytest.fixture
def own_program(upstream, tmp_path):
    """A program of its own for a test that limits accounts or reads the log."""
    with Program(tmp_path, upstream.settings) as running:
        yield running


@pytest.fixture
def own_client(own_program):
    with connect(own_program) as client:
        yield client
