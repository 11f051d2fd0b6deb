"""Bundles that are made to be run once: `bundler run IMAGE` finds the one that it needs, or builds it.

They lie below $XDG_CACHE_HOME/bundler, each in a folder that is called after all that the bundle depends on, beside a
lock. Who runs a bundle holds the lock shared until the container is there; from then on the mounts of the container say
that it is in use (`bundles/runtime.py`). Nothing is ever written into a bundle of the cache.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from bundler.bundles.bundle import Bundle
from bundler.bundles.replacement.ground import check_ground
from bundler.bundles.rootfs_sharing import share_with_any
from bundler.bundles.runtime import is_idle
from bundler.conversion.rule import Inputs
from bundler.errors import BundlerError, RequestError, printable
from bundler.images.image import Image
from bundler.images.manifest import PlatformChoice
from bundler.images.platform import Platform
from bundler.images.reference import default_directory_name
from bundler.images.transports.table import parse_reference
from bundler.light_dataclasses import dataclass
from bundler.origins import Origin
from bundler.overrides.node import from_json
from bundler.pipeline import Built, build_from, open_mounted
from bundler.progress import SILENT, Progress
from bundler.reproducible.lock import describe
from bundler.request import BuildRequest
from bundler.rootfs.remove import remove_tree, temporary_folder
from bundler.store.fetch import Fetch
from bundler.store.find import open_kept
from bundler.store.layout import open_store, prepare
from bundler.store.locks import locked, locked_if_free

_VARIABLE: Final = "XDG_CACHE_HOME"
_ELSEWHERE: Final = f"{_VARIABLE} names another place"
_LOCK: Final = "lock"
_DIGITS: Final = 32  # of a sum of 64: 128 bits are enough where each user has a cache of his own
_REMOVED: Final = "."  # in front of the name of what is being removed
_ANY_COMMAND: Final = {"command": from_json(["sh"], Origin("bundler", "run: what is run instead follows"))}


@dataclass(frozen=True, slots=True)
class Cached:
    """The bundle at `path`, which stays for as long as the file `lock` is open here or in a program that inherits it.

    `built` is None where the bundle was there. `named_container` says that the overrides name the container, and
    `volumes` are the names of those that they want kept.
    """

    path: Path
    lock: int
    built: Built | None
    named_container: bool
    volumes: tuple[str, ...]


def place() -> Path | None:
    """Where the bundles are; None for a user without a home.

    The specification of XDG's variables: a relative path in them is to be ignored.
    """
    stated = Path(os.environ.get(_VARIABLE, ""))
    try:
        return (stated if stated.is_absolute() else Path.home() / ".cache") / "bundler" / "bundles"
    except RuntimeError:
        return None


def find_or_build(
    request: BuildRequest, *, lowest_descriptor: int, commanded: bool = False, progress: Progress = SILENT
) -> Cached:
    """The bundle of `request`, which programs inherit the lock of at a descriptor from `lowest_descriptor` on.

    An image of a registry that is not in the store is fetched there, so that the next run needs no network. If it has
    to be signed, that is verified each time, and the key is part of what the bundle is found by. An image that says no
    command is built nevertheless where the caller is `commanded` to run another. Raises what `build` raises.
    """
    overrides = request.load_overrides()
    folder = _made()
    with ExitStack() as stack:
        _fetch_missing(request, *request.named(overrides), progress)
        image = stack.enter_context(request.open(overrides, stack.enter_context(temporary_folder()), progress))
        inputs = request.inputs(image, overrides)
        if commanded and not _has_command(inputs):
            overrides = overrides.over(_ANY_COMMAND)
            inputs = request.inputs(image, overrides)
        mounted = open_mounted(stack, request, inputs, progress)
        entry = folder / _key(request, inputs, (image, *mounted))
        bundle = entry / (default_directory_name(image) or "image")
        built = None
        while True:
            with _entered(entry, exclusive=False) as lock:
                if lock is not None and bundle.is_dir():
                    kept = fcntl.fcntl(lock, fcntl.F_DUPFD, lowest_descriptor)
                    named = "container_name" in inputs.overrides.entries
                    return Cached(bundle, kept, built, named, _named_volumes(inputs))
            with _entered(entry, exclusive=True) as lock:
                if lock is not None and not bundle.is_dir():
                    with _filled_or_gone(entry):
                        built = build_from(
                            image,
                            request,
                            overrides,
                            bundle,
                            before_publishing=lambda stage: share_with_any(Bundle(stage.bundle), folder),
                            progress=progress,
                        )


def collect() -> int:
    """Remove the bundles that no container runs from, and give how many these were. Raises OSError, RequestError."""
    folder = place()
    if folder is None or not folder.is_dir():
        return 0
    check_ground(folder)
    for left in folder.glob(f"{_REMOVED}*"):  # by a process that was killed
        remove_tree(left)
    return sum(map(_remove_if_idle, sorted(folder.iterdir())))


def _remove_if_idle(entry: Path) -> int:
    """Give how many bundles were removed."""
    if not (entry / _LOCK).is_file():
        return 0  # none of the cache's own
    with locked_if_free(entry / _LOCK) as free:
        bundles = [path for path in entry.iterdir() if path.name != _LOCK]
        if not free or not all(map(is_idle, bundles)):
            return 0
        _remove(entry)
    return len(bundles)


@contextmanager
def _filled_or_gone(entry: Path) -> Iterator[None]:
    """Remove an entry, whose lock is held alone, if the build of its bundle fails.

    A process that waits for the lock makes another entry.
    """
    try:
        yield
    except BaseException:
        with suppress(OSError):
            _remove(entry)
        raise


def _remove(entry: Path) -> None:
    """The folder is renamed first: half a bundle is not to be found."""
    removed = entry.with_name(_REMOVED + entry.name)
    entry.rename(removed)
    remove_tree(removed)


def _made() -> Path:
    """The place, which is made if it is not there, for its user alone. Raises BundlerError."""
    folder = place()
    if folder is None:
        raise RequestError("there is no home directory for a cache", hint=_ELSEWHERE)
    try:
        folder.parent.parent.mkdir(parents=True, exist_ok=True)
        for path in (folder.parent, folder):
            path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        what = f"bundles cannot be kept in {printable(str(folder.parent))}: {error.strerror}"
        raise BundlerError(what, hint=_ELSEWHERE) from None
    check_ground(folder)
    return folder


@contextmanager
def _entered(entry: Path, *, exclusive: bool) -> Iterator[int | None]:
    """Hold the lock of an entry, which is made if it is not there; None where it was removed meanwhile."""
    with ExitStack() as stack:
        yield _enter(stack, entry, exclusive=exclusive)


def _enter(stack: ExitStack, entry: Path, *, exclusive: bool) -> int | None:
    try:
        entry.mkdir(mode=0o700, parents=True, exist_ok=True)
        (entry / _LOCK).touch(mode=0o600)
        lock = stack.enter_context(locked(entry / _LOCK, exclusive=exclusive))
    except FileNotFoundError:
        return None
    return lock if _is_there(entry / _LOCK, lock) else None


def _is_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _key(request: BuildRequest, inputs: Inputs, images: Sequence[Image]) -> str:
    """A name for all that the bundle depends on; a lock has bundler's version, digests, profile and target."""
    givens = {
        "lock": describe(inputs, images).decode(),
        "overrides": {key: node.plain() for key, node in inputs.overrides.entries.items()},
        "rootless": request.rootless,
        "unpacker": request.unpacker,
        "rootfs": (request.rootfs, request.verity),
    }
    return hashlib.sha256(json.dumps(givens, sort_keys=True).encode()).hexdigest()[:_DIGITS]


def _has_command(inputs: Inputs) -> bool:
    image, keys = inputs.image_config, inputs.overrides.entries
    return bool(image.entrypoint or image.cmd or "entrypoint" in keys or "command" in keys)


def _named_volumes(inputs: Inputs) -> tuple[str, ...]:
    volumes = (node.plain() for node in inputs.overrides.items("volumes"))
    return tuple(printable(each["source"]) for each in volumes if each.get("type") == "volume" and each.get("source"))


def _fetch_missing(request: BuildRequest, name: str, platform: Platform | None, progress: Progress) -> None:
    reference = parse_reference(name)
    named = reference.registry
    if named is None or reference.states_transport or request.store is None or request.access.offline:
        return
    request.check_digest(reference)
    prepare(request.store)
    wanted = PlatformChoice.of(platform, request.machine)
    with open_kept(request.store, named, wanted, request.limits) as image:
        if image is not None:
            return
    with open_store(request.store, limits=request.limits) as store:
        fetching = Fetch(
            access=request.access, limits=request.limits, progress=progress, wanted=wanted, trust=request.trust
        )
        fetching.into(store, named)
