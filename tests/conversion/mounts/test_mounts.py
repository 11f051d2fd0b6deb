"""Mounts: Docker's defaults, the user's, and what of them the bundle keeps."""

from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.conversion.mounts.mounts import folders
from bundler.conversion.mounts.volumes import _folder_name, user_mounts
from bundler.conversion.target import Target
from bundler.errors import ImageError, RequestError
from bundler.overrides.keys.mounts import clean_path
from bundler.overrides.load import load_one
from tests.support.inputs import converted, inputs

OLD_KERNEL = Target(kernel=(5, 11))


def mounts(*texts: str, **more: Any) -> dict[str, dict[str, Any]]:
    return {mount["destination"]: mount for mount in converted(*texts, **more)["mounts"]}


def options(text: str, destination: str, **more: Any) -> list[str]:
    found: list[str] = mounts(text, **more)[destination]["options"]
    return found


def test_defaults_come_first_and_the_rest_by_depth() -> None:
    given = "volumes: [/h:/x/y/z, /h:/x, /h:/x/y, /h:/a]\ntmpfs: /x/t"
    assert list(mounts(given)) == [
        *("/proc", "/dev", "/dev/pts", "/sys", "/sys/fs/cgroup", "/dev/mqueue", "/dev/shm"),
        *("/x", "/a", "/x/y", "/x/t", "/etc/resolv.conf", "/etc/hostname", "/etc/hosts", "/x/y/z"),
    ]


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("volumes: [/sys:/sys:ro]", set()),
        ("volumes: ['/dev/shm:/dev/shm']", set()),
        ("volumes: [/dev:/dev]", {"/dev/pts", "/dev/mqueue", "/dev/shm"}),
        ("tmpfs: /dev", {"/dev/pts", "/dev/mqueue", "/dev/shm"}),
        ("tmpfs: /devices", set()),
    ],
)
def test_a_mount_on_dev_takes_what_is_below_it_along(text: str, gone: set[str]) -> None:
    assert mounts().keys() - mounts(text).keys() == gone


@pytest.mark.parametrize(
    ("volume", "source", "mounted"),
    [
        ("/h:/x", "/h", ["rbind", "rprivate"]),
        ("/h:/x:ro", "/h", ["rbind", "rro", "rprivate"]),
        ("/h:/x:rw,z", "/h", ["rbind", "rprivate"]),
        ("/h:/x:ro,rslave", "/h", ["rbind", "rro", "rslave"]),
        ("//h/../g/:/x/", "/g", ["rbind", "rprivate"]),
        ("./own:/x", "own", ["rbind", "rprivate"]),
        ("cache:/x", "volumes/cache", ["rbind"]),
        ("cache:/x:ro,nocopy", "volumes/cache", ["rbind", "rro"]),
        ("/x", "volumes/x", ["rbind"]),
        ("{type: bind, source: /h, target: /x, bind: {recursive: disabled}}", "/h", ["bind", "rprivate"]),
        (
            "{type: bind, source: /h, target: /x, read_only: true, bind: {recursive: writable}}",
            "/h",
            ["rbind", "ro", "rprivate"],
        ),
        (
            "{type: bind, source: /h, target: /x, read_only: true, bind: {recursive: readonly, propagation: rprivate}}",
            "/h",
            ["rbind", "rro", "rprivate"],
        ),
    ],
)
def test_binds_and_volumes_are_docker_s(volume: str, source: str, mounted: list[str]) -> None:
    text = f"volumes: [{volume if volume.startswith('{') else repr(volume)}]"
    mount = mounts(text)["/x"]
    assert (mount["type"], mount["source"], mount["options"]) == ("bind", source, mounted)


@pytest.mark.parametrize("text", ["volumes: ['/h:/x:ro']", "volumes: ['v:/x:ro']"])
def test_an_old_kernel_makes_only_the_topmost_mount_read_only(text: str) -> None:
    assert "rro" in options(text, "/x")
    assert {"ro", "rro"} & set(options(text, "/x", target=OLD_KERNEL)) == {"ro"}


@pytest.mark.parametrize("text", ["volumes: ['/etc/localtime:/x:ro']", "volumes: ['/h/f:/x:ro']", "read_only: true"])
def test_below_a_file_there_is_no_mount_to_make_read_only(text: str) -> None:
    where = "/x" if "volumes" in text else "/etc/hosts"
    assert {"ro", "rro"} & set(options(text, where, target=Target(sources={"/h/f": "file"}))) == {"ro"}


@pytest.mark.parametrize(
    ("tmpfs", "added"),
    [
        ("/run", ["noexec", "nosuid", "nodev", "rprivate"]),
        ("/run:exec,dev,suid", ["rprivate", "exec", "dev", "suid"]),
        ("/run:size=1m,size=2m", ["noexec", "nosuid", "nodev", "rprivate", "size=2m"]),
        ("/run:ro,rw,mode=755", ["noexec", "nosuid", "nodev", "rprivate", "rw", "mode=755"]),
        ("/run:shared", ["noexec", "nosuid", "nodev", "shared"]),
        ("/run:exec,noexec", ["nosuid", "nodev", "rprivate", "noexec"]),
        ("/run:async,sync,noatime,atime", ["noexec", "nosuid", "nodev", "rprivate", "sync", "atime"]),
        ("/run:defaults,nr_inodes=5", ["noexec", "nosuid", "nodev", "rprivate", "nr_inodes=5"]),
        ("/run:bind,rbind", ["noexec", "nosuid", "nodev", "rprivate", "bind", "rbind"]),
    ],
)
def test_a_later_option_of_a_tmpfs_evicts_what_it_contradicts(tmpfs: str, added: list[str]) -> None:
    assert options(f"tmpfs: ['{tmpfs}']", "/run") == added


@pytest.mark.parametrize(
    ("limits", "added"),
    [
        ("{size: 65536}", ["size=64k"]),
        ("{size: 65537}", ["size=65537"]),
        ("{size: 3g, mode: 0o700}", ["mode=700", "size=3g"]),
        ("{size: 0}", []),
        ("{size: null}", []),
    ],
)
def test_a_long_tmpfs_is_spelled_as_docker_spells_it(limits: str, added: list[str]) -> None:
    mounted = options(f"volumes: [{{type: tmpfs, target: /t, tmpfs: {limits}}}]", "/t")
    assert mounted == ["noexec", "nosuid", "nodev", "rprivate", *added]


@pytest.mark.parametrize(
    ("text", "propagation"),
    [
        ("volumes: ['/h:/x']", None),
        ("volumes: ['/h:/x:slave']", "rslave"),
        ("volumes: ['/h:/x:rshared']", "shared"),
        ("volumes: ['/h:/x:rslave', '/g:/y:shared']", "shared"),
        ("volumes: ['/h:/x:shared', '/g:/y:slave']", "shared"),
        ("tmpfs: ['/run:shared']", None),
    ],
)
def test_only_binds_that_pass_mounts_on_change_the_rootfs(text: str, propagation: str | None) -> None:
    assert converted(text)["linux"].get("rootfsPropagation") == propagation


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("volumes: ['a:b:c:d']", "is not SOURCE:TARGET"),
        ("volumes: ['/h:']", "is not SOURCE:TARGET"),
        ("volumes: ['/h:x']", "the mount point 'x' has to be an absolute path other than /"),
        ("volumes: ['/h:/']", "the mount point '/' has"),
        ("volumes: ['/h:/..']", "the mount point '/..' has"),
        ("volumes: ['/h:/x:wild']", "unknown option 'wild' for a bind"),
        ("volumes: ['v:/x:shared']", "unknown option 'shared' for a volume"),
        ("volumes: ['/h:/x:ro,rw']", "'rw' says again, or against"),
        ("volumes: ['~/h:/x']", "'~/h' is not a volume name"),
        ("volumes: ['../h:/x']", "has to start with / or ./"),
        ("volumes: ['./../h:/x']", "leaves the bundle"),
        ("volumes: ['./a/../../h:/x']", "leaves the bundle"),
        ("volumes: ['./rootfs/link:/x']", "belongs to the bundle itself"),
        ("volumes: ['./a/../volumes/v/link:/x']", "belongs to the bundle itself"),
        ("volumes: ['./etc:/x']", "belongs to the bundle itself"),
        ("volumes: ['./config.json:/x']", "belongs to the bundle itself"),
        (f"volumes: ['{'v' * 201}:/x']", "is not a volume name"),
        ("volumes: ['/h:/x', 'v:/x/']", "the mount point /x stands twice"),
        ("volumes: ['/h:/x']\ntmpfs: /x", "duplicate mount point: /x"),
        ("volumes: [{type: bind, target: /x}]", "a bind needs a source"),
        ("volumes: [{type: tmpfs, source: a, target: /x}]", "a tmpfs has no source"),
        ("volumes: [{type: volume, target: /x, bind: {propagation: shared}}]", "bind is for type bind"),
        ("volumes: [{type: bind, source: /h, target: /x, bind: {recursive: writable}}]", "needs read_only: true"),
        ("volumes: [{type: bind, source: /h, target: /x, bind: {recursive: readonly}}]", "needs read_only: true"),
        ("tmpfs: '/run:size'", "unknown option 'size'"),
        ("tmpfs: '/run:ro,,exec'", "unknown option ''"),
        ("tmpfs: '/run:wild=1'", "unknown option 'wild=1'"),
        ("tmpfs: run", "the mount point 'run' has"),
    ],
)
def test_a_mount_that_cannot_be_is_refused_where_it_stands(text: str, message: str) -> None:
    with pytest.raises(RequestError, match=r"^0\.yaml:\d+:\d+: ") as caught:
        converted(text)
    assert message in caught.value.what


def test_a_volume_is_filled_from_the_image_unless_it_is_told_not_to() -> None:
    given = inputs("volumes: ['v:/x', 'n:/y:nocopy', './own:/z', /anon, '/h:/h']")
    assert {folder.path: folder.seed for folder in folders(given)} == {
        "own": None,
        "volumes/anon": "/anon",
        "volumes/n": None,
        "volumes/v": "/x",
    }


def test_a_volume_that_is_mounted_twice_is_filled_from_the_first_place_that_may() -> None:
    given = inputs("volumes: ['v:/a:nocopy', 'v:/b', 'v:/c']")
    assert [(folder.path, folder.seed) for folder in folders(given)] == [("volumes/v", "/b")]


def test_what_is_mounted_over_an_image_s_volume_takes_its_place() -> None:
    image = {"Cmd": ["x"], "Volumes": {"/data/": {}, "/cache": {}}}
    given = inputs("volumes: ['/h:/data']\ntmpfs: /cache", config=image)
    assert {mount.destination: mount.mount.value["source"] for mount in user_mounts(given)} == {
        "/cache": "tmpfs",
        "/data": "/h",
    }
    assert folders(given) == []


@pytest.mark.parametrize("path", ["/", "", "/..", "/./"])
def test_an_image_cannot_make_the_root_a_volume(path: str) -> None:
    with pytest.raises(ImageError, match="is not a path below /"):
        converted(config={"Cmd": ["x"], "Volumes": {path: {}}})


@pytest.mark.parametrize(
    ("target", "folder"),
    [
        ("/data", "data"),
        ("/var/lib/x", "var-lib-x"),
        ("/var-lib/x", "var%2Dlib-x"),
        ("/a b", "a%20b"),
        ("/a%20b", "a%2520b"),
        ("/é\n", "%C3%A9%0A"),
        ("/.hidden", ".hidden%"),
        ("/taken", "taken%"),
    ],
)
def test_an_anonymous_volume_has_a_readable_folder(target: str, folder: str) -> None:
    assert _folder_name(target, frozenset({"taken"})) == folder


def test_no_path_can_be_made_to_look_like_one_that_was_too_long() -> None:
    long = _folder_name("/" + "a" * 300, frozenset())
    prefix, _, fingerprint = long.rpartition("%-")
    assert len(long) <= 255
    assert fingerprint
    lookalike = f"/{prefix}" + bytes.fromhex(fingerprint[:2]).decode("latin-1") + fingerprint[2:]
    assert _folder_name(lookalike, frozenset()) != long


steps = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=90).filter(
    lambda step: step not in (".", "..")
)
targets = st.lists(steps, min_size=1, max_size=4).map(lambda path: "/" + "/".join(path))


@given(targets, targets, st.frozensets(st.sampled_from(["a", "b", "0"])))
def test_two_volumes_never_share_a_folder(one: str, other: str, named: frozenset[str]) -> None:
    first, second = _folder_name(one, named), _folder_name(other, named)
    assert (first == second) == (one == other)
    assert first not in named


@given(targets)
def test_a_folder_s_name_is_one_plain_file_name(target: str) -> None:
    name = _folder_name(target, frozenset())
    assert name.isascii()
    assert name.isprintable()
    assert PurePosixPath(name).parts == (name,)
    assert name not in (".", "..")
    assert len(name) <= 255


@given(st.text(st.sampled_from("/.ab")))
def test_a_clean_path_is_absolute_and_stays_below_the_root(path: str) -> None:
    clean = clean_path(path)
    assert clean.startswith("/")
    assert not clean.startswith("//")
    assert not {"", ".", ".."} & set(clean.strip("/").split("/")) or clean == "/"
    assert clean_path(clean) == clean


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30))
def test_any_text_is_a_volume_or_refused(text: str) -> None:
    document = f"volumes: [{_quoted(text)}]\n"
    try:
        entry = load_one(document.encode(), "o.yaml")["volumes"].items()[0].entries()
    except RequestError as error:
        message = error.what
    else:
        message = "o.yaml"
        assert entry["target"].text().startswith("/")
    assert message.startswith("o.yaml")


def _quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(char):08x}" for char in text) + '"'
