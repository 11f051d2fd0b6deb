"""The judges: a document, a machine, and what is found."""

from dataclasses import replace
from typing import Any

import pytest

from bundler.conversion.process.accounts import parse_accounts
from bundler.conversion.target import Target
from bundler.doctor.bundle_facts import BoundPath, BundleFacts
from bundler.doctor.checks import BUNDLE_CHECKS
from bundler.doctor.finding import SEVERITIES, examine
from bundler.doctor.host_checks import HOST_CHECKS
from bundler.doctor.host_facts import FoundProgram, HostFacts
from bundler.doctor.host_judges import Machine
from bundler.doctor.program import AccessRights, ElfChain
from bundler.runtime_spec.features import Features
from bundler.runtime_spec.runtime_config import RuntimeConfig
from tests.support.inputs import PASSWD, converted

TARGET = Target(runtime="runc", runtime_version=(1, 1, 5), architecture="amd64")
GOOD = ElfChain(("/bin/true",), architecture="amd64", first=AccessRights("/bin/true", 0o755, 0, 0))
HERE = HostFacts(
    kernel="6.1.0",
    programs=(FoundProgram("runc", "1.0.0", "running bundles", "/usr/sbin/runc", "1.1.5"),),
    uid=0,
    gid=0,
    subuids=(),
    subgids=(),
    mappers=("newuidmap", "newgidmap"),
    policy="/etc/containers/policy.json",
    store="/var/lib/bundler",
    free=1 << 40,
    overlay=True,
    user_namespaces=1000,
    unprivileged=True,
    delegated=None,
    profiles=None,
    missing_for_bridge=(),
)
A_USER = replace(HERE, uid=1000, gid=1000, subuids=((100000, 65536),), subgids=((100000, 65536),), delegated=("cpu",))


def with_mode(mode: int, *folders: int, owner: int = 0, script: bool = False) -> ElfChain:
    """A program of the user and the group `owner`, in folders of root's."""
    around = tuple(AccessRights(f"/{number}", each, 0, 0) for number, each in enumerate(folders))
    return replace(GOOD, first=AccessRights("/bin/true", mode, owner, owner), folders=around, script=script)


def subject(*overrides: str, around: HostFacts | None = HERE, target: Target = TARGET, **more: Any) -> BundleFacts:
    facts: dict[str, Any] = {"program": GOOD, "cwd": "directory", "accounts": parse_accounts(PASSWD, None)} | more
    return BundleFacts(
        target=target,
        surroundings=around,
        config=RuntimeConfig(facts.pop("document", None) or converted(*overrides)),
        recorded=facts.pop("recorded", None),
        stale=facts.pop("stale", False),
        **facts,
    )


def found(subject: BundleFacts) -> dict[str, str]:
    """What there is to say first, by the check that says it."""
    return {finding.check: finding.what for finding in reversed(examine(BUNDLE_CHECKS, subject))}


USER, NOTHING = "user: '1000:1000'", "cap_drop: [ALL]"


@pytest.mark.parametrize(
    ("settings", "program", "what"),
    [
        ([USER], with_mode(0o700), ""),  # CAP_DAC_OVERRIDE is in effect until the program begins
        ([USER], with_mode(0o755, 0o755, 0o700), ""),
        ([USER], with_mode(0o700, script=True), "/bin/true has mode 0700, and user 1000 may not read it"),
        ([USER], with_mode(0o711, script=True), "/bin/true has mode 0711, and user 1000 may not read it"),
        ([USER], with_mode(0o755, 0o755, 0o700, script=True), "/1 has mode 0700, and user 1000 may not enter it"),
        ([USER], with_mode(0o744, script=True), ""),
        ([USER, "ambient_caps: [DAC_READ_SEARCH]"], with_mode(0o711, script=True), ""),
        ([USER, NOTHING], with_mode(0o755, 0o755, 0o700), "/1 has mode 0700, and user 1000 may not enter it"),
        ([USER, NOTHING], with_mode(0o744), "/bin/true has mode 0744, and user 1000 may not execute it"),
        ([USER, NOTHING], with_mode(0o750, owner=1000), ""),
        ([NOTHING], with_mode(0o700, owner=33), "/bin/true has mode 0700, and user 0 may not execute it"),
        ([], with_mode(0o700, 0o700, owner=33, script=True), ""),
    ],
)
def test_a_program_is_one_that_its_user_may_start(settings: list[str], program: ElfChain, what: str) -> None:
    said = found(subject("\n".join(settings), program=program)).get("permission", "")
    assert said.startswith(what) if what else said == ""


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert found(subject()) == {}


FEATURES = replace(
    TARGET, features=Features(capabilities=("CAP_KILL",), hooks=("poststop",), actions=("SCMP_ACT_ERRNO",))
)
MAP = "{user: '0:0', uid_map: ['0:1000:1']}"
MAPPED = {
    "process": {"args": ["x"], "cwd": "/", "user": {"uid": 5}},
    "linux": {"namespaces": [{"type": "user"}], "uidMappings": [{"containerID": 0, "hostID": 9, "size": 5}]},
}


@pytest.mark.parametrize(
    ("check", "what", "facts"),
    [
        ("rootfs", "rootfs: No such file", subject(rootfs="rootfs: No such file or directory")),
        ("program", "x is not there (/a → /b)", subject(program=ElfChain(("/a", "/b"), fault="x is not there"))),
        ("program-hidden", "/a will be below", subject(program=ElfChain(hidden="/a will be below the mount on /"))),
        ("architecture", "/bin/true is for arm64", subject(program=replace(GOOD, architecture="arm64"))),
        (
            "emulation",
            "the program is for arm64",
            subject(program=replace(GOOD, architecture="arm64"), target=replace(TARGET, emulates=("arm64",))),
        ),
        (
            "permission",
            "/bin/true has mode 0750, and user 33",
            subject("{user: '33:33', cap_drop: [ALL]}", program=with_mode(0o750)),
        ),
        ("form", "/process: there is none", subject(document={"ociVersion": "1.0.0"})),
        ("refused-by-runc", "/process/env/0: A is not NAME=VALUE", subject("spec: {process: {env: [A]}}")),
        ("refused-by-runc", "/process/env/1: =b is not NAME", subject("spec: {process: {env: [A=, '=b']}}")),
        ("refused-by-runc", "/process/user/uid: runc takes", subject("spec: {process: {user: {uid: 3000000000}}}")),
        ("refused-by-runc", "/mounts/7: runc mounts nothing else on /proc/x", subject("volumes: ['/srv:/proc/x']")),
        (
            "hybrid",
            "crun starts nothing where cgroup v2 has controllers beside v1 (hugetlb)",
            subject(around=replace(HERE, beside_v1=("hugetlb",)), target=replace(TARGET, runtime="crun")),
        ),
        (
            "kernel-parameters",
            "the kernel parameter net.x is not there",
            subject(parameters=(BoundPath("/linux/sysctl/net.x", "net.x", "missing"),)),
        ),
        (
            "hard-limits",
            "/process/rlimits/0: RLIMIT_NOFILE of 1048577 is more than the 1048576 that you may give",
            subject("ulimits: {nofile: 1048577}", around=replace(HERE, hard_limits={"RLIMIT_NOFILE": 1048576})),
        ),
        ("working-directory", "/ is a fifo", subject(cwd="fifo")),
        ("working-directory-missing", "/ is not there", subject(cwd="missing")),
        ("account", "user 33 is not in", subject("user: '33:33'")),
        ("mount-sources", "/mounts/7: the source", subject(binds=(BoundPath("/mounts/7", "/srv", "missing"),))),
        (
            "mount-kinds",
            "/mounts/0: /srv is a directory, /proc in the rootfs a file",
            subject(binds=(BoundPath("/mounts/0", "/srv", "directory", "file"),)),
        ),
        ("hooks", "the hook /h is not executable", subject(hooks=(BoundPath("/hooks/x/0", "/h", "not executable"),))),
        ("hooks", "the hook /h is a directory", subject(hooks=(BoundPath("/hooks/x/0", "/h", "directory"),))),
        (
            "namespace-paths",
            "/run/netns/x is not there",
            subject(namespaces=(BoundPath("/l", "/run/netns/x", "missing"),)),
        ),
        ("devices", "/dev/kvm is another device", subject(devices=(BoundPath("/l", "/dev/kvm", "another device"),))),
        ("runtime", "neither runc nor crun", subject(target=replace(TARGET, runtime_version=()))),
        ("refused", "refuses /linux/namespaces/*/type (time)", subject("time: private")),
        (
            "refused",
            "crun 1.8.1 refuses ociVersion 1.2.0",
            subject(
                document={"ociVersion": "1.2.0"}, target=replace(TARGET, runtime="crun", runtime_version=(1, 8, 1))
            ),
        ),
        ("refused", "refuses SCMP_ACT_ALLOW in /linux/seccomp/syscalls/*/action", subject(target=FEATURES)),
        ("refused", "built without seccomp", subject(target=replace(TARGET, features=Features(seccomp=False)))),
        ("ignored", "ignores CAP_CHOWN in /process/capabilities/*", subject("seccomp: unconfined", target=FEATURES)),
        (
            "ignored",
            "ignores /hooks/poststart",
            subject("{cap_drop: [ALL], seccomp: unconfined, hooks: {poststart: [{path: /h}]}}", target=FEATURES),
        ),
        (
            "namespaces",
            "no uts namespaces",
            subject(target=replace(TARGET, namespaces=("mount", "pid", "ipc", "network", "cgroup"))),
        ),
        ("seccomp", "cannot SCMP_ACT_ERRNO", subject(target=replace(TARGET, seccomp_actions=("allow", "trap")))),
        (
            "controllers",
            "memory needs the controller memory",
            subject("mem_limit: 64m", target=replace(TARGET, controllers=("cpu",))),
        ),
        (
            "controllers",
            "blockIO needs the controller blkio",
            subject("blkio_config: {weight: 10}", target=replace(TARGET, controllers=("cpu",), cgroup="v1")),
        ),
        (
            "controllers",
            "needs the controller pids",
            subject("{user: '0:0', uid_map: ['0:1000:1'], pids_limit: 5}", around=A_USER),
        ),
        ("unified", "speaks of cgroup v2", subject("unified: {memory.high: 1}", target=replace(TARGET, cgroup="v1"))),
        (
            "other-target",
            "built for cgroup v2",
            subject(recorded={"target": {"cgroup": "v2"}}, target=replace(TARGET, cgroup="v1")),
        ),
        ("apparmor", "no AppArmor", subject(document={"process": {"args": ["x"], "cwd": "/", "apparmorProfile": "p"}})),
        (
            "apparmor",
            "p is not loaded",
            subject(
                document={"process": {"args": ["x"], "cwd": "/", "apparmorProfile": "p"}},
                target=replace(TARGET, apparmor=True),
                around=replace(HERE, profiles=("q",)),
            ),
        ),
        (
            "selinux",
            "no SELinux",
            subject(document={"linux": {"mountLabel": "l"}}, target=replace(TARGET, selinux=False)),
        ),
        ("rootless", "only root can run it", subject(around=A_USER)),
        (
            "rootless",
            "10 ids from 5 on, which are not yours",
            subject("{user: '0:0', uid_map: ['0:5:10']}", around=A_USER),
        ),
        ("rootless", "lets only root", subject(MAP, around=replace(A_USER, unprivileged=False))),
        (
            "rootless",
            "newgidmap, which is not on PATH",
            subject("{user: '0:0', uid_map: ['0:100000:65536']}", around=replace(A_USER, mappers=("newuidmap",))),
        ),
        ("mapped", "needs the id 5", subject(document=MAPPED)),
        ("capabilities", "does not have CAP_AUDIT_WRITE", subject(target=replace(TARGET, last_capability=28))),
        ("system-calls", "does not know a, b, c, d, e and 1 more", subject(unknown_syscalls=tuple("abcdef"))),
        ("network", "needs iptables, which is not there", subject(missing_programs=("iptables",))),
        ("ports", "port 80/tcp is published", subject(taken_ports=("port 80/tcp is published",))),
        ("stale", "config.json is no longer", subject(stale=True)),
        ("lifecycle", "restart, stop_signal:", subject(recorded={"lifecycle": {"stop_signal": "9", "restart": "no"}})),
        ("form", "/process/args: there is nothing to run", subject(document={"process": {"args": [], "cwd": "/"}})),
    ],
)
def test_a_check_says_what_it_sees(check: str, what: str, facts: BundleFacts) -> None:
    assert what in found(facts).get(check, "")


@pytest.mark.parametrize(
    "facts",
    [
        subject("time: private", around=None, target=Target()),
        subject(program=replace(GOOD, architecture="386")),
        subject("user: '33:33'", program=with_mode(0o750), accounts=None),
        subject(
            binds=(BoundPath("/mounts/0", "/srv", "unknown", "file"), BoundPath("/mounts/1", "x", "file", "missing"))
        ),
        subject(MAP, around=A_USER),
        subject(recorded={"target": 5, "lifecycle": []}),
        subject(document={"process": {"args": ["x"], "cwd": "/", "capabilities": {"x-mine": 5}}}),
        subject("{cgroup_parent: x, pids_limit: 5}", target=replace(TARGET, controllers=("pids",))),
    ],
    ids=[
        "nothing is known",
        "32 bits",
        "a capability",
        "unknown kinds",
        "rootless",
        "a strange record",
        "a set nobody knows",
        "a controller",
    ],
)
def test_what_is_right_or_unknown_is_passed_over(facts: BundleFacts) -> None:
    assert found(facts) == {}


FULL = replace(TARGET, controllers=("cpu", "memory", "pids"), seccomp_actions=("errno",))


def machine(target: Target = FULL, around: HostFacts = HERE) -> Machine:
    return Machine(target, around)


@pytest.mark.parametrize(
    ("check", "what", "facts"),
    [
        ("runtime", "neither runc nor crun", machine(Target())),
        ("namespaces", "no network, uts, pid, ipc", machine(replace(TARGET, namespaces=("mount",)))),
        ("seccomp", "does not say", machine(Target())),
        ("controllers", "cgroup v2 has no controller memory, pids", machine(replace(TARGET, controllers=("cpu",)))),
        ("cgroup-version", "of version 1", machine(replace(TARGET, cgroup="v1"))),
        ("delegation", "no control group", machine(around=replace(A_USER, delegated=None))),
        ("user-namespaces", "you may not", machine(around=replace(HERE, user_namespaces=0))),
        ("subordinate-ids", "no ranges", machine(around=replace(A_USER, subuids=()))),
        ("policy", "no signature policy", machine(around=replace(HERE, policy=""))),
        ("space", "1 MiB are free at", machine(around=replace(HERE, free=1 << 20))),
        ("network", "would need pasta", machine(around=replace(HERE, missing_for_bridge=("pasta",)))),
        ("overlay", "no overlay", machine(around=replace(HERE, overlay=False))),
        ("images", "no EROFS", machine(around=replace(HERE, erofs=False))),
        ("images", "by a loop device, and there is none", machine(around=replace(HERE, loops=False))),
        ("images", "", machine(replace(FULL, kernel=(6, 12)), replace(HERE, loops=False))),
        ("images", "erofsfuse, which is not", machine(around=replace(A_USER, erofs=False, erofsfuse=False))),
        (
            "programs",
            "umoci is missing; install it (for gc)",
            machine(
                around=replace(
                    HERE, programs=(FoundProgram("umoci", "1", "gc", fault="umoci is missing", hint="install it"),)
                )
            ),
        ),
    ],
)
def test_a_machine_is_judged_for_itself(check: str, what: str, facts: Machine) -> None:
    said = {finding.check: finding.what for finding in examine(HOST_CHECKS, facts)}
    assert what in said.get(check, "")
    assert bool(what) == (check in said)


@pytest.mark.parametrize(
    ("overrides", "around", "what"),
    [
        ("{}", HERE, ""),
        ("{}", None, ""),
        ("{}", replace(HERE, erofs=False), "the kernel has no EROFS"),
        ("{}", replace(HERE, loops=False), "the kernel mounts a file by a loop device"),
        ("{}", replace(HERE, overlay=False), "what it writes is laid over its image"),
        ("read_only: true", replace(HERE, overlay=False), ""),
        ("{}", replace(A_USER, erofsfuse=False), "an ordinary user mounts an image by erofsfuse"),
    ],
)
def test_an_image_is_mounted_by_what_the_machine_has(overrides: str, around: HostFacts | None, what: str) -> None:
    said = found(subject(overrides, around=around, has_image=True)).get("image", "")
    assert said.startswith(what) if what else said == ""
    assert "image" not in found(subject(overrides, around=around))


def test_a_good_machine_has_nothing_to_say() -> None:
    assert examine(HOST_CHECKS, machine()) == []


def test_the_worst_comes_first() -> None:
    severities = [
        finding.severity for finding in examine(BUNDLE_CHECKS, subject(stale=True, cwd="missing", rootfs="x"))
    ]
    assert severities == ["blocks", "warns", "note"]


@pytest.mark.parametrize("check", [*HOST_CHECKS, *BUNDLE_CHECKS], ids=lambda check: check.name)
def test_every_row_says_why_and_what_to_do_in_one_sentence_each(check: Any) -> None:
    assert check.severity in SEVERITIES
    for sentence in (check.why, check.advice):
        assert sentence.endswith(".")
        assert len(sentence) < 100
