"""The documents of a bundle are hostile until they are known to be what they should be, and each is read once."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bundler import data
from bundler.bundles.bundle import Bundle, read_config_file
from bundler.errors import RequestError
from bundler.origins import Json
from bundler.runtime_spec.runtime_config import MAPS
from bundler.runtime_spec.validity import SCHEMA
from bundler.strict_json import fold
from tests.support.bundles import MEMBERS, make_bundle

VALID = b'{"ociVersion": "1.0.0"}'

BROKEN = {
    "nothing": (b"", "config.json is empty"),
    "half of it": (b'{"ociVersion"', "config.json: not JSON at line 1, column 14: it ends in the middle"),
    "no UTF-8": (b'{"a": "\xff"}', "config.json: not JSON: not UTF-8 at byte 7"),
    "a list": (b"[]", "config.json: not a JSON object"),
    "too deep": (b'{"a":' * 200_000, "config.json: nested too deeply"),
    "deeper than anything is": (b'{"a":' * 120 + b"1" + b"}" * 120, "config.json: nested too deeply"),
    "not a number": (b'{"a": NaN}', "config.json: not JSON: NaN is not a JSON value"),
    "a number without end": (
        b'{"a": ' + b"9" * 5000 + b"}",
        f"config.json: {'9' * 60}... is a number of more than 64 bits",
    ),
    "a member twice": (b'{"a": 1, "a": 2}', 'config.json: the name "a" stands twice in one object'),
    "another document": (b'{"Id": 1}', "config.json is not a runtime config: ociVersion is missing"),
    "two spellings of a field": (
        b'{"ociVersion": "1.0.0", "process": {}, "Process": {}}',
        'config.json: the names "process" and "Process" in one object are one name',
    ),
    "a field that only some runtimes know": (
        b'{"ociVersion": "1.0.0", "Process": {}}',
        "config.json is not a runtime config: /Process: to runc this is process, and to crun no field at all",
    ),
    "the same with letters beyond ASCII": (
        '{"ociVersion": "1.0.0", "linux": {"re\u017fources": {}}}'.encode(),
        "config.json is not a runtime config: /linux/re\u017fources: to runc this is resources",
    ),
    "the same in a list": (
        b'{"ociVersion": "1.0.0", "mounts": [{"destination": "/a", "Options": []}]}',
        "config.json is not a runtime config: /mounts/0/Options: to runc this is options",
    ),
    "the same in an object with names of anyone's choice": (
        b'{"ociVersion": "1.0.0", "linux": {"netDevices": {"eth0": {"NAME": "a"}}}}',
        "config.json is not a runtime config: /linux/netDevices/eth0/NAME: to runc this is name",
    ),
    "a wrong type": (
        b'{"ociVersion": "1.0.0", "mounts": [1]}',
        "config.json is not a runtime config: /mounts/0: found 1, expected an object",
    ),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_runtime_config_gives_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.json").write_bytes(content)
    with pytest.raises(RequestError) as refused:
        read_config_file("config.json")
    assert refused.value.what.startswith(message)
    assert refused.value.what.isprintable()


def bundle(path: Path, record: bytes | None) -> str:
    (path / "config.json").write_bytes(VALID)
    if record is not None:
        (path / "bundler.json").write_bytes(record)
    return str(path)


def about(content: bytes) -> bytes:
    return json.dumps({"format": 2, "config": f"sha256:{hashlib.sha256(content).hexdigest()}"}).encode()


def test_a_record_of_these_bytes_is_read(tmp_path: Path) -> None:
    written = read_config_file(bundle(tmp_path, about(VALID)))
    assert written.recorded is not None
    assert not written.stale
    assert read_config_file(str(tmp_path / "config.json")) == written


@pytest.mark.parametrize("record", [about(VALID + b"\n"), b'{"format": 2}'], ids=["other bytes", "no digest"])
def test_a_record_of_other_bytes_is_left_aside(tmp_path: Path, record: bytes) -> None:
    written = read_config_file(bundle(tmp_path, record))
    assert written.recorded is None
    assert written.stale


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (b"no json", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "it states no format"),
        (b'{"format": 3, "bundler": "9.8.7"}', "it has format 3, and bundler"),
        (b'{"format": "1"}', "it has format 1, and"),
        (b'{"format": true}', "it has format True, and"),
        (b'{"format": 2.0}', "it has format 2.0, and"),
        (b'{"format": 2, "FORMAT": 3}', "are one name"),
    ],
)
def test_a_record_that_cannot_be_read_is_no_record_of_other_bytes(tmp_path: Path, record: bytes, says: str) -> None:
    with pytest.raises(RequestError) as refused:
        read_config_file(bundle(tmp_path, record))
    assert refused.value.what.startswith(f"{tmp_path}/bundler.json: ")
    assert says in refused.value.what


def test_who_reads_another_format_is_said(tmp_path: Path) -> None:
    with pytest.raises(RequestError) as refused:
        read_config_file(bundle(tmp_path, b'{"format": 3, "bundler": "9.8.7"}'))
    assert refused.value.hint == "bundler 9.8.7 reads it, or a later one"


def test_names_that_are_data_keep_their_case(tmp_path: Path) -> None:
    document = {"ociVersion": "1.0.0", "annotations": {"a": "1", "A": "2"}, "linux": {"sysctl": {"x": "1", "X": "2"}}}
    (tmp_path / "config.json").write_text(json.dumps(document))
    assert read_config_file(str(tmp_path)).config.document == document


def test_all_maps_of_the_schema_are_known() -> None:
    schema = data.load(SCHEMA)

    def resolved(form: Json) -> Json:
        return schema["$defs"].get(form.get("$ref", "").rpartition("/")[2], form)

    def maps(form: Json) -> Iterator[str]:
        for name, below in form.get("properties", {}).items():
            if "additionalProperties" in resolved(below):
                yield fold(name)
            yield from maps(below)

    found = {name for form in (schema, *schema["$defs"].values()) for name in maps(form)}
    assert found == MAPS


@pytest.mark.parametrize("name", ["config.json", "bundler.json"])
@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_a_document_that_is_no_file_is_not_opened(tmp_path: Path, name: str, make: Callable[[Path], None]) -> None:
    bundle(tmp_path, about(VALID))
    (tmp_path / name).unlink()
    make(tmp_path / name)
    with pytest.raises(RequestError, match=rf"{name} is (a fifo|a folder|a symbolic link)"):
        read_config_file(str(tmp_path))


def test_a_config_alone_has_no_record(tmp_path: Path) -> None:
    written = read_config_file(bundle(tmp_path, None))
    assert written.recorded is None
    assert not written.stale


def test_a_directory_without_a_config_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"is not a bundle: it has no config\.json"):
        read_config_file(str(tmp_path))


def test_what_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"/gone does not exist"):
        read_config_file(str(tmp_path / "gone"))


def test_a_document_is_read_once_whatever_takes_its_place(tmp_path: Path) -> None:
    opened = Bundle.open(make_bundle(tmp_path / "b", *MEMBERS))
    record, config, lines = opened.record, opened.config, opened.manifest().read()
    for name in ("bundler.json", "config.json", "rootfs.mtree"):
        (opened.path / name).unlink()
        (opened.path / name).write_bytes(b"{}")
    assert (opened.record, opened.config, opened.manifest().read()) == (record, config, lines)
    assert opened.owned
    assert opened.config_file.recorded == record.document


def test_readers_of_a_manifest_do_not_disturb_each_other(tmp_path: Path) -> None:
    opened = Bundle.open(make_bundle(tmp_path / "b", *MEMBERS))
    first, second = opened.manifest(), opened.manifest()
    line = first.readline()
    assert second.read() == line + first.read()
    assert second.seek(-3, os.SEEK_END) == first.tell() - 3
    assert first.fileno() == second.fileno()


def test_a_manifest_is_closed_with_its_bundle(tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "b", *MEMBERS)
    before = os.listdir("/proc/self/fd")  # noqa: PTH208 -- names are enough
    assert Bundle.open(path).manifest().readline() == b"#mtree\n"
    assert os.listdir("/proc/self/fd") == before  # noqa: PTH208


def test_a_config_that_makes_no_sense_is_an_empty_one_to_who_only_looks(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b'{"mounts": [')
    assert Bundle.open(tmp_path).readable_config.document == {}


def test_a_file_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "b").touch()
    with pytest.raises(RequestError, match="b is empty, and a bundle is a directory"):
        Bundle.open(tmp_path / "b")
