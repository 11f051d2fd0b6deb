"""Which of a container's changes go over into a newer image: one pure function over three trees."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.rootfs.mtree import sort_key
from bundler.rootfs.paths import ancestors, split
from bundler.upkeep.rootfs_merge import CHANGED_TOO, COVERED, ComparedFile, Merge, merge

Tree = dict[bytes, ComparedFile]


def tree(text: str) -> Tree:
    """`d/ d/f=1`: a directory, and a file in it; the root is there anyway."""
    files = {b"": ComparedFile(True, b"")}
    for word in text.split():
        path, _, form = word.partition("=")
        files[path.rstrip("/").encode()] = ComparedFile(path.endswith("/"), form.encode())
    return files


def changes(old: Tree, container: Tree) -> set[bytes]:
    return {path for path in old.keys() | container.keys() if old.get(path) != container.get(path)}


def merged(merge: Merge, container: Tree, new: Tree) -> Tree:
    """The newer image with what goes over: what is done on the disk."""
    done = dict(new)

    def remove(path: bytes) -> None:
        for each in [each for each in done if path == each or path in ancestors(each)]:
            del done[each]

    for path in merge.gone:
        remove(path)
    for path in sorted({*merge.implied, *merge.taken}, key=sort_key):
        if not container[path].is_directory or not done.get(path, container[path]).is_directory:
            remove(path)
        done[path] = container[path]
    return done


# What the older image, the container and the newer image have; what comes of it, and what stays behind.
CASES = {
    "a new file": ("", "a=1", "b=1", "a=1 b=1", ""),
    "a new file in a new directory": ("", "d/ d/a=1", "", "d/ d/a=1", ""),
    "a changed file": ("a=1", "a=2", "a=1 b=1", "a=2 b=1", ""),
    "a removed file": ("a=1", "", "a=1", "", ""),
    "the same change": ("a=1", "a=2", "a=2", "a=2", ""),
    "the same new file": ("", "a=1", "a=1", "a=1", ""),
    "changed on both sides": ("a=1", "a=2", "a=3", "a=3", "a"),
    "new on both sides": ("", "a=1", "a=2", "a=2", "a"),
    "changed, and gone from the new image": ("a=1", "a=2", "", "", "a"),
    "removed, and changed in the new image": ("a=1", "", "a=2", "a=2", "a"),
    "removed on both sides": ("a=1", "", "", "", ""),
    "a removed directory": ("d/ d/a=1", "", "d/ d/a=1", "", ""),
    "a removed directory that the new image has more in": ("d/ d/a=1", "", "d/ d/a=1 d/b=1", "d/ d/a=1 d/b=1", "d"),
    "a directory that became a file": ("d/ d/a=1", "d=1", "d/ d/a=1", "d=1", ""),
    "one that became a file, and is newer": ("d/ d/a=1", "d=1", "d/ d/a=2", "d/ d/a=2", "d"),
    "a file that became a directory": ("d=1", "d/ d/a=1", "d=1", "d/ d/a=1", ""),
    "a file that became a directory, and is newer": ("d=1", "d/ d/a=1", "d=2", "d=2", "d d/a"),
    "a file in a directory that the new image lacks": ("d/ d/a=1", "d/ d/a=1 d/b=1", "", "d/ d/b=1", ""),
    "a file where the new image has a link": ("d/ d/a=1", "d/ d/a=1 d/b=1", "d=1", "d=1", "d/b"),
    "an attribute of a directory": ("d/=1 d/a=1", "d/=2 d/a=1", "d/=1 d/a=2", "d/=2 d/a=2", ""),
    "one of a directory that is newer": ("d/=1", "d/=2 d/a=1", "d/=3", "d/=3 d/a=1", "d"),
    "one of a directory that the new image lacks": ("d/=1", "d/=2", "", "", "d"),
    "the same, and something in it": ("d/=1", "d/=2 d/a=1", "", "d/=2 d/a=1", ""),
    "a directory that both have made": ("", "d/ d/a=1", "d/ d/b=1", "d/ d/a=1 d/b=1", ""),
}


@pytest.mark.parametrize("case", CASES)
def test_a_path_that_both_images_have_alike_is_the_containers(case: str) -> None:
    old, container, new, result, staying = CASES[case]
    done = merge(changes(tree(old), tree(container)), tree(old), tree(container), tree(new))
    assert merged(done, tree(container), tree(new)) == tree(result)
    assert done.staying == dict.fromkeys((word.encode() for word in staying.split()), CHANGED_TOO)


def test_times_and_names_go_along_where_nothing_is_newer() -> None:
    old = tree("a=1 b=1 d/")
    done = merge({b"a", b"b", b"d"}, old, old, tree("a=1 b=2 d/"))
    assert (done.taken, done.staying) == ([b"a"], {})


MOUNTED = {
    "at the mount": ("m/", "m/=1", "m/"),
    "below": ("m/ m/d/", "m/ m/d/ m/d/a=1", "m/ m/d/"),
    "above it": ("d/ d/m/", "", "d/ d/m/"),
    "in its place": ("d/ d/m/", "d=1", "d/ d/m/"),
}


@pytest.mark.parametrize("case", MOUNTED)
def test_what_a_mount_would_cover_or_lies_on_stays_behind(case: str) -> None:
    old, container, new = map(tree, MOUNTED[case])
    done = merge(changes(old, container), old, container, new, {b"m", b"d/m"})
    assert not done
    assert set(done.staying.values()) == {COVERED}


FORMS = st.sampled_from([b"1", b"2"])
NAMES = st.sampled_from([b"a", b"b", b"c"])
FILES = st.builds(ComparedFile, st.just(False), FORMS)
FOLDERS = st.recursive(
    st.dictionaries(NAMES, FILES, max_size=2), lambda inner: st.dictionaries(NAMES, FILES | inner, max_size=3)
)


def flat(folder: Mapping[bytes, object], above: bytes = b"") -> Tree:
    files = {above: ComparedFile(True, b"")}
    for name, entry in folder.items():
        path = above + b"/" + name if above else name
        files |= flat(entry, path) if isinstance(entry, Mapping) else {path: entry}  # type: ignore[dict-item]
    return files


@given(FOLDERS.map(flat), FOLDERS.map(flat), FOLDERS.map(flat), st.sets(st.sampled_from([b"a", b"b/a", b"c/c"])))
def test_no_change_of_either_side_is_lost_without_a_word(
    old: Tree, container: Tree, new: Tree, mounts: set[bytes]
) -> None:
    done = merge(changes(old, container), old, container, new, mounts)
    result = merged(done, container, new)
    told = {each for each in old.keys() | container.keys() if {each, *ancestors(each)} & done.staying.keys()}
    for path in result:
        assert all(result[above].is_directory for above in ancestors(path))
    for path in changes(old, container):
        gone_above = any(not container.get(above, ComparedFile(False, b"")).is_directory for above in ancestors(path))
        assert result.get(path) == container.get(path) or path in told or gone_above
    for path in changes(old, new):  # what the newer image brings is there, but for directories on the way to a change
        assert result.get(path) == new.get(path) or path in done.implied or path in told
    assert not done.staying.keys() & {*done.taken, *done.implied, *done.gone}


@given(FOLDERS.map(flat), FOLDERS.map(flat))
def test_one_side_alone_is_the_outcome(old: Tree, other: Tree) -> None:
    assert merged(merge(changes(old, other), old, other, old), other, old) == other
    assert merge((), old, old, other) == Merge()
    assert {split(path)[0] for path in merge(changes(old, other), old, other, other).taken} == set()
