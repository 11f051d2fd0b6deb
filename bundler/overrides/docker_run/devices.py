"""Values about devices: --device, --device-cgroup-rule and --gpus."""

import re
from typing import Final

from bundler.overrides.docker_run.fields import split

_CGROUP_RULE: Final = re.compile(r"[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}")
# A name of the Container Device Interface, VENDOR/CLASS=DEVICE, which is never a path.
_CDI_NAME: Final = re.compile(
    r"[A-Za-z]([\w.-]*[A-Za-z0-9])?/[A-Za-z]([\w.-]*[A-Za-z0-9])?=[A-Za-z0-9]([\w.:-]*[A-Za-z0-9])?", re.ASCII
)
_PATH_AND_PLACE, _WITH_PERMISSIONS = 2, 3


def device(given: str) -> str:
    """HOST[:CONTAINER][:PERMISSIONS] in full, or a CDI name as it is."""
    if is_cdi_name(given):
        return given
    parts = given.split(":")
    if not given or len(parts) > _WITH_PERMISSIONS:
        raise ValueError("it is not PATH[:PATH][:PERMISSIONS]")
    place, permissions = parts[0], "rwm"
    if len(parts) == _PATH_AND_PLACE:
        place, permissions = (parts[0], parts[1]) if _is_mode(parts[1]) else (parts[1], permissions)
    elif len(parts) == _WITH_PERMISSIONS:
        place, permissions = parts[1:]
    if not place.startswith("/"):
        raise ValueError(f"{place!r} is not an absolute path")
    if not _is_mode(permissions):
        raise ValueError(f"the permissions {permissions!r} are not of r, w and m, each once")
    return f"{parts[0]}:{place}:{permissions}"


def is_cdi_name(given: str) -> bool:
    return _CDI_NAME.fullmatch(given) is not None


def _is_mode(text: str) -> bool:
    return bool(text) and len(set(text)) == len(text) and set(text) <= set("rwm")


def device_cgroup_rule(given: str) -> str:
    """`TYPE MAJOR:MINOR PERMISSIONS`, each number possibly `*`."""
    if not _CGROUP_RULE.fullmatch(given):
        raise ValueError("it is not a rule such as 'c 42:* rwm'")
    return given


def gpus(given: str) -> list[str]:
    """The GPUs asked for, as CDI names: `all`, a number, or fields such as `"device=0,1"`.

    Docker asks NVIDIA's hook for them when a container is created; a CDI specification says the same in a file.
    """
    fields: dict[str, str] = {}
    for field in split(given):
        key, separator, value = field.partition("=")
        key, value = (key, value) if separator else ("count", key)
        if key in fields:
            raise ValueError(f"{key} stands twice")
        if key not in ("count", "device", "driver", "capabilities", "options"):
            raise ValueError(f"{key!r} is not count, device, driver, capabilities or options")
        fields[key] = value
    count = _count(fields["count"]) if "count" in fields else -1 if "device" in fields else 1
    if "device" in fields:
        if "count" in fields:
            raise ValueError("count and device cannot both be given")
        return [f"nvidia.com/gpu={name}" for name in fields["device"].split(",")]
    return ["nvidia.com/gpu=all"] if count == -1 else [f"nvidia.com/gpu={number}" for number in range(count)]


def _count(text: str) -> int:
    if text == "all":
        return -1
    if not re.fullmatch(r"-1|[0-9]{1,3}", text):
        raise ValueError(f"{text!r} is neither all nor a number")
    return int(text)
