"""What a rule of the conversion looks at, and what it returns: a part of config.json, and where each piece came from.

All of it is values, so that the same inputs always become the same runtime config.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field

from bundler.conversion.process.accounts import Accounts
from bundler.conversion.profile import Profile
from bundler.conversion.target import Target
from bundler.images.image_config import ImageConfig
from bundler.light_dataclasses import dataclass
from bundler.origins import UNSET, Json, Origin, Sourced, Unset, beating, pointer_token
from bundler.overrides.load import Overrides


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
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


@dataclass(frozen=True, slots=True)
class RuleResult:
    """A value, or UNSET for a part that is not written.

    `origins` maps JSON Pointers relative to the part to who set what is there; a leaf's origin is the one of its
    nearest ancestor in the map. `warnings` are sentences about what the target will not do as asked.
    """

    value: Json | Unset
    origins: Mapping[str, Origin] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


ABSENT = RuleResult(UNSET)


def whole(value: Json, origin: Origin) -> RuleResult:
    """A part that one source set."""
    return RuleResult(value, {"": origin})


def copy(inputs: Inputs, key: str, pointer: str) -> RuleResult:
    """The value of an overrides key as it is, else the profile's; what is false is left out, as by Docker."""
    default, override = inputs.profile.get(pointer), inputs.overrides.get(key)
    if override is UNSET:
        return ABSENT if default is UNSET else whole(default.value, default.origin)
    if isinstance(override.value, dict):
        return table({name: Sourced(node.plain(), node.origin) for name, node in override.value.items()})
    below = None if default is UNSET else default.origin
    return ABSENT if override.value is False else whole(override.plain(), beating(override.origin, below))


def array(items: Iterable[Sourced[Json]]) -> RuleResult:
    """A list whose elements come from different places; UNSET when there are none."""
    listed = list(items)
    if not listed:
        return ABSENT
    return RuleResult([item.value for item in listed], {f"/{index}": item.origin for index, item in enumerate(listed)})


def table(entries: Mapping[str, Sourced[Json]]) -> RuleResult:
    """An object whose members come from different places; UNSET when there are none."""
    if not entries:
        return ABSENT
    origins = {f"/{pointer_token(key)}": entry.origin for key, entry in entries.items()}
    return RuleResult({key: entry.value for key, entry in entries.items()}, origins)
