"""What was given in the place of an image: a file of another kind, or the name of a file without ./ in front."""

import os
import shlex
from pathlib import Path
from typing import Final

from bundler.errors import BundlerError, ImageError, RequestError, printable
from bundler.images.reference import Reference, split_path
from bundler.path_kinds import BUNDLE, CONTEXT, DELTA, EMPTY, MISSING, PROJECT, ZIP, PathKind, kind_at, missing_hint

_OF_PATHS: Final = (None, "docker-archive", "oci-archive", "oci", "dir", "rootfs", "rootfs-tar")
_STANDARD_INPUT: Final = "-"
_NO_IMAGE: Final = "docker save, skopeo copy and bundler fetch bring images"


def explained(error: BundlerError, reference: Reference) -> BundlerError:
    """`error`, with which opening the image of `reference` has ended, in the words of what was given."""
    if reference.registry is not None and not reference.states_transport:
        error.hint = here_hint(reference.text) or error.hint
    elif reference.transport in _OF_PATHS and not reference.rest.startswith(_STANDARD_INPUT):
        return _of_path(error, reference)
    return error


def here_hint(text: str) -> str | None:
    """What to write for a file of the current folder, whose name could be that of an image in a registry, too."""
    kind = kind_at(text)
    if kind is None or kind is MISSING:
        return None
    path = f"./{text}"
    named = f"what is here is named {shlex.quote(printable(path))}"
    use = kind.hint(path)
    return f"{named}, and {kind.what}{f': {use}' if use else ''}"


def _of_path(error: BundlerError, reference: Reference) -> BundlerError:
    path, _ = split_path(reference.rest, os.path.lexists)
    kind, label = kind_at(path), printable(path)
    if kind is MISSING:
        return ImageError(f"{label} does not exist", hint=missing_hint(path) or _looked_for(path, reference))
    if kind is not None and _is_no_image(kind):
        return ImageError(f"{label} {kind.what}, not an image", hint=kind.hint(path) or _NO_IMAGE)
    if error.hint is None and not isinstance(error, RequestError) and reference.transport is not None:
        what = f"{kind.what}, and " if kind is not None else ""
        named = shlex.quote(printable(path if "/" in path else f"./{path}"))
        error.hint = f"it {what}is looked at without {reference.transport}: in front, as {named}"
    return error


def _is_no_image(kind: PathKind) -> bool:
    """Whether it can be none. Why anything else is none, its reader knows better."""
    return (kind.is_text and kind is not EMPTY) or kind in (BUNDLE, PROJECT, DELTA, CONTEXT, ZIP)


def _looked_for(path: str, reference: Reference) -> str:
    if path.startswith("//"):
        return f"a path follows the transport at once: {reference.transport}:{printable(path[2:])}"
    return f"looked for in {printable(str(Path(path).absolute().parent))}"
