"""Wheels of others are held to their sums; those of one version lie beside each other in one tree."""

from pathlib import Path

import pytest

from release.archives import File, zipped
from release.wheels import CARRIED, PYTHONS, TOOLS, Pin, merged, read_pins
from release.zipapp import digest_of, endings_of

MODULE_311, MODULE_312 = "a/b.cpython-311-x86_64-linux-gnu.so", "a/b.cpython-312-x86_64-linux-gnu.so"


def wheel(folder: Path, python: str, **files: bytes) -> Path:
    path = folder / f"a-1-{python}.whl"
    names = {name: File(content) for name, content in files.items()}
    path.write_bytes(zipped(names, 1795910400))
    return path


def test_wheels_for_several_pythons_are_one_tree(tmp_path: Path) -> None:
    first = wheel(tmp_path, "cp311", **{"a/__init__.py": b"", MODULE_311: b"one", "a-1.dist-info/WHEEL": b"cp311"})
    second = wheel(tmp_path, "cp312", **{"a/__init__.py": b"", MODULE_312: b"two", "a-1.dist-info/WHEEL": b"cp312"})
    tree = merged([first, second])
    assert list(tree) == ["a/__init__.py", MODULE_311, MODULE_312]
    assert endings_of(tree) == (".cpython-311-x86_64-linux-gnu.so", ".cpython-312-x86_64-linux-gnu.so")
    assert digest_of(tree) != digest_of(tree | {MODULE_312: File(b"three")})


def test_wheels_that_disagree_are_refused(tmp_path: Path) -> None:
    files = [wheel(tmp_path, python, **{"a/__init__.py": python.encode()}) for python in ("cp311", "cp312")]
    with pytest.raises(SystemExit, match=r"a-1-cp312.whl: another wheel has another a/__init__.py"):
        merged(files)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_compiled_module_is_there_for_every_python(machine: str) -> None:
    pins = [pin for pin in read_pins(CARRIED) if pin.is_for(machine)]
    compiled = {pin.requirement for pin in pins if not pin.file.endswith("-any.whl")}
    assert compiled
    for requirement in compiled:
        assert [pin.python for pin in pins if pin.requirement == requirement] == list(PYTHONS)


def test_each_list_is_sorted_and_has_a_version_of_each() -> None:
    for listed in (CARRIED, TOOLS):
        pins = read_pins(listed)
        assert [pin.file for pin in pins] == sorted((pin.file for pin in pins), key=str)
        names = {pin.requirement.partition("==")[0] for pin in pins}
        assert len(names) == len({pin.requirement for pin in pins})


def test_a_pin_holds_its_bytes_alone(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    assert Pin("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "a").holds(tmp_path / "a")
    assert not Pin("0" * 64, "a").holds(tmp_path / "a")
    assert not Pin("0" * 64, "b").holds(tmp_path / "b")
