"""The units of a bundle on disk."""

import os
from pathlib import Path

from bundler.bundles.bundle import Bundle
from bundler.bundles.reach import check_reach
from bundler.bundles.record import part_of
from bundler.bundles.replacement.rules import check_file
from bundler.bundles.replacement.stage import open_stage
from bundler.bundles.rootfs_image import image_digest
from bundler.bundles.runtime import asks_systemd, container_name, needed_init
from bundler.bundles.write import write_file
from bundler.errors import RequestError, printable
from bundler.units.image_mount import ImageMount
from bundler.units.membership import Membership
from bundler.units.placing import Placing, check_absolute, check_runtime
from bundler.units.service import Units, write_units


def units_of(
    bundle: Path | Bundle,
    *,
    name: str | None = None,
    directory: str | None = None,
    runtime: str | None = None,
    terminal: str | None = None,
    member: Membership | None = None,
) -> Units:
    """The units that keep `bundle` running when it lies in `directory` (default: where it is) of a machine.

    `name` (default: container_name, else the directory's) is the unit's and the container's; `runtime` (default: the
    target's) a program; `member` is its place in a project. A rootless bundle's are for the manager of its user.
    Raises RequestError.
    """
    bundle = Bundle.open(bundle)
    written = bundle.config_file
    check_reach(bundle.path, written.config, here=directory is None)
    placing = placing_of(bundle, name=name, directory=directory, runtime=runtime, terminal=terminal)
    recorded = written.recorded or {}
    units = write_units(written.config, part_of(recorded, "lifecycle"), placing, _image(bundle, placing), member)
    init = needed_init(written.config)
    if init is not None:
        units = Units(units.texts, (*units.remarks, f"the machine needs {printable(init)}, the container's init"))
    if written.stale:
        remark = "config.json was changed since bundler.json was written: restart, stop signal and health are not known"
        return Units(units.texts, (*units.remarks, remark))
    return units


def placing_of(
    bundle: Bundle,
    *,
    name: str | None = None,
    directory: str | None = None,
    runtime: str | None = None,
    terminal: str | None = None,
) -> Placing:
    """Where `bundle` will lie, and as what it runs; the arguments are those of `units_of`. Raises RequestError."""
    recorded = bundle.config_file.recorded or {}
    here = os.path.abspath(bundle.path)  # noqa: PTH100 -- a symlink is named to exchange what is behind it
    place = check_absolute(here if directory is None else directory, "--directory")
    return Placing(
        name=container_name(name, recorded, place, "--name"),
        directory=place,
        runtime=check_runtime(runtime or str(part_of(recorded, "target").get("runtime", "runc"))),
        systemd_cgroup=asks_systemd(bundle.config_file.config, recorded),
        user=not bundle.owned,
        terminal=None if terminal is None else check_absolute(terminal, "--tty"),
    )


def _image(bundle: Bundle, placing: Placing) -> ImageMount | None:
    """What the service has to mount. Raises RequestError."""
    record = bundle.any_record
    digest = None if record is None else image_digest(record.document)
    if digest is None:
        return None
    if placing.user:
        what = f"{bundle.label}: its root filesystem is an image, which the manager of an ordinary user may not mount"
        raise RequestError(what, hint="bundler build --rootfs dir makes a directory of it")
    return ImageMount(digest, writable=not bundle.config_file.config.root_is_readonly)


def write_unit_files(units: Units, folder: Path, *, replace: bool) -> list[Path]:
    """Write all units into `folder`, an existing directory, or none; each appears whole. Raises BundlerError."""
    places = [folder / name for name in units.texts]
    for place in places:
        check_file(place, replace=replace)
    with open_stage(folder) as stage:
        for place, text in zip(places, units.texts.values(), strict=True):
            made = stage.workspace / place.name
            write_file(made, text.encode())
            stage.publish_file(made, place, replace=replace)
    return places
