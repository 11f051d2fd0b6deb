"""The one door to outside programs: find them, check their version, run them, explain how they failed."""

import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, NoReturn

from bundler.errors import BundlerError, ToolError, printable
from bundler.light_dataclasses import dataclass
from bundler.program import NO_INPUT, HeldBack, Program, Watched, started

# A program gets nothing from bundler's environment but what it is documented to read: where to find its own files,
# proxies and certificates. The locale is fixed, so messages can be matched on any machine.
_PASSED_ON: Final = (
    *("PATH", "HOME", "USER", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "DOCKER_HOST", "DOCKER_CERT_PATH"),
    *("CONTAINERS_CONF", "CONTAINERS_REGISTRIES_CONF", "CONTAINERS_STORAGE_CONF", "STORAGE_DRIVER", "GNUPGHOME"),
)
_LOGGED: Final = re.compile(r'level=(?:fatal|error) msg="((?:[^"\\]|\\.)*)"')
_ESCAPED: Final = re.compile(r'\\(["\\])')
# 2026-01-02T03:04:05Z and 2026/01/02 03:04:05 in front, umoci's cross, and a word for how bad it is.
_FRAME: Final = re.compile(r"^(?:[0-9]{4}[-/][0-9TZ:./ +-]+)?\s*(?:\u2a2f |\[?(?:fatal|error|FATAL|ERROR)\]?:? )?")
_LARGEST_OUTPUT: Final = 16 << 20  # bytes; far more than any of them prints of itself


@dataclass(frozen=True, slots=True)
class Tool:
    """A program, the oldest version bundler works with, and the Debian package that has it, if there is one.

    `asked` is what makes it say its version; None for a program that never does, which is then taken as it is. `umask`
    is the one it runs with, where that would show in what it makes; -1 for ours.
    """

    name: str
    minimum: tuple[int, int, int]
    package: str | None
    asked: str | None = "--version"
    umask: int = -1

    @property
    def install_hint(self) -> str:
        if self.package is None:
            return "name one that is on PATH, or the path of a program"
        return f"install it, on Debian with: apt install {self.package}"


SKOPEO: Final = Tool("skopeo", minimum=(1, 9, 0), package="skopeo")
UMOCI: Final = Tool("umoci", minimum=(0, 4, 7), package="umoci", umask=0o022)
MKSQUASHFS: Final = Tool("mksquashfs", minimum=(4, 4, 0), package="squashfs-tools", asked="-version")
MKFS_EROFS: Final = Tool("mkfs.erofs", minimum=(1, 5, 0), package="erofs-utils", asked=None)
EROFSFUSE: Final = Tool("erofsfuse", minimum=(0, 0, 0), package="erofsfuse", asked=None)
GZIP: Final = Tool("gzip", minimum=(1, 3, 0), package="gzip")
NEWUIDMAP: Final = Tool("newuidmap", minimum=(0, 0, 0), package="uidmap", asked=None)
NEWGIDMAP: Final = Tool("newgidmap", minimum=(0, 0, 0), package="uidmap", asked=None)


def environment() -> dict[str, str]:
    """What a child process sees of our environment."""
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return passed_on | {"LC_ALL": "C.UTF-8", "TZ": "UTC"}


@cache
def require(tool: Tool) -> str:
    """The path of `tool` on PATH. Raises ToolError when it is missing or older than its minimum."""
    return _found(tool)[0]


@cache
def version(tool: Tool) -> tuple[int, ...]:
    """The version of `tool` on PATH: major, minor, patch. Raises ToolError like `require`."""
    return _found(tool)[1]


def _found(tool: Tool) -> tuple[str, tuple[int, ...]]:
    path = shutil.which(tool.name)
    wanted = ".".join(map(str, tool.minimum))
    if path is None:
        needed = f"{printable(tool.name)} {wanted} or newer" if any(tool.minimum) else printable(tool.name)
        where = "is no program that can be run" if "/" in tool.name else "is needed and is not on PATH"
        raise ToolError(f"{needed} {where}", hint=tool.install_hint)
    if tool.asked is None:
        return path, tool.minimum
    try:
        with started([path, tool.asked], environment(), output_limit=_LARGEST_OUTPUT) as program, _expected(tool):
            ended = program.wait()
    except OSError as error:
        raise ToolError(f"{path} cannot be run: {error.strerror}", hint=tool.install_hint) from None
    match = re.search(rb"(\d+)\.(\d+)(?:\.(\d+))?", ended.output + ended.errors)
    if match is None:
        raise ToolError(f"{path} {tool.asked} does not say its version", hint=tool.install_hint)
    numbers = tuple(int(number or 0) for number in match.groups())
    if numbers < tool.minimum:
        stated = ".".join(map(str, numbers))
        raise ToolError(f"{path} is version {stated}, {wanted} or newer is needed", hint=tool.install_hint)
    return path, numbers


@dataclass(frozen=True, slots=True)
class Running:
    """A program that was started; `wait` returns its standard output or raises ToolError."""

    tool: Tool
    program: Program

    def ends_within(self, seconds: float) -> bool:
        """Whether it has ended, after so long at the most. Raises ToolError if it prints too much."""
        with _expected(self.tool):
            return self.program.ends_within(seconds)

    def wait(self) -> bytes:
        """Its standard output once it has ended."""
        with _expected(self.tool):
            ended = self.program.wait()
        if ended.returncode != 0:
            raise ToolFailedError(self.tool, ended.returncode, ended.errors)
        return ended.output


class ToolFailedError(ToolError):
    """A program ran and said no. `stderr` is what it printed, for callers that know its messages."""

    def __init__(self, tool: Tool, returncode: int, stderr: bytes) -> None:
        self.returncode = returncode
        self.stderr = stderr.decode("utf-8", "replace").strip()
        how = f"was ended by signal {-returncode}" if returncode < 0 else f"failed with exit code {returncode}"
        super().__init__(f"{tool.name} {how}: {printable(self.reason)}")

    @property
    def reason(self) -> str:
        """The last that it said, without the frame that a logger has put around it (logrus's, glog's, a time)."""
        logged = _LOGGED.findall(self.stderr)
        if logged:
            return _ESCAPED.sub(r"\1", logged[-1])
        lines = self.stderr.splitlines()
        return _FRAME.sub("", lines[-1]) if lines else "it printed no reason"


class TooMuchOutputError(ToolError):
    """A program printed more than there was room for."""


@contextmanager
def _expected(tool: Tool) -> Iterator[None]:
    try:
        yield
    except OverflowError:
        raise TooMuchOutputError(f"{printable(tool.name)} printed more than there is room for") from None


@contextmanager
def start(
    tool: Tool,
    arguments: Sequence[str | os.PathLike[str]],
    *,
    inherited: Sequence[int] = (),
    output_limit: int = _LARGEST_OUTPUT,
    largest_file: int | None = None,
    changed: Mapping[str, str] = MappingProxyType({}),
    standard_input: int = NO_INPUT,
) -> Iterator[Running]:
    """Run `tool` for as long as the context lasts; leaving it early ends the program first.

    The descriptors `inherited` stay open in it: a lock on one of them is held until the program has ended, also when
    bundler itself is killed. `changed` are variables of its environment; the limits, and the open file that is its
    `standard_input`, are those of `started`.
    """
    with started(
        [require(tool), *arguments],
        environment() | dict(changed),
        output_limit=output_limit,
        umask=tool.umask,
        inherited=inherited,
        largest_file=largest_file,
        standard_input=standard_input,
    ) as program:
        yield Running(tool, program)


def run(tool: Tool, *arguments: str | os.PathLike[str], inherited: Sequence[int] = ()) -> bytes:
    """Run `tool` to its end and return its standard output; `inherited` as for `start`. Raises ToolError."""
    with start(tool, arguments, inherited=inherited) as running:
        return running.wait()


def hold_back(tool: Tool, *arguments: str, inherited: Sequence[int] = ()) -> Callable[[], None]:
    """Start `tool` in the namespaces that this process has now. What is returned has it do its work, in whatever
    namespaces this process is then, and raises ToolError if it fails. One that is never told ends with this process.
    """
    held_back = HeldBack([require(tool), *arguments], environment(), inherited)

    def proceed() -> None:
        ended = held_back.proceed()
        if ended.returncode != 0:
            raise ToolFailedError(tool, ended.returncode, ended.errors)

    return proceed


def become(words: Sequence[str], *, handed: Mapping[int, bytes], standard_input: bool) -> NoReturn:
    """Give this process to the program `words`, with all that is ours: signals reach the program itself.

    It finds each of the texts `handed` at the descriptor of that number; without `standard_input` it has none. The
    environment is ours, too, as when it were called by hand. Raises ToolError when there is no such program.
    """
    path = shutil.which(words[0])
    if path is None:
        raise ToolError(f"{words[0]} is needed and is not on PATH")
    for descriptor, content in handed.items():
        memory = os.memfd_create("handed")
        with os.fdopen(os.dup(memory), "wb") as stream:
            stream.write(content)
        os.lseek(memory, 0, os.SEEK_SET)
        os.dup2(memory, descriptor)
        os.set_inheritable(descriptor, True)
    if not standard_input:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores, and a program would inherit that
        signal.signal(number, signal.SIG_DFL)
    os.execv(path, list(words))  # noqa: S606 -- without a shell in between


def _ourselves(arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The words and the environment that start this very bundler once more."""
    # -P: what lies in the current folder is no part of bundler.
    words = [sys.executable, "-P", "-m", "bundler", *arguments]
    return words, {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}


def watch_again(arguments: Sequence[str]) -> Watched:
    """This very bundler once more, as a process of its own, with our environment."""
    return Watched(*_ourselves(arguments))


def watch(words: Sequence[str]) -> Watched:
    """The program `words`, with the environment of a tool."""
    return Watched(words, environment())


def build_again(arguments: Sequence[str], changed: Mapping[str, str], umask: int) -> None:
    """Run this very bundler once more, in a process of its own, with `changed` variables and another umask.

    It is not an outside program: it has our environment. Raises BundlerError with what it said.
    """
    words, ours = _ourselves(arguments)
    with started(words, {**ours, **changed}, output_limit=_LARGEST_OUTPUT, umask=umask) as program:
        ended = program.wait()
    if ended.returncode:
        messages = [line.partition("error: ")[2] for line in ended.errors.decode("utf-8", "replace").splitlines()]
        reason = next(filter(None, messages), f"exit code {ended.returncode}")
        raise BundlerError(f"the second build failed: {printable(reason)}")
