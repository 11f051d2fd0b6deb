"""Everything a rule may look at: values only, so that the same givens always become the same runtime config."""

from dataclasses import dataclass, field

from bundler.conversion.accounts import Accounts
from bundler.conversion.profile import Profile
from bundler.images.image_config import ImageConfig
from bundler.origins import Json, Origin, Sourced
from bundler.overrides.load import Overrides


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What will run the bundle. The defaults are those of Debian 12; nothing is probed from the build host."""

    kernel: tuple[int, int] = (6, 1)
    cgroup: str = "v2"
    apparmor: bool = False

    def described(self) -> dict[str, Json]:
        """The target as bundler.json records it."""
        return {"kernel": "{}.{}".format(*self.kernel), "cgroup": self.cgroup, "apparmor": self.apparmor}


@dataclass(frozen=True, slots=True, kw_only=True)
class Givens:
    """The image config, the overrides, the profile, the target, and the users the rootfs knows."""

    image_config: ImageConfig
    overrides: Overrides
    profile: Profile
    target: Target = field(default_factory=Target)
    accounts: Accounts = field(default_factory=Accounts)

    def from_image(self, key: str, value: Json) -> Sourced[Json]:
        """`value`, which the image config's key `key` gave."""
        return Sourced(value, self.image_origin(key))

    def image_origin(self, key: str) -> Origin:
        return Origin("image", f"{self.image_config.digest}#/config/{key}")
