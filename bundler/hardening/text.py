"""The proposal as an overrides file: YAML, with the reason for each line in a comment."""

import json
import re
from collections.abc import Sequence
from typing import Final

from bundler.errors import printable
from bundler.hardening.proposal import Line

_LISTS: Final = frozenset(("cap_drop", "cap_add", "tmpfs", "volumes"))
# Text that stands for itself in YAML, but for words that mean something to some reader of it.
_PLAIN: Final = re.compile(r"[A-Za-z/]([A-Za-z0-9_./:,=+-]*[A-Za-z0-9_/])?")
_NOT_PLAIN: Final = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n"))


def write(lines: Sequence[Line], name: str) -> str:
    """`name` is what the proposal is for. Comments cannot end before their line does: all is printable."""
    written = [
        f"# What {printable(name)} can do without, as far as its files tell. Read it, build with",
        "# bundler build IMAGE --overrides THIS-FILE, and try it: what it does only now and then does not show here.",
    ]
    open_key = ""
    for line in lines:
        mark = "" if line.active else "# "
        value = _scalar(line.value)
        if line.key not in _LISTS:
            written += ["", f"# {printable(line.why)}", f"{mark}{line.key}: {value}"]
        else:
            if line.key != open_key:
                written += ["", f"{_mark_of(lines, line.key)}{line.key}:"]
            written.append(f"{mark}  - {value}  # {printable(line.why)}")
        open_key = line.key
    return "\n".join(written) + "\n"


def _scalar(value: str | int) -> str:
    """Anything that is not plain is quoted as JSON, which YAML reads as well."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _NOT_PLAIN:
        return value
    return json.dumps(value)


def _mark_of(lines: Sequence[Line], key: str) -> str:
    """A list of which nothing is active is not begun, or it would be null."""
    return "" if any(line.active for line in lines if line.key == key) else "# "
