"""Documents with one layer more say everything else that they said before."""

import json
from typing import Any

import pytest

from bundler.images.digest import Digest
from bundler.images.manifest import parse_manifest
from bundler.store.repacked import History, config_above, manifest_above
from tests.support.image_files import as_json, manifest_of, sample

NEW = Digest.of(b"new")
SILENT = History(None, None, None)


def above(config: dict[str, Any], history: History = SILENT) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(config_above(as_json(config), NEW, history))
    return made


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, [{}, {}]),
        ([{"created_by": "a"}], [{"created_by": "a"}, {}]),
        ([{"created_by": "a"}, {"empty_layer": True}, {}], [{"created_by": "a"}, {"empty_layer": True}, {}]),
        ([{}, {}, {}], [{}, {}, {}]),
    ],
    ids=["none", "too short", "with empty layers", "too long"],
)
def test_the_history_has_an_entry_for_each_layer(before: Any, after: list[Any]) -> None:
    config = json.loads(sample().config) | ({} if before is None else {"history": before})
    assert above(config)["history"] == [*after, {"created_by": "bundler repack"}]


def test_everything_else_stays() -> None:
    config = json.loads(sample(Healthcheck={"Test": ["CMD"]}).config) | {"docker_version": "1", "created": "then"}
    made = above(config, History(None, "why", "who"))
    assert made["rootfs"].pop("diff_ids") == [*config["rootfs"].pop("diff_ids"), str(NEW)]
    assert made.pop("history")[-1] == {
        "created": "then",
        "created_by": "bundler repack",
        "author": "who",
        "comment": "why",
    }
    assert made == config


def test_a_stated_time_is_the_images() -> None:
    made = above(json.loads(sample().config) | {"created": "then"}, History("now", None, None))
    assert (made["created"], made["history"][-1]["created"]) == ("now", "now")


@pytest.mark.parametrize("docker", [False, True])
def test_the_layer_has_a_media_type_of_the_same_family(docker: bool) -> None:
    raw = manifest_of(sample(), docker=docker)[0]
    before = json.loads(raw)
    made = json.loads(manifest_above(parse_manifest(raw, Digest.of(raw)), b"{}", NEW, 7))
    added = made["layers"].pop()
    assert added == {"mediaType": before["layers"][0]["mediaType"], "digest": str(NEW), "size": 7}
    assert made.pop("config") | {"digest": "", "size": 0} == before.pop("config") | {"digest": "", "size": 0}
    assert made == before
