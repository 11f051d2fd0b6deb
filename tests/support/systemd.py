"""systemd's own view of unit files, without a running one."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

_ESCAPES = {"n": b"\n", "t": b"\t", "\\": b"\\", '"': b'"', "'": b"'"}


def complaints(units: Mapping[str, str], folder: Path) -> str:
    """What `systemd-analyze verify` says about the units, which are written into `folder`."""
    for name, text in units.items():
        (folder / name).write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", *(str(folder / name) for name in units)]
    environment = os.environ | {"SYSTEMD_UNIT_PATH": f"{folder}:", "SYSTEMD_LOG_COLOR": "0"}
    done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=60)
    return done.stderr.decode() + (f"exit code {done.returncode}" if done.returncode else "")


def words_of(line: str, specifiers: Mapping[str, str] | None = None) -> list[str]:
    """A command line taken apart as systemd.service(5), COMMAND LINES, says: no variable is set."""
    words: list[bytes] = []
    word, quoted, position = None, False, 0
    while position < len(line):
        char = line[position]
        position += 1
        if char == '"':
            quoted, word = not quoted, word or b""
        elif char == " " and not quoted:
            words += [] if word is None else [word]
            word = None
        else:
            found, position = _character(line, position - 1, specifiers or {})
            word = (word or b"") + found
    assert not quoted, line
    return [os.fsdecode(each) for each in [*words, *([] if word is None else [word])]]


def _character(line: str, position: int, specifiers: Mapping[str, str]) -> tuple[bytes, int]:
    char, following = line[position], line[position + 1 : position + 2]
    assert char.isprintable(), line
    if char == "\\" and following == "x":
        return bytes([int(line[position + 2 : position + 4], 16)]), position + 4
    if char == "\\":
        return _ESCAPES[following], position + 2
    if char in "%$":
        if following == char:
            return char.encode(), position + 2
        assert char == "%", f"a variable in {line}"
        return specifiers[following].encode(), position + 2
    return char.encode(), position + 1


def commands(unit: str, key: str, specifiers: Mapping[str, str] | None = None) -> list[list[str]]:
    """The commands of a unit's key, in order, without the sign that lets one fail."""
    values = [line.partition("=")[2] for line in unit.splitlines() if line.startswith(f"{key}=")]
    return [words_of(value.removeprefix("-"), specifiers) for value in values]


def settings(unit: str) -> dict[str, str]:
    """The last value of each key; comments are none."""
    lines = [line.partition("=") for line in unit.splitlines() if "=" in line]
    return {key: value for key, _, value in lines}
