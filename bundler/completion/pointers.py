"""Pointers into a config.json, one level at a time."""

from collections.abc import Iterator

from bundler.completion.candidate import Candidate
from bundler.completion.documents import Document


def pointers(document: Document, word: str) -> Iterator[Candidate]:
    """What lies below the part of the pointer `word` (RFC 6901) that is whole; below an object or a list is more."""
    head = word.rpartition("/")[0]
    within = document
    for token in head.split("/")[1:]:
        within = dict(_members(within)).get(token)
    for token, below in _members(within):
        yield Candidate(f"{head}/{token}")
        if isinstance(below, dict | list) and below:
            yield Candidate(f"{head}/{token}/", open=True)


def _members(document: Document) -> Iterator[tuple[str, Document]]:
    if isinstance(document, dict):
        for name, below in document.items():
            yield name.replace("~", "~0").replace("/", "~1"), below
    elif isinstance(document, list):
        yield from ((str(at), below) for at, below in enumerate(document))
