"""Flags of `docker run` that are no options here: each has its place in an overrides file."""

from typing import Any, Final

import typer

from bundler.cli.parsing.failures import Command, is_unknown
from bundler.errors import RequestError, printable

_WrongUsage: Any = typer.BadParameter.__mro__[1]
_CONVERTED: Final = "`bundler overrides from-docker-run` makes one of a whole line"


class DockerFlags(Command):
    """A command that takes some flags of `docker run`, and says where the others belong."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return list(super().parse_args(ctx, args))
        except _WrongUsage as error:
            from bundler.cli.parsing.other_options import meant_by

            known = is_unknown(error) and (meant_by(error.option_name, ctx.info_name) or hint_at(error.option_name))
            hint = known or None
            if hint is None:
                raise
            raise RequestError(f"no such option: {printable(error.option_name)}", hint=hint) from None


def hint_at(option: str) -> str | None:
    """Where a flag of Docker's belongs; None for what Docker has no flag of."""
    from bundler.overrides.docker_run.flags import ALIASES, FLAGS, SHORT

    name = option.lstrip("-")
    flag = FLAGS.get(ALIASES.get(name, name)) if option.startswith("--") else SHORT.get(name)
    if flag is None:
        return None
    if flag.traceless:
        return f"docker's {flag.spelled} leaves no trace in a bundle: {flag.traceless}"
    place = f"is `{flag.key}` in an overrides file" if flag.key else "belongs in an overrides file"
    return f"docker's {flag.spelled} {place}; {_CONVERTED}"
