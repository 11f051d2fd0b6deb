"""What the names of packed bundles end in: archives, and images of file systems."""

from typing import Final

from bundler.archives.compression import TAR_ENDINGS

SQUASHFS: Final = (".squashfs", ".sqfs")
EROFS: Final = (".erofs",)


def without_ending(name: str) -> str | None:
    """The `name` of a file that is packed, without what says so; None for another name."""
    ending = max((each for each in (*TAR_ENDINGS, *SQUASHFS, *EROFS) if name.endswith(each)), key=len, default=None)
    return None if ending is None else name.removesuffix(ending)
