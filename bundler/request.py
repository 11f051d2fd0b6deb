"""What a build is asked for, and the image, the overrides and the inputs that the request names."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bundler.conversion.process.accounts import Accounts
from bundler.conversion.rule import Inputs
from bundler.errors import DifferenceError, RequestError, printable
from bundler.images.image import Image
from bundler.images.manifest import PlatformChoice, naming
from bundler.images.platform import Platform
from bundler.images.reference import Reference
from bundler.images.transports.access import Access
from bundler.images.transports.table import open_image, parse_reference
from bundler.light_dataclasses import dataclass
from bundler.limits import DEFAULTS, Limits
from bundler.origins import UNSET
from bundler.overrides.imports import ImageSettings, Importer
from bundler.overrides.keys.namespaces import caller_maps, stated_maps
from bundler.overrides.load import Overrides, load
from bundler.profiles import load_profile
from bundler.progress import Progress
from bundler.rootfs.unpacking.changeset import Selection
from bundler.store import default_place
from bundler.store.find import open_kept
from bundler.store.layout import DamagedError, open_store
from bundler.targets import load_target

if TYPE_CHECKING:  # which needs what writes bundles, or a parser, and most requests have none
    from bundler.overrides.docker_run.one_off import Settings
    from bundler.reproducible.lock import Lock
    from bundler.trust.image_signatures import AnyKey
    from bundler.trust.policy import Policy


_EXAMPLE: Final = "for example nginx:1.27, or ./image.tar, which docker save wrote"


def this_machine() -> Platform:
    """The platform of this machine: what is taken from an image for several platforms unless a request names one."""
    return Platform.of("linux", os.uname().machine or "x86_64")


def _this_user() -> tuple[int, int]:
    return os.geteuid(), os.getegid()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageForm:
    """What the image of a root filesystem has: with `verity`, a tree of hashes for dm-verity."""

    verity: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What a bundle is built from, and what it is to be like; each field is an option of `bundler build`.

    `image` is a reference (`nginx:1.27`, `oci-archive:FILE`, `oci:DIR`); without it the overrides name the image.
    `overrides` are files, later ones win; what `imports` give (of `docker inspect`, of compose) lies below them.
    `settings` (of flags as `docker run` has them) lie above all files.
    `platform` wins over the overrides' key; without either, an image for several platforms gives the one for
    `machine`. `target` is what will run the bundle: `host`, or a file; None for the fixed target.

    `uid_map` and `gid_map` are `CONTAINER:HOST:COUNT` each. A `rootless` bundle is one of an ordinary user; `caller`
    (user id, group id) is root in it when no map says so.

    `access` says how registries are reached and for how many seconds they are waited for, `limits` the most that an
    image may have. An image that is not in `store` (None: no store) comes from where its reference says. With a
    `lock`, whatever differs from it raises DifferenceError; `require_digest` refuses a registry's tag that no lock
    pins. `unpacker` is `native` or `umoci`; `umoci_metadata` adds what `umoci repack` expects.

    `rootfs` says what the root filesystem is: `dir`, a directory, or `erofs`, an image of one; None for what the
    overrides say. `verity` adds a tree of hashes for dm-verity to an image.

    With `trust`, an image is taken only if the policy does not ask for a signature, or if the store has it, and one.
    The same holds for what the `lock` says of trust.

    `opened` is called with each image that was opened.
    """

    image: str | None = None
    machine: Platform = field(default_factory=this_machine)
    overrides: Sequence[str | Path] = ()
    imports: Sequence[Importer] = ()
    settings: "Settings | None" = None
    platform: Platform | None = None
    access: Access = field(default_factory=Access)
    unpacker: str = "native"
    target: str | None = None
    limits: Limits = DEFAULTS
    uid_map: Sequence[str] = ()
    gid_map: Sequence[str] = ()
    rootless: bool = False
    caller: tuple[int, int] = field(default_factory=_this_user)
    store: Path | None = field(default_factory=default_place)
    require_digest: bool = False
    lock: "Lock | None" = None
    umoci_metadata: bool = False
    rootfs: str | None = None
    verity: bool = False
    trust: "Policy | None" = None
    opened: Callable[[Image], None] = lambda _image: None

    def load_overrides(self) -> Overrides:
        """What the files say and, above them, the options that have a key's meaning.

        Imports are added where the image is known. Raises RequestError.
        """
        loaded = load(self.overrides).over(stated_maps(self.uid_map, self.gid_map))
        return loaded if self.settings is None else loaded.over(self.settings.entries, self.settings.file)

    def _with_imports(self, overrides: Overrides, image: ImageSettings | None) -> Overrides:
        """`overrides` upon what the importers give for the image; a rootless bundle without maps gets the caller's."""
        complete = overrides.upon([importer(image) for importer in self.imports])
        if self.settings is not None:
            complete = complete.over(self.settings.network(complete.entries))
        if self.rootless and not {"uid_map", "gid_map"} & complete.entries.keys():
            complete = complete.over(caller_maps(*self.caller))
        return complete

    def open(
        self, overrides: Overrides, workspace: Path, progress: Progress, *, unpacked: bool = False
    ) -> AbstractContextManager[Image]:
        """The image; the request's own reference and platform win over those of `overrides` and of imports.

        `unpacked` says that its layers will be wanted for sure. Raises RequestError, ImageError, ToolError.
        """
        return self.open_other(*self.named(overrides), workspace, progress, unpacked=unpacked)

    def named(self, overrides: Overrides) -> tuple[str, Platform | None]:
        """What image is asked for, and for which platform if that is said. Raises RequestError."""
        complete = self._with_imports(overrides, None)
        image, platform = complete.get("image"), complete.get("platform")
        name = self.image if image is UNSET or self.image is not None else image.text()
        if name is None and self.lock is not None:
            name = self.lock.only_reference
        if name is None:
            raise RequestError("no image: name one, or give image: in an overrides file", hint=_EXAMPLE)
        requested = self.platform
        if requested is None and platform is not UNSET:
            requested = Platform.parse(platform.text())
        return name, requested

    @contextmanager
    def open_other(
        self,
        name: str,
        platform: Platform | None,
        workspace: Path,
        progress: Progress,
        *,
        unpacked: bool = False,
    ) -> Iterator[Image]:
        """Any image, reached and limited as the one asked for; with `platform` None, the machine's or the lock's."""
        lock, reference = self.lock, parse_reference(name)
        wanted = PlatformChoice.of(platform, (lock and lock.platform) or self.machine)
        if lock is not None:
            lock.check_platform(wanted)
            reference = lock.pin(reference, wanted.platform)
        self.check_digest(reference)
        with naming(name), ExitStack() as stack:
            image = stack.enter_context(self._open_trusted(reference, wanted))
            if image is None:
                image = stack.enter_context(
                    open_image(
                        reference,
                        wanted,
                        access=self.access,
                        workspace=workspace,
                        progress=progress,
                        limits=self.limits,
                        unpacked=unpacked,
                    )
                )
            if lock is not None:
                lock.check_image(image)
            self.opened(image)
            yield image

    @contextmanager
    def _open_trusted(self, reference: Reference, wanted: PlatformChoice) -> Iterator[Image | None]:
        """The image from the store, signed as all policies ask; None if it is not there and none asks for that.

        Raises RequestError, ImageError, and DifferenceError, also for what was damaged since it was signed.
        """
        demanded = self._demanded(reference)
        try:
            with self._open_kept(reference, wanted) as image:
                for keys in demanded:
                    image = self._signed(keys, reference, image)  # noqa: PLW2901 -- the same, and whose it is
                yield image
        except DamagedError as error:
            if demanded:
                raise DifferenceError(error.what, hint=error.hint) from None
            raise

    def _policies(self) -> "Iterator[Policy]":
        """All that an image has to fulfil: what the caller asks for, and what the lock was made with."""
        if self.trust is not None:
            yield self.trust
        if self.lock is not None and self.lock.trust is not None:
            yield self.lock.trust.policy()

    def _demanded(self, reference: Reference) -> "list[tuple[AnyKey, ...]]":
        """For each policy that wants the image signed, the keys of which one must have done so."""
        policies = list(self._policies())
        if not policies:
            return []
        from bundler.store.attached import trusted_keys  # noqa: PLC0415 -- takes a while, and few requests have a policy

        return [keys for trust in policies if (keys := trusted_keys(trust, reference.registry))]

    def _signed(self, keys: "Sequence[AnyKey]", reference: Reference, kept: Image | None) -> Image:
        """The image of the store, if one of the keys has signed it. Raises RequestError, DifferenceError."""
        if kept is None or kept.manifest_digest is None or self.store is None or reference.registry is None:
            raise RequestError(
                f"{printable(reference.text)} is not in the store, and only there are signatures kept with an image",
                hint="bundler fetch --verify-key PUB NAME brings both along",
            )
        from bundler.store.attached import verify_kept  # noqa: PLC0415 -- as above

        with open_store(self.store, limits=self.limits) as store:
            signed = verify_kept(store, reference.registry, kept.manifest_digest, keys)
        return replace(kept, signed=(signed.key, signed.digest))

    def _open_kept(self, reference: Reference, wanted: PlatformChoice) -> AbstractContextManager[Image | None]:
        """The image from the store. docker:// asks for the registry itself."""
        if reference.registry is None or reference.states_transport or self.store is None:
            return nullcontext()
        return open_kept(self.store, reference.registry, wanted, self.limits)

    def check_digest(self, reference: Reference) -> None:
        """Raise RequestError for a tag in a registry, where digests are required."""
        if self.require_digest and reference.registry is not None and reference.registry.digest is None:
            raise RequestError(
                f"{printable(reference.text)} is named by a tag, which may mean another image tomorrow",
                hint="name it by its digest (bundler inspect shows it), or build with --locked",
            )

    @staticmethod
    def selection(overrides: Overrides) -> Selection | None:
        """Which files of the image the rootfs gets, by the overrides key `rootfs`; None for all."""
        node = overrides.get("rootfs")
        stated = {} if node is UNSET else node.plain()
        selection = Selection(
            exclude=tuple(stated.get("exclude") or ()),
            devices=stated.get("devices") or "create",
            strip_setuid=stated.get("strip_setuid") or False,
        )
        return None if selection == Selection() else selection

    def image_form(self, overrides: Overrides) -> ImageForm | None:
        """How the root filesystem is written into an image; None for a directory. Raises RequestError."""
        node = overrides.get("rootfs")
        stated = {} if node is UNSET else node.plain()
        verity = self.verity or bool(stated.get("verity"))
        if (self.rootfs or stated.get("format") or "dir") == "dir":
            if verity:
                raise RequestError("--verity is about an image", hint="--rootfs erofs makes the root filesystem one")
            return None
        if self.unpacker != "native":
            raise RequestError(
                "umoci unpacks into a directory, and the root filesystem is to be an image",
                hint="leave out --unpacker umoci, or --rootfs erofs",
            )
        if self.umoci_metadata:
            raise RequestError(
                "umoci repacks a directory, and the root filesystem is to be an image",
                hint="leave out --umoci-metadata, or --rootfs erofs",
            )
        return ImageForm(verity=verity)

    def inputs(self, image: Image, overrides: Overrides) -> Inputs:
        """What the rules may look at, but for the users of the rootfs, which is not there yet."""
        overrides = self._with_imports(overrides, image.image_config)
        profile = overrides.get("profile")
        return Inputs(
            image_config=image.image_config,
            overrides=overrides,
            profile=load_profile() if profile is UNSET else load_profile(profile.plain()),
            target=load_target(self.target, overrides),
            accounts=Accounts(),
            rootless=self.rootless,
        )
