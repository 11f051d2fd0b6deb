"""What a build would make, and nothing of it: the image looked at, config.json alone."""

import os
from dataclasses import replace
from typing import Final

from bundler.conversion.convert import ConvertedConfig, convert
from bundler.conversion.process.accounts import Accounts, needs_lookup, parse_accounts
from bundler.conversion.rule import Inputs
from bundler.images.image import Image
from bundler.origins import UNSET
from bundler.progress import SILENT, Progress
from bundler.request import BuildRequest
from bundler.rootfs.home import Home
from bundler.rootfs.remove import temporary_folder
from bundler.rootfs.unpacking.unpack_partially import unpack_partially

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


def read_accounts(tree: Home) -> Accounts:
    """The users and groups of a rootfs."""
    passwd, group = (tree.read_regular(b"etc/" + name, _MAXIMUM_ACCOUNT_FILE) for name in _ACCOUNT_FILES)
    return parse_accounts(passwd, group)


def _needs_accounts(inputs: Inputs) -> bool:
    user = inputs.overrides.get("user")
    user_text = inputs.image_config.user if user is UNSET else user.text()
    return needs_lookup(user_text, tuple(node.text() for node in inputs.overrides.items("group_add")))
