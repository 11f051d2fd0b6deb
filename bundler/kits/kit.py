"""A kit: a folder with everything to run a bundle or a project on a machine that has neither a network nor Python.

    kit.sh  bundle.tar.gz  kit.conf  units/NAME.service  SHA256SUMS  SHA256SUMS.minisig

kit.sh is the same in every kit. Facts about the bundle are in kit.conf, which kit.sh reads and does not execute.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from bundler import data
from bundler.bundles.bundle import Bundle
from bundler.bundles.record import part_of
from bundler.bundles.replacement.places import check_outside, check_place
from bundler.bundles.replacement.stage import open_stage
from bundler.bundles.rootfs_image import IMAGE, WRITTEN
from bundler.bundles.runtime import container_name
from bundler.bundles.write import write_file
from bundler.disk_space import FullDiskError
from bundler.errors import DifferenceError, RequestError, printable
from bundler.kits.constants import Place, bundle_constants, project_constants
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.packing.formats import FOR_KITS
from bundler.packing.packing import pack
from bundler.packing.project_entries import open_bundles
from bundler.progress import SILENT, Progress
from bundler.project.record import ProjectRecord, is_project
from bundler.trust.file_signatures import SUFFIXES, sign_file, signature_place
from bundler.trust.keys import SigningKey
from bundler.units.bundle import units_of
from bundler.units.project import units_of_project
from bundler.units.service import Units

SUMS: Final = "SHA256SUMS"
BUNDLE: Final = "bundle.tar.gz"
_SCRIPT: Final = "kit.sh"
# It is made of these, in this order.
_PARTS: Final = (
    *(
        "kit/start.sh",
        "kit/signatures.sh",
        "kit/checksums.sh",
        "kit/ownership.sh",
        "kit/unpacking.sh",
        "mount-rootfs.sh",
        "kit/images.sh",
    ),
    *("kit/running.sh", "kit/installing.sh", "kit/comparing.sh", "kit/moving.sh"),
    *("kit/upgrading.sh", "kit/commands.sh"),
)
_LARGEST: Final = 1 << 20  # bytes of a list of checksums
_PLACES: Final = "/srv/bundles"


@dataclass(frozen=True, slots=True)
class Kit:
    """A kit that was made: folder, sha256 of its list of checksums in hexadecimal, remarks for people, signature."""

    path: Path
    sha256: str
    remarks: tuple[str, ...]
    signature: Path | None = None


def make_kit(
    bundle: Path | Bundle,
    output: Path,
    *,
    name: str | None = None,
    directory: str | None = None,
    runtime: str | None = None,
    as_is: bool = False,
    replace: bool = False,
    level: int | None = None,
    key: SigningKey | None = None,
    progress: Progress = SILENT,
    before_publishing: Callable[[], None] = lambda: None,
) -> Kit:
    """Make the new folder `output`, whole or not at all, the same bytes for the same bundle, or project in a folder.

    `name` is the container's and the unit's (default: container_name, else one made of the image id), or the target's
    (default: the project's); `directory` the place where it is installed, `runtime` what the units start; `as_is` and
    `level` are those of `pack`. A `key` signs the list of checksums. Raises BundlerError.
    """
    content = _of_project if not isinstance(bundle, Bundle) and is_project(bundle) else _of_bundle
    _check_place(bundle.path if isinstance(bundle, Bundle) else bundle, output, replace=replace)
    constants, units = content(bundle, name, directory, runtime)
    with open_stage(output.parent) as stage:
        kit = stage.bundle
        try:
            pack(bundle, kit / BUNDLE, as_is=as_is, level=level, chosen=FOR_KITS, progress=progress)
        except FullDiskError as error:  # its own place is that of the stage
            raise FullDiskError(printable(str(output)), error.number) from error
        write_file(kit / _SCRIPT, kit_script(), executable=True)
        for file, text in units.texts.items():
            write_file(kit / "units" / file, text.encode())
        write_file(kit / "kit.conf", constants)
        sums = _sums(kit)
        write_file(kit / SUMS, sums)
        if key is not None:
            write_file(signature_place(kit / SUMS, key), sign_file(kit / SUMS, SUMS, key))
        for path in (*kit.rglob("*"), kit):
            os.utime(path, (0, 0))
        stage.publish(output, replace=replace, before=before_publishing)
    signature = None if key is None else signature_place(output / SUMS, key)
    return Kit(output, hashlib.sha256(sums).hexdigest(), units.remarks, signature)


def _of_bundle(
    bundle: Path | Bundle, name: str | None, directory: str | None, runtime: str | None
) -> tuple[bytes, Units]:
    """kit.conf and the units of a bundle. Raises RequestError."""
    bundle = Bundle.open(bundle)
    _check_written(bundle)
    recorded = bundle.record.document
    place = _place(container_name(name, recorded, _unnamed(recorded), "--name"), directory, runtime)
    units = units_of(bundle, name=place.name, directory=place.directory, runtime=runtime)
    return bundle_constants(bundle, place), units


def _of_project(
    project: Path | Bundle, name: str | None, directory: str | None, runtime: str | None
) -> tuple[bytes, Units]:
    """The same of a project."""
    folder = project.path if isinstance(project, Bundle) else project
    record, bundles = ProjectRecord.open(folder), open_bundles(folder)
    for bundle in bundles.values():
        _check_written(bundle)
    place = _place(name or record.name, directory, runtime)
    units = units_of_project(folder, name=name, directory=place.directory, runtime=runtime)
    return project_constants(record, bundles, place), units


def _place(name: str, directory: str | None, runtime: str | None) -> Place:
    directory = directory or f"{_PLACES}/{name}"
    if not directory.isprintable():
        raise RequestError(f"--directory: {printable(directory)} is no name for a directory")
    return Place(name, directory, runtime)


def kit_script() -> bytes:
    """kit.sh, the same for every bundle."""
    return b"\n".join(data.read(part) for part in _PARTS)


def is_kit(folder: Path) -> bool:
    """Whether a folder looks like a kit."""
    return all((folder / name).is_file() and not (folder / name).is_symlink() for name in (SUMS, _SCRIPT, BUNDLE))


def check_kit(kit: Path) -> None:
    """Raise DifferenceError unless the bundle in the kit is the one that the kit's list of checksums knows."""
    with (kit / SUMS).open("rb") as lines:
        listed = lines.readlines(_LARGEST)
    if _sum(kit, kit / BUNDLE).encode() not in listed:
        raise DifferenceError(f"{printable(str(kit))}: the kit is damaged", hint="copy the whole folder again")


def _check_place(bundle: Path, output: Path, *, replace: bool) -> None:
    check_outside(output / SUMS, bundle)
    check_place(output)
    if not os.path.lexists(output):
        return
    label = printable(str(output))
    if not replace:
        raise RequestError(f"{label} exists already", hint="--force replaces it, -o names another place")
    # --force must not cost the user more than a kit.
    if output.is_symlink() or not ((output / SUMS).is_file() and (output / _SCRIPT).is_file()):
        raise RequestError(f"{label} is not a kit; --force replaces kits only")
    foreign = next(_unlisted(output), None)
    if foreign is not None:
        what = f"{label} holds {printable(foreign)}, which is not of the kit; --force replaces kits only"
        raise RequestError(what, hint="move it elsewhere first")


def _check_written(bundle: Bundle) -> None:
    """Raise RequestError where something was written over an image: that is of the machine that ran it, and busybox
    would restore it without its marks.
    """
    written = bundle.path / WRITTEN
    if not written.is_symlink() and written.is_dir() and any(written.iterdir()):
        what = f"{bundle.label}: {WRITTEN} holds what a container wrote over {IMAGE}, and a kit carries what was built"
        raise RequestError(what, hint="bundler repack makes an image with it; remove the folder to go without")


def _unlisted(kit: Path) -> Iterator[str]:
    """What lies in the kit without being in its list of checksums."""
    with (kit / SUMS).open("rb") as lines:
        listed = {os.fsdecode(line.rstrip(b"\n").partition(b"  ")[2]) for line in lines.readlines(_LARGEST)}
    known = {
        SUMS,
        *(SUMS + suffix for suffix in SUFFIXES),
        *listed,
        *(str(PurePosixPath(name).parent) for name in listed),
    }
    yield from (name for path in sorted(kit.rglob("*")) if (name := str(path.relative_to(kit))) not in known)


def _unnamed(recorded: dict[str, Json]) -> str:
    """Not the name of the folder, which is another one elsewhere."""
    image_id = str(part_of(recorded, "image").get("id", ""))
    return f"bundle-{image_id.rpartition(':')[2][:12]}"


def _sums(kit: Path) -> bytes:
    """Of all files, as sha256sum writes it and checks it."""
    return "".join(_sum(kit, path) for path in sorted(path for path in kit.rglob("*") if path.is_file())).encode()


def _sum(kit: Path, path: Path) -> str:
    with path.open("rb") as file:
        return f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.relative_to(kit)}\n"
