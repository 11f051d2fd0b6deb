"""ELF files of a few bytes: headers without a program."""

import struct

ET_DYN = 3
PT_INTERP = 3


def program(
    *, bits: int = 64, order: str = "<", machine: int = 62, interpreter: bytes | None = None, kind: int = ET_DYN
) -> bytes:
    """The header, one program header, and the path of the interpreter if there is one. 62 is x86-64."""
    identity = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1]) + bytes(9)
    form, segment = ("HHIIIIIHHHHHH", "IIIIIIII") if bits == 32 else ("HHIQQQIHHHHHH", "IIQQQQQQ")
    header, length = 16 + struct.calcsize(order + form), struct.calcsize(order + segment)
    path = b"" if interpreter is None else interpreter + b"\0"
    place, count = header + length, len(path)
    kind_of_segment = 1 if interpreter is None else PT_INTERP
    if bits == 32:
        fields = (kind_of_segment, place, 0, 0, count, count, 4, 1)
    else:
        fields = (kind_of_segment, 4, place, 0, 0, count, count, 1)
    return (
        identity
        + struct.pack(order + form, kind, machine, 1, 0, header, 0, 0, header, length, 1, 0, 0, 0)
        + struct.pack(order + segment, *fields)
        + path
    )
