"""bundler.json: what a bundle was made from, and where every value came from; written, and read back.

bundler.json: what a bundle was made from, and where every value of its config.json came from.
It says nothing that depends on where the image was read from (a registry, a file carried by hand) or on the build
machine, so that the same image and overrides give the same bytes everywhere.

bundler.json, read back where trust begins: the digests it has of other files, and what the bundle was made from.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType

from bundler import __version__
from bundler.bundles.documents import RECORD_MAPS, check_format
from bundler.conversion.annotations import lifecycle
from bundler.conversion.convert import ConvertedConfig
from bundler.conversion.mounts.volumes import BundleFolder
from bundler.conversion.rule import Inputs
from bundler.errors import RequestError
from bundler.origins import Json, Origin
from bundler.rootfs.mount_points import encoded
from bundler.rootfs.paths import PathError
from bundler.strict_json import parse_object

FORMAT = 2


def record(
    inputs: Inputs,
    runtime_config: ConvertedConfig,
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
    image_config = inputs.image_config
    return {
        "format": FORMAT,
        "bundler": __version__,
        "image": {
            "id": str(image_config.digest),
            "platform": str(image_config.platform),
            "diff_ids": [str(diff_id) for diff_id in image_config.diff_ids],
        },
        "profile": inputs.profile.id,
        "target": inputs.target.described(),
        "target_from": str(inputs.target.origin),
        "overrides": [{"name": file.name, "sha256": file.sha256} for file in inputs.overrides.files],
        "lifecycle": lifecycle(inputs),
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


class BundleRecord:
    """The document, of the bundle that `label` names. `digest` is its own. Raises RequestError for any other."""

    def __init__(self, content: bytes, label: str) -> None:
        self.digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.document = parse_record(content, f"{label}/bundler.json")
        if not isinstance(self.document.get("manifest"), str):
            raise RequestError(f"{label}: its bundler.json knows no rootfs.mtree")

    @property
    def mount_points(self) -> list[bytes]:
        """The paths of the rootfs that are bundler's own, and no image's."""
        listed, paths = self.document.get("mount_points"), []
        for path in listed if isinstance(listed, list) else ():
            with suppress(PathError):
                paths.append(encoded(str(path).removeprefix("/")))
        return paths


def parse_record(content: bytes, label: str) -> dict[str, Json]:
    """bundler.json, which `label` names in messages. Raises RequestError for another document, or another format."""
    document = parse_object(content, label, RECORD_MAPS)
    check_format(document, label, FORMAT)
    return document
