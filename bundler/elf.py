"""The header of an ELF file (elf(5)), as far as the kernel reads it to start a program. Every byte is the image's."""

import struct
from collections.abc import Callable
from typing import Final

from bundler.light_dataclasses import dataclass

MAGIC: Final = b"\x7fELF"
# (class 32 or 64 bits, little endian, e_machine) → Go's name; x32 and others that no image is built for have none.
_ARCHITECTURES: Final = {
    (32, True, 3): "386",
    (64, True, 62): "amd64",
    (32, True, 40): "arm",
    (64, True, 183): "arm64",
    (64, True, 258): "loong64",
    (32, False, 8): "mips",
    (32, True, 8): "mipsle",
    (64, False, 8): "mips64",
    (64, True, 8): "mips64le",
    (64, False, 21): "ppc64",
    (64, True, 21): "ppc64le",
    (64, True, 243): "riscv64",
    (64, False, 22): "s390x",
}
_IDENTITY: Final = 16  # bytes
_EXECUTABLE_TYPES: Final = (2, 3)  # ET_EXEC, ET_DYN
_INTERPRETER: Final = 3  # PT_INTERP
# The kernel's own limits (fs/binfmt_elf.c): all program headers together, and the path of the interpreter.
_MOST_HEADER_BYTES: Final = 1 << 16
_LONGEST_INTERPRETER: Final = 4096

Read = Callable[[int, int], bytes]
"""At most so many bytes (the second number) of the file from an offset on; fewer where it ends."""


class ElfError(ValueError):
    """The kernel would not load it. The message says why."""


@dataclass(frozen=True, slots=True)
class Elf:
    """What a program is for (Go's name of the processor, or a number that has none), and what has to load it."""

    architecture: str
    interpreter: bytes | None


def parse(read: Read) -> Elf:
    """The header of the file that `read` gives. Raises ElfError."""
    identity = read(0, _IDENTITY)
    if len(identity) < _IDENTITY or not identity.startswith(MAGIC):
        raise ElfError("its header is cut off")
    bits, order = {1: 32, 2: 64}.get(identity[4]), {1: "<", 2: ">"}.get(identity[5])
    if bits is None or order is None:
        raise ElfError("its header names no class or byte order")
    # elf(5): e_type, e_machine, e_version, e_entry, e_phoff, e_shoff, e_flags, e_ehsize, e_phentsize, e_phnum
    form = struct.Struct(order + ("HHIIIIIHHH" if bits == 32 else "HHIQQQIHHH"))  # noqa: PLR2004
    kind, machine, *_, start, _, _, _, length, count = _unpack(form, read(_IDENTITY, form.size))
    if kind not in _EXECUTABLE_TYPES:
        raise ElfError("it is an object file, not a program")
    architecture = _ARCHITECTURES.get((bits, order == "<", machine), f"{bits}-bit machine {machine}")
    return Elf(architecture, _interpreter(read, bits, order, (start, length, count)))


def _interpreter(read: Read, bits: int, order: str, table: tuple[int, int, int]) -> bytes | None:
    """PT_INTERP's path; `table` is the place, the length of one and the number of program headers."""
    start, length, count = table
    # p_type, p_offset and p_filesz; between them p_flags stands at another place for 64 bits.
    form = struct.Struct(order + ("IIIII12x" if bits == 32 else "IIQQQQ16x"))  # noqa: PLR2004
    if length != form.size or not 0 < count * length <= _MOST_HEADER_BYTES:
        raise ElfError("its program headers are malformed")
    headers = read(start, count * length)
    if len(headers) < count * length:
        raise ElfError("its program headers are cut off")
    for header in form.iter_unpack(headers):
        if header[0] == _INTERPRETER:
            offset, size = (header[1], header[4]) if bits == 32 else (header[2], header[5])  # noqa: PLR2004
            path = read(offset, size) if 1 < size <= _LONGEST_INTERPRETER else b""
            if not path or len(path) < size or path[-1] != 0:
                raise ElfError("the path of its interpreter is malformed")
            return path.partition(b"\0")[0]
    return None


def _unpack(form: struct.Struct, content: bytes) -> tuple[int, ...]:
    if len(content) < form.size:
        raise ElfError("its header is cut off")
    return form.unpack(content)
