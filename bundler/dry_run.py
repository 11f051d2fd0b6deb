"""What a build would make, and nothing of it: the image looked at, config.json alone, the files for a look at them."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Final

from bundler.conversion.convert import ConvertedConfig, convert
from bundler.conversion.process.accounts import Accounts, needs_lookup, parse_accounts
from bundler.conversion.rule import Inputs
from bundler.images.image import Image
from bundler.origins import UNSET
from bundler.progress import SILENT, Progress
from bundler.request import BuildRequest
from bundler.rootfs.home import Home
from bundler.rootfs.inventory import Inventory
from bundler.rootfs.mtree import MtreeEntry, parse
from bundler.rootfs.remove import temporary_folder
from bundler.rootfs.unpack import unpack_into_image, unpack_partially

_ACCOUNT_FILES: Final = (b"passwd", b"group")
_MAXIMUM_ACCOUNT_FILE: Final = 4 << 20  # bytes; the largest passwd files of real machines have some 100,000 lines


def inspect(request: BuildRequest, *, progress: Progress = SILENT) -> Image:
    """The image that `request` names: digests, platform, layers, image config (image-spec config.md, manifest.md).

    Layers are not fetched. The image can be looked at, and not unpacked. Raises RequestError for a request that makes
    no sense, ImageError for an image that is missing or corrupt, ToolError where skopeo fails.
    """
    with (
        temporary_folder() as workspace,
        request.open(request.load_overrides(), workspace, progress) as image,
    ):
        return image


def preview(request: BuildRequest, *, progress: Progress = SILENT) -> ConvertedConfig:
    """The runtime config (runtime-spec config.md) that `build` would write; no rootfs is made.

    `document` of the result is config.json, `origins` say where each value comes from. Layers are read only if a name
    of a user or group has to be looked up in them. Raises what `build` raises.
    """
    overrides = request.load_overrides()
    with temporary_folder() as workspace, request.open(overrides, workspace, progress) as image:
        inputs = request.inputs(image, overrides)
        if not _needs_accounts(inputs):
            return convert(inputs)
        with image.local(progress) as layers:
            selection = request.selection(inputs.overrides)
            tree = unpack_partially(
                layers, _ACCOUNT_FILES, progress=progress, limits=request.limits, selection=selection
            )
            runtime_config = convert(replace(inputs, accounts=read_accounts(tree)))
            # A file in its way is as much a mistake here as when the bundle is built.
            tree.make_working_directory(os.fsencode(runtime_config.working_directory))
            return runtime_config


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


def read_accounts(tree: Home) -> Accounts:
    """The users and groups of a rootfs."""
    passwd, group = (tree.read_regular(b"etc/" + name, _MAXIMUM_ACCOUNT_FILE) for name in _ACCOUNT_FILES)
    return parse_accounts(passwd, group)


def _needs_accounts(inputs: Inputs) -> bool:
    user = inputs.overrides.get("user")
    user_text = inputs.image_config.user if user is UNSET else user.text()
    return needs_lookup(user_text, tuple(node.text() for node in inputs.overrides.items("group_add")))
