"""A bundle in a directory: each of its documents is opened once, when it is first asked for, and read and checked once.

Any user or program may have rewritten them: they are hostile until they have been checked.
"""

import errno
import io
import os
import shlex
import weakref
from dataclasses import field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

from bundler.bundles.record import BundleRecord
from bundler.bundles.replacement.stage_folder import finish_replacement
from bundler.errors import RequestError, printable
from bundler.input_files import InputError, open_inside, read_all, read_request
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.path_kinds import BUNDLE, CONFIG, EMPTY, FOLDER, JSON, MISSING, kind_at, kind_of, missing_hint
from bundler.runtime_spec import validity
from bundler.runtime_spec.runtime_config import RuntimeConfig
from bundler.sizes import readable_size

LARGEST: Final = 16 << 20  # bytes; the largest config.json of a real container has some 100 kB
_LARGEST_MANIFEST: Final = 4 << 30  # bytes; an entry has some 150, and an image at most ten million of them
_FORBIDDEN: Final = (errno.EACCES, errno.EPERM)
MANIFEST: Final = "rootfs.mtree"
_HEAD: Final = 2  # lines of a manifest, of which the last is about the directory itself
_LONGEST_LINE: Final = 1 << 16
_READ_AS_CONFIGS: Final = (None, CONFIG, JSON)


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A config.json that the schema allows, and the bundler.json beside it if that is about these very bytes.

    `stale` is set when there is a bundler.json about other bytes: config.json was changed after the build.
    """

    config: RuntimeConfig
    recorded: dict[str, Json] | None = None
    stale: bool = False

    @classmethod
    def beside(cls, record: BundleRecord | None, config: RuntimeConfig, content: bytes) -> Self:
        """The config that `content` is, in a directory with this bundler.json."""
        fits = record is not None and record.fits(content)
        return cls(config, record.document if record is not None and fits else None, record is not None and not fits)


@dataclass(frozen=True)
class Bundle:
    """The bundle in the directory `path`. Its properties raise RequestError for a document that is missing or invalid,
    and PermissionError.
    """

    path: Path
    _manifests: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def open(cls, bundle: "Path | Bundle") -> "Bundle":
        """The bundle in a directory, or the open one that is given. What a build that was killed was doing in its place
        is finished first. Raises RequestError where there is no such directory.
        """
        if isinstance(bundle, Bundle):
            return bundle
        finish_replacement(bundle)
        if not bundle.is_dir():
            raise no_bundle(bundle)
        return cls(bundle)

    @property
    def label(self) -> str:
        """The bundle's name in messages."""
        return printable(str(self.path))

    @cached_property
    def record(self) -> BundleRecord:
        """Its bundler.json, where trust begins."""
        return self._record.complete(self.label)

    @property
    def any_record(self) -> BundleRecord | None:
        """Its bundler.json, be it about a root filesystem or not; None where there is none."""
        return self._record if os.path.lexists(self.path / "bundler.json") else None

    @cached_property
    def config_json(self) -> bytes:
        return _read_document(self.path, "config.json")

    @cached_property
    def config(self) -> RuntimeConfig:
        """Its config.json, as all runtimes read it; it was not held against the schema, which takes an import."""
        return RuntimeConfig.parse(self.config_json, self._name_of("config.json"))

    @property
    def readable_config(self) -> RuntimeConfig:
        """Its config.json; an empty one if it is invalid, for callers that leave it to others to say so."""
        try:
            return self.config
        except RequestError:
            return RuntimeConfig({})

    @cached_property
    def config_file(self) -> ConfigFile:
        """Its config.json, held against the schema, and the bundler.json that is about it."""
        validity.check_form(self.config, self._name_of("config.json"))
        return ConfigFile.beside(self.any_record, self.config, self.config_json)

    @cached_property
    def owned(self) -> bool:
        """Whether the files of its manifest have owners; without a manifest they have those that they have."""
        if not os.path.lexists(self.path / MANIFEST):
            return True
        lines = self.manifest()
        head = [lines.readline(_LONGEST_LINE) for _ in range(_HEAD)]
        return b" type=dir " not in head[-1] or b" uid=" in head[-1]

    def manifest(self, name: str = MANIFEST) -> io.BufferedReader:
        """Its manifest, from the beginning: what is read is the file that was hashed, though another took its place."""
        if name not in self._manifests:
            with _open_document(self.path, name) as stream:
                self._manifests[name] = os.dup(stream.fileno())
            weakref.finalize(self, os.close, self._manifests[name])
        return io.BufferedReader(_FromStart(self, self._manifests[name]))

    @cached_property
    def _record(self) -> BundleRecord:
        return BundleRecord(_read_document(self.path, "bundler.json"), self._name_of("bundler.json"))

    def _name_of(self, document: str) -> str:
        return printable(str(self.path / document))


def no_bundle(path: Path, why: str = "") -> RequestError:
    """The error for a `path` that was given as a bundle and is none; `why` says what a directory lacks."""
    kind, label = kind_at(path), printable(str(path))
    if label == "-":
        return RequestError("no bundle is read from standard input", hint="write it to a file, and name that")
    whole = bundle_around(path)
    if whole is not None:
        return RequestError(
            f"{label} is a part of a bundle", hint=f"the bundle is {shlex.quote(printable(str(whole)))}"
        )
    if kind in (MISSING, None):
        what, hint = f"{label} is not a bundle: there is no such directory", missing_hint(path)
    elif path.is_dir() and kind in (FOLDER, BUNDLE):
        what, hint = f"{label} is not a bundle: {why}", None
    else:
        what, hint = f"{label} {kind.what}, and a bundle is a directory", kind.hint(path)
        if path.is_dir():
            what = f"{label} {kind.what}, not a bundle: {why}"
    return RequestError(
        what, hint=hint or f"bundler build IMAGE -o {'DIR' if path.exists() else shlex.quote(label)} makes one"
    )


def bundle_around(path: Path) -> Path | None:
    """The bundle that `path` lies in, if it is there."""
    above = (each for each in path.parents if each != path) if path.exists() else iter(())
    return next((each for each in above if (each / "bundler.json").is_file()), None)


class _FromStart(io.RawIOBase):
    """The content of a bundle's open file. It is read by position, since all its readers share one offset."""

    def __init__(self, bundle: Bundle, descriptor: int) -> None:
        super().__init__()
        self._bundle = bundle  # which closes the file when it goes
        self._descriptor = descriptor
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def readinto(self, room: Any, /) -> int:
        count = os.preadv(self._descriptor, (room,), self._at)
        self._at += count
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        bases = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: os.fstat(self._descriptor).st_size}
        self._at = bases[whence] + offset
        return self._at


def read_config_file(source: str | Path | Bundle) -> ConfigFile:
    """That of a bundle or of its directory, a config.json, or with `-` one on standard input. Raises RequestError."""
    if isinstance(source, Bundle):
        return source.config_file
    if source == "-":
        return ConfigFile(validity.parse(read_request("-", LARGEST), "standard input"))
    file = Path(source)
    if file.is_dir():
        return Bundle(file).config_file
    content = read_request(str(source), LARGEST)
    kind = kind_of(content)
    if kind not in _READ_AS_CONFIGS:
        instead = "" if kind is EMPTY else ", not a bundle or config.json"
        raise RequestError(f"{printable(str(source))} {kind.what}{instead}", hint=kind.hint(source))
    config = validity.parse(content, printable(str(source)))
    return ConfigFile.beside(Bundle(file.parent).any_record if file.name == "config.json" else None, config, content)


def _open_document(bundle: Path, name: str) -> io.BufferedReader:
    """The file `name` of a bundle, which has to be one. Raises RequestError, PermissionError."""
    path = bundle / name
    try:
        descriptor = open_inside(path)
    except InputError as error:
        if error.number in _FORBIDDEN:
            raise PermissionError(error.number, os.strerror(error.number), str(path)) from None
        if error.number == errno.ENOENT or not bundle.is_dir():
            raise no_bundle(bundle, f"it has no {name}") from None
        raise RequestError(f"{printable(str(path))} {error}") from None
    if os.fstat(descriptor).st_size > _LARGEST_MANIFEST:
        os.close(descriptor)
        raise RequestError(f"{printable(str(path))} has more than {readable_size(_LARGEST_MANIFEST)}")
    return os.fdopen(descriptor, "rb")


def _read_document(bundle: Path, name: str) -> bytes:
    """The content of the file `name` of a bundle. Raises RequestError, PermissionError."""
    with _open_document(bundle, name) as stream:
        try:
            return read_all(stream.fileno(), LARGEST)
        except InputError as error:
            raise RequestError(f"{printable(str(bundle / name))} {error}") from None
