"""What the files of a bundle tell about what it needs: gathered in one pass over them, in their order."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from bundler.bundles.bundle import Bundle
from bundler.conversion.process.accounts import Accounts
from bundler.doctor.bundle_facts import accounts_of, open_rootfs, seeker_of
from bundler.doctor.program import ElfChain, Seeker
from bundler.errors import RequestError, printable
from bundler.hardening.known_programs import NAMES, WRITES
from bundler.hardening.survey import survey
from bundler.light_dataclasses import dataclass
from bundler.packing.rootfs_manifest import manifest_lines
from bundler.progress import SILENT, Progress
from bundler.request import BuildRequest
from bundler.rootfs.directories import explain
from bundler.rootfs.home import Home
from bundler.rootfs.mtree import MtreeEntry, parse
from bundler.rootfs.privileged_files import privileged_file
from bundler.runtime_spec.runtime_config import RuntimeConfig

_READ: Final = 64 << 10  # bytes of a script; one that says later what it starts is not understood
_WORD: Final = re.compile(r"[A-Za-z0-9_.+-]+")
_PORT: Final = re.compile(r"[0-9]{1,5}")  # of `80/tcp`, or the first of `80-90`
_REMARK: Final = re.compile(rb"^\s*#.*$", re.MULTILINE)
_MOST: Final = 1000  # files of one kind that are remembered: no honest image has as many


@dataclass(frozen=True, slots=True)
class Folder:
    """A directory that something may be written to, with the owner and the mode that the image gives it."""

    path: str
    uid: int
    gid: int
    mode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """`trail` are the files on the way from `args[0]` to what the kernel runs (doctor/program.py), `words` names of
    known programs that the start of the container speaks of, in its arguments or scripts.

    `set_id` and `capable` are executables that give privileges, the latter with their capabilities. `folders` are
    directories that services write to: those below /run and /var that are not root's, and known ones. `ports` are what
    the image exposes, None where that is not known.
    """

    config: RuntimeConfig
    trail: tuple[str, ...]
    words: frozenset[str]
    accounts: Accounts
    set_id: tuple[str, ...]
    capable: dict[str, tuple[str, ...]]
    folders: tuple[Folder, ...]
    ports: tuple[int, ...] | None


def gather(
    config: RuntimeConfig,
    seeker: Seeker,
    accounts: Accounts,
    entries: Iterable[MtreeEntry],
    ports: tuple[int, ...] | None,
) -> Evidence:
    """`entries` are those of rootfs.mtree. Raises OSError, MtreeError."""
    arguments = config.process.args
    program = seeker.program(arguments[0]) if arguments else ElfChain()
    set_id: list[str] = []
    capable: dict[str, tuple[str, ...]] = {}
    folders: list[Folder] = []
    for entry in entries:
        path = printable(b"/" + entry.path)
        kind, mode = entry.keywords.get(b"type"), int(entry.keywords.get(b"mode", b"0"), 8)
        if kind == b"dir" and len(folders) < _MOST and (folder := _folder(path, mode, entry, folders)):
            folders.append(folder)
        privileged = privileged_file(entry)
        if privileged is None:
            continue
        if privileged.is_set_id and len(set_id) < _MOST:
            set_id.append(path)
        if privileged.capabilities is not None and len(capable) < _MOST:
            capable[path] = tuple(name.removeprefix("CAP_") for name in privileged.capabilities)
    return Evidence(
        config=config,
        trail=program.trail,
        words=frozenset(_words(arguments, program, seeker.tree)),
        accounts=accounts,
        set_id=tuple(set_id),
        capable=capable,
        folders=tuple(folders),
        ports=ports,
    )


def _folder(path: str, mode: int, entry: MtreeEntry, known: list[Folder]) -> Folder | None:
    """The topmost directory of each kind: what is below it goes with it."""
    uid, gid = (int(entry.keywords.get(name, b"0")) for name in (b"uid", b"gid"))
    if path not in WRITES and not (uid != 0 and path.startswith(("/var/", "/run/"))):
        return None
    above = known[-1].path + "/" if known else "\0"
    return None if path.startswith(above) else Folder(path, uid, gid, mode)


def _words(arguments: Sequence[str], program: ElfChain, tree: Home) -> Iterator[str]:
    """Known names in the arguments and in the scripts that are on the way to the program."""
    for text in arguments:
        yield from NAMES & {word.rpartition("/")[2] for word in re.split(r"[\s;&|()]+", text)}
    for path in program.trail:
        yield from NAMES & {path.rpartition("/")[2]}
        content = _REMARK.sub(b"", _script(tree, path)).decode("utf-8", "replace")
        yield from NAMES & set(_WORD.findall(content))


def _script(tree: Home, path: str) -> bytes:
    """The beginning of a script; empty for anything else."""
    try:
        content = tree.read(os.fsencode(path.lstrip("/")), _READ)
    except OSError:  # printable() has changed its name, or this user may not read it
        return b""
    return content if content.startswith(b"#!") else b""


def look_into(bundle: Bundle) -> Evidence:
    """Raises RequestError where this is no bundle with a manifest, BundlerError where it cannot be read."""
    config = bundle.config_file.config
    try:
        with open_rootfs(bundle) as tree:
            accounts = accounts_of(tree) or Accounts()
            return gather(config, seeker_of(tree, config), accounts, _entries(bundle), None)
    except ValueError as error:
        raise RequestError(f"{printable(str(bundle.path / 'rootfs.mtree'))}: {error}") from None
    except OSError as error:
        raise explain(error, bundle.label) from error


def look_into_image(request: BuildRequest, *, progress: Progress = SILENT) -> tuple[Evidence, str]:
    """The evidence of the bundle that `request` would make, and the image's name. Raises what `build` raises."""
    with survey(request, progress=progress) as surveyed:
        config, image = surveyed.runtime_config, surveyed.image
        ports = tuple(int(digits[0]) for text in image.image_config.exposed_ports if (digits := _PORT.match(text)))
        evidence = gather(config, seeker_of(surveyed.tree, config), surveyed.accounts, surveyed.entries, ports)
        return evidence, image.name or str(image.id)


def _entries(bundle: Bundle) -> Iterator[MtreeEntry]:
    manifest = bundle.path / "rootfs.mtree"
    if not os.path.lexists(manifest):
        raise RequestError(
            f"{printable(str(manifest))} is not there, so nothing is known of the files' privileges",
            hint="bundler build writes it; an image can be named instead",
        )
    return parse(manifest_lines(bundle))
