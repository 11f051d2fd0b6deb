"""`bundler project`: a compose project becomes one folder, a bundle for each of its containers."""

from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bundler.cli.build import CheckReproducibleOption, LockedOption, LockOption, RootfsOption, VerityOption
from bundler.cli.options.access import AccessOptions
from bundler.cli.options.bundle import DiscardVolumesOption, TargetOption, old_volumes, option_words
from bundler.cli.options.spread import spread
from bundler.cli.output.console import note, note_imported, remark, remark_skipped
from bundler.cli.output.report import ReportOptions
from bundler.cli.parsing.failures import ignore_interruptions
from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bundler import BuildRequest
    from bundler.bundles.replacement.stage import Stage
    from bundler.project.project import ProjectRequest
    from bundler.project_building import BuiltProject

_MANY: Final = 4  # copies that are worth a word
_FILES = "Compose files, and what of them is started"

FileArgument = Annotated[str, typer.Argument(metavar="FILE", help="A compose file; - is standard input.")]
ServicesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SERVICE...",
        help="Services, with all that they depend on; if absent, all that have no profile.",
        show_default=False,
    ),
]
FilesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--file", "-f", metavar="FILE", help="A compose file to lay over FILE. May be repeated.", rich_help_panel=_FILES
    ),
]
EnvOption = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        "-e",
        metavar="NAME=VALUE",
        help="A variable of the compose file. May be repeated.",
        rich_help_panel=_FILES,
    ),
]
EnvFileOption = Annotated[
    list[str] | None,
    typer.Option(
        "--env-file",
        metavar="FILE",
        help="A file of such variables, as compose's .env. May be repeated.",
        rich_help_panel=_FILES,
    ),
]
ProfileOption = Annotated[
    list[str] | None,
    typer.Option(
        "--profile",
        metavar="PROFILE",
        help="Start the services of a profile, too; * is all. May be repeated.",
        rich_help_panel=_FILES,
    ),
]
NameOption = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="The project's name; if absent, that in the file, or of the file's folder.",
        show_default=False,
        rich_help_panel=_FILES,
    ),
]
SubnetOption = Annotated[
    str | None,
    typer.Option(
        "--subnet",
        metavar="SUBNET",
        help="Where the networks are that name no subnet; if absent, 10.92.0.0/14.",
        show_default=False,
    ),
]
NetworkOption = Annotated[
    list[str] | None,
    typer.Option(
        "--network",
        metavar="NAME=BRIDGE:SUBNET",
        help="The bridge of the machine that an external network is, with its subnet; or NAME=FILE.conflist, the CNI "
        "plugins that connect it. May be repeated.",
    ),
]
VolumeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--volume",
        metavar="NAME=/FOLDER",
        help="The folder of the machine that an external volume is. May be repeated.",
    ),
]
OverridesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--overrides",
        metavar="SERVICE=FILE",
        help="An overrides file above what the compose files say of a service. May be repeated.",
    ),
]


OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="DIR", help="The project's directory; if absent, its name, here.", show_default=False
    ),
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Replace a project that is there already; its volumes stay.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectOptions(AccessOptions):
    """Compose files, and what their bundles are to be like."""

    file: FilesOption = None
    env: EnvOption = None
    env_file: EnvFileOption = None
    profile: ProfileOption = None
    name: NameOption = None
    subnet: SubnetOption = None
    network: NetworkOption = None
    volume: VolumeOption = None
    overrides: OverridesOption = None
    target: TargetOption = None
    rootfs: RootfsOption = None
    verity: VerityOption = False

    def request(self, **more: Any) -> "BuildRequest":
        """What all bundles have in common. Raises RequestError."""
        rootfs = None if self.rootfs is None else self.rootfs.value
        return AccessOptions.request(self, target=self.target, rootfs=rootfs, verity=self.verity, **more)

    def project(self, compose_file: str, services: list[str]) -> "ProjectRequest":
        """The project that is asked for. Raises RequestError."""
        from bundler.project.external_networks import parse_external
        from bundler.project.project import ProjectRequest
        from bundler.subnets import OF_PROJECTS

        return ProjectRequest(
            files=[compose_file, *(self.file or ())],
            assignments=self.env or (),
            env_files=self.env_file or (),
            name=self.name,
            services=services,
            profiles=self.profile or (),
            pool=OF_PROJECTS if self.subnet is None else _subnet(self.subnet),
            networks={name: parse_external(text) for name, text in self._networks()},
            external=dict(_pair(word, "--volume", "NAME=/FOLDER", "/", "rows=/srv/rows") for word in self.volume or ()),
        )

    def _networks(self) -> "Iterator[tuple[str, str]]":
        for word in self.network or ():
            yield _pair(word, "--network", "NAME=BRIDGE:SUBNET", example="proxy=br-proxy:10.96.0.0/24")

    def overrides_by_service(self) -> dict[str, list[str | Path]]:
        """The overrides files of each service, in their order. Raises RequestError."""
        files: dict[str, list[str | Path]] = {}
        for word in self.overrides or ():
            service, file = _pair(word, "--overrides", "SERVICE=FILE")
            files.setdefault(service, []).append(file)
        return files


def _subnet(text: str) -> IPv4Network:
    try:
        return IPv4Network(text)
    except ValueError:
        hint = "for example --subnet 10.92.0.0/14"
        raise RequestError(f"--subnet: {printable(text[:60])!r} is not an IPv4 subnet", hint=hint) from None


def _pair(word: str, option: str, form: str, start: str = "", example: str = "web=web.yaml") -> tuple[str, str]:
    name, _, value = word.partition("=")
    if not name or not value.startswith(start) or not value:
        hint = f"for example {option} {example}"
        raise RequestError(f"{option}: {printable(word[:60])!r} is not {form}", hint=hint)
    return name, value


@spread
def project(
    compose_file: FileArgument,
    services: ServicesArgument = None,
    *,
    options: ProjectOptions,
    output: OutputOption = None,
    force: ForceOption = False,
    discard_volumes: DiscardVolumesOption = False,
    check_reproducible: CheckReproducibleOption = False,
    lock: LockOption = None,
    locked: LockedOption = False,
    reporting: ReportOptions,
) -> None:
    """Make a folder of bundles from a compose file: one for each container that compose would start.

    Addresses are chosen now, so that names need no server: they stand in each /etc/hosts. Named volumes, configs and
    secrets are in the folder. It appears whole or not at all; its path is printed on standard output.
    """
    from bundler.bundles.replacement.replaced_file import replace_file
    from bundler.project.project import read_project
    from bundler.project_building import build_project
    from bundler.reproducible.lock import NAME, check_lock_place
    from bundler.reproducible.project_lock import describe_project, load_project_lock

    report = reporting.of("project")
    if check_reproducible and "-" in (compose_file, *(options.file or ())):
        raise RequestError("--check-reproducible reads everything twice, and standard input can be read once")
    if lock is not None and not locked:
        check_lock_place(lock)
    read = load_project_lock(lock or Path(NAME)) if locked else None
    wanted = read_project(options.project(compose_file, services or []))
    if not options.quiet:
        note_imported(wanted.remarks)
    request = options.request()
    words = [f"--name={wanted.record.name}", *(["--locked", f"--lock={lock or NAME}"] if locked else [])]
    with options.bars() as progress:
        built = build_project(
            wanted,
            request,
            output or Path(wanted.record.name),
            overrides=options.overrides_by_service(),
            lock=read,
            replace=force,
            volumes=old_volumes(force=force, keep=force, discard=discard_volumes),
            progress=progress,
            check=_second_build(
                [*option_words(options), *words, "--", compose_file, *(services or [])], wanted=check_reproducible
            ),
            before_publishing=ignore_interruptions,
        )
    if lock is not None and not locked:
        replace_file(lock, describe_project(built.inputs, built.images, built.record.files, request.trust))
    _remark_all(built, quiet=options.quiet)
    if report is not None:
        report.show(_plain(built))
    else:
        typer.echo(printable(str(built.path)))


def _remark_all(built: "BuiltProject", *, quiet: bool) -> None:
    for runtime_config in built.runtime_configs.values():
        remark(runtime_config, quiet=quiet)
    remark_skipped(built.skipped, quiet=quiet)
    if built.copied >= _MANY and not quiet:
        note(f"{built.copied} root filesystems are copies of others: with --rootfs erofs, each image is there once")


def _second_build(words: list[str], *, wanted: bool) -> "Callable[[Stage], None]":
    """What builds the project of these `words` again, if that is wanted."""
    from bundler.reproducible.reproduction import compare_projects
    from bundler.reproducible.second_build import check_reproducible

    return lambda stage: check_reproducible(stage, words, "project", compare_projects) if wanted else None


def _plain(built: "BuiltProject") -> dict[str, object]:
    return {
        "path": str(built.path),
        "name": built.record.name,
        "digest": built.record.digest,
        "services": [
            {
                "name": bundle.name,
                "service": bundle.service,
                "image": str(built.inputs[bundle.name].image_config.digest),
            }
            for bundle in built.record.bundles
        ],
    }
