"""Starting a container whose root filesystem is an image: this process mounts the image, then becomes the runtime."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bundler.light_dataclasses import dataclass
from bundler.running import rootfs_mount, upper
from bundler.running.namespace import FIRST_FREE_DESCRIPTOR, MEMORY, MOUNTED, NOWHERE, View, covered
from bundler.runtime_spec.runtime_config import RuntimeConfig


@dataclass(frozen=True, slots=True)
class Entry:
    """How the bundle is to look to `runtime`, a command line; `config` has the ids of the container."""

    view: View
    runtime: Sequence[str]
    config: RuntimeConfig

    def enter(self) -> tuple[str, ...]:
        """Mount the image where only this process sees it; gives the command line that this process is to become.

        Raises RequestError where another container writes to the bundle's `upper`, ToolError.
        """
        view = self.view
        image = view.image or ""
        if view.upper not in (MEMORY, NOWHERE):
            upper.reserve(Path(view.upper), FIRST_FREE_DESCRIPTOR)
        if view.user:
            rootfs_mount.mount_as_user(image, view.rootfs, self.config)
            # runc takes root of any namespace for the machine's, unless the environment tells otherwise.
            os.environ.pop("USER", None)
            mounted = True
        else:
            mounted = rootfs_mount.mount_as_root(image, view.bundle, view.rootfs)
        return covered(self.runtime, replace(view, image=MOUNTED if mounted else image))
