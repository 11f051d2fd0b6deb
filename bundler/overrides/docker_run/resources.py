"""Values of flags about devices, and of flags that limit resources."""

import re
from fractions import Fraction
from typing import Final

from bundler.overrides import schema
from bundler.overrides.docker_run.values import allowed, decimal, integer, size, split
from bundler.overrides.keys.devices import ALL_ACCESS, is_access, is_cdi_name
from bundler.overrides.keys.scalars import BILLIONTHS, MAXIMUM, UNSIGNED, write_processors

_CGROUP_RULE: Final = re.compile(r"[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}")
_PATH_AND_PLACE, _WITH_PERMISSIONS = 2, 3


def device(given: str) -> str:
    """HOST[:CONTAINER][:PERMISSIONS] in full, or a CDI name as it is."""
    if is_cdi_name(given):
        return given
    parts = given.split(":")
    if not given or len(parts) > _WITH_PERMISSIONS:
        raise ValueError("it is not PATH[:PATH][:PERMISSIONS]")
    place, permissions = parts[0], ALL_ACCESS
    if len(parts) == _PATH_AND_PLACE:
        place, permissions = (parts[0], parts[1]) if is_access(parts[1]) else (parts[1], permissions)
    elif len(parts) == _WITH_PERMISSIONS:
        place, permissions = parts[1:]
    if not place.startswith("/"):
        raise ValueError(f"{place!r} is not an absolute path")
    if not is_access(permissions):
        raise ValueError(f"the permissions {permissions!r} are not of r, w and m, each once")
    return f"{parts[0]}:{place}:{permissions}"


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


_RATIONAL: Final = re.compile(r"[-+]?(?P<numerator>[0-9]+(\.[0-9]*)?|\.[0-9]+)(?P<rest>/[0-9]+|[eE][-+]?[0-9]{1,3})?")
_OTHER_DIGITS: Final = re.compile(r"0[xXbBoO][0-9a-fA-F_]{1,40}|[1-9][0-9]*(_[0-9]+)+")
_UNKNOWN_TO_DOCKER: Final = "as"  # the one of the kernel's limits that docker's flag has no name for


def processors(given: str) -> str:
    """A number of processors: 1.5, .5, 1e0 or 1/2; exact to a billionth. The result is a plain decimal."""
    if _OTHER_DIGITS.fullmatch(given):
        given = str(integer(given))
    match = _RATIONAL.fullmatch(given)
    if match is None or ("/" in (match["rest"] or "") and "." in match["numerator"]):
        raise ValueError("it is not a number such as 1.5")
    try:
        number = Fraction(given.replace("./", "/").rstrip(".") if given[-1:] == "." else given)
    except (ValueError, ZeroDivisionError):
        raise ValueError("it is not a number such as 1.5") from None
    billionths = number * BILLIONTHS
    if billionths.denominator != 1:
        raise ValueError("it is too precise: a billionth of a processor is the least step")
    if number != 0 and not Fraction(1, 100) <= number <= Fraction(MAXIMUM, BILLIONTHS):
        raise ValueError("the range of CPUs starts at 0.01")
    return write_processors(int(billionths))


def ulimit(given: str) -> tuple[str, dict[str, int]]:
    """NAME=SOFT[:HARD]: the hard limit is the soft one unless given, and -1 is none."""
    name, separator, limits = given.partition("=")
    if not separator:
        raise ValueError("it is not NAME=SOFT[:HARD]")
    names = [name for name in schema.rule("ulimits")["propertyNames"]["enum"] if name != _UNKNOWN_TO_DOCKER]
    if name not in names:
        raise ValueError(f"{name!r} is not one of {', '.join(names)}")
    numbers = [decimal(number) for number in limits.split(":")]
    if len(numbers) > 2:  # noqa: PLR2004  (soft and hard)
        raise ValueError("it has more than two limits")
    soft, hard = numbers[0], numbers[-1]
    if hard != -1 and (soft == -1 or soft > hard):
        raise ValueError(f"the soft limit {soft} is above the hard limit {hard}")
    # Below -1 dockerd reinterprets the bits, as for every number it hands to the runtime.
    return name, {"soft": soft if soft >= -1 else soft + UNSIGNED, "hard": hard if hard >= -1 else hard + UNSIGNED}


def weighted_device(given: str) -> dict[str, str | int]:
    """/dev/PATH:WEIGHT."""
    path, text = _device(given)
    if not re.fullmatch(r"[0-9]{1,5}", text):
        raise ValueError("its weight has to be a whole number")
    return {"path": path, "weight": allowed(int(text), schema.form("weight"))}


def byte_rate(given: str) -> dict[str, str | int]:
    """/dev/PATH:SIZE, in bytes for each second."""
    path, rate = _device(given)
    return {"path": path, "rate": size(rate)}


def io_rate(given: str) -> dict[str, str | int]:
    """/dev/PATH:NUMBER, of operations in each second."""
    path, rate = _device(given)
    if not re.fullmatch(r"[0-9]{1,20}", rate):
        raise ValueError("its rate has to be a whole number")
    return {"path": path, "rate": int(rate)}


def _device(given: str) -> tuple[str, str]:
    path, _, value = given.partition(":")
    if not path.startswith("/dev/") or not value:
        raise ValueError("it is not /dev/PATH:NUMBER")
    return path, value
