"""Everything a rule may look at: values only, so that the same givens always become the same runtime config."""

from dataclasses import dataclass, field

from bundler.conversion.process.accounts import Accounts
from bundler.conversion.profile import Profile
from bundler.conversion.target import Target
from bundler.images.image_config import ImageConfig
from bundler.origins import Json, Origin, Sourced
from bundler.overrides.load import Overrides


@dataclass(frozen=True, slots=True, kw_only=True)
class Givens:
    """The image config, the overrides, the profile, the target, and the users the rootfs knows.

    `rootless` says that an ordinary user will run the bundle.
    """

    image_config: ImageConfig
    overrides: Overrides
    profile: Profile
    target: Target = field(default_factory=Target)
    accounts: Accounts = field(default_factory=Accounts)
    rootless: bool = False

    def from_image(self, key: str, value: Json) -> Sourced[Json]:
        """`value`, which the image config's key `key` gave."""
        return Sourced(value, self.image_origin(key))

    @property
    def architecture(self) -> str:
        """The processor the bundle is for, in Go's name."""
        return self.target.architecture or self.image_config.platform.architecture

    def image_origin(self, key: str) -> Origin:
        return Origin("image", f"{self.image_config.digest}#/config/{key}")
