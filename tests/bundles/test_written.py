"""Runtime configs that somebody wrote are hostile until they are known to be one."""

import hashlib
import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.bundles.json_document import parse
from bundler.bundles.written import read_written
from bundler.errors import RequestError

VALID = b'{"ociVersion": "1.0.0"}'

BROKEN = {
    "nothing": (b"", "config.json:1:1: not JSON: Expecting value"),
    "half of it": (b'{"ociVersion"', "config.json:1:14: not JSON: Expecting ':' delimiter"),
    "no UTF-8": (b'{"a": "\xff"}', "config.json: not UTF-8 at byte 7"),
    "a list": (b"[]", "config.json: not a JSON object"),
    "too deep": (b'{"a":' * 200_000, "config.json: nested too deeply"),
    "deeper than anything is": (b'{"a":' * 120 + b"1" + b"}" * 120, "config.json: nested too deeply"),
    "not a number": (b'{"a": NaN}', "config.json: not JSON: NaN is not a number"),
    "a number without end": (b'{"a": ' + b"9" * 5000 + b"}", "config.json: not JSON: Exceeds the limit"),
    "a member twice": (b'{"a": 1, "a": 2}', "config.json: not JSON: 'a' stands twice in one object"),
    "another document": (b'{"Id": 1}', "config.json is not a runtime config: ociVersion is missing"),
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
        read_written("config.json")
    assert refused.value.what.startswith(message)
    assert refused.value.what.isprintable()


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:0e-\\u\x1b ', max_size=50).map(str.encode))
def test_no_bytes_give_anything_but_a_document_or_a_refusal(content: bytes) -> None:
    with suppress(RequestError):
        assert isinstance(parse(content, "a"), dict)


def bundle(path: Path, record: bytes | None) -> str:
    (path / "config.json").write_bytes(VALID)
    if record is not None:
        (path / "bundler.json").write_bytes(record)
    return str(path)


def about(content: bytes) -> bytes:
    return json.dumps({"config": f"sha256:{hashlib.sha256(content).hexdigest()}"}).encode()


def test_a_record_of_these_bytes_is_read(tmp_path: Path) -> None:
    written = read_written(bundle(tmp_path, about(VALID)))
    assert written.recorded is not None
    assert not written.stale
    assert read_written(str(tmp_path / "config.json")) == written


@pytest.mark.parametrize("record", [about(VALID + b"\n"), b"{}", b"no json"], ids=["other bytes", "empty", "broken"])
def test_a_record_of_other_bytes_is_left_aside(tmp_path: Path, record: bytes) -> None:
    written = read_written(bundle(tmp_path, record))
    assert written.recorded is None
    assert written.stale


def test_a_config_alone_has_no_record(tmp_path: Path) -> None:
    written = read_written(bundle(tmp_path, None))
    assert written.recorded is None
    assert not written.stale


def test_a_directory_without_a_config_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"is not a bundle: it has no config\.json"):
        read_written(str(tmp_path))


def test_what_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"cannot read .*/gone: No such file or directory"):
        read_written(str(tmp_path / "gone"))
