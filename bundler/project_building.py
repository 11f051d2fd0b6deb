"""A project on disk: all its bundles, its volumes and project.json, whole or not at all."""

import dataclasses
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from bundler.bundles.bundle import Bundle
from bundler.bundles.files import bundle_owners
from bundler.bundles.record import digest_of
from bundler.bundles.replacement.rules import OldVolumes
from bundler.bundles.replacement.stage import Stage, open_stage
from bundler.bundles.rootfs_image import has_image
from bundler.bundles.write import make_folder, write_file
from bundler.conversion.annotations import lifecycle
from bundler.conversion.convert import ConvertedConfig
from bundler.conversion.id_mappings import ranges
from bundler.conversion.mounts.mounts import folders
from bundler.conversion.rule import Inputs
from bundler.errors import RequestError, printable
from bundler.filling import Draft, fill
from bundler.images.image import Image
from bundler.images.platform import Platform
from bundler.light_dataclasses import dataclass
from bundler.overrides.bundle_paths import SHARED_VOLUMES
from bundler.overrides.load import Overrides
from bundler.progress import SILENT, Progress
from bundler.project.dependency import Condition
from bundler.project.project import Project
from bundler.project.record import NAME, VOLUMES, ProjectBundle, ProjectRecord
from bundler.project.replacing import carried_folders, check_destination
from bundler.reproducible.project_lock import ProjectLock
from bundler.request import BuildRequest
from bundler.rootfs.attributes import implied
from bundler.rootfs.owners import Owners, choose_owners
from bundler.rootfs.paths import ancestors
from bundler.rootfs.tree import Tree


@dataclass(frozen=True, slots=True)
class BuiltProject:
    """A finished project at `path`: what its project.json says, and what decided each bundle.

    `copied` counts the root filesystems that are directories like another one.
    """

    path: Path
    record: ProjectRecord
    inputs: Mapping[str, Inputs]
    runtime_configs: Mapping[str, ConvertedConfig]
    images: Sequence[Image]
    skipped: Mapping[str, int]
    copied: int


@dataclass(frozen=True, slots=True)
class _BundleRequest:
    """One bundle of the project, as it is asked for: its name, its request, its overrides."""

    bundle: ProjectBundle
    request: BuildRequest
    overrides: Overrides

    @property
    def image(self) -> tuple[str, Platform | None]:
        return self.request.named(self.overrides)


def build_project(
    project: Project,
    request: BuildRequest,
    output: Path,
    *,
    overrides: Mapping[str, Sequence[str | Path]],
    lock: ProjectLock | None = None,
    replace: bool = False,
    volumes: OldVolumes = OldVolumes.KEPT,
    progress: Progress = SILENT,
    check: Callable[[Stage], None] = lambda _stage: None,
    before_publishing: Callable[[], None] = lambda: None,
) -> BuiltProject:
    """Make the folder of the project at `output`, whole or not at all.

    `request` says what all bundles have in common, `overrides` are files by service that lie above what the compose
    files say. An image that several bundles are made from is read once. With `replace`, a project that is there is
    replaced, and keeps what its volumes hold. `check` and `before_publishing` are those of `build`, and so is what is
    raised.
    """
    requests = _bundle_requests(project, request, overrides, lock)
    check_destination(output, replace=replace)
    making = _Making(request, progress)
    with open_stage(output.parent) as stage:
        for group in _by_image(requests):
            making.fill(stage, group)
        _check_health(project.record, making.inputs)
        _make_volumes(stage, project.record, making.inputs)
        record = _write_record(stage.bundle, project.record)
        check(stage)
        stage.publish(
            output,
            replace=replace,
            carried=lambda: carried_folders(output, stage.bundle, volumes),
            before=before_publishing,
        )
    return BuiltProject(
        output, record, making.inputs, making.runtime_configs, making.images, making.skipped, making.copied
    )


def _bundle_requests(
    project: Project, request: BuildRequest, overrides: Mapping[str, Sequence[str | Path]], lock: ProjectLock | None
) -> list[_BundleRequest]:
    """The bundles in the order they start. Raises RequestError, DifferenceError."""
    services = {bundle.service for bundle in project.record.bundles}
    for service in overrides:
        if service not in services:
            hint = f"its services are {', '.join(map(printable, sorted(services)))}"
            raise RequestError(f"--overrides {printable(service)}: the project has no such service", hint=hint)
    if lock is not None:
        lock.check([bundle.name for bundle in project.record.bundles], project.record.files)
    requests = []
    for bundle in project.record.bundles:
        imported = project.imports[bundle.name]
        own = dataclasses.replace(
            request,
            imports=(lambda _image, imported=imported: imported,),
            overrides=overrides.get(bundle.service, ()),
            lock=None if lock is None else lock.of(bundle.name),
        )
        requests.append(_BundleRequest(bundle, own, own.load_overrides()))
    return requests


def _by_image(requests: Sequence[_BundleRequest]) -> list[list[_BundleRequest]]:
    """Those of one image together, in the order of the first of each."""
    groups: dict[tuple[str, Platform | None], list[_BundleRequest]] = {}
    for each in requests:
        groups.setdefault(each.image, []).append(each)
    return list(groups.values())


class _Making:
    """Makes bundles in a stage, and remembers what decided them."""

    def __init__(self, request: BuildRequest, progress: Progress) -> None:
        self._request = request
        self._progress = progress
        self.inputs: dict[str, Inputs] = {}
        self.runtime_configs: dict[str, ConvertedConfig] = {}
        self.images: list[Image] = []
        self.skipped: dict[str, int] = {}
        self.copied = 0

    def fill(self, stage: Stage, group: Sequence[_BundleRequest]) -> None:
        """Make the bundles of one image, which is read once for all that have the same files of it."""
        first = group[0]
        workspace = _made(stage.workspace / "images" / first.bundle.name)
        request = dataclasses.replace(first.request, opened=self.images.append)
        with request.open_other(*first.image, workspace, self._progress, unpacked=True) as image:
            for alike in self._alike(group, image):
                self._fill_alike(stage, request, image, *alike)

    def _alike(
        self, group: Sequence[_BundleRequest], image: Image
    ) -> Iterator[tuple[Sequence[tuple[_BundleRequest, Inputs]], Owners]]:
        """Those together that have the same files, of the same owners."""
        kinds: dict[object, list[tuple[_BundleRequest, Inputs]]] = {}
        for each in group:
            inputs = each.request.inputs(image, each.overrides)
            if each.request.lock is not None:
                each.request.lock.check_givens(inputs)
            request = each.request
            files = (request.selection(inputs.overrides), request.image_form(inputs.overrides), repr(ranges(inputs)))
            kinds.setdefault(files, []).append((each, inputs))
        for listed in kinds.values():
            yield listed, choose_owners(ranges(listed[0][1]), rootless=self._request.rootless)

    def _fill_alike(
        self,
        stage: Stage,
        request: BuildRequest,
        image: Image,
        listed: Sequence[tuple[_BundleRequest, Inputs]],
        owners: Owners,
    ) -> None:
        drafts = [
            Draft(
                _made(stage.bundle / each.bundle.name),
                _made(stage.workspace / "bundles" / each.bundle.name),
                inputs,
                seeds=_seeds(stage, each.bundle.name),
            )
            for each, inputs in listed
        ]
        made = fill(drafts, request, image, owners=owners, progress=self._progress)
        if not has_image(Bundle(drafts[0].bundle).record.document):
            self.copied += len(drafts) - 1
        for (each, inputs), runtime_config in zip(listed, made, strict=True):
            self.inputs[each.bundle.name] = inputs
            self.runtime_configs[each.bundle.name] = runtime_config
        for kind, count in owners.skipped.items():
            self.skipped[kind] = self.skipped.get(kind, 0) + count


def _made(folder: Path) -> Path:
    make_folder(folder, 0o700)
    return folder


def _seeds(stage: Stage, bundle: str) -> Path:
    """Where the volumes are filled that the bundle shares."""
    return stage.workspace / "seeds" / bundle


def _check_health(record: ProjectRecord, inputs: Mapping[str, Inputs]) -> None:
    """Raise RequestError where a service waits for another to be healthy that is never asked."""
    for bundle in record.bundles:
        for service, dependency in bundle.depends_on.items():
            if dependency.condition is not Condition.HEALTHY:
                continue
            if any(not lifecycle(inputs[each.name]).get("healthcheck") for each in record.of_service(service)):
                what = f"{dependency.where}: depends_on: {printable(service)} has no health check to be waited for"
                raise RequestError(what, hint="give it a healthcheck, or wait with condition: service_started")


def _make_volumes(stage: Stage, record: ProjectRecord, inputs: Mapping[str, Inputs]) -> None:
    """Each volume as the first bundle that starts and has something there would fill it, as with Docker."""
    for volume in record.volumes:
        place = stage.bundle / VOLUMES / volume
        make_folder(place.parent)
        seeds = [_seeds(stage, bundle.name) / volume for bundle in record.bundles if volume in bundle.volumes]
        there = [seed for seed in seeds if seed.exists()]
        chosen = next((seed for seed in there if any(seed.iterdir())), next(iter(there), None))
        if chosen is None:
            make_folder(place)
            os.utime(place, (0, 0))
        else:
            chosen.rename(place)
    for bundle in record.bundles:
        for folder in folders(inputs[bundle.name]):
            name, _, part = folder.path.removeprefix(f"{SHARED_VOLUMES}/").partition("/")
            if folder.is_shared and part:
                _make_part(stage.bundle / VOLUMES / name, os.fsencode(part))
    with suppress(FileNotFoundError):
        os.utime(stage.bundle / VOLUMES, (0, 0))


def _make_part(volume: Path, part: bytes) -> None:
    """A folder inside of a volume that is mounted by itself. What an image has put there is not followed."""
    with Tree.open(volume, bundle_owners()) as tree:
        for path in (*reversed(list(ancestors(part))), part):
            file = tree.look(path)
            if file is not None and file.kind != stat.S_IFDIR:
                what = f"volumes: {printable(path)} in the volume {printable(volume.name)} is no folder of the image's"
                raise RequestError(what, hint="mount another subpath, or the whole volume")
            if file is None:
                above = (volume / os.fsdecode(path)).parent
                status = above.stat()
                tree.make_directory(path, tree.owners.adapt(implied()))
                os.utime(above, ns=(status.st_atime_ns, status.st_mtime_ns))


def _write_record(folder: Path, record: ProjectRecord) -> ProjectRecord:
    """Write project.json, which knows the digest of each bundler.json."""
    bundles = (
        dataclasses.replace(bundle, digest=Bundle(folder / bundle.name).record.digest) for bundle in record.bundles
    )
    complete = dataclasses.replace(record, bundles=tuple(bundles))
    content = complete.content
    write_file(folder / NAME, content)
    for path in (folder / NAME, folder):
        os.utime(path, (0, 0))
    return dataclasses.replace(complete, digest=digest_of(content))
