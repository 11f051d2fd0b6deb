"""The one interface between readers of bytes, and the one way they say that the bytes are no good."""

from typing import Final, Protocol

Content = bytes | memoryview
"""Bytes that were read. A view is part of something larger, which it keeps alive; nothing is copied for it."""


class ByteStream(Protocol):
    """What a reader of bytes offers: `read(n)` gives 1 to n bytes, or none at the end."""

    def read(self, size: int, /) -> bytes: ...


def read_up_to(stream: ByteStream, size: int) -> bytes:
    """The next `size` bytes of `stream`, fewer only at its end."""
    content = b""
    while len(content) < size and (more := stream.read(size - len(content))):
        content += more
    return content


class ContentStream(Protocol):
    """A `ByteStream` whose bytes may be part of something that is used again."""

    def read(self, size: int, /) -> Content: ...


class RunningHash(Protocol):
    """What hashlib gives, or what knows a hash that is taken elsewhere: to be asked once all content has gone by."""

    def update(self, content: Content, /) -> None: ...
    def hexdigest(self) -> str: ...


class KnownDigest:
    """A digest that is taken elsewhere; it is there once the content is."""

    __slots__ = ("sha256",)

    def __init__(self, sha256: str = "") -> None:
        self.sha256 = sha256

    def update(self, content: Content, /) -> None:
        pass

    def hexdigest(self) -> str:
        return self.sha256


NOT_WHOLE: Final = "get the file once more: it is not whole"
"""What to do about a file that ends too early, or was damaged on its way."""


class DamagedError(ValueError):
    """The bytes are not what their format says. The message has no final full stop; callers say where it was."""

    def __init__(self, what: str, *, hint: str | None = None) -> None:
        """`hint` says what to do, if anything can be done."""
        super().__init__(what)
        self.hint = hint
