"""What a build is asked for, and the image, the overrides and the givens that it names."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bundler.conversion.accounts import Accounts
from bundler.conversion.givens import Givens
from bundler.errors import RequestError
from bundler.images.access import Access
from bundler.images.image import Image
from bundler.images.platform import Platform
from bundler.images.transports import open_image
from bundler.limits import DEFAULTS, Limits
from bundler.origins import UNSET
from bundler.overrides.id_maps import caller_maps, stated_maps
from bundler.overrides.load import Overrides, load
from bundler.profiles import load_profile
from bundler.progress import Progress
from bundler.rootfs.selection import Selection
from bundler.targets import load_target


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asks for. `image` and `platform` may be left to the overrides.

    `machine` is the platform to take from a multi-platform image when nobody asks for one; `caller` is the user and
    the group that are root in a rootless bundle when no map says so.
    """

    image: str | None
    machine: Platform
    overrides: Sequence[str] = ()
    platform: Platform | None = None
    access: Access = field(default_factory=Access)
    unpacker: str = "native"
    target: str | None = None
    limits: Limits = DEFAULTS
    uid_map: Sequence[str] = ()
    gid_map: Sequence[str] = ()
    rootless: bool = False
    caller: tuple[int, int] = (0, 0)

    def load_overrides(self) -> Overrides:
        """What the files say and, above them, the options that have a key's meaning."""
        overrides = load(self.overrides)
        entries = dict(overrides.entries) | stated_maps(self.uid_map, self.gid_map)
        if self.rootless and not {"uid_map", "gid_map"} & entries.keys():
            entries |= caller_maps(*self.caller)
        return replace(overrides, entries=entries)

    def open(self, overrides: Overrides, workspace: Path, progress: Progress) -> AbstractContextManager[Image]:
        """The image; the command line's reference and platform win over those of `overrides`."""
        named, platform = overrides.get("image"), overrides.get("platform")
        reference = self.image if named is UNSET or self.image is not None else named.text()
        if reference is None:
            raise RequestError("no image: name one, or give image: in an overrides file")
        requested = self.platform
        if requested is None and platform is not UNSET:
            requested = Platform.parse(platform.text())
        return self.open_other(reference, requested, workspace, progress)

    def open_other(
        self, reference: str, platform: Platform | None, workspace: Path, progress: Progress
    ) -> AbstractContextManager[Image]:
        """Any image, reached and limited as the one asked for; `platform` is None where nobody asks for one."""
        return open_image(
            reference,
            platform=platform or self.machine,
            platform_requested=platform is not None,
            access=self.access,
            workspace=workspace,
            progress=progress,
            limits=self.limits,
        )

    @staticmethod
    def selection(overrides: Overrides) -> Selection | None:
        """Which files of the image the rootfs gets, by the overrides key `rootfs`; None for all."""
        node = overrides.get("rootfs")
        said = {} if node is UNSET else node.plain()
        chosen = Selection(
            exclude=tuple(said.get("exclude") or ()),
            devices=said.get("devices") or "create",
            strip_setuid=said.get("strip_setuid") or False,
        )
        return None if chosen == Selection() else chosen

    def givens(self, image: Image, overrides: Overrides) -> Givens:
        """What the rules may look at, but for the users of a rootfs that nobody has read yet."""
        named = overrides.get("profile")
        return Givens(
            image_config=image.image_config,
            overrides=overrides,
            profile=load_profile() if named is UNSET else load_profile(named.plain()),
            target=load_target(self.target, overrides),
            accounts=Accounts(),
            rootless=self.rootless,
        )
