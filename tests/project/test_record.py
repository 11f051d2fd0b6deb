"""project.json: what is written is read again, and what nobody has written is refused where it stands."""

import json
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bundler import data
from bundler.errors import RequestError
from bundler.overrides.files import OverridesFile
from bundler.project.dependency import Condition, Dependency
from bundler.project.record import Attachment, Network, ProjectBundle, ProjectRecord, Subnet6

DIGEST = f"sha256:{'0' * 64}"
SIDE6 = Subnet6(IPv6Network("fd00:1::/64"), IPv6Address("fd00:1::1"))
FRONT = Network("br-0123456789ab", IPv4Network("10.92.0.0/26"), IPv4Address("10.92.0.1"), ipv6=SIDE6)
BACK = Network("br-ba9876543210", IPv4Network("10.92.0.64/26"), IPv4Address("10.92.0.65"), internal=True)
DB = ProjectBundle(
    "db", "db", networks={"back": Attachment(IPv4Address("10.92.0.66"))}, volumes=("data",), digest=DIGEST
)
WEB = ProjectBundle(
    "web-1",
    "web",
    depends_on={"db": Dependency(Condition.HEALTHY, restart=True)},
    networks={
        "front": Attachment(IPv4Address("10.92.0.2"), IPv6Address("fd00:1::2")),
        "back": Attachment(IPv4Address("10.92.0.67")),
    },
    digest=DIGEST,
)
SHOP = ProjectRecord(
    "shop", (DB, WEB), {"front": FRONT, "back": BACK}, ("data",), (OverridesFile("compose.yaml", "0" * 64),)
)


def opened(folder: Path, content: bytes) -> ProjectRecord:
    (folder / "project.json").write_bytes(content)
    return ProjectRecord.open(folder)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    record = opened(tmp_path, SHOP.content)
    assert record.content == SHOP.content
    assert record.bundles == SHOP.bundles
    assert list(record.bundles[1].networks) == ["front", "back"]
    assert record.of_service("web") == (WEB,)


def test_the_schema_knows_it_to_the_last_member() -> None:
    schema = data.load("project.schema.json")
    document = json.loads(SHOP.content)
    jsonschema.Draft202012Validator(schema).validate(document)
    document["services"][0]["colour"] = "red"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(document)


def _change(change: Callable[[Any], None]) -> bytes:
    document = json.loads(SHOP.content)
    change(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"{", "not JSON"),
        (b"{}", "it states no format"),
        (_change(lambda shop: shop.update(format=9)), "it has format 9"),
        (
            _change(lambda shop: shop["services"][0].update(name="../db")),
            "services[0].name: expected the name of a folder",
        ),
        (_change(lambda shop: shop["services"][1].update(name="db")), "services: two bundles of one name"),
        (
            _change(lambda shop: shop["services"][0].update(volumes=["x"])),
            "services[0].volumes: one of them is no volume",
        ),
        (_change(lambda shop: shop["networks"].pop("back")), "networks[0].name: no network of the project"),
        (_change(lambda shop: shop["services"][1]["depends_on"]["db"].update(condition="up")), "condition: expected"),
        (_change(lambda shop: shop["networks"]["back"].update(internal=1)), "internal: expected true or false"),
        (_change(lambda shop: shop["networks"]["back"].update(subnet="x")), "subnet: expected"),
    ],
)
def test_what_is_not_of_its_form_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    with pytest.raises(RequestError) as caught:
        opened(tmp_path, content)
    assert caught.value.what.startswith(f"{tmp_path}/project.json: ")
    assert complaint in caught.value.what


def test_a_symlink_is_no_project(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(SHOP.content)
    (tmp_path / "project.json").symlink_to("elsewhere")
    with pytest.raises(RequestError, match="symbolic link"):
        ProjectRecord.open(tmp_path)
