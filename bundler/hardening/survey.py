"""What a build would make, for a look at its files: an image of a file system, which is removed again."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from bundler.conversion.convert import ConvertedConfig, convert
from bundler.conversion.process.accounts import Accounts
from bundler.dry_run import read_accounts
from bundler.images.image import Image
from bundler.light_dataclasses import dataclass
from bundler.progress import SILENT, Progress
from bundler.request import BuildRequest
from bundler.rootfs.home import Home
from bundler.rootfs.inventory import Inventory
from bundler.rootfs.mtree import MtreeEntry, parse
from bundler.rootfs.remove import temporary_folder
from bundler.rootfs.unpacking.unpack_into_image import unpack_into_image


@dataclass(frozen=True, slots=True)
class Survey:
    """What `build` would make: `tree` has the files with their content, `entries` say their owners and privileges."""

    image: Image
    runtime_config: ConvertedConfig
    accounts: Accounts
    tree: Home
    entries: Iterator[MtreeEntry]


@contextmanager
def survey(request: BuildRequest, *, progress: Progress = SILENT) -> Iterator[Survey]:
    """The image of `request`, its files in an image of a file system where the caller may look into them, for as long
    as the context lasts. Any user can have one.
    """
    overrides = request.load_overrides()
    with temporary_folder() as folder, ExitStack() as stack:
        workspace = folder / "workspace"
        workspace.mkdir()
        image = stack.enter_context(request.open(overrides, workspace, progress, unpacked=True))
        inventory = stack.enter_context(Inventory(folder))
        layers = stack.enter_context(image.local(progress))
        tree = stack.enter_context(
            unpack_into_image(
                layers,
                folder / "rootfs",
                inventory=inventory,
                progress=progress,
                limits=request.limits,
                selection=request.selection(overrides),
            )
        )
        accounts = read_accounts(tree)
        runtime_config = convert(replace(request.inputs(image, overrides), accounts=accounts))
        lines = (line for entry in inventory.lines() for line in entry.splitlines(keepends=True))
        yield Survey(image, runtime_config, accounts, tree, parse(lines))
