"""Docker's security options, where a seccomp profile is not named but at hand: `security_opt` and what goes with it."""

import re
from collections.abc import Callable, Iterable
from typing import Final

from bundler.errors import printable
from bundler.origins import Json

_APPARMOR: Final = re.compile(r"apparmor[=:](?!unconfined$)")


def security_keys(options: Iterable[str], profile_of: Callable[[str], Json]) -> dict[str, Json]:
    """The options as they are, but for a profile: `profile_of` gives what seccomp= stands for. Raises ValueError."""
    kept: list[str] = []
    profile: Json = None
    for option in options:
        name, separator, value = option.partition("=" if "=" in option else ":")
        if name != "no-new-privileges" and not (separator and value):
            raise ValueError(f"{printable(option[:80])!r}: it is not NAME=VALUE")
        if name != "seccomp":
            kept.append(option)
            continue
        kept = [earlier for earlier in kept if not earlier.startswith("seccomp")]
        profile = None
        if value in ("unconfined", "builtin"):
            kept.append(option)
        else:
            profile = profile_of(value)
    found: dict[str, Json] = {"security_opt": kept} if kept else {}
    if any(_APPARMOR.match(option) for option in kept):
        found["target"] = {"apparmor": True}  # who names a profile has a machine that knows it; it must not be lost
    return found if profile is None else found | {"seccomp": profile}
