"""bundler.json: what a bundle was made from, and where every value of its config.json came from.

It says nothing that depends on where the image was read from (a registry, a file carried by hand) or on the build
machine, so that the same image and overrides give the same bytes everywhere.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from bundler import __version__
from bundler.conversion.convert import RuntimeConfig
from bundler.conversion.inputs import Givens
from bundler.conversion.lifecycle import lifecycle
from bundler.conversion.mounts.volumes import BundleFolder
from bundler.origins import Json, Origin

FORMAT = 2


def record(
    givens: Givens,
    runtime_config: RuntimeConfig,
    config_json: bytes,
    folders: Sequence[BundleFolder],
    *,
    files: Mapping[str, bytes] = MappingProxyType({}),
    attributes: Mapping[str, Mapping[str, Json]] = MappingProxyType({}),
    mount_points: Sequence[bytes] = (),
    manifest: str | None = None,
    more: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Json]:
    """The content of bundler.json; `config_json` is the file beside it, whose digest says whether they still fit.

    `files` are those of etc/ and hooks/ by path, `attributes` owner and mode of those that have other ones than the
    rest; `mount_points` are paths of the rootfs that are bundler's own;
    `manifest` is the sha256 of rootfs.mtree, in hexadecimal, where there is a rootfs; `more` are the digests, by name,
    of other documents that were asked for.

    `origins` says who set the value at a JSON Pointer and all below it that has no entry of its own; `beaten` lists,
    for those that took the place of others, whose place it was, the last one beaten first.
    """
    origins = sorted(runtime_config.origins.items())
    image_config = givens.image_config
    return {
        "format": FORMAT,
        "bundler": __version__,
        "image": {
            "id": str(image_config.digest),
            "platform": str(image_config.platform),
            "diff_ids": [str(diff_id) for diff_id in image_config.diff_ids],
        },
        "profile": givens.profile.id,
        "target": givens.target.described(),
        "target_from": str(givens.target.origin),
        "overrides": [{"name": file.name, "sha256": file.sha256} for file in givens.overrides.files],
        "lifecycle": lifecycle(givens),
        "folders": {folder.path: folder.seed for folder in folders},
        "mount_points": [f"/{path.decode('utf-8', 'surrogateescape')}" for path in sorted(mount_points)],
        "files": {path: _digest(content) for path, content in sorted(files.items())},
        **({"attributes": {path: dict(given) for path, given in sorted(attributes.items())}} if attributes else {}),
        "config": _digest(config_json),
        "manifest": None if manifest is None else f"sha256:{manifest}",
        **({"documents": dict(more)} if more else {}),
        "origins": {pointer: str(origin) for pointer, origin in origins},
        "beaten": {pointer: [str(beaten) for beaten in _beaten(origin)] for pointer, origin in origins if origin.beat},
    }


def fits(recorded: Mapping[str, Json], config_json: bytes) -> bool:
    """Whether `recorded` is about these bytes: nobody has changed config.json since."""
    return recorded.get("config") == _digest(config_json)


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _beaten(origin: Origin) -> Iterator[Origin]:
    while origin.beat is not None:
        origin = origin.beat
        yield origin
