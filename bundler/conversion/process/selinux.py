"""SELinux labels of the process and of its mounts (runtime-spec config.md and config-linux.md)."""

from typing import Final

from bundler.conversion.inputs import Givens
from bundler.conversion.rule_result import ABSENT, Part, whole
from bundler.origins import UNSET
from bundler.overrides.node import Node

_CATEGORIES: Final = 1024  # of multi-category security, c0 to c1023


def selinux_label(givens: Givens) -> Part:
    """`/process/selinuxLabel` (config.md, Linux process): only when asked for; without SELinux a runtime refuses it."""
    return _label(givens, "process_label", ("system_u", "system_r", "container_t"), "type")


def mount_label(givens: Givens) -> Part:
    """`/linux/mountLabel` (config-linux.md, mount label): what the process may use has the level of the process."""
    return _label(givens, "mount_label", ("system_u", "object_r", "container_file_t"), "filetype")


def _label(givens: Givens, whole_key: str, defaults: tuple[str, str, str], type_key: str) -> Part:
    node = givens.overrides.get("selinux")
    entries = {} if node is UNSET else node.entries()
    if node is UNSET or not entries or ("disable" in entries and entries["disable"].value is True):
        return ABSENT
    if whole_key in entries:
        return whole(entries[whole_key].text(), entries[whole_key].origin)
    user, role, kind = defaults
    user = _text(entries, "user", user)
    if type_key == "type":
        role = _text(entries, "role", role)
    level = _text(entries, "level", _own_level(givens.image_config.digest.encoded))
    return whole(f"{user}:{role}:{_text(entries, type_key, kind)}:{level}", node.origin)


def _text(entries: dict[str, Node], key: str, default: str) -> str:
    return entries[key].text() if key in entries else default


def _own_level(digest: str) -> str:
    """Two categories from the image id: Docker draws them at random, and a bundle has to be the same each time."""
    first, second = int(digest[:8], 16) % _CATEGORIES, int(digest[8:16], 16) % (_CATEGORIES - 1)
    second += second >= first
    return f"s0:c{min(first, second)},c{max(first, second)}"
