"""docker-archive: what `docker save` writes. Both forms are entered through manifest.json.

    until 24        CONFIG.json, ID/layer.tar (a symbolic link to another ID's when layers are shared), manifest.json
    25 and later    an OCI layout (index.json, blobs/), and manifest.json naming blobs in it

The older form states no digest of a layer, only the config its diff_ids; so the diff_ids check the layers.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from typing import Final

from bundler.archives.compression import compression_of
from bundler.errors import ImageError, RequestError, printable
from bundler.images.digest import Digest
from bundler.images.documents import Member, parse_document
from bundler.images.image import Image, in_place
from bundler.images.image_config import ImageConfig, parse_image_config
from bundler.images.layer import Blob, LocalLayer
from bundler.images.manifest import Manifest, PlatformChoice, check_layer_count, parse_manifest
from bundler.images.media_types import DOCKER_LAYER, layer_type
from bundler.images.platform import Platform
from bundler.images.reference import Choice, listing, same_name
from bundler.images.transports.files import Files, load_document
from bundler.images.transports.layout import find_manifest, is_layout, manifests, read_blob
from bundler.light_dataclasses import dataclass

MANIFEST: Final = "manifest.json"
_LEGACY: Final = "repositories"
_BLOB: Final = re.compile(r"blobs/(?P<algorithm>[a-z0-9]+)/(?P<encoded>[0-9a-f]+)")
# `HEX.json` (docker, skopeo), `HEX`, `sha256:HEX` (go-containerregistry) and `blobs/sha256/HEX` all state the image id.
_CONFIG: Final = re.compile(r"(?:blobs/sha256/|sha256:)?(?P<encoded>[0-9a-f]{64})(?:\.json)?")
_SHORT_ID: Final = re.compile(r"[0-9a-f]{4,64}")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One image of manifest.json."""

    config: str
    tags: tuple[str, ...]
    layers: tuple[str, ...]
    position: int


def is_docker_archive(files: Files) -> bool:
    return files.has(MANIFEST)


def refuse_legacy(files: Files) -> None:
    """Raise ImageError for what Docker saved before it wrote manifest.json: folders by random ids, one for a layer."""
    if not files.has(MANIFEST) and files.has(_LEGACY):
        raise ImageError(
            f"{files.label}: an archive that Docker saved before version 1.10, which names no image config",
            hint="load it into a newer Docker, and save it again",
        )


def open_docker_archive(
    files: Files, choice: Choice, wanted: PlatformChoice, *, transport: str, file_name: str
) -> Image:
    """The image that `choice` names. Raises ImageError, or RequestError when several could be meant."""
    entry, image_config, name = _choose(files, _entries(files), choice, wanted.platform)
    wanted.check(image_config)
    names = {"transport": transport, "name": name, "file_name": file_name}
    return _image(files, entry, image_config, lambda config: find_manifest(files, config), **names)


def open_every(files: Files, choice: Choice, otherwise: Platform) -> Iterator[tuple[tuple[str, ...], Image]]:
    """The images of the archive, or the one that `choice` names, each with its names there. Raises ImageError.

    `otherwise` is the platform of those that state none.
    """
    entries = _entries(files)
    if choice != Choice():
        entry, _, name = _choose(files, entries, choice, otherwise)
        entries = (replace(entry, tags=(name,) if name else ()),)
    configs = _read_configs(files, dict.fromkeys(entry.config for entry in entries), otherwise)
    there = dict(reversed(list(manifests(files)))) if is_layout(files) else {}  # of several, the first

    def image_id(entry: _Entry) -> str:
        return str(configs[entry.config].digest)

    def find(config: Digest) -> Manifest | None:
        stated = there.get(str(config))
        return None if stated is None else parse_manifest(read_blob(files, stated), stated.digest)

    # One config may have any number of entries, and a manifest is large: it is read once for all of them.
    for _, alike in groupby(sorted(entries, key=image_id), image_id):
        once = lru_cache(maxsize=1)(find)
        for entry in alike:
            yield entry.tags, _image(files, entry, configs[entry.config], once, transport="", name="", file_name="")


def _entries(files: Files) -> tuple[_Entry, ...]:
    refuse_legacy(files)
    return _parse(parse_document(load_document(files, MANIFEST), f"{files.label}: {MANIFEST}"))


def _image(
    files: Files,
    entry: _Entry,
    image_config: ImageConfig,
    find: Callable[[Digest], Manifest | None],
    *,
    transport: str,
    name: str,
    file_name: str,
) -> Image:
    """The image of an entry; `find` gives the manifest that the archive has of a config."""
    check_layer_count(f"{files.label}: {MANIFEST}", len(entry.layers), image_config)
    pairs = zip(entry.layers, image_config.diff_ids, strict=True)
    layers = tuple(_local_layer(files, name, diff_id) for name, diff_id in pairs)
    manifest = find(image_config.digest) if is_layout(files) else None
    # It counts only if it names the very layers that manifest.json does.
    if manifest is not None and [layer.digest for layer in manifest.layers] != [layer.blob.digest for layer in layers]:
        manifest = None
    return Image(
        transport=transport,
        name=name,
        file_name=file_name,
        image_config=image_config,
        layers=layers,
        local=in_place(layers),
        manifest=None if manifest is None else manifest.raw,
        manifest_digest=None if manifest is None else manifest.digest,
    )


def _parse(document: Member) -> tuple[_Entry, ...]:
    entries = []
    for position, item in enumerate(document.items()):
        tags, layers = item.find("RepoTags"), item.find("Layers")
        entries.append(
            _Entry(
                config=item.get("Config").text(),
                tags=() if tags is None else tuple(tag.text() for tag in tags.items()),
                layers=() if layers is None else tuple(layer.text() for layer in layers.items()),
                position=position,
            )
        )
    if not entries:
        raise document.fault("the archive holds no image")
    return tuple(entries)


def _choose(
    files: Files, entries: tuple[_Entry, ...], choice: Choice, platform: Platform
) -> tuple[_Entry, ImageConfig, str]:
    """The entry meant, its config, and the name it was chosen by or else its first."""
    meant = entries
    name = None
    if choice.position is not None:
        meant = tuple(entry for entry in entries if entry.position == choice.position)
    elif choice.name is not None:
        tagged = [(entry, tag) for entry in entries for tag in entry.tags if same_name(choice.name, tag)]
        meant = tuple(entry for entry, _ in tagged)
        name = tagged[0][1] if tagged else None
    # An image id is what `docker images` shows, so it may stand where a name does; a name of that spelling wins.
    short = choice.digest or (f"sha256:{choice.name}" if _SHORT_ID.fullmatch(choice.name or "") else None)
    configs: dict[str, ImageConfig] = {}
    if short is not None and (choice.digest or not meant):
        configs = _read_configs(files, dict.fromkeys(entry.config for entry in entries), platform)
        meant = tuple(entry for entry in entries if str(configs[entry.config].digest).startswith(short))
    if not meant:
        asked = choice.digest or choice.name or f"@{choice.position}"
        raise ImageError(f"{files.label}: there is no image {printable(asked)}", hint=_there(entries))
    if len({entry.config for entry in meant}) > 1:
        raise RequestError(f"{files.label}: several images could be meant", hint=_there(meant))
    entry = meant[0]
    image_config = configs.get(entry.config) or _read_config(files, entry.config, platform)
    return entry, image_config, name or next(iter(entry.tags), "")


def _there(entries: tuple[_Entry, ...]) -> str | None:
    return listing([(next(iter(entry.tags), ""), f":@{entry.position}") for entry in entries])


def _read_configs(files: Files, names: Iterable[str], platform: Platform) -> dict[str, ImageConfig]:
    """Those of several images, each file once: manifest.json may have any number of names for a large one."""
    read: dict[tuple[int, int, int], ImageConfig] = {}
    configs = {}
    for name in names:
        with files.open(name) as source:
            place = source.place
        if place not in read:
            read[place] = _read_config(files, name, platform)
        _check_name(files, name, read[place])
        configs[name] = read[place]
    return configs


def _read_config(files: Files, name: str, platform: Platform) -> ImageConfig:
    image_config = parse_image_config(load_document(files, name), otherwise=platform)
    _check_name(files, name, image_config)
    return image_config


def _check_name(files: Files, name: str, image_config: ImageConfig) -> None:
    stated = _CONFIG.fullmatch(name)
    digest = image_config.digest
    if stated is not None and stated["encoded"] != digest.encoded:
        raise ImageError(f"{files.label}: the digest of {printable(name)} is {digest}, not the one in its name")


def _local_layer(files: Files, name: str, diff_id: Digest) -> LocalLayer:
    """The layer in the file `name`. Its media type is told by its content: manifest.json states none."""
    if not name:
        raise ImageError(
            f"{files.label}: {MANIFEST}: the name of layer {diff_id} is empty: the archive was saved without it",
            hint="save the image again, with a newer Docker or with skopeo copy",
        )
    if not files.has(name):
        raise ImageError(f"{files.label}: layer {diff_id} is missing ({printable(name)})")
    with files.open(name) as source:
        blob = Blob(layer_type(DOCKER_LAYER, compression_of(source)), source.size, _stated_digest(name))
    return LocalLayer(blob, diff_id, files, name)


def _stated_digest(name: str) -> Digest | None:
    match = _BLOB.fullmatch(name)
    if match is None:
        return None
    try:
        return Digest.parse(f"{match['algorithm']}:{match['encoded']}")
    except ValueError:
        return None
