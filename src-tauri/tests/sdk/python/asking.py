"""The questions that the tests ask. The simulator behind `--demo` repeats what follows `echo:`."""

# Both upstreams have it.
MODEL = "gpt-4.1"


def user(text):
    return [{"role": "user", "content": text}]


def echo(text, fault=None):
    """A question that is answered with exactly `text`, after the simulator has played `fault`."""
    return user(f"sim: {fault}\necho: {text}" if fault else f"echo: {text}")


def joined(chunks):
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
