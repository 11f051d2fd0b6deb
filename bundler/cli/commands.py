"""The table of commands. Each is loaded when it is asked for: a command line starts one of them, and not all."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Final, NamedTuple

import typer
from typer.core import TyperGroup

from bundler.cli.failures import Command, Resumable


class Row(NamedTuple):
    """A command: its function, as `module.name` of cli/, and what people type who use it."""

    function: str
    examples: tuple[str, ...]
    kind: type[Command] = Command


COMMANDS: Final = {
    "build": Row("build.build", ("bundler build nginx:1.27 -o web", "bundler build app.tar --overrides web.yaml")),
    "config": Row("config.config", ("bundler config app.tar", "bundler config nginx:1.27 --overrides web.yaml")),
    "inspect": Row("inspect.inspect", ("bundler inspect nginx:1.27", "bundler inspect app.tar --json")),
    "explain": Row("explain.explain", ("bundler explain web /process/env", "bundler explain --config config.json")),
    "diff": Row("diff.diff", ("bundler diff old new", "bundler diff docker web --json")),
    "verify": Row("verify.verify", ("bundler verify web", "bundler verify web.tar.zst --lock bundler.lock")),
    "doctor": Row("doctor.doctor", ("bundler doctor", "bundler doctor web --target-features other.json")),
    "harden": Row("harden.harden", ("bundler harden app.tar > hard.yaml", "bundler harden web")),
    "lock": Row("lock.lock", ("bundler lock nginx:1.27", "bundler lock app.tar --overrides web.yaml -o app.lock")),
    "fetch": Row("fetch.fetch", ("bundler fetch nginx:1.27", "bundler fetch nginx:1.27 --all-platforms"), Resumable),
    "images": Row("images.images", ("bundler images", "bundler images --json")),
    "rm": Row("images.remove", ("bundler rm docker.io/library/nginx:1.27",)),
    "gc": Row("images.collect", ("bundler gc",), Resumable),
    "pack": Row("pack.pack", ("bundler pack web -o web.tar.zst", "bundler pack web --kit -o web-kit")),
    "unpack": Row("unpack.unpack", ("bundler unpack web.tar.zst -o web",)),
    "upgrade": Row("upgrade.upgrade", ("bundler upgrade web nginx:1.28 --dry-run", "bundler upgrade web --commit")),
    "rollback": Row("upgrade.rollback", ("bundler rollback web",)),
    "backup": Row("backup.backup", ("bundler backup web -o data.tar.zst",)),
    "restore": Row("backup.restore", ("bundler restore data.tar.zst web --force",)),
    "repack": Row("repack.repack", ("bundler repack web web:changed",)),
    "run": Row("run.run", ("bundler run web", "bundler run web --ephemeral -- sh -c 'id; ls'")),
    "unit": Row("unit.unit", ("bundler unit web", "bundler unit web -o /etc/systemd/system")),
}
GROUPS: Final = {"overrides": "overrides.app"}


class Commands(TyperGroup):
    """Those of the tables, in their order."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: Any = _OnDemand()

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 -- click's
        return list(self.commands)


class _OnDemand(Mapping[str, Any]):
    """click's commands by name. None is made to be counted or listed."""

    def __getitem__(self, name: str) -> Any:
        if name in GROUPS:
            group = typer.main.get_command(_loaded(GROUPS[name]))
            group.name = name
            return group
        row = COMMANDS[name]
        alone = typer.Typer(add_completion=False)
        alone.command(name, cls=row.kind, epilog=shown(row.examples))(_loaded(row.function))
        return typer.main.get_command(alone)

    def __iter__(self) -> Iterator[str]:
        return iter((*COMMANDS, *GROUPS))

    def __len__(self) -> int:
        return len(COMMANDS) + len(GROUPS)


def shown(examples: tuple[str, ...]) -> str:
    """Examples as the end of a help page has them, a paragraph each."""
    return "\n\n".join(("Examples:", *examples))


def _loaded(name: str) -> Any:
    module, _, function = name.partition(".")
    return getattr(import_module(f"bundler.cli.{module}"), function)
