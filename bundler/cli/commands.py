"""The table of commands. Each is loaded when it is asked for: a command line starts one of them, and not all."""

from collections.abc import Iterator, Mapping
from copy import copy
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from bundler.cli.completion import with_shells
from bundler.cli.parsing.command_behind import Starter
from bundler.cli.parsing.docker_flags import DockerFlags
from bundler.cli.parsing.failures import Command, Resumable


class Group(StrEnum):
    """What a command is for: the boxes of `bundler --help` and the chapters of docs/commands.md, in their order."""

    BUILD = "Build: an image becomes a bundle"
    LOOK = "Look: what images, bundles and machines are like"
    CARRY = "Carry: images and bundles from one machine to another"
    RUN = "Run: by hand, or as a service"
    KEEP = "Keep: bundles and images over the years"


class Row(NamedTuple):
    """A command: its group, its function or family as `module.name` of cli/, and what people type who use it."""

    group: Group
    function: str
    examples: tuple[str, ...]
    kind: type[Command] = Command


COMMANDS: Final = {
    "build": Row(
        Group.BUILD,
        "build.build",
        (
            "bundler build nginx:1.27 -o web",
            "bundler build app.tar --overrides web.yaml --rootfs erofs -o app-2 --link-from app",
            "bundler build nginx:1.27 -p 8080:80 -e TZ=UTC --read-only",
        ),
        DockerFlags,
    ),
    "project": Row(
        Group.BUILD,
        "project.project",
        (
            "bundler project compose.yaml -o shop",
            "bundler project compose.yaml web --rootfs erofs --lock bundler.lock",
            "bundler project compose.yaml -f prod.yaml -e TAG=1.27 --overrides web=web.yaml",
        ),
    ),
    "config": Row(
        Group.BUILD,
        "config.config",
        ("bundler config app.tar", "bundler config nginx:1.27 --overrides web.yaml -u 1000:1000"),
        DockerFlags,
    ),
    "overrides": Row(
        Group.BUILD,
        "overrides.app",
        ("bundler overrides check web.yaml", "bundler overrides from-docker-run -- -p 80:80 --read-only nginx"),
    ),
    "harden": Row(
        Group.BUILD,
        "harden.harden",
        ("bundler harden app.tar > hard.yaml", "bundler harden web", "bundler harden shop -o less"),
    ),
    "lock": Row(
        Group.BUILD,
        "lock.lock",
        (
            "bundler lock app.tar --overrides web.yaml -o app.lock",
            "bundler lock nginx:1.27 --trust policy.yaml",
            "bundler lock --check",
        ),
    ),
    "inspect": Row(
        Group.LOOK,
        "inspect.inspect",
        ("bundler inspect nginx:1.27", "bundler inspect app.tar --json"),
    ),
    "explain": Row(
        Group.LOOK,
        "explain.explain",
        (
            "bundler explain web /process/env",
            "bundler explain --config config.json",
            "bundler explain web --html web.html",
        ),
    ),
    "review": Row(
        Group.LOOK,
        "review.review",
        ("bundler review web", "bundler review web.tar.zst --against old"),
    ),
    "diff": Row(
        Group.LOOK,
        "diff.diff",
        ("bundler diff old new", "bundler diff docker web --json"),
    ),
    "verify": Row(
        Group.LOOK,
        "verify.verify",
        (
            "bundler verify web",
            "bundler verify web.tar.zst --key web.pub",
            "bundler verify shop --lock bundler.lock",
        ),
    ),
    "doctor": Row(
        Group.LOOK,
        "doctor.doctor",
        ("bundler doctor", "bundler doctor web --target-features other.json", "bundler doctor shop"),
    ),
    "fetch": Row(
        Group.CARRY,
        "fetch.fetch",
        (
            "bundler fetch nginx:1.27",
            "bundler fetch registry.example/web:1 --verify-key cosign.pub",
            "bundler fetch registry.example/web:1 --all-platforms --trust policy.yaml",
        ),
        Resumable,
    ),
    "export": Row(
        Group.CARRY,
        "carrying.export",
        (
            "bundler export nginx:1.27 redis:7 -o images.tar",
            "bundler export nginx:1.28 -o update.tar --since images.tar",
        ),
    ),
    "import": Row(
        Group.CARRY,
        "carrying.import_images",
        (
            "bundler import images.tar",
            "bundler import app.tar --name app:1",
            "bundler import layout --name registry.example/web --verify-key cosign.pub",
        ),
        Resumable,
    ),
    "pack": Row(
        Group.CARRY,
        "pack.pack",
        (
            "bundler pack web -o web.tar.zst --sign web.key --attest",
            "bundler pack web --kit -o web-kit",
            "bundler pack shop --kit -o kit",
        ),
    ),
    "unpack": Row(
        Group.CARRY,
        "unpack.unpack",
        (
            "bundler unpack web.tar.zst -o web --key web.pub",
            "bundler unpack web.tar.zst -o web --force --keep-volumes",
        ),
    ),
    "delta": Row(
        Group.CARRY,
        "delta.delta",
        (
            "bundler delta web-1 web-2 -o web.delta",
            "bundler delta web-1.tar.zst web-2.tar.zst -o web.delta --best --sign web.key",
        ),
    ),
    "apply": Row(
        Group.CARRY,
        "delta.apply",
        (
            "bundler apply web.delta web --force",
            "bundler apply web.delta web-1.tar.zst -o web-2.tar.zst --key web.pub",
        ),
    ),
    "push": Row(
        Group.CARRY,
        "push.push",
        (
            "bundler push web docker://registry.example/web:1",
            "bundler push web-2.tar.zst docker://registry.example/web:2 --sign web.key --delta-from web",
        ),
        Resumable,
    ),
    "pull": Row(
        Group.CARRY,
        "pull.pull",
        (
            "bundler pull docker://registry.example/web:1 -o web",
            "bundler pull docker://registry.example/web:2 -o web.tar.zst --key web.pub",
            "bundler pull docker://registry.example/web:2 -o web --from web --force --keep-volumes",
        ),
        Resumable,
    ),
    "repack": Row(
        Group.CARRY,
        "repack.repack",
        ("bundler repack web web:changed", "bundler repack web oci:layout:changed -m 'tuned by hand'"),
    ),
    "run": Row(
        Group.RUN,
        "run.run",
        (
            "bundler run web --ephemeral",
            "bundler run -it --name web -p 8080:80 nginx:1.27 sh -c 'id; exec sh'",
            "bundler run shop",
        ),
        Starter,
    ),
    "unit": Row(
        Group.RUN,
        "unit.unit",
        (
            "bundler unit web",
            "bundler unit web -o /etc/systemd/system",
            "bundler unit shop --directory /srv/shop -o units",
        ),
    ),
    "upgrade": Row(
        Group.KEEP,
        "upgrade.upgrade",
        ("bundler upgrade web nginx:1.28 --dry-run", "bundler upgrade web --commit"),
        DockerFlags,
    ),
    "rollback": Row(
        Group.KEEP,
        "upgrade.rollback",
        ("bundler rollback web", "bundler rollback web --json"),
    ),
    "backup": Row(
        Group.KEEP,
        "backup.backup",
        ("bundler backup web -o data.tar.zst", "bundler backup web -o data.tar.zst --force"),
    ),
    "restore": Row(
        Group.KEEP,
        "backup.restore",
        ("bundler restore data.tar.zst web", "bundler restore data.tar.zst web --force"),
    ),
    "images": Row(
        Group.KEEP,
        "images.images",
        ("bundler images", "bundler images --json"),
    ),
    "rm": Row(
        Group.KEEP,
        "images.remove",
        ("bundler rm nginx:1.27", "bundler rm nginx:1.27 postgres:16"),
    ),
    "gc": Row(
        Group.KEEP,
        "images.collect",
        ("bundler gc", "bundler gc --store /srv/images"),
        Resumable,
    ),
}
# Commands that Docker has others behind, as `images ls`.
DOCKERS_FAMILIES: Final = ("images", "project")


class Family(TyperGroup):
    """Commands behind one word, in the order of their table. `help X` is `X --help`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args[:1] == ["help"]:
            args = [*(args[1:] if args[1:] != ["help"] else []), "--help"]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if not ctx.resilient_parsing:
            self.check(ctx, args)
        return super().resolve_command(ctx, args)

    def check(self, ctx: Any, typed: list[str]) -> None:
        """Raise RequestError for words that begin with none of the commands."""
        if typed[0] not in self.commands and not typed[0].startswith("-"):
            from bundler.cli.parsing.docker_words import nearest, unknown
            from bundler.errors import closest, printable

            hint = nearest(closest(typed[0], self.commands), ctx.command_path)
            if "check" in self.commands and Path(typed[0]).is_file():
                hint = f"did you mean `{ctx.command_path} check {typed[0]}`?"
            raise unknown(typed[0], printable(hint))


class Commands(Family):
    """Those of the table."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: Any = _OnDemand()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return list(super().parse_args(ctx, with_shells(args)))

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 -- click's
        return list(self.commands)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The list of all is that of their descriptions: to load each for its first sentence takes twice as long."""
        listing = copy(self)
        listing.commands = dict(_described())
        super(Commands, listing).format_help(ctx, formatter)

    def check(self, ctx: Any, typed: list[str]) -> None:  # noqa: ARG002 -- its path is the program's name
        first, *behind = typed
        if first.startswith("-") or (first in COMMANDS and not (first in DOCKERS_FAMILIES and behind)):
            return
        from bundler.cli.parsing.docker_words import refusal

        refused = refusal(typed, self.commands)
        if refused is not None:
            raise refused


class _OnDemand(Mapping[str, Any]):
    """click's commands by name. None is made to be counted or listed."""

    def __getitem__(self, name: str) -> Any:
        row = COMMANDS[name]
        loaded = _loaded(row.function)
        if isinstance(loaded, typer.Typer):
            family: Any = typer.main.get_command(loaded)
            family.name, family.epilog, family.rich_help_panel = name, shown(row.examples), row.group
            return family
        alone = typer.Typer(add_completion=False)
        alone.command(name, cls=row.kind, epilog=shown(row.examples), rich_help_panel=row.group)(loaded)
        return typer.main.get_command(alone)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _described() -> Iterator[tuple[str, TyperCommand]]:
    from bundler import data

    table: Any = data.load("commands.json")
    for name, row in COMMANDS.items():
        paragraphs = table["bundler"]["commands"][name]["help"]
        yield name, TyperCommand(name, help="\n\n".join(paragraphs), rich_help_panel=row.group)


def shown(examples: tuple[str, ...]) -> str:
    """Examples as the end of a help page has them, a paragraph each."""
    return "\n\n".join(("Examples:", *examples))


def _loaded(name: str) -> Any:
    module, _, function = name.partition(".")
    return getattr(import_module(f"bundler.cli.{module}"), function)
