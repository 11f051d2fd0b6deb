"""Whole messages through pipes, which give and take what they have room for."""

import os


def read_exactly(descriptor: int, size: int) -> bytes:
    """Raises EOFError."""
    content = os.read(descriptor, size)
    if len(content) == size:
        return content
    parts = [content]
    missing = size - len(content)
    while missing:
        content = os.read(descriptor, missing)
        if not content:
            raise EOFError
        parts.append(content)
        missing -= len(content)
    return b"".join(parts)


def write_all(descriptor: int, content: bytes) -> None:
    written = os.write(descriptor, content)
    while written < len(content):
        written += os.write(descriptor, content[written:])
