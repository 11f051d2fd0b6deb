"""`/process`: what runs, as whom, where and with which limits (runtime-spec config.md, process)."""

import posixpath
import re
from dataclasses import replace
from typing import Final

from bundler.conversion.process.accounts import find_group, identify
from bundler.conversion.process.init import init_warnings, init_words
from bundler.conversion.resources import cdi
from bundler.conversion.rule import ABSENT, Inputs, RuleResult, array, whole
from bundler.errors import ImageError, RequestError, printable
from bundler.origins import UNSET, Json, Origin, Sourced, beating
from bundler.overrides.node import Node

# proc(5): what is open in a process, its own directory and root; /dev/fd and its kin are symlinks to these.
_OF_A_PROCESS: Final = re.compile(r"/proc/(self|thread-self|[0-9]+)(/|\Z)|/dev/(fd|stdin|stdout|stderr)(/|\Z)")
_SHOWN: Final = 100  # characters of a path that a message repeats


def args(inputs: Inputs) -> RuleResult:
    """Entrypoint and command in one list, as Docker joins them.

    The image's command runs where no words of another one are given, unless an entrypoint with words takes its place:
    a `command` without any is none, and an `entrypoint` without any takes the image's away.
    """
    image = inputs.image_config
    entrypoint, command = inputs.overrides.get("entrypoint"), inputs.overrides.get("command")
    if command is not UNSET and not command.items():
        command = UNSET
    keeps_command = command is UNSET and (entrypoint is UNSET or not entrypoint.items())
    words: list[Sourced[Json]] = []
    beaten = inputs.image_origin("Entrypoint") if image.entrypoint else None
    if command is UNSET and not keeps_command and image.cmd:
        dropped = inputs.image_origin("Cmd")
        beaten = beating(beaten, dropped) if beaten else dropped
    if entrypoint is not UNSET:
        words += _words(entrypoint, beaten)
    else:
        words += [inputs.from_image("Entrypoint", word) for word in image.entrypoint]
    if [word.value for word in words] == [""]:
        words = []  # docker's way to clear an entrypoint: one empty word
    if command is not UNSET:
        below = inputs.image_origin("Cmd") if image.cmd else None
        words += _words(command, below)
    elif keeps_command:
        words += [inputs.from_image("Cmd", word) for word in image.cmd]
    if not words:
        raise RequestError(
            "no command: neither the image nor the overrides say what to run", hint="give command: in an overrides file"
        )
    return replace(array([*init_words(inputs), *words]), warnings=init_warnings(inputs))


def _words(node: Node, below: Origin | None) -> list[Sourced[Json]]:
    """The words of a list that took the place of lower files' lists, and of `below`."""
    beaten = below if node.origin.beat is None else beating(node.origin.beat, below)
    return [Sourced(word.value, beating(word.origin, beaten)) for word in node.items()]


def cwd(inputs: Inputs) -> RuleResult:
    """The working directory, cleaned of `..` and trailing slashes as Docker does; a symlink in it stays as spelled."""
    override, below = inputs.overrides.get("working_dir"), inputs.profile.origin("/process/cwd")
    if inputs.image_config.working_dir:
        below = beating(inputs.image_origin("WorkingDir"), below)
    if override is not UNSET:
        return _warned(whole(_absolute(override.text()), beating(override.origin, below)))
    return _warned(whole(_absolute(inputs.image_config.working_dir or "/"), below))


def _warned(directory: RuleResult) -> RuleResult:
    """CVE-2024-21626: what runc before 1.1.12 has open, a folder of the machine among it, is the container's, too."""
    if not _OF_A_PROCESS.match(str(directory.value)):
        return directory
    where = printable(directory.origins[""].where)
    what = f"{where}: the working directory {printable(str(directory.value)[:_SHOWN])} is one that a process has open"
    return replace(directory, warnings=(f"{what}: with runc before 1.1.12 it may be a folder of the machine",))


def _absolute(path: str) -> str:
    # A relative WorkingDir is legal in an image config. Docker makes it below the root, and leaves it to fail in runc.
    if "\0" in path:
        raise ImageError("the working directory holds a NUL")
    return posixpath.normpath("/" + path.lstrip("/"))


def user(inputs: Inputs) -> RuleResult:
    """uid, gid and additionalGids, the last starting with the primary gid as dockerd writes them.

    The names are those of the rootfs (image-spec conversion.md); what it does not know is an error, never root.
    """
    override = inputs.overrides.get("user")
    if override is not UNSET:
        below = inputs.image_origin("User") if inputs.image_config.user else None
        specification, origin = override.text(), beating(override.origin, below)
    else:
        specification, origin = inputs.image_config.user, inputs.image_origin("User")
    try:
        identity = identify(inputs.accounts, specification)
    except (ImageError, RequestError) as error:
        raise (RequestError if override is not UNSET else ImageError)(
            f"{_where(origin)}{error.what}", hint=error.hint
        ) from None
    groups = [Sourced(gid, origin) for gid in (identity.gid, *identity.groups)]
    for node in inputs.overrides.items("group_add"):
        try:
            groups.append(Sourced(find_group(inputs.accounts, node.text()), node.origin))
        except (ImageError, RequestError) as error:
            raise node.error(f"group_add: {error.what}", hint=error.hint) from None
    groups += cdi.groups(inputs)
    origins = {"": origin} | {f"/additionalGids/{index}": group.origin for index, group in enumerate(groups)}
    value: dict[str, Json] = {"uid": identity.uid, "gid": identity.gid}
    mask = inputs.overrides.get("umask")
    if mask is not UNSET:
        value["umask"] = mask.value
        origins["/umask"] = mask.origin
    return RuleResult(value | {"additionalGids": [group.value for group in groups]}, origins)


def _where(origin: Origin) -> str:
    return (
        f"{origin.where}: user: " if origin.source == "overrides" else f"USER of image {printable(origin.where[:19])}: "
    )


def console_size(inputs: Inputs) -> RuleResult:
    """`/process/consoleSize`, which dockerd writes for a process with a terminal only."""
    node = inputs.overrides.get("console_size")
    return ABSENT if node is UNSET or not inputs.overrides.is_true("tty") else whole(node.plain(), node.origin)


def apparmor_profile(inputs: Inputs) -> RuleResult:
    """`/process/apparmorProfile`: as Docker, only for a target with AppArmor; elsewhere a runtime refuses to start."""
    if not inputs.target.apparmor:
        return ABSENT
    override, default = inputs.overrides.get("apparmor"), inputs.profile.get("/process/apparmorProfile")
    below = None if default is UNSET else default.origin
    if override is not UNSET:
        return whole(override.text(), beating(override.origin, below))
    if inputs.overrides.is_true("privileged"):
        return whole("unconfined", beating(inputs.overrides.entries["privileged"].origin, below))
    return ABSENT if default is UNSET else whole(default.value, default.origin)


def rlimits(inputs: Inputs) -> RuleResult:
    """`/process/rlimits` (POSIX process), sorted by type as Docker sorts them; Docker sets none by itself."""
    node = inputs.overrides.get("ulimits")
    if node is UNSET:
        return ABSENT
    limits = []
    for name, limit in sorted(node.entries().items()):
        hard, soft = limit.entries()["hard"].value, limit.entries()["soft"].value
        limits.append(Sourced({"type": f"RLIMIT_{name.upper()}", "hard": hard, "soft": soft}, limit.origin))
    return array(limits)
