"""A command line with another behind it: `bundler run web sh -c id`. As with Docker, options end where that begins."""

from collections.abc import Mapping, Sequence
from typing import Any

from bundler.cli.parsing.docker_flags import DockerFlags


class Starter(DockerFlags):
    """A command whose first argument is what it starts, and whose others are a command line for that."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        options: list[Any] = [it for it in self.get_params(ctx) if it.param_type_name == "option"]
        takes = {name: not it.is_flag for it in options for name in (*it.opts, *it.secondary_opts)}
        return list(super().parse_args(ctx, with_separator(args, takes)))


def with_separator(words: Sequence[str], takes: Mapping[str, bool]) -> list[str]:
    """`words` with `--` in front of the second that is no option, if there is none; `takes` says which options have a
    value.
    """
    at, is_named = 0, False
    while at < len(words) and words[at] != "--":
        if words[at].startswith("-") and words[at] != "-":
            at += 2 if _takes_the_next(words[at], takes) else 1
        elif is_named:
            return [*words[:at], "--", *words[at:]]
        else:
            at, is_named = at + 1, True
    return list(words)


def _takes_the_next(word: str, takes: Mapping[str, bool]) -> bool:
    """Whether an option has its value in the next word; of letters behind one dash, what takes one has all the rest."""
    if word.startswith("--"):
        return "=" not in word and takes.get(word, False)
    with_value = next((at for at in range(1, len(word)) if takes.get(f"-{word[at]}")), None)
    return with_value == len(word) - 1
