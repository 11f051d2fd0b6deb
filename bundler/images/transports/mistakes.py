"""What was given in the place of an image: a file of another kind, or the name of a file without ./ in front."""

import os
import shlex
from pathlib import Path
from typing import Final

from bundler.errors import BundlerError, ImageError, RequestError, ToolError, printable
from bundler.images.reference import Reference, split_path
from bundler.path_kinds import (
    ARCHIVE,
    EMPTY,
    FILE_SYSTEM,
    FOLDER,
    LAYOUT,
    MISSING,
    TEXT,
    PathKind,
    kind_at,
    missing_hint,
)

_STANDARD_INPUT: Final = "-"
# What an image may be; why one of these is none, its reader says.
_MAY_BE_IMAGES: Final = (ARCHIVE, EMPTY, FILE_SYSTEM, LAYOUT, FOLDER)


def explained(error: BundlerError, reference: Reference) -> BundlerError:
    """`error`, which opening the image of `reference` has ended with, in the words of what was given."""
    if reference.registry is not None:
        return error if reference.states_transport else _here(error, reference.text)
    if reference.transport in (None, "docker-archive", "oci-archive", "oci", "dir", "rootfs", "rootfs-tar"):
        return _of_path(error, reference)
    return error


def here_hint(text: str) -> str | None:
    """What to write for a file of the current folder whose name would be that of an image in a registry, too."""
    kind = kind_at(text) if os.path.lexists(text) else None
    if kind is None or kind is MISSING:
        return None
    path = f"./{text}"
    use = "" if kind in _MAY_BE_IMAGES and kind is not FOLDER else f"; {kind.hint(path) or 'it holds no image'}"
    return f"{shlex.quote(printable(path))} names what is here, which {kind.what}{use}"


def _here(error: BundlerError, text: str) -> BundlerError:
    hint = here_hint(text)
    return type(error)(error.what, hint=hint) if hint is not None and type(error) in _PLAIN else error


# Failures that are made of what they say alone.
_PLAIN: Final = (RequestError, ImageError, ToolError)


def _of_path(error: BundlerError, reference: Reference) -> BundlerError:
    if reference.rest.startswith(_STANDARD_INPUT) or type(error) not in _PLAIN:
        return error
    path, _ = split_path(reference.rest, os.path.lexists)
    kind, label = kind_at(path), printable(path)
    if kind is MISSING:
        hint = missing_hint(path) or _looked_for(path)
        return ImageError(f"{label} does not exist", hint=hint)
    if isinstance(error, RequestError) or error.hint is not None and kind in (None, *_MAY_BE_IMAGES):
        return error
    if kind is None or kind in _MAY_BE_IMAGES:
        return type(error)(error.what, hint=_without_transport(reference, path, kind))
    return ImageError(f"{label} {kind.what}, not an image", hint=kind.hint(path) or _NO_IMAGE)


_NO_IMAGE: Final = "docker save, skopeo copy and bundler fetch bring images; bundler help build has examples"


def _without_transport(reference: Reference, path: str, kind: PathKind | None) -> str | None:
    if reference.transport is None or kind is None:
        return None
    return f"it {kind.what}: without {reference.transport}:, what it holds is found out: {shlex.quote(_as_path(path))}"


def _as_path(path: str) -> str:
    return path if "/" in path or Path(path).suffix else f"./{path}"


def _looked_for(path: str) -> str | None:
    return None if os.path.isabs(path) else f"looked for in {printable(str(Path.cwd()))}"  # noqa: PTH117
