"""bundler.json, read back where trust begins: the digests it has of other files, and what the bundle was made from."""

import hashlib
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from typing import Final

from bundler.bundles.comparison import Change
from bundler.bundles.documents import RECORD_MAPS, check_format, parse_object
from bundler.bundles.record import FORMAT
from bundler.errors import RequestError
from bundler.origins import Json
from bundler.rootfs.mount_points import encoded
from bundler.rootfs.paths import PathError

_HOOK: Final = re.compile(r"hooks/[^/\0]+")


class Recorded:
    """The document, of the bundle that `label` names. `digest` is its own. Raises RequestError for any other."""

    def __init__(self, content: bytes, label: str) -> None:
        self.digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.document = parse_record(content, f"{label}/bundler.json")
        if not isinstance(self.document.get("manifest"), str):
            raise RequestError(f"{label}: its bundler.json knows no rootfs.mtree")

    @property
    def mount_points(self) -> list[bytes]:
        """The paths of the rootfs that are bundler's own, and no image's."""
        listed, paths = self.document.get("mount_points"), []
        for path in listed if isinstance(listed, list) else ():
            with suppress(PathError):
                paths.append(encoded(str(path).removeprefix("/")))
        return paths

    def changes(self, digest: Callable[[str], str | None], hooks: Collection[str]) -> Iterator[Change]:
        """Which of the files that it knows are others: those that somebody would believe or start.

        `digest` gives the one of a file by its path, None if there is none; `hooks` are the paths that there are in
        hooks/, or just that of hooks, if it is no directory: a symlink leads to somebody else's programs.
        """
        documents = self._digests("documents")
        for name in ("config.json", "rootfs.mtree"):
            if digest(name) != self.document.get("config" if name == "config.json" else "manifest"):
                yield Change(name, "changed")
        # Nor may it name a file of this machine, as hooks/../../etc/shadow does.
        known = {path: wanted for path, wanted in self._digests("hooks").items() if _HOOK.fullmatch(path)}
        if "hooks" in hooks:
            yield Change("hooks", "changed")
        else:
            for path in sorted({*hooks, *known}):
                yield from _change(path, known.get(path), digest(path))
        for name, wanted in sorted(documents.items()):
            # A packed bundle is hostile: it may not have files of this machine compared with what it says.
            yield from _change(name, wanted, None if "/" in name else digest(name))

    def _digests(self, key: str) -> dict[str, object]:
        found = self.document.get(key)
        return found if isinstance(found, dict) else {}


def parse_record(content: bytes, label: str) -> dict[str, Json]:
    """bundler.json, which `label` names in messages. Raises RequestError for another document, or another format."""
    document = parse_object(content, label, RECORD_MAPS)
    check_format(document, label, FORMAT)
    return document


def _change(path: str, wanted: object, found: str | None) -> Iterator[Change]:
    if wanted is None:
        yield Change(path, "extra")
    elif found is None:
        yield Change(path, "missing")
    elif found != wanted:
        yield Change(path, "changed")
