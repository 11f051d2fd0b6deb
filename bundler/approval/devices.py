"""Which devices a container can use: device files, and what the control group allows of each."""

from collections.abc import Iterator, Mapping
from typing import Final

from bundler.approval.review import Row, Section, listed
from bundler.approval.subject import Subject
from bundler.compare.difference import DEVICE_RULES, Difference
from bundler.origins import UNSET, Json
from bundler.runtime_spec.parts import Device

_FILES: Final = ("/linux", "/devices")
_LETTERS: Final[Mapping[str, str]] = {"r": "read", "w": "write", "m": "make"}
_KINDS: Final[Mapping[str, str]] = {"b": "block devices", "c": "character devices"}
_DEFAULT: Final = "null, zero, full, random, urandom, tty, console, ptmx"  # config-linux.md, default devices


def devices_section(subject: Subject) -> Section:
    """Devices, and the rules of the control group about them (config-linux.md)."""
    rows = tuple(_rows(subject))
    devices = [device.path for device in subject.config.devices]
    every = any(each.after != "" for each in _rules(subject).values() if _is_wide(each))
    gist = "every device of the machine" if every else listed(devices, most=4) or "none but those of every container"
    return Section(name="devices", title="Devices", gist=gist, rows=rows)


def _rows(subject: Subject) -> Iterator[Row]:
    yield Row(what="default devices", value=_DEFAULT, baseline="the same", note="every runtime makes them")
    rules = _rules(subject)
    there = {f"[{device.path}]": device for device in subject.config.devices}
    before = {f"[{device.path}]": device for device in subject.baseline.devices}
    told = set()
    for step in dict.fromkeys((*there, *before)):
        device = there.get(step, before.get(step))
        differing = subject.under((*_FILES, step))
        if device is None:
            continue
        rule = rules.get(_numbers(device))
        told |= {_numbers(device)} if rule is not None else set()
        yield Row(
            what=device.path,
            value=_described(device) + _allowed(rule) if step in there else "not there",
            baseline=_described(before[step]) if step in before else "not there",
            set_by=subject.set_by(device.pointer) if step in there else (),
            differences=(*differing, *(() if rule is None else (rule,))),
        )
    for numbers, rule in rules.items():
        if numbers not in told:
            yield Row(
                what=_named(numbers),
                value=_access(rule.after),
                baseline=_access(rule.before),
                note="what the control group allows",
                set_by=subject.set_by("/linux/resources/devices"),
                differences=(rule,),
            )


def _rules(subject: Subject) -> dict[str, Difference]:
    """What the control groups allow differently, by device: `c 1:3`, `b *:*`."""
    return {each.steps[-1][1:-1]: each for each in subject.under(DEVICE_RULES) if len(each.steps) > len(DEVICE_RULES)}


def _is_wide(rule: Difference) -> bool:
    return rule.steps[-1].endswith("*:*]")


def _numbers(device: Device) -> str:
    kind = "c" if device.type == "u" else device.type
    return f"{kind} {device.major}:{device.minor}"


def _described(device: Device) -> str:
    mode = "" if device.file_mode is None else f", mode {device.file_mode:04o}"
    return f"{_numbers(device)}{mode}"


def _allowed(rule: Difference | None) -> str:
    return "" if rule is None else f", may {_access(rule.after)}"


def _named(numbers: str) -> str:
    kind, _, which = numbers.partition(" ")
    return f"other {_KINDS.get(kind, 'devices')}" if which == "*:*" else numbers


def _access(letters: Json) -> str:
    known = [_LETTERS[letter] for letter in letters if letter in _LETTERS] if letters is not UNSET else []
    return ", ".join(known) or "nothing"
