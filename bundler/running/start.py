"""Preparing a start: the command line of the runtime, and the reasons why it would fail, found before it is called."""

import json
import os
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from bundler import tools
from bundler.bundles.bundle import Bundle
from bundler.bundles.pieces import check_sources
from bundler.bundles.reach import check_reach
from bundler.bundles.record import part_of
from bundler.bundles.rootfs_image import IMAGE, UPPER, has_image
from bundler.bundles.runtime import asks_systemd, container_name, shared_memory
from bundler.bundles.verification.bundle_verification import changed_pieces, has_built_image
from bundler.bundles.verification.proof import digests
from bundler.bundles.write import encode
from bundler.errors import BundlerError, DifferenceError, RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.running.entry import Entry
from bundler.running.namespace import CHANGED_DESCRIPTOR, MEMORY, NOWHERE, View, in_namespace
from bundler.running.needed import check_there
from bundler.running.rootfs_mount import check_tools_of_a_user
from bundler.running.user_namespace import check_ids
from bundler.runtime_spec.runtime_config import RuntimeConfig
from bundler.targets import RUNTIMES, choose_runtime
from bundler.tools import Tool, ToolFailedError

_TERM = "TERM=xterm"


def with_process(config: RuntimeConfig, arguments: Sequence[str], terminal: bool | None) -> RuntimeConfig:
    """`config` with other `arguments`, if there are any, and with or without a terminal; None leaves that as it is.

    A terminal brings TERM along, as Docker's does. Raises RequestError.
    """
    if not config.has_process:
        raise RequestError("config.json starts no process")
    changed = dict(config.process.members)
    if arguments:
        for word in arguments:
            if any("\ud800" <= char <= "\udfff" for char in word):
                raise RequestError(f"the argument {printable(word[:80])!r} is not UTF-8, and config.json has to be")
        changed["args"] = list(arguments)
    if terminal is not None and terminal != config.process.terminal:
        changed["terminal"] = terminal
        changed.pop("consoleSize", None)
        if terminal and not any(entry.startswith("TERM=") for entry in config.process.env):
            changed["env"] = [*config.process.env, _TERM]
    return config.with_process(changed)


_END: Final = "END OF config.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What the user wants to run. `runtime` is a name or a path, `root` the folder of the runtime's states.

    `terminal` is None for what config.json says; `arguments` take the place of its own when there are any. With
    `replace` an ended container of the same name is deleted first. What an `ephemeral` one writes to its rootfs goes
    to memory, and of a `fresh` one all that is written in the bundle, volumes included. `before` are the names of
    containers that will have started by then.
    """

    bundle: Path
    arguments: Sequence[str] = ()
    name: str | None = None
    runtime: str | None = None
    root: Path | None = None
    detach: bool = False
    pid_file: Path | None = None
    terminal: bool | None = None
    interactive: bool = False
    replace: bool = False
    ephemeral: bool = False
    fresh: bool = False
    as_is: bool = False
    before: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What to call `tool` with first, and the command line that takes this process's place.

    `changed` is the config.json that it reads from CHANGED_DESCRIPTOR; `input` says whether it has our standard input.
    With an `entry`, this process mounts an image before, and what that gives takes the place of `words`.
    `program` is what the container starts, and `platform` what its image is for.
    """

    tool: Tool
    before: tuple[tuple[str, ...], ...]
    words: tuple[str, ...]
    changed: bytes | None
    input: bool
    entry: Entry | None = None
    remarks: tuple[str, ...] = ()
    program: tuple[str, ...] = ()
    platform: str = ""

    def shown(self) -> str:
        """The lines for a shell that do the same, an image by a loop device. Raises RequestError where none do."""
        if self.entry is not None and self.entry.view.user:
            what = "no commands of a shell mount the image of a root filesystem for an ordinary user"
            raise RequestError(what, hint="leave out --dry-run; root's are shown")
        last = shlex.join(self.words) + ("" if self.input else " </dev/null")
        if self.changed is not None:
            last += f" {CHANGED_DESCRIPTOR}<<'{_END}'\n{self.changed.decode()}{_END}"
        return "\n".join([*(shlex.join((tools.require(self.tool), *each)) for each in self.before), last])


def prepare(request: RunRequest, *, terminal_here: bool) -> Start:
    """What to call. `terminal_here` says whether standard input, output or error is a terminal.

    Raises RequestError, DifferenceError for a changed config.json, ToolError without a runtime, BundlerError.
    """
    opened = Bundle.open(request.bundle)
    try:
        config, recorded = opened.config_file.config, opened.config_file.recorded or {}
    except PermissionError:
        raise _not_ours(opened) from None
    check_sources(opened.path, config)  # also where it is run as it is: these paths lead out of the bundle
    if not request.as_is:
        _check_built(opened)
    bundle = str(request.bundle.resolve())
    name = container_name(request.name, recorded, os.path.abspath(request.bundle), "--id / --name")  # noqa: PTH100 -- as it is called
    changed = with_process(config, request.arguments, request.terminal)
    _check_terminal(request, changed, terminal_here=terminal_here)
    user = os.geteuid() != 0
    _check_user(request, config, user=user)
    rootfs = _rootfs(config.root_path, bundle)
    check_reach(request.bundle, config)
    check_there(request.bundle, config, recorded, request.before)
    tool = _choose_runtime(request.runtime, recorded)
    runtime = (
        tools.require(tool),
        *_states(request),
        *(("--systemd-cgroup",) if asks_systemd(config, recorded) else ()),
    )
    before = _make_room(tool, request, name)
    words: tuple[str, ...] = (*runtime, "run", "--bundle", bundle, *_detached(request), name)
    view = _view(request, opened, bundle, rootfs, changed=changed != config)
    entry = None
    if view.image is not None:
        if (request.as_is or not recorded) and not has_built_image(opened):
            raise _other_image(opened)
        if user:
            check_tools_of_a_user()
            check_ids(config, os.geteuid(), os.getegid())
            changed = changed.with_same_ids()
        entry = Entry(view, words, config)
    elif not view.is_plain:
        _check_mapping(config, user=user)
    return Start(
        tool=tool,
        before=before,
        words=words if view.is_plain else in_namespace(words, view),
        changed=encode(changed.document) if view.changed else None,
        input=request.interactive or not request.detach,
        entry=entry,
        remarks=() if request.fresh else _remarks(config, bundle),
        program=changed.process.args,
        platform=str(part_of(recorded, "image").get("platform", "")),
    )


def _not_ours(bundle: Bundle) -> BundlerError:
    """What to raise where this user may not even read the bundle: a bundle's mode is 0700."""
    what = f"{bundle.label} belongs to the user {bundle.path.stat().st_uid}, and this is the user {os.geteuid()}"
    return BundlerError(what, hint="run it as that user; bundler build --rootless makes one for an ordinary user")


def _check_built(bundle: Bundle) -> None:
    """Raise DifferenceError where a container or a hook would use what was not built, or belongs to another user.

    What is in the rootfs takes long to look at, and has no power over the machine.
    """
    hint = "bundler verify looks at all of it; --as-is runs it as it is"
    if bundle.config_file.stale:
        raise DifferenceError(f"{bundle.label}: config.json is not what was built", hint=hint)
    owner = bundle.path.stat().st_uid
    if owner not in (0, os.geteuid()):
        what = f"{bundle.label} belongs to the user {owner}, who may change it at any time"
        raise DifferenceError(what, hint="run it as that user; --as-is runs it as it is")
    recorded = bundle.config_file.recorded
    for change in () if recorded is None else changed_pieces(bundle, recorded):
        is_document = change.path in digests(recorded or {}) and "/" not in change.path and change.path != IMAGE
        is_unused = "/" not in change.path and change.what == "extra"
        if change.keywords or not (is_document or is_unused):
            raise DifferenceError(f"{bundle.label}: {printable(change.path)} is not what was built", hint=hint)


def _other_image(bundle: Bundle) -> DifferenceError:
    """What to raise for an image that is not what was built, whatever else may be run as it is: a kernel's file system
    is no reader of hostile bytes.
    """
    hint = "build it again, or unpack it from where it came; an image is never run as it is"
    return DifferenceError(f"{bundle.label}: {IMAGE} is not what was built", hint=hint)


def _check_terminal(request: RunRequest, config: RuntimeConfig, *, terminal_here: bool) -> None:
    """A runtime copies between two terminals: the container's and ours."""
    if not config.process.terminal:
        return
    if request.detach:
        raise RequestError("a container in the background cannot have a terminal", hint="--no-tty runs it without")
    if not terminal_here:
        raise RequestError(
            "the container is to have a terminal, and there is none here", hint="--no-tty runs it without"
        )


def _check_user(request: RunRequest, config: RuntimeConfig, *, user: bool) -> None:
    if not user:
        return
    if not config.has_namespace("user"):
        label = printable(str(request.bundle))
        raise BundlerError(f"{label} takes root to run", hint="bundler build --rootless makes one for an ordinary user")
    if request.root is None and not os.environ.get("XDG_RUNTIME_DIR"):
        hint = "logging in as this user sets it; --root names another folder of yours"
        raise RequestError("XDG_RUNTIME_DIR is not set, so there is no place for the state of a container", hint=hint)


def _check_mapping(config: RuntimeConfig, *, user: bool) -> None:
    """Inside a user namespace of one id there is no newuidmap, which a runtime needs to give out more than that one."""
    if user and sum(mapping.size for mapping in config.uid_mappings) > 1:
        hint = "--ephemeral, other arguments and another terminal are for root, or for a bundle without --uid-map"
        raise RequestError("an ordinary user's bundle of several ids runs only as it is", hint=hint)


def _view(request: RunRequest, opened: Bundle, bundle: str, rootfs: str, *, changed: bool) -> View:
    """How the bundle is to look for this run. A mounted image has a cover of its own: it lies over all others."""
    record = opened.any_record
    has_one = record is not None and has_image(record.document) and not os.path.ismount(rootfs)
    image = f"{bundle}/{IMAGE}" if has_one else None
    covered = bundle if request.fresh else rootfs if request.ephemeral and image is None else None
    upper = f"{bundle}/{UPPER}" if has_one else NOWHERE
    if has_one and (request.fresh or request.ephemeral):
        upper = MEMORY
    if opened.config.root_is_readonly and upper != MEMORY:
        upper = NOWHERE
    user = os.geteuid() != 0
    changed |= user and has_one  # it says other ids then
    return View(bundle=bundle, rootfs=rootfs, changed=changed, covered=covered, image=image, upper=upper, user=user)


def _rootfs(path: str | None, bundle: str) -> str:
    place = Path(os.path.realpath(Path(bundle, path or "")))  # resolve() fails at a loop
    if path is None or not place.is_dir():
        raise RequestError(f"{printable(bundle)} has no rootfs: {printable(str(place))} is not a directory")
    return str(place)


def _choose_runtime(named: str | None, recorded: Mapping[str, Json]) -> Tool:
    """The one that was named, else the bundle's own target, else the first that is there. Raises ToolError."""
    if named is not None:
        return RUNTIMES.get(named) or Tool(named, minimum=(0, 0, 0), package=None)
    preferred = part_of(recorded, "target").get("runtime")
    return choose_runtime(preferred) or RUNTIMES.get(str(preferred), RUNTIMES["runc"])


def _states(request: RunRequest) -> tuple[str, ...]:
    return () if request.root is None else ("--root", str(request.root.absolute()))


def _detached(request: RunRequest) -> tuple[str, ...]:
    pid_file = () if request.pid_file is None else ("--pid-file", str(request.pid_file.absolute()))
    return (*(("--detach",) if request.detach else ()), *pid_file)


def _make_room(tool: Tool, request: RunRequest, name: str) -> tuple[tuple[str, ...], ...]:
    """What deletes an ended container of this name. Raises RequestError when it may not be deleted."""
    try:
        state = tools.run(tool, *_states(request), "state", name)
    except ToolFailedError:
        return ()  # no container has the name; if it is something else, `run` will say what
    try:
        status = json.loads(state)["status"]
    except (ValueError, LookupError, TypeError):
        status = "there"
    if status == "stopped":
        if request.replace:
            return ((*_states(request), "delete", name),)
        end = "--rm deletes what is left of that one"
    else:
        end = f"`{shlex.join((tool.name, *_states(request), 'delete', '--force', name))}` ends that one"
    raise RequestError(
        f"there is a container {name} already, and it is {printable(str(status))}",
        hint=f"--name gives this one another name; {end}",
    )


def _remarks(config: RuntimeConfig, bundle: str) -> tuple[str, ...]:
    folder = shared_memory(config)
    if folder is None or os.path.ismount(os.path.join(bundle, folder)):  # noqa: PTH118
        return ()
    mount = shlex.join(("mount", "-t", "tmpfs", "-o", "nosuid,nodev,noexec,mode=1777", "shm", f"{bundle}/{folder}"))
    return (f"its shared memory is a folder on disk until memory is mounted there: {printable(mount)}",)
