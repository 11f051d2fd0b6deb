"""Settings without a file: options that are flags of `docker run`, in its own grammar."""

import os
from collections.abc import Collection
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

import typer

from bundler.cli.options.bundle import BundleOptions
from bundler.errors import RequestError
from bundler.light_dataclasses import dataclass

if TYPE_CHECKING:
    from bundler import BuildRequest
    from bundler.overrides.docker_run.one_off import Settings

SETTINGS: Final = "Settings as docker run has them, above all overrides"


def _flag(*names: str, metavar: str | None = None, help: str) -> Any:  # noqa: A002 -- typer's
    return typer.Option(*names, metavar=metavar, help=help, show_default=False, rich_help_panel=SETTINGS)


EnvOption = Annotated[
    list[str] | None,
    _flag(
        "--env", "-e", metavar="NAME[=VALUE]", help="A variable; without a value, this environment's. May be repeated."
    ),
]
PublishOption = Annotated[
    list[str] | None,
    _flag(
        "--publish",
        "-p",
        metavar="[IP:]PORT:PORT[/udp]",
        help="A port of the machine that leads to one of the container's, on `--network bridge` unless another network "
        "is chosen. May be repeated.",
    ),
]
VolumeOption = Annotated[
    list[str] | None,
    _flag(
        "--volume",
        "-v",
        metavar="SOURCE:PATH[:ro]",
        help="A directory of the machine, or by a name one in the bundle, that is mounted at PATH. May be repeated.",
    ),
]
UserOption = Annotated[str | None, _flag("--user", "-u", metavar="USER[:GROUP]", help="Who the process is.")]
WorkdirOption = Annotated[str | None, _flag("--workdir", "-w", metavar="PATH", help="Where the process starts.")]
NameOption = Annotated[
    str | None,
    _flag(
        "--name",
        metavar="NAME",
        help="What the container is called; with --from-inspect, which of its containers, by name or id.",
    ),
]
ReadOnlyOption = Annotated[bool, _flag("--read-only", help="Leave nothing of the root file system to be written to.")]
CapAddOption = Annotated[
    list[str] | None, _flag("--cap-add", metavar="CAP", help="A capability more than Docker's. May be repeated.")
]
CapDropOption = Annotated[
    list[str] | None, _flag("--cap-drop", metavar="CAP", help="A capability less, or ALL. May be repeated.")
]
NetworkOption = Annotated[
    str | None,
    _flag(
        "--network",
        "--net",
        metavar="bridge|host|none",
        help="bundler's own bridge, the machine's network, or none; if absent, one that leads nowhere.",
    ),
]


FLAGS: Final = ("env", "publish", "volume", "user", "workdir", "name", "read-only", "cap-add", "cap-drop", "network")


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsOptions(BundleOptions):
    """An image, how it is reached, and what its bundle is to be like, by files and by flags of `docker run`."""

    names_container: ClassVar[bool] = True
    flags: ClassVar[tuple[str, ...]] = FLAGS

    env: EnvOption = None
    publish: PublishOption = None
    volume: VolumeOption = None
    user: UserOption = None
    workdir: WorkdirOption = None
    name: NameOption = None
    read_only: ReadOnlyOption = False
    cap_add: CapAddOption = None
    cap_drop: CapDropOption = None
    network: NetworkOption = None

    def request(self, **more: Any) -> "BuildRequest":
        return BundleOptions.request(self, settings=self._settings(), **more)

    def _settings(self) -> "Settings | None":
        """What the flags say. Raises RequestError."""
        flags = [(flag, value) for flag in self.flags for value in self._values(flag)]
        if not flags:
            return None
        from bundler.overrides.docker_run.environment import Client
        from bundler.overrides.docker_run.one_off import convert

        return convert(flags, Client(environment=dict(os.environ), folder=str(Path.cwd())))

    def _values(self, flag: str) -> list[str]:
        """What was given of a flag, as Docker takes it."""
        value = getattr(self, flag.replace("-", "_"))
        if value in (None, False) or (flag == "name" and self.from_inspect is not None):
            return []
        return value if isinstance(value, list) else ["true" if value is True else value]


def check_no_settings(options: BundleOptions, but: Collection[str], *, what: str) -> None:
    """Raise RequestError for an option, `but` for some, that is for a build; `what` says why there is none."""
    usual = type(options)()
    for option in fields(options):
        if option.name not in but and getattr(options, option.name) != getattr(usual, option.name):
            raise RequestError(
                f"--{option.name.replace('_', '-')} is for an image, and {what}",
                hint="build it anew with that option, or name an image",
            )
