"""A profile: a named, versioned set of defaults that image and overrides are laid over."""

from bundler.light_dataclasses import dataclass
from bundler.origins import UNSET, Json, Origin, Sourced, Unset, pointer_tokens


@dataclass(frozen=True, slots=True)
class Profile:
    """`defaults` is a partial runtime config; `seccomp` is a filter in Docker's conditional format, None for none.

    Where the profile is shorter than config.json: `/process/capabilities` is one list, which goes into three sets, and
    `/hostname` is left to the image.
    """

    id: str
    defaults: Json
    seccomp: Json

    def get(self, pointer: str) -> Sourced[Json] | Unset:
        """The default at a JSON Pointer of config.json."""
        value = self.defaults
        for token in pointer_tokens(pointer):
            if not isinstance(value, dict) or token not in value:
                return UNSET
            value = value[token]
        return Sourced(value, self.origin(pointer))

    def items(self, pointer: str) -> list[Sourced[Json]]:
        """The elements of a default list, each with its own origin; none where the profile has no such list."""
        found = self.get(pointer)
        if found is UNSET:
            return []
        return [Sourced(value, self.origin(f"{pointer}/{index}")) for index, value in enumerate(found.value)]

    def origin(self, pointer: str) -> Origin:
        return Origin("profile", f"{self.id}#{pointer}")
