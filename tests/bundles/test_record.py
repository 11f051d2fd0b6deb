"""bundler.json says what a bundle was made from, and nothing of where or when."""

import json
import re
from pathlib import Path

import pytest

from bundler.bundles.contents import record
from bundler.bundles.record import BundleRecord
from bundler.bundles.write import encode
from bundler.conversion.convert import convert
from bundler.conversion.mounts.mounts import folders
from bundler.conversion.rule import Inputs
from bundler.origins import Json
from bundler.overrides.load import load
from tests.support.inputs import inputs


def recorded(given: Inputs) -> dict[str, Json]:
    runtime_config = convert(given)
    return record(given, runtime_config, encode(runtime_config.document), folders(given))


def loaded(folder: Path) -> dict[str, Json]:
    folder.mkdir(parents=True)
    (folder / "o.yaml").write_text("user: app\nvolumes: [cache:/cache]\nseccomp: filter.json\n")
    (folder / "filter.json").write_text('{"defaultAction": "SCMP_ACT_ALLOW"}')
    plain = inputs()
    return recorded(
        Inputs(
            image_config=plain.image_config,
            overrides=load([str(folder / "o.yaml")]),
            profile=plain.profile,
            accounts=plain.accounts,
        )
    )


def test_the_image_is_named_by_what_it_is() -> None:
    given = inputs()
    assert recorded(given)["image"] == {"id": str(given.image_config.digest), "platform": "linux/amd64", "diff_ids": []}


def test_overrides_are_named_by_file_and_digest(tmp_path: Path) -> None:
    files = loaded(tmp_path / "a")["overrides"]
    assert [file["name"] for file in files] == ["o.yaml", "filter.json"]
    assert all(re.fullmatch("[0-9a-f]{64}", file["sha256"]) for file in files)


def test_the_folder_of_the_overrides_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = loaded(tmp_path / "a")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("USER", "somebody")
    other = loaded(tmp_path / "b/c")
    assert json.dumps(one) == json.dumps(other)
    assert str(tmp_path) not in json.dumps(one)


def test_every_value_says_where_it_came_from() -> None:
    origins = recorded(inputs("user: app\nvolumes: [cache:/cache]"))["origins"]
    assert origins["/process/user"] == "overrides 0.yaml:1:7"
    assert origins["/process/args/0"].startswith("image sha256:")
    assert origins["/linux/maskedPaths/0"] == "profile docker@28#/linux/maskedPaths/0"
    assert list(origins) == sorted(origins)


def test_folders_say_what_they_were_filled_from() -> None:
    given = inputs("volumes: [cache:/cache, ./own:/own]", config={"Cmd": ["x"], "Volumes": {"/data": {}}})
    assert recorded(given)["folders"] == {"own": None, "volumes/cache": "/cache", "volumes/data": "/data"}


def test_a_record_fits_the_config_json_it_was_made_with_and_no_other() -> None:
    given = inputs()
    config_json = encode(convert(given).document)
    read_back = BundleRecord(encode(recorded(given)), "bundler.json")
    assert read_back.fits(config_json)
    assert not read_back.fits(config_json + b" ")
