"""What makes one bundle of another: `apply` gives every byte of the new one's pack, and leaves the old one alone."""

import hashlib
import itertools
import json
import os
import random
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bundler.bundles.bundle import Bundle
from bundler.bundles.replacement.rules import OldVolumes
from bundler.bundles.write import encode
from bundler.deltas import rebuilding, writing
from bundler.deltas.applying import apply
from bundler.deltas.matching import Files, Known
from bundler.deltas.writing import BEST, delta
from bundler.errors import BundlerError, DifferenceError, ImageError, RequestError
from bundler.packing.packing import pack
from tests.support.bundles import MEMBERS, make_bundle
from tests.support.tarballs import Member, directory, file, hard_link, symlink

pytestmark = pytest.mark.root

Made = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Made:
    """Makes a bundle with these members, in a folder of its own."""
    numbers = itertools.count()

    def made(*members: Member) -> Path:
        return make_bundle(tmp_path / f"made{next(numbers)}" / "b", *members)

    return made


def packed(bundle: Path, *, suffix: str = ".tar") -> Path:
    return pack(Bundle.open(bundle), bundle.with_suffix(suffix), replace=True).path


def content(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)  # noqa: S311 -- the same each time


def edited(old: bytes, seed: int, edits: int = 20) -> bytes:
    chosen, new = random.Random(seed), bytearray(old)  # noqa: S311 -- as above
    for _ in range(edits):
        at = chosen.randrange(len(new) + 1)
        new[at : at + chosen.randrange(9)] = chosen.randbytes(chosen.randrange(9))
    return bytes(new)


def check_same(old: Path, new: Path) -> int:
    """The size of the delta between two bundles; applied in each way, it has to give the new one."""
    folder = new.parent
    size = delta(old, new, folder / "d", replace=True).size
    for number, (base, name) in enumerate(itertools.product((old, packed(old)), ("out", "out.tar"))):
        output = folder / f"{number}{name}"
        apply(folder / "d", base, output)
        made = packed(output, suffix=".again.tar") if output.is_dir() else output
        assert made.read_bytes() == packed(new).read_bytes()
    return size


def test_all_that_a_file_can_be_is_carried(make: Made) -> None:
    changed = [*MEMBERS[:4], file("etc/motd", "hallo\n"), symlink("l", "elsewhere"), file("more", "x" * 100_000)]
    check_same(make(*MEMBERS), make(*changed))
    check_same(make(*changed), make(*MEMBERS))


def test_all_is_carried_by_a_process_of_its_own(make: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuilding, "_SMALLEST_APART", 0)
    old = make(*MEMBERS, file("f", content(1, 3_000_000)))
    check_same(old, make(*MEMBERS[:9], file("g", content(1, 3_000_000))))
    (old / "rootfs/etc/motd").write_text("other\n")
    with pytest.raises(DifferenceError, match="etc/motd differs"):
        apply(Path(old.parent.parent / "made1/d"), old, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_did_not_change_takes_next_to_nothing(make: Made) -> None:
    files = [file(f"f{number}", content(number, 5000)) for number in range(200)]
    assert check_same(make(*files), make(*files)) < 3000


def test_what_moved_is_not_carried(make: Made) -> None:
    big, small = content(1, 5 << 20), content(2, 300_000)
    old = make(file("a/big", big), file("a/small", small))
    assert check_same(old, make(file("b/one", big), file("c/other", small), hard_link("d", "c/other"))) < 3000


def test_what_is_new_twice_is_carried_once(make: Made) -> None:
    old, new = content(1, 200_000), content(2, 200_000)
    changed = edited(old, 1, 30_000)
    made = make(*(file(f"{name}/{part}", part_of) for name in "abc" for part, part_of in (("f", new), ("g", changed))))
    assert check_same(make(file("x/g", old)), made) < 420_000


@pytest.mark.parametrize("size", [5_000, 300_000, 9_000_000])
def test_of_what_changed_the_change_is_carried(make: Made, size: int) -> None:
    old = content(3, size)
    bundle = make(file("usr/lib/libx.so.1.0.2", old))
    assert check_same(bundle, make(file("usr/lib/libx.so.1.0.11", edited(old, 4)))) < 6000


def test_parts_of_a_large_file_are_found_wherever_they_are(make: Made) -> None:
    parts = [content(number, 1 << 20) for number in range(12)]
    moved = [parts[number] for number in (3, 11, 4, 5, 0, 10, 1, 9, 2, 8)]
    old = make(file("image", b"".join(parts)))
    assert check_same(old, make(file("image", b"".join([*moved, b"end"])))) < 6000


def test_holes_stay_holes(make: Made) -> None:
    old, new = (b"a" + bytes(3 << 20) + part + bytes(2 << 20) for part in (b"b" * 70_000, b"c" * 70_000))
    assert check_same(make(file("zeros", old)), make(file("zeros", new))) < 3000


def test_the_same_two_bundles_give_the_same_delta(make: Made, tmp_path: Path) -> None:
    old, new = make(*MEMBERS), make(*MEMBERS[:5], file("etc/new", content(1, 100_000)))
    sources = [(old, new), (packed(old), packed(new, suffix=".tar.gz")), (old, packed(new, suffix=".tar.zst"))]
    made = [delta(*pair, tmp_path / f"d{number}").path.read_bytes() for number, pair in enumerate(sources)]
    assert made[0] == made[1] == made[2]


def test_the_best_level_is_no_larger(make: Made, tmp_path: Path) -> None:
    words = [content(number, 3 + number % 9).hex().encode() for number in range(200)]
    chosen = random.Random(3)  # noqa: S311 -- the same each time
    old, new = (b" ".join(chosen.choices(words, k=100_000)) for _ in range(2))
    sides = make(file("f", old)), make(file("f", edited(old, 5, 2000) + new))
    sizes = [delta(*sides, tmp_path / f"d{level}", level=level).size for level in (9, BEST)]
    assert sizes[1] < sizes[0]
    apply(tmp_path / f"d{BEST}", sides[0], tmp_path / "out.tar")
    assert (tmp_path / "out.tar").read_bytes() == packed(sides[1]).read_bytes()


SMALL_WINDOW = 1 << 18


@st.composite
def trees(draw: st.DrawFn) -> list[Member]:
    """A few files, whose names and contents meet again in another tree."""
    names = draw(st.lists(st.sampled_from("abcefgh"), unique=True, max_size=6))
    members: list[Member] = [directory("d", draw(st.sampled_from([0o755, 0o700])))]
    for name in names:
        kind = draw(st.sampled_from(["file", "file", "file", "file", "file", "large", "link", "hard", "folder"]))
        path = draw(st.sampled_from(["", "d/"])) + name
        seed, edits = draw(st.integers(0, 3)), draw(st.integers(0, 3))
        if kind == "file":
            size = draw(st.sampled_from([0, 1, 511, 512, 513, 70_000]))
            members.append(file(path, edited(content(seed, size), edits, edits), mtime=draw(st.integers(0, 2**31))))
        elif kind == "large":
            members.append(file(path, edited(content(seed, SMALL_WINDOW + 20_000), edits, edits)))
        elif kind == "hard" and len(members) > 1 and bytes(members[-1])[156:157] == b"0":
            members.append(hard_link(path, bytes(members[-1])[:100].rstrip(b"\0")))
        elif kind == "link":
            members.append(symlink(path, "a" * draw(st.sampled_from([1, 150]))))
        else:
            members.append(directory(path))
    return members


@pytest.mark.slow
@given(trees(), trees(), trees())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_tree_becomes_any_other_also_by_way_of_a_third(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    first: list[Member],
    second: list[Member],
    third: list[Member],
) -> None:
    monkeypatch.setattr(writing, "_WINDOW", SMALL_WINDOW)  # what is large takes two of them
    folder = tmp_path_factory.mktemp("trees")
    a, b, c = (
        make_bundle(folder / str(number) / "b", *members) for number, members in enumerate((first, second, third))
    )
    packs = {bundle: packed(bundle).read_bytes() for bundle in (a, b, c)}
    deltas = {}
    for name, old, new in (("ab", a, b), ("bc", b, c), ("ac", a, c)):
        if packs[old] != packs[new]:
            deltas[name] = delta(old, new, folder / name).path
    at = a
    for name, new in (("ab", b), ("bc", c)):
        if name in deltas:
            apply(deltas[name], at, folder / f"{name}.out")
            at = folder / f"{name}.out"
            assert packed(at).read_bytes() == packs[new]
    if "ac" in deltas:
        apply(deltas["ac"], a.with_suffix(".tar"), folder / "direct.tar")
        assert (folder / "direct.tar").read_bytes() == packs[c]


def everything(folder: Path) -> list[tuple[str, float]]:
    return sorted((os.fspath(path), path.lstat().st_mtime) for path in folder.rglob("*"))


def test_a_wrong_base_is_refused_by_name(make: Made, tmp_path: Path) -> None:
    old, new, other = make(*MEMBERS), make(*MEMBERS[:5]), make(*MEMBERS[:7])
    delta(old, new, tmp_path / "d")
    bases = other, packed(other)
    before = everything(tmp_path)
    for base in bases:
        with pytest.raises(RequestError, match=rf"{base} is not the bundle that {tmp_path}/d was made from"):
            apply(tmp_path / "d", base, tmp_path / "out")
    with pytest.raises(RequestError, match="already what"):
        apply(tmp_path / "d", new, tmp_path / "out")
    assert everything(tmp_path) == before


def test_a_base_that_was_changed_is_refused(make: Made, tmp_path: Path) -> None:
    old, new = make(*MEMBERS), make(*MEMBERS[:5])
    delta(old, new, tmp_path / "d")
    (old / "rootfs/etc/motd").write_text("other\n")
    with pytest.raises(DifferenceError, match="etc/motd differs"):
        apply(tmp_path / "d", old, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("path", ["copied", "patched", "dropped", "large", "moved"])
def test_a_base_that_looks_as_it_did_but_holds_something_else_is_told_by_the_file(
    make: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, *, apart: bool
) -> None:
    """Nothing but the content tells: size and time are those of the build. A file may be copied, be a part of a
    dictionary, or be no part of the result at all.
    """
    if apart:
        monkeypatch.setattr(rebuilding, "_SMALLEST_APART", 0)
    common = [file("copied", content(1, 5000)), file("same", content(2, 5000))]
    patched, large, moved = content(3, 90_000), content(4, 6 << 20), content(5, 3000)
    old = make(*common, file("patched", patched), file("dropped", "x"), file("large", large), file("moved", moved))
    changed = file("patched", edited(patched, 6)), file("large", edited(large, 7))
    delta(old, make(*common, *changed, file("here", moved)), tmp_path / "d")
    victim = old / "rootfs" / path
    whole, status = victim.read_bytes(), victim.stat()
    victim.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    os.utime(victim, ns=(status.st_atime_ns, status.st_mtime_ns))
    before = everything(tmp_path)
    with pytest.raises(DifferenceError, match=rf"{old} is not what was built: \./{path} differs"):
        apply(tmp_path / "d", old, tmp_path / "out")
    assert everything(tmp_path) == before


@pytest.mark.parametrize("path", ["config.json", "etc/hosts", "rootfs.mtree"])
def test_a_document_of_the_base_that_was_changed_is_told_first(make: Made, tmp_path: Path, path: str) -> None:
    old, new = make(*MEMBERS), make(*MEMBERS[:5])
    delta(old, new, tmp_path / "d")
    status = (old / path).stat()
    (old / path).write_bytes((old / path).read_bytes().swapcase())
    os.utime(old / path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(DifferenceError, match=rf"{path} differs"):
        apply(tmp_path / "d", old, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def with_volume(bundle: Path) -> Path:
    """The bundle, after its bundler.json knows of its volume."""
    record = bundle / "bundler.json"
    record.write_bytes(encode(json.loads(record.read_bytes()) | {"folders": {"volumes/cache": None}}))
    os.utime(record, (0, 0))
    return bundle


def test_what_a_container_has_written_does_not_matter_and_is_carried_over(make: Made, tmp_path: Path) -> None:
    old, new = with_volume(make(*MEMBERS)), with_volume(make(*MEMBERS[:5]))
    delta(old, new, tmp_path / "d")
    (old / "volumes/cache/data").write_text("of years")
    apply(tmp_path / "d", old, old, replace=True, volumes=OldVolumes.KEPT)
    assert (old / "volumes/cache/data").read_text() == "of years"
    assert (old / "rootfs.mtree").read_bytes() == (new / "rootfs.mtree").read_bytes()


def test_data_is_not_lost_in_silence(make: Made, tmp_path: Path) -> None:
    old, new = make(*MEMBERS), make(*MEMBERS[:5])
    delta(old, new, tmp_path / "d")
    with pytest.raises(RequestError, match="there is data in volumes/cache"):
        apply(tmp_path / "d", old, old, replace=True)


def damaged(whole: bytes) -> Iterable[bytes]:
    chosen = random.Random(7)  # noqa: S311 -- as above
    yield b""
    yield whole + b"x"
    for _ in range(60):
        yield whole[: chosen.randrange(len(whole))]
        at = chosen.randrange(len(whole))
        yield whole[:at] + bytes([whole[at] ^ 1 << chosen.randrange(8)]) + whole[at + 1 :]


def test_a_delta_that_was_damaged_is_refused(make: Made, tmp_path: Path) -> None:
    old, new = make(*MEMBERS), make(*MEMBERS[:5], file("etc/new", content(1, 1000)))
    whole = delta(old, new, tmp_path / "d").path.read_bytes()
    before = everything(old)
    for broken in damaged(whole):
        (tmp_path / "broken").write_bytes(broken)
        with pytest.raises((ImageError, BundlerError)):
            apply(tmp_path / "broken", old, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert everything(old) == before


@pytest.fixture
def parts(make: Made, tmp_path: Path) -> tuple[Path, Path]:
    """A delta in three parts, and its base."""
    old = make(*MEMBERS)
    delta(old, make(file("noise", content(1, 2_500_000))), tmp_path / "d", split=1 << 20)
    return tmp_path / "d", old


def test_parts_of_a_delta_have_a_list_that_others_can_check(parts: tuple[Path, Path], tmp_path: Path) -> None:
    list_of_parts, old = parts
    names = [f"d.{number:04}" for number in (1, 2, 3)]
    assert sorted(path.name for path in tmp_path.glob("d*")) == ["d", *names]
    assert [(tmp_path / name).stat().st_size for name in names[:2]] == [1 << 20] * 2
    subprocess.run(["sha256sum", "--check", "--strict", "d"], cwd=tmp_path, check=True)
    apply(list_of_parts, old, tmp_path / "out")
    assert (tmp_path / "out/rootfs/noise").read_bytes() == content(1, 2_500_000)


def test_a_part_that_is_missing_or_damaged_is_told_by_its_name(parts: tuple[Path, Path], tmp_path: Path) -> None:
    list_of_parts, old = parts
    second = tmp_path / "d.0002"
    whole = second.read_bytes()
    second.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ImageError, match=r"d\.0002 is not as .*/d lists it"):
        apply(list_of_parts, old, tmp_path / "out")
    second.unlink()
    with pytest.raises(RequestError, match=r"d\.0002 does not exist"):
        apply(list_of_parts, old, tmp_path / "out")


def test_a_list_names_the_parts_beside_it_and_nothing_else(parts: tuple[Path, Path], tmp_path: Path) -> None:
    list_of_parts, old = parts
    lines = list_of_parts.read_bytes()
    for changed in (lines.replace(b"d.0001", b"e.0001"), b"".join(reversed(lines.splitlines(keepends=True)))):
        list_of_parts.write_bytes(changed)
        with pytest.raises(ImageError, match="where the part"):
            apply(list_of_parts, old, tmp_path / "out")
    list_of_parts.write_bytes(lines.replace(b"d.0001", b"/etc/passwd"))
    with pytest.raises(ImageError, match="no delta"):
        apply(list_of_parts, old, tmp_path / "out")


def test_parts_of_an_older_delta_go_with_it(parts: tuple[Path, Path], tmp_path: Path) -> None:
    list_of_parts, old = parts
    (tmp_path / "d.0004").write_text("a file of someone else's")
    smaller = make_bundle(tmp_path / "smaller/b", file("noise", content(1, 1_500_000)))
    delta(old, smaller, list_of_parts, split=1 << 20, replace=True)
    assert sorted(path.name for path in tmp_path.glob("d*")) == ["d", "d.0001", "d.0002", "d.0004"]
    delta(old, smaller, list_of_parts, replace=True)
    assert sorted(path.name for path in tmp_path.glob("d*")) == ["d", "d.0004"]
    apply(list_of_parts, old, tmp_path / "out")


def test_a_file_is_found_by_its_content_its_path_and_a_path_of_other_numbers() -> None:
    files = Files()
    paths = [b"lib/libx.so.1.2", b"lib/libx.so.1.10", b"etc/a", b"etc/b"]
    for number, path in enumerate(paths):
        files.note(number, path, 512 * number, 3, [b"one" if number < 2 else path[-3:]])
    assert files.same(hashlib.sha256(b"one").digest(), 3) == Known(0, 3, 0)
    assert files.same(hashlib.sha256(b"one").digest(), 4) is None
    assert files.same(hashlib.sha256(b"two").digest(), 3) is None
    assert files.named(b"etc/b") == Known(3, 3, 1536)
    assert files.named(b"etc/c") is None
    assert files.nearest(b"lib/libx.so.1.10") == Known(1, 3, 512)
    assert files.nearest(b"lib/libx.so.3") == Known(0, 3, 0)
    assert files.nearest(b"usr/share/a") == Known(2, 3, 1024)
    assert files.nearest(b"other") is None
    assert Files().nearest(b"other") is None
