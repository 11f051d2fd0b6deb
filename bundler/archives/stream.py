"""The one interface between readers of bytes, and the one way they say that the bytes are no good."""

from typing import Protocol

Content = bytes | memoryview
"""Bytes that were read. A view is part of something larger, which it keeps alive; nothing is copied for it."""


class ByteStream(Protocol):
    """What a reader of bytes offers: `read(n)` gives 1 to n bytes, or none at the end."""

    def read(self, size: int, /) -> bytes: ...


class ContentStream(Protocol):
    """The same where the bytes may be part of something that is used again."""

    def read(self, size: int, /) -> Content: ...


class RunningHash(Protocol):
    """What hashlib gives, or what knows a hash that somebody else takes: to be asked once all content has gone by."""

    def update(self, content: Content, /) -> None: ...
    def hexdigest(self) -> str: ...


class KnownDigest:
    """A digest that somebody else takes; it is there once the content is."""

    __slots__ = ("sha256",)

    def __init__(self, sha256: str = "") -> None:
        self.sha256 = sha256

    def update(self, content: Content, /) -> None:
        pass

    def hexdigest(self) -> str:
        return self.sha256


class DamagedError(ValueError):
    """The bytes are not what their format says. The message has no final full stop; callers say where it was."""

    def __init__(self, what: str, *, hint: str | None = None) -> None:
        """`hint` says what to do, where something can be done about it."""
        super().__init__(what)
        self.hint = hint
