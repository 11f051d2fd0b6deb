"""Volumes beyond a source and a target: other images, folders inside, id maps, the image's own, raw mounts."""

from itertools import pairwise
from typing import Any

import pytest

from bundler.conversion.convert import convert
from bundler.conversion.mounts.mounts import folders
from bundler.conversion.mounts.volumes import BundleFolder, content_files
from bundler.errors import RequestError
from tests.support.inputs import converted, inputs
from tests.support.messages import tells

VOLUMES = {"Cmd": ["/bin/true"], "Volumes": {"/data": {}, "/cache": {}}}


def mounts(*texts: str, **more: Any) -> dict[str, dict[str, Any]]:
    return {mount["destination"]: mount for mount in converted(*texts, **more)["mounts"]}


def test_another_image_is_mounted_read_only_from_the_bundle() -> None:
    image = "type: image, source: 'app:1'"
    text = f"volumes: [{{{image}, target: /a}}, {{{image}, target: /b, image: {{subpath: x/y}}}}]"
    assert mounts(text)["/b"]["source"] == mounts(text)["/a"]["source"] + "/x/y"
    assert mounts(text)["/a"]["options"] == ["rbind", "rro", "rprivate"]
    (folder,) = folders(inputs(text))
    assert (folder.image, folder.subpaths) == ("app:1", ("x/y",))


def test_a_folder_inside_a_volume_is_not_filled() -> None:
    text = "volumes: [{type: volume, source: v, target: /v, volume: {subpath: in/side}}]"
    assert mounts(text)["/v"]["source"] == "volumes/v/in/side"
    assert folders(inputs(text)) == [BundleFolder("volumes/v/in/side", None)]


def test_ids_of_one_mount_can_be_mapped() -> None:
    bind = "{idmap: {uids: ['0:9:1'], gids: ['0:8:1']}, selinux: Z}"
    text = f"volumes: [{{type: bind, source: /a, target: /b, bind: {bind}}}]"
    mount = mounts(text)["/b"]
    assert mount["uidMappings"] == [{"containerID": 0, "hostID": 9, "size": 1}]
    assert mount["gidMappings"] == [{"containerID": 0, "hostID": 8, "size": 1}]
    assert mount["options"] == ["rbind", "rprivate"]


@pytest.mark.parametrize("source", ["/", "/var", "/var/lib/docker", "/var/lib/docker/volumes/x", "/var/lib/docker-2"])
def test_dockers_own_data_is_bound_as_a_slave(source: str) -> None:
    config = converted(f"volumes: ['{source}:/x']")
    assert next(mount for mount in config["mounts"] if mount["destination"] == "/x")["options"] == ["rbind", "rslave"]
    assert config["linux"]["rootfsPropagation"] == "rslave"


def test_a_tmpfs_of_mode_0_has_the_kernels_own_mode() -> None:
    entry = "{type: tmpfs, target: /x, tmpfs: {mode: 0, size: 1m}}"
    assert mounts(f"volumes: [{entry}]")["/x"]["options"] == ["noexec", "nosuid", "nodev", "rprivate", "size=1m"]


def test_the_root_s_propagation_can_be_chosen() -> None:
    assert converted("rootfs: {propagation: shared}")["linux"]["rootfsPropagation"] == "shared"


def test_tmpfs_can_be_a_map() -> None:
    found = mounts("tmpfs: {/run: 'size=1m,exec', /tmp: null}")
    assert found["/run"]["options"] == ["nosuid", "nodev", "rprivate", "size=1m", "exec"]
    assert found["/tmp"]["type"] == "tmpfs"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("image_volumes: seed", {"/data": "bind", "/cache": "bind"}),
        ("image_volumes: bind", {"/data": "bind", "/cache": "bind"}),
        ("image_volumes: tmpfs", {"/data": "tmpfs", "/cache": "tmpfs"}),
        ("image_volumes: ignore", {}),
        ("image_volumes: {/data: ignore}", {"/cache": "bind"}),
        ("image_volumes: {/data/: tmpcopyup, /cache: tmpfs}", {"/data": "tmpfs", "/cache": "tmpfs"}),
    ],
)
def test_what_becomes_of_the_images_volumes(text: str, kinds: dict[str, str]) -> None:
    found = mounts(text, config=VOLUMES)
    assert {path: found[path]["type"] for path in ("/data", "/cache") if path in found} == kinds
    assert not any("noexec" in found[path]["options"] for path in kinds)


def test_only_seeded_volumes_are_filled() -> None:
    assert {folder.seed for folder in folders(inputs("image_volumes: bind", config=VOLUMES))} == {None}
    assert {folder.seed for folder in folders(inputs(config=VOLUMES))} == {"/data", "/cache"}


def test_a_read_only_container_has_places_to_write_to() -> None:
    found = mounts("read_only: true\nread_only_tmpfs: true\nvolumes: ['/t:/tmp']")
    assert found["/var/tmp"]["type"] == "tmpfs"
    assert found["/tmp"]["type"] == "bind"
    assert any("has no effect" in warning for warning in convert(inputs("read_only_tmpfs: true")).warnings)


def test_mounts_in_the_runtime_specs_words_are_written_as_they_are() -> None:
    bpf = {"destination": "/sys/fs/bpf", "type": "bpf", "source": "bpf", "options": ["nosuid"]}
    assert mounts(f"mounts: [{bpf}]")["/sys/fs/bpf"] == bpf
    assert list(mounts("mounts: [{destination: /proc, type: proc, source: proc}]")).index("/proc") > 0


@pytest.mark.parametrize(
    ("at", "neighbours"),
    [("0", ("/x", "/proc")), ("'before:/sys'", ("/x", "/sys")), ("'after:/dev/'", ("/dev", "/x"))],
)
def test_a_mount_can_have_a_place_of_its_own(at: str, neighbours: tuple[str, str]) -> None:
    order = list(mounts(f"mounts: [{{destination: /x, type: tmpfs, source: tmpfs, at: {at}}}]"))
    assert neighbours in list(pairwise(order))


def test_mounts_are_removed_by_name_or_pattern() -> None:
    config = convert(inputs("remove_mounts: [/etc/hosts, '/dev/*', /nowhere]"))
    left = {mount["destination"] for mount in config.document["mounts"]}
    assert left == {"/proc", "/dev", "/sys", "/sys/fs/cgroup", "/etc/hostname", "/etc/resolv.conf"}
    (warning,) = config.warnings
    assert tells(warning, "0.yaml:1:39: remove_mounts: ", "/nowhere")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("volumes: [{type: image, target: /a}]", "an image needs a source"),
        ("volumes: [{type: volume, target: /a, volume: {subpath: x}}]", "a volume without a name is empty"),
        (
            "volumes: [{type: volume, source: v, target: /a, volume: {subpath: ../x}}]",
            "has to be a relative path",
        ),
        (
            "volumes: [{type: volume, source: v, target: /a, volume: {subpath: x}}, 'v:/b']",
            "so is all of volumes/v",
        ),
        ("volumes: [{type: bind, source: /s, target: /a, tmpfs: {size: 1m}}]", "tmpfs is for type tmpfs"),
        ("volumes: ['./images/x:/a']", "belongs to the bundle itself"),
        ("image_volumes: {/nope: tmpfs}", "/nope is no volume of the image"),
        ("mounts: [{destination: /a, options: [bind]}]", "a bind needs a source"),
        ("mounts: [{destination: /a, source: ../x, options: [bind]}]", "leaves the bundle"),
        ("mounts: [{destination: /a}, {destination: /a/}]", "stands twice"),
        ("mounts: [{destination: /a, at: 99}]", "is more than the 10 other mounts"),
        ("mounts: [{destination: /a, at: 'before:/b'}]", "nothing else is mounted on /b"),
        ("mounts: [{destination: /a, at: last}]", "is no place among the mounts"),
    ],
)
def test_what_cannot_be_mounted_is_refused(text: str, message: str) -> None:
    with pytest.raises(RequestError) as refused:
        converted(text)
    assert message in refused.value.what


def test_options_of_an_entry_come_last_and_overrule_its_own() -> None:
    found = mounts(
        "volumes:\n"
        "- {type: bind, source: /a, target: /a, options: [nosuid, rslave]}\n"
        "- {type: volume, source: v, target: /v, read_only: true, options: [noexec]}\n"
        "- {type: tmpfs, target: /t, tmpfs: {size: 1m}, options: [exec, size=2m]}\n"
    )

    assert found["/a"]["options"] == ["rbind", "nosuid", "rslave"]
    assert found["/v"]["options"] == ["rbind", "rro", "noexec"]
    assert found["/t"]["options"] == ["nosuid", "nodev", "rprivate", "exec", "size=2m"]


def test_a_rootfs_elsewhere_has_to_be_called_so() -> None:
    assert converted("rootfs: {path: /mnt/image, external: true}")["root"] == {"path": "/mnt/image"}
    assert converted("rootfs: {path: rootfs}")["root"] == {"path": "rootfs"}
    with pytest.raises(RequestError, match=r"0\.yaml:1:16: rootfs\.path: a bundle has its files in rootfs"):
        converted("rootfs: {path: /mnt/image}")


def test_a_file_of_which_the_content_is_said_is_carried_and_read_only() -> None:
    text = "volumes: [{type: bind, content: 'level = é', target: /etc/app.conf}]"
    (mount,) = [mount for mount in converted(text)["mounts"] if mount["destination"] == "/etc/app.conf"]
    source = "etc/content-etc-app.conf"
    assert (mount["type"], mount["source"], mount["options"]) == ("bind", source, ["rbind", "ro", "rprivate"])
    (file,) = content_files(inputs(text)).items()
    assert file[0] == source
    assert (file[1].content, file[1].mode, file[1].uid, file[1].gid) == ("level = é".encode(), 0o444, 0, 0)


@pytest.mark.parametrize("mode", ["256", "'0400'", "'400'", "0o400", "'0o400'"])
def test_a_file_of_which_the_content_is_said_has_the_owner_and_mode_that_are_said(mode: str) -> None:
    (file,) = content_files(
        inputs(f"volumes: [{{type: bind, content: x, target: /x, uid: 33, gid: 7, mode: {mode}}}]")
    ).values()
    assert (file.mode, file.uid, file.gid) == (0o400, 33, 7)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("type: bind, content: x, source: /a", "content stands in the place of a bind's source"),
        ("type: volume, content: x", "content stands in the place of a bind's source"),
        ("type: bind, content: x, read_only: false", "a file with content is read-only"),
        ("type: bind, source: /a, uid: 1", "uid is for a file with content"),
        ("type: volume, source: a, mode: 1", "mode is for a file with content"),
        ("type: bind, content: x, uid: www-data", "uid"),
        ("type: bind, content: x, mode: '8'", "mode"),
        ("type: bind, content: x, mode: 4096", "mode"),
        ("type: bind, content: x, mode: '0620'", "mode: group and others cannot write to a file with content"),
        ("type: bind, content: x, mode: 0o602", "mode: group and others cannot write to a file with content"),
        ("type: bind, content: x, gid: -1", "gid"),
    ],
)
def test_content_is_that_of_a_read_only_bind(entry: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        converted(f"volumes: [{{{entry}, target: /x}}]")
