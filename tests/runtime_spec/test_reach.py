"""No key of the overrides puts within a container's reach what the machine runs or trusts of a bundle."""

import json
from typing import Any

import pytest

from bundler.errors import RequestError
from bundler.runtime_spec.reach import exposed
from bundler.runtime_spec.runtime_config import RuntimeConfig
from bundler.runtime_spec.validity import check
from tests.support.inputs import converted, overrides
from tests.support.messages import tells

# One for each key that can name a path of the bundle; PATH is that.
KEYS = {
    "a short volume": 'volumes: ["./PATH:/x"]',
    "a volume with options": 'volumes: ["./PATH:/x:ro"]',
    "a long volume": "volumes: [{type: bind, source: ./PATH, target: /x}]",
    "a mount": "mounts: [{destination: /x, type: bind, source: PATH, options: [bind]}]",
    "a mount that is read": "mounts: [{destination: /x, type: none, source: PATH, options: [ro, rbind]}]",
    "a lower layer": "mounts: [{destination: /x, type: overlay, source: o, options: ['lowerdir=/a:PATH']}]",
    "an upper layer": "mounts: [{destination: /x, type: overlay, source: o, options: [upperdir=PATH]}]",
    "a working folder": "mounts: [{destination: /x, type: overlay, source: o, options: [workdir=./PATH]}]",
    "layers in one option": (
        "mounts: [{destination: /x, type: overlay, source: o, options: ['lowerdir=/a,upperdir=PATH,workdir=/w']}]"
    ),
    "a layer behind another option": "mounts: [{destination: /x, type: overlay, options: ['ro,lowerdir=/a:PATH']}]",
    "an init": "init: {path: PATH}",
    "a file of etc": "etc_files: {hosts: PATH}",
    "the rootfs": "rootfs: {path: ./PATH, external: true}",
    "a CDI device": (
        "cdi: {devices: [v/d=a], specs: [{cdiVersion: 0.6.0, kind: v/d, devices: [{name: a, containerEdits: {mounts:"
        " [{hostPath: PATH, containerPath: /x}]}}]}]}"
    ),
    "spec": "spec: {mounts: [{destination: /x, source: PATH, options: [rbind]}]}",
    "spec's rootfs": "spec: {root: {path: PATH}}",
    "spec_patch": "spec_patch: [{op: add, path: /mounts/-, value: {destination: /x, type: bind, source: PATH,"
    " options: [bind]}}]",
    "a replaced rootfs": "spec_patch: [{op: replace, path: /root/path, value: ./PATH}]",
}
PATHS = [
    "hooks",
    "hook\u017f",
    ".//hooks/",
    "a/../hooks",
    "hooks/network",
    "etc",
    "config.json",
    "bundler.json",
    "rootfs.erofs",
    ".",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("text", KEYS.values(), ids=KEYS)
def test_a_key_that_names_what_the_machine_trusts_is_refused_where_it_stands(text: str, path: str) -> None:
    for spelling in (path, f"/proc/self/cwd/{path}"):
        with pytest.raises(RequestError, match=r"^0\.yaml:1:\d+: "):
            converted(text.replace("./PATH", "PATH" if spelling[0] == "/" else "./PATH").replace("PATH", spelling))


@pytest.mark.parametrize(
    "text",
    [
        "spec: {hooks: {poststop: [{path: hooks/x}]}}",
        "spec: {linux: {devices: [{path: hooks/x, type: c, major: 1, minor: 3}]}}",
        "spec: {linux: {seccomp: {defaultAction: SCMP_ACT_ALLOW, listenerPath: volumes/v/socket}}}",
        "mounts: [{destination: /x, source: v, options: [bind]}, {destination: /y, source: v/a/b, options: [bind]}]",
        "volumes: ['./own:/x']\nmounts: [{destination: /y, source: own/a, options: [bind, ro]}]",
        "mounts: [{destination: /x, source: images/i, options: [bind, ro, rw]}]",
        "mounts: [{destination: /x, source: /proc/self/cwd/hooks, options: [bind]}]",
        "volumes: ['/proc/self/cwd/hooks:/x']",
        "spec: {root: {path: rootfs/..}}",
        "spec: {root: {path: ../..}}",
    ],
)
def test_other_ways_around_are_refused(text: str) -> None:
    with pytest.raises(RequestError, match=r"^0\.yaml:\d:\d+: "):
        converted(text)


@pytest.mark.parametrize(
    "text",
    [
        "volumes: [v:/x, './own:/y', './own/sub/..:/z', ./volumes/w:/w, '/srv/data:/a', /anon]",
        "ipc: shareable\ninit: {path: /sbin/tini}\netc_files: {hosts: /srv/hosts}",
        "mounts: [{destination: /x, source: volumes/v, options: [bind]}]",
        "mounts: [{destination: /x, source: etc/hosts, options: [bind]}]",
        "mounts: [{destination: /x, source: images/i, options: [bind, ro]}]",
        "mounts: [{destination: /x, source: v, options: [bind]}, {destination: /y, source: v, options: [bind, ro]}]",
        "rootfs: {path: ../other, external: true}",
        "rootfs: {path: /srv/disk, external: true}",
    ],
)
def test_what_is_for_containers_is_given_to_them(text: str) -> None:
    assert list(exposed(RuntimeConfig(converted(text)))) == []


@pytest.mark.parametrize("document", [{}, {"root": 1, "mounts": {}, "hooks": [], "linux": 1}, {"hooks": {"x": [1]}}])
def test_a_document_of_any_form_is_looked_at(document: Any) -> None:
    assert list(exposed(RuntimeConfig(document))) == []


def test_who_wrote_what_is_exposed_is_told_with_the_hint() -> None:
    origin = overrides("user: '1'").entries["user"].origin
    document = {"mounts": [{"destination": "/x", "source": "hooks", "options": ["bind"]}]}
    with pytest.raises(RequestError) as refused:
        check(RuntimeConfig(json.loads(json.dumps(document))), {"/mounts/0": origin})
    assert tells(refused.value.what, "0.yaml:1:7: config.json/mounts/0/source: ", "'hooks' bundle")
    assert "./volumes/NAME" in str(refused.value.hint)
