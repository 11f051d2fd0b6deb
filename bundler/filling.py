"""All that a bundle holds is made, for one bundle or for several that have the same root filesystem."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

from bundler.bundles.contents import make_folders, mount_images, seed_shared, write_documents, write_images_manifest
from bundler.bundles.mount_points import MountPoints, make_inside, make_mount_points
from bundler.bundles.rootfs_image import IMAGE, RootfsImage, finish_image
from bundler.bundles.rootfs_sharing import give_rootfs
from bundler.bundles.write import chown_to_container_root, set_epoch_times
from bundler.conversion.convert import ConvertedConfig, convert
from bundler.conversion.id_mappings import ranges
from bundler.conversion.mounts.mount_points import mounted, nodes
from bundler.conversion.mounts.mounts import folders
from bundler.conversion.process.accounts import Accounts
from bundler.conversion.rule import Inputs
from bundler.dry_run import read_accounts
from bundler.errors import RequestError
from bundler.images.image import Image
from bundler.light_dataclasses import dataclass
from bundler.overrides.load import Overrides
from bundler.progress import Progress
from bundler.repack.umoci import write_metadata
from bundler.request import BuildRequest, ImageForm
from bundler.rootfs.home import Home
from bundler.rootfs.inventory import Inventory, write_manifest
from bundler.rootfs.memory.image_tree import ImageTree
from bundler.rootfs.owners import Owners, choose_owners_in_image, choose_owners_of_copies
from bundler.rootfs.tree import Tree
from bundler.rootfs.unpacking.changeset import Selection
from bundler.rootfs.unpacking.unpack import unpack
from bundler.rootfs.unpacking.unpack_into_image import unpack_into_image


@dataclass(frozen=True, slots=True)
class Draft:
    """A bundle in the making: its directory, a folder for temporary files, and what decides its config.json.

    `seeds` is where the volumes are filled that it shares with others; None for a bundle by itself, which has none.
    """

    bundle: Path
    workspace: Path
    inputs: Inputs
    seeds: Path | None = None


@dataclass(frozen=True, slots=True)
class _Decided:
    """A draft of which all is known: the users of its rootfs, its config.json, where it is mounted onto."""

    draft: Draft
    runtime_config: ConvertedConfig
    points: MountPoints

    @property
    def bundle(self) -> Path:
        return self.draft.bundle

    @property
    def inputs(self) -> Inputs:
        return self.draft.inputs


def fill(
    drafts: Sequence[Draft], request: BuildRequest, image: Image, *, owners: Owners, progress: Progress
) -> list[ConvertedConfig]:
    """Make the bundles of all `drafts`, which are to have the same files of `image`: it is read once.

    So their root filesystem has the mount points of all of them.
    """
    first = drafts[0]
    inside = choose_owners_in_image(owners, ranges(first.inputs))
    unpacking = _Unpacking(request, owners, inside, progress)
    form = request.image_form(first.inputs.overrides)
    with (
        Inventory(first.workspace, owned=not request.rootless) as inventory,
        unpacking.rootfs(image, first.bundle, inventory, first.inputs.overrides) as tree,
    ):
        accounts = read_accounts(tree)
        decided = [_decide(tree, draft, accounts) for draft in drafts]
        for each in decided:
            make_folders(each.bundle, tree, folders(each.inputs), _owners_of_volumes(tree))
        _seed_shared(tree, decided)
        with _finished(tree, first.bundle, form) as measured:
            manifest = write_manifest(inventory, first.bundle / "rootfs.mtree")
            rootfs_image = measured()
    made = sorted({point for each in decided for point in each.points.made})
    for other in decided[1:]:
        give_rootfs(first.bundle, other.bundle, owners)
    for each in decided:
        _complete(each, unpacking, image, made=made, manifest=manifest, rootfs_image=rootfs_image)
    return [each.runtime_config for each in decided]


def _decide(tree: Home, draft: Draft, accounts: Accounts) -> _Decided:
    """Convert, and make what the container needs in its root filesystem."""
    inputs = replace(draft.inputs, accounts=accounts)
    runtime_config = convert(inputs)
    tree.make_working_directory(os.fsencode(runtime_config.working_directory))
    points = make_mount_points(tree, mounted(inputs, runtime_config), nodes(runtime_config))
    return _Decided(replace(draft, inputs=inputs), runtime_config, points)


def _seed_shared(tree: Home, decided: Sequence[_Decided]) -> None:
    """What each would fill the volumes with that it shares; of one image, the same place is the same content."""
    seeded: set[tuple[str, str]] = set()
    for each in decided:
        for folder in folders(each.inputs):
            if not folder.is_shared:
                continue
            if each.draft.seeds is None:
                what = f"volumes: {folder.path.removeprefix('../')} is a volume that bundles of a project share"
                raise RequestError(what, hint="leave out shared: true, or build all of them with bundler project")
            if folder.seed is not None and (folder.path, folder.seed) not in seeded:
                seeded.add((folder.path, folder.seed))
                seed_shared(each.draft.seeds, tree, folder, _owners_of_volumes(tree))


def _complete(
    decided: _Decided,
    unpacking: "_Unpacking",
    image: Image,
    *,
    made: Sequence[bytes],
    manifest: str,
    rootfs_image: RootfsImage | None,
) -> None:
    """All beside the root filesystem: mounted images, and the documents. `made` are the mount points in it."""
    bundle, inputs, request, owners = decided.bundle, decided.inputs, unpacking.request, unpacking.owners
    mount_images(
        bundle,
        folders(inputs),
        lambda reference, workspace: request.open_other(
            reference, request.platform, workspace, unpacking.progress, unpacked=True
        ),
        unpacking.unpack,
        owners,
        workspace=decided.draft.workspace,
    )
    make_inside(bundle, decided.points, owners)
    more = write_images_manifest(bundle, decided.draft.workspace, owners, owned=not request.rootless)
    if request.umoci_metadata:
        more |= write_metadata(bundle, image, owners.maps, rootless=request.rootless)
    write_documents(
        bundle,
        inputs,
        decided.runtime_config,
        folders(inputs),
        made,
        owners=owners,
        manifest=manifest,
        more=more,
        image=rootfs_image,
    )
    set_epoch_times(bundle)
    if owners.maps:
        own = [folder for folder in folders(inputs) if not folder.is_shared]
        empty = [folder.path for folder in own if folder.seed is None and folder.image is None]
        chown_to_container_root(bundle, empty, *(shifts.shift(0) for shifts in owners.maps))


def _finished(
    tree: Home, bundle: Path, form: ImageForm | None
) -> AbstractContextManager[Callable[[], RootfsImage | None]]:
    """What finish_image gives, where the rootfs is an image."""
    if form is not None and isinstance(tree, ImageTree):
        return finish_image(tree, bundle, verity=form.verity)
    return nullcontext(lambda: None)


def _owners_of_volumes(tree: Home) -> Owners:
    """What becomes of owners where files of the root filesystem are copied into a volume, which is on the disk."""
    if isinstance(tree, ImageTree):
        return choose_owners_of_copies(tree.owners, privileged=os.geteuid() == 0)
    return tree.owners.as_they_are()


@dataclass(frozen=True, slots=True)
class _Unpacking:
    """How the images of a request are unpacked: `owners` hold on the disk, `inside` in an image of a rootfs."""

    request: BuildRequest
    owners: Owners
    inside: Owners
    progress: Progress

    def unpack(
        self, image: Image, path: Path, inventory: Inventory | None = None, selection: Selection | None = None
    ) -> None:
        """Into the empty directory `path`."""
        with image.local(self.progress) as layers:
            unpack(
                layers,
                path,
                unpacker=self.request.unpacker,
                owners=self.owners,
                inventory=inventory,
                progress=self.progress,
                limits=self.request.limits,
                selection=selection,
            )

    @contextmanager
    def rootfs(self, image: Image, bundle: Path, inventory: Inventory, overrides: Overrides) -> Iterator[Home]:
        """The bundle's root filesystem, unpacked and open: a directory, or an ImageTree that is not finished."""
        selection = self.request.selection(overrides)
        if self.request.image_form(overrides) is None:
            rootfs = bundle / "rootfs"
            rootfs.mkdir()
            self.unpack(image, rootfs, inventory, selection)
            with Tree.open(rootfs, self.owners, inventory) as tree:
                yield tree
            return
        with (
            image.local(self.progress) as layers,
            unpack_into_image(
                layers,
                bundle / IMAGE,
                owners=self.inside,
                inventory=inventory,
                progress=self.progress,
                limits=self.request.limits,
                selection=selection,
                stays=True,
            ) as image_tree,
        ):
            yield image_tree
