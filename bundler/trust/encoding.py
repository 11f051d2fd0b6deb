"""Texts that keys and signatures are written in, read so that each value has one spelling only.

A reader that lets spaces, other alphabets or spare bits go by would take a signature that was changed for the same.
"""

import base64
import binascii
import struct


class FormError(Exception):
    """What is no key, or no signature. The message is the end of a sentence that begins with its name."""


class MalformedError(FormError):
    """What begins as a key or a signature does, and is none: `what` says why."""

    def __init__(self, what: str) -> None:
        super().__init__(f"is damaged: {what}")


class ForgedError(Exception):
    """A signature that the key did not make over this. The message is the end of a sentence about what was signed."""


def nearly_starts(content: bytes, word: bytes) -> bool:
    """Whether `content` begins with `word`, but for one byte: then it is damaged, and not something else."""
    return sum(one != other for one, other in zip(content, word, strict=False)) <= 1 and len(content) >= len(word)


def decode_base64(text: bytes) -> bytes:
    """The bytes that `text` spells as RFC 4648 has it, with padding and no spare bits. Raises MalformedError."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except binascii.Error:
        decoded = b""
    if not decoded or base64.b64encode(decoded) != text:
        raise MalformedError("it is not base64")
    return decoded


class WireReader:
    """Strings of SSH's wire format (RFC 4251, 5), one after another: a length of four bytes each, then the bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def take(self, size: int) -> bytes:
        """The next bytes. Raises MalformedError where there are fewer."""
        taken, self._content = self._content[:size], self._content[size:]
        if len(taken) != size:
            raise MalformedError("it ends too early")
        return taken

    def number(self) -> int:
        return int(struct.unpack(">I", self.take(4))[0])

    def string(self) -> bytes:
        return self.take(self.number())

    def finish(self) -> None:
        """Raise MalformedError if anything is left."""
        if self._content:
            raise MalformedError("it goes on after its end")
