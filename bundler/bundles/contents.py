"""Writing the parts of a bundle beside its rootfs: volumes, mounted images, generated files and both documents."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType

from bundler import __version__
from bundler.bundles.record import FORMAT, digest_of
from bundler.bundles.rootfs_image import RootfsImage
from bundler.bundles.verification.proof import MANIFESTS
from bundler.bundles.write import encode, make_folder, write_file
from bundler.conversion.annotations import lifecycle
from bundler.conversion.bundled_hooks import CarriedFile
from bundler.conversion.convert import ConvertedConfig
from bundler.conversion.hooks import carried_files
from bundler.conversion.mounts.etc_files import generated_files
from bundler.conversion.mounts.volumes import BundleFolder, ContentFile, content_files
from bundler.conversion.process.init import chosen_init
from bundler.conversion.rule import Inputs
from bundler.errors import ImageError, RequestError, printable
from bundler.images.image import Image
from bundler.origins import Json, Origin
from bundler.rootfs.attributes import Attributes
from bundler.rootfs.copying import seed_volume
from bundler.rootfs.directories import explain
from bundler.rootfs.home import Home
from bundler.rootfs.inventory import Inventory, write_manifest
from bundler.rootfs.owners import NOT_OWNED, Owners
from bundler.rootfs.paths import PathError, clean
from bundler.rootfs.scan import take_stock
from bundler.rootfs.tree import Tree

OpenImage = Callable[[str, Path], AbstractContextManager[Image]]
Unpack = Callable[[Image, Path], None]


def make_folders(bundle: Path, tree: Home, folders: Sequence[BundleFolder], owners: Owners) -> None:
    """The volumes, seeded from the rootfs, and the empty folders that are mounted; not those of other images, nor those
    that lie beside the bundle. `owners` are those of the volumes' files.
    """
    for folder in folders:
        path = bundle / folder.path
        if folder.image is not None or folder.is_shared:
            continue
        if folder.seed is None:
            make_folder(path, folder.mode)
            if not folder.path.startswith("rootfs/"):  # there, the image's layers have dated it
                os.utime(path, (0, 0))
        else:
            make_folder(path.parent)
            seed_volume(tree, os.fsencode(folder.seed), path, owners)


def seed_shared(seeds: Path, tree: Home, folder: BundleFolder, owners: Owners) -> None:
    """Fill a volume that bundles share with what the rootfs of one has, in the folder `seeds`, to be chosen from."""
    make_folder(seeds)
    seed_volume(tree, os.fsencode(folder.seed or ""), seeds / Path(folder.path).name, owners)


def mount_images(
    bundle: Path,
    folders: Sequence[BundleFolder],
    open_image: OpenImage,
    unpack: Unpack,
    owners: Owners,
    *,
    workspace: Path,
) -> None:
    """Other images' files that are mounted. A symlink on the way to a mounted folder would lead to the machine."""
    for number, folder in enumerate(folder for folder in folders if folder.image is not None):
        inner, path = workspace / f"mounted-{number}", bundle / folder.path
        inner.mkdir()
        make_folder(path)
        with open_image(str(folder.image), inner) as image:
            unpack(image, path)
        with Tree.open(path, owners) as tree:
            for subpath in folder.subpaths:
                _check_subpath(tree, str(folder.image), subpath)


def write_images_manifest(bundle: Path, workspace: Path, owners: Owners, *, owned: bool) -> dict[str, str]:
    """images.mtree, where other images are mounted: what rootfs.mtree is for the rootfs. Its digest, by its name.

    `owned` says whether files have owners.
    """
    folder, name = bundle / "images", MANIFESTS["images"]
    if not folder.exists():
        return {}
    os.utime(folder, (0, 0))
    with (
        Inventory(workspace, owned=owned) as inventory,
        Tree(folder, owners.as_they_are()) as tree,
    ):
        take_stock(tree, inventory)
        return {name: f"sha256:{write_manifest(inventory, bundle / name)}"}


def _check_subpath(tree: Tree, image: str, subpath: str) -> None:
    wanted = clean(os.fsencode(subpath))
    try:
        resolved: bytes | None = tree.follow(wanted)
    except (OSError, PathError):
        resolved = None
    if resolved != wanted:
        name = printable(f"{image}: {subpath}")
        raise ImageError(f"{name} is no directory of that image", hint="name a directory without symlinks on its way")


def write_documents(
    bundle: Path,
    inputs: Inputs,
    runtime_config: ConvertedConfig,
    folders: Sequence[BundleFolder],
    mount_points: Sequence[bytes],
    *,
    owners: Owners,
    manifest: str,
    more: Mapping[str, str],
    image: RootfsImage | None = None,
) -> None:
    """The generated files of etc/, those of hooks/, config.json, and bundler.json.

    `mount_points` are paths of the rootfs that bundler has made, `manifest` is the sha256 of rootfs.mtree in hex,
    `more` are the digests of other documents that are there already, `image` is the rootfs if it is one. Raises
    RequestError for a file with content whose owner the container has not got.
    """
    files = _files(inputs)
    for path, file in files.items():
        write_file(bundle / path, file.content, executable=file.executable)
    attributes = {path: _set_attributes(bundle / path, file, owners) for path, file in content_files(inputs).items()}
    config_json = encode(runtime_config.document)
    write_file(bundle / "config.json", config_json)
    recorded = record(
        inputs,
        runtime_config,
        config_json,
        folders,
        files={path: file.content for path, file in files.items()},
        attributes=attributes,
        mount_points=mount_points,
        manifest=manifest,
        more=more,
        image=image,
    )
    write_file(bundle / "bundler.json", encode(recorded))


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
    image: RootfsImage | None = None,
) -> dict[str, Json]:
    """The content of bundler.json; `config_json` is the file beside it, whose digest says whether they still fit.

    It depends neither on where the image was read from (a registry, a file carried by hand) nor on the machine, so that
    an image and overrides give the same bytes everywhere.

    `files` are those of etc/ and hooks/ by path, `attributes` owner and mode of those that have other ones than the
    rest; `mount_points` are paths of the rootfs that are bundler's own;
    `manifest` is the sha256 of rootfs.mtree, in hexadecimal, where there is a rootfs; `more` are the digests, by name,
    of other documents that were asked for; `image` is the rootfs where that is an image of a file system.

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
        "folders": {folder.path: folder.seed for folder in folders if not folder.is_shared},
        "mount_points": [f"/{path.decode('utf-8', 'surrogateescape')}" for path in sorted(mount_points)],
        "files": {path: digest_of(content) for path, content in sorted(files.items())},
        **({"attributes": {path: dict(given) for path, given in sorted(attributes.items())}} if attributes else {}),
        "config": digest_of(config_json),
        **({} if image is None else {"rootfs": image.described}),
        "manifest": None if manifest is None else f"sha256:{manifest}",
        **({"documents": dict(more)} if more else {}),
        "origins": {pointer: str(origin) for pointer, origin in origins},
        "beaten": {pointer: [str(beaten) for beaten in _beaten(origin)] for pointer, origin in origins if origin.beat},
    }


def _beaten(origin: Origin) -> Iterator[Origin]:
    while origin.beat is not None:
        origin = origin.beat
        yield origin


def _files(inputs: Inputs) -> dict[str, CarriedFile]:
    """The files of etc/ and hooks/, by their path in the bundle."""
    plain = {f"etc/{name}": content for name, content in generated_files(inputs).items()}
    plain |= {path: file.content for path, file in content_files(inputs).items()}
    files = {path: CarriedFile(content, executable=False) for path, content in plain.items()}
    init = chosen_init(inputs)
    if init is not None and init.embedded is not None:
        files[init.source] = CarriedFile(Path(init.embedded).read_bytes())
    return files | carried_files(inputs)


def _set_attributes(path: Path, file: ContentFile, owners: Owners) -> dict[str, Json]:
    """Give a file with content its owner and mode; what of these bundler.json has to know. Raises RequestError."""
    attributes = _adapted(file, owners)
    try:
        with path.open("rb") as stream:
            owners.set_attributes(stream.fileno(), attributes)
    except OSError as error:
        raise explain(error, printable(str(path))) from error
    # Root's files are those of the user who unpacks the bundle.
    ids = {key: number for key, number in (("uid", attributes.uid), ("gid", attributes.gid)) if number}
    return {"mode": f"{file.mode:04o}", **ids}


def _adapted(file: ContentFile, owners: Owners) -> Attributes:
    """What the file is to have on the disk. All files are an ordinary user's own: that he could not give one away is
    counted.
    """
    if owners.confined:
        owners.skipped[NOT_OWNED] += bool(file.uid or file.gid)
        return Attributes(file.mode)
    try:
        return owners.adapt(Attributes(file.mode, file.uid, file.gid))
    except PathError as error:
        hint = "give the container more ids, or the file another owner"
        raise RequestError(f"{file.origin.where}: volumes: the file with content: {error}", hint=hint) from None
