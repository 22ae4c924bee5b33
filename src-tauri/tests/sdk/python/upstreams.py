"""The two upstreams that every suite runs over, and all the differences between them that a client can see.

What stands here is meant: a web session knows less than the API does. Everything else has to be the same, and the tests
do not ask who answered."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Upstream:
    name: str
    # What a web session has no field for has no effect, and the answer names it.
    ignored: frozenset = frozenset()
    # Only the API can be asked for several choices at once, and for embeddings.
    several_choices: bool = True
    embeddings: bool = True
    # Listed only while an account of this kind is there.
    own_models: frozenset = frozenset()
    # A web session may know models that are in no list, so their names are passed on. The API has a catalogue.
    unlisted_models: bool = False
    # A web account is limited in one family of models, a key in its whole budget.
    limits_are_of_a_family: bool = False
    # The demo has several web sessions and one key.
    several_accounts: bool = False
    # A web session's model writes its calls into its text, and this one says so before. The API has a field for them.
    said_before_calls: str = ""
    # Over a web session we cut ourselves. OpenAI's form, which the API speaks, has no field for which one was met.
    tells_stop_sequences: bool = False
    # A thought stands in tags in a web session's text; the API has a field for it, and for pictures that a model made.
    thought: str = "think: hm, so\necho: Yes."
    pictures: tuple = ("image:\necho: Look.",)
    # Chunks that the API's stream sends before the first words; the simulator's faults count them too.
    opening_chunks: int = 0
    settings: str = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "settings", f'version = 1\nprefer = "only-{self.name}"\n')

    def __str__(self):
        return self.name


WEB = Upstream(
    "web",
    ignored=frozenset({"temperature", "presence_penalty"}),
    own_models=frozenset({"claude-3-7-sonnet-latest", "o4-mini", "grok-3"}),
    several_choices=False,
    embeddings=False,
    unlisted_models=True,
    limits_are_of_a_family=True,
    several_accounts=True,
    said_before_calls="I use a tool.",
    tells_stop_sequences=True,
    thought="echo: <think>hm, so</think>\n\nYes.",
    pictures=(),
)
API = Upstream("api", own_models=frozenset({"claude-sonnet-4-5", "deepseek-v3.1"}), opening_chunks=1)
UPSTREAMS = [WEB, API]
