"""The text forms of keys and signatures, read so strictly that each value has one spelling.

A reader that ignores spaces, other alphabets or spare bits would accept a signature whose bytes were changed.
"""

import base64
import binascii
import struct


class FormError(Exception):
    """Something is no key, or no signature. The message ends a sentence that begins with the name of its file."""


class MalformedError(FormError):
    """Something begins like a key or a signature and is none, so it is damaged; `what` says why."""

    def __init__(self, what: str) -> None:
        super().__init__(f"is damaged: {what}")


class ForgedError(Exception):
    """The key has not made the signature over this. The message ends a sentence that begins with what was signed."""


def nearly_starts(content: bytes, word: bytes) -> bool:
    """Whether `content` begins with `word`, or differs from it in one byte: then it is damaged, not something else."""
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
    """Reads strings of SSH's wire format (RFC 4251, 5) one by one: four bytes of length each, then the bytes."""

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
