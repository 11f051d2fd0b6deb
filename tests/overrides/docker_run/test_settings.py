"""Flags that several decide together, and what Docker refuses of a whole line."""

import pytest

from bundler.errors import RequestError
from bundler.overrides.docker_run.environment import Client
from tests.overrides.docker_run.lines import client, keys, said

PROFILE = b'{"defaultAction": "SCMP_ACT_ALLOW"}'


@pytest.mark.parametrize(
    ("options", "becomes"),
    [
        (["no-new-privileges"], {"security_opt": ["no-new-privileges"]}),
        (["seccomp:unconfined"], {"security_opt": ["seccomp:unconfined"]}),
        (["seccomp=p.json"], {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}}),
        (["seccomp=unconfined", "seccomp=p.json"], {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}}),
        (["seccomp=p.json", "seccomp=unconfined"], {"security_opt": ["seccomp=unconfined"]}),
        (["apparmor=unconfined"], {"security_opt": ["apparmor=unconfined"]}),
        (
            ["apparmor=web", "systempaths=unconfined"],
            {"security_opt": ["apparmor=web", "systempaths=unconfined"], "target": {"apparmor": True}},
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_security_options_are_kept_and_a_profile_is_read_in(options: list[str], becomes: dict[str, object]) -> None:
    words = [word for option in options for word in ("--security-opt", option)]
    assert keys(*words, "image", by=client({"p.json": PROFILE})) == {"image": "image"} | becomes


@pytest.mark.parametrize(
    ("words", "key", "value"),
    [
        (["--pid", "host"], "pid", "host"),
        (["--ipc=shareable"], "ipc", "shareable"),
        (["--uts", "host"], "uts", "host"),
        (["--userns", "host"], "userns_mode", "host"),
        (["--network", "none"], "network_mode", "none"),
        (["--network", "name=host"], "network_mode", "host"),
        (
            ["--annotation", "run.oci.x=1"],
            "annotations",
            {"run.oci.x": {"value": "1", "allow_unsafe": True}},
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_namespace_becomes_its_key(words: list[str], key: str, value: object) -> None:
    assert keys(*words, "image")[key] == value


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("--restart on-failure:3", {"restart": "on-failure:3"}),
        ("--stop-signal USR1 --stop-timeout 3", {"stop_signal": "USR1", "stop_grace_period": "3s"}),
        ("--stop-timeout -1", {}),
        ("--no-healthcheck", {"healthcheck": {"disable": True}}),
        ("--health-interval 1m30s", {"healthcheck": {"interval": "90s"}}),
        (
            "--health-cmd true --health-timeout .5s --health-start-period 0 --health-retries 2",
            {"healthcheck": {"test": ["CMD-SHELL", "true"], "timeout": "500ms", "retries": 2}},
        ),
    ],
)
def test_how_a_container_lives_is_kept_for_who_runs_it(line: str, written: dict[str, object]) -> None:
    assert keys(*line.split(), "image") == {"image": "image"} | written


def test_the_network_that_docker_makes_by_itself_says_nothing() -> None:
    assert keys("--network", "bridge", "--pid", "", "image") == {"image": "image"}


def test_a_terminal_has_the_size_of_the_clients() -> None:
    assert keys("-t", "image", by=Client(console=(33, 101)))["console_size"] == [33, 101]
    assert "console_size" not in keys("image", by=Client(console=(33, 101)))


def test_how_docker_would_make_a_volume_is_named_and_not_written() -> None:
    words = ("--mount", "type=volume,src=cache,dst=/x,volume-driver=nfs,volume-opt=a=b", "image")
    assert said(*words)[0].startswith("--mount volume-driver, volume-opt, volume-label:")
    assert keys(*words)["volumes"] == [{"type": "volume", "source": "cache", "target": "/x"}]


def test_init_with_the_pid_namespace_of_the_machine_is_explained() -> None:
    assert said("--init", "--pid", "host", "image") == ["--init: Docker leaves it out with --pid host"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("--help", "--help asks for help"),
        ("--rm --restart always", "--restart and --rm"),
        ("-d -a stdin", "--attach and --detach"),
        ("--no-healthcheck --health-cmd true", "--no-healthcheck conflicts"),
        ("--memory 5m", "the least limit is 6m"),
        ("--memory-reservation 5m", "the least reservation is 6m"),
        ("--memory-swap 1g", "it needs --memory"),
        ("--memory 1g --memory-swap 512m", "has to be at least --memory"),
        ("--memory 1g --memory-reservation 2g", "at least --memory-reservation"),
        ("--cpus 1 --cpu-quota 25000", "--cpus cannot be given"),
        ("--cpus 1 --cpu-period 25000", "--cpus cannot be given"),
        ("--cpus 0.001", "starts at 0.01"),
        ("--cpus -1", "starts at 0.01"),
        ("--cpus 0.0000000001", "too precise"),
        ("--cpu-quota 10", "0 and below, or 1000 or more"),
        ("--cpu-period 10", "0, or 1000 to 1000000"),
        ("--cpu-shares -1", "0 or more"),
        ("--blkio-weight 9", "0, or 10 to 1000"),
        ("--blkio-weight 70000", "not between 0 and 65535"),
        ("--blkio-weight-device /dev/sda:9", "0, or 10 to 1000"),
        ("--blkio-weight-device sda:10", "/dev/PATH:NUMBER"),
        ("--device-read-iops /dev/sda:1mb", "a whole number"),
        ("--memory 5x", "'x' is not a unit"),
        ("--memory -1", "below 0"),
        ("--memory-swappiness 101", "-1 to 100"),
        ("--shm-size -1", "below 0"),
        ("--oom-score-adj 2000", "-1000 to 1000"),
        ("--ulimit bogus=1", "'bogus' is not one of core"),
        ("--ulimit nofile=10:5", "the soft limit 10 is above the hard limit 5"),
        ("--ulimit nofile=-1:5", "the soft limit -1 is above"),
        ("--ulimit nofile=1:2:3", "more than two"),
        ("--ulimit nofile", "NAME=SOFT"),
        ("--sysctl vm.swappiness=10", "it is not allowed"),
        ("--sysctl kernel.domainname=x", "it is not allowed"),
        ("--network host --sysctl net.core.somaxconn=1", "the machine's own network"),
        ("--network host --network-alias x", "--network-alias needs"),
        ("--network none --ip 1.2.3.4", "--ip and --ip6 need"),
        ("--network container:x", "needs another container"),
        ("--network alias=x", "the network has no name"),
        ("--network name=x,driver-opt=a", "has to be KEY=VALUE"),
        ("--network name=x,mac-address=z", "not a MAC address"),
        ("--network name=x,gw-priority=z", "not a whole number"),
        ("--network x-y=1", "'x-y' is not one of name"),
        ("--network name=none,alias=x", "an alias needs a network of one's own"),
        ("--network web --network host", "several can be given if"),
        ("--network web --network web", "given twice"),
        ("--network web --ip x", "not an IP address"),
        ("--link-local-ip x", "not an IP address"),
        ("--network name=web,alias=a --network-alias b", "a flag of the same meaning"),
        ("--network name=web,ip=10.0.0.5 --ip 10.0.0.6", "a flag of the same meaning"),
        ("--network host --mac-address 02:42:ac:11:00:02", "--mac-address cannot be given with --network host"),
        ("--log-driver none --log-opt a=b", "the driver none takes no options"),
        ("--name a", "two or more"),
        ("--name _ab", "two or more"),
        ("--ipc container:x", "needs another container"),
        ("--pid foo", "--pid 'foo': it takes host"),
        ("--ipc foo", "--ipc 'foo': it takes host"),
        ("--uts private", "it takes host"),
        ("--userns private", "it takes host"),
        ("--cgroupns foo", "it takes host, private"),
        ("--uts host -h x", "--hostname cannot be given with --uts host"),
        ("--privileged --security-opt seccomp=builtin", "cannot be given with --privileged"),
        ("--security-opt foo", "it is not NAME=VALUE"),
        ("--security-opt writable-cgroups", "it is not NAME=VALUE"),
        ("--security-opt seccomp=/nope.json", "cannot read /nope.json"),
        ("--security-opt seccomp=bad.json", "--security-opt seccomp=bad.json: not JSON"),
        ("--security-opt seccomp=list.json", "is a JSON object"),
        ("--workdir rel/dir", "absolute path"),
        ("-u 4294967296", "between 0 and 2147483647"),
        ("--runtime nope", "not a runtime that is known"),
        ("--restart foo", "it takes no, always"),
        ("--restart always:3", "for on-failure"),
        ("--health-interval 5", "it is not a duration"),
        ("--health-interval -5s", "cannot be negative"),
        ("--health-interval 999us", "it is less than 1ms"),
        ("--dns x", "not an IP address"),
        ("--dns fe80::1%eth0", "not an IP address"),
        ("--dns-search a_b", "not a valid domain"),
        ("--add-host x", "it is not HOST:ADDRESS"),
        ("--mac-address x", "not a MAC address"),
        ("--publish 80-81:90-92", "not of one length"),
        ("--publish x", "not a port"),
        ("--publish [::1:80:80", "not an IP address"),
        ("--publish published=80", "not a port"),
        ("--publish target=80,udp", "has to be KEY=VALUE"),
        ("--publish target=80,protocol=ip", "the protocol 'ip'"),
        ("--expose 80:90", "it is not PORT"),
        ("--platform foo", "it is not OS/ARCHITECTURE"),
        ("--platform linux/", "it is not OS/ARCHITECTURE"),
        ("--pull foo", "it takes always, missing, never"),
        ("--attach x", "it takes STDIN"),
        ("--storage-opt x", "it is not NAME=VALUE"),
        ("--label =x", "a label has a name"),
        ("--label a\tb=x", "contains whitespace"),
        ("--link a", "--link needs another container"),
        ("--volumes-from a", "--volumes-from needs another container"),
        ("--use-api-socket", "there is no Docker"),
    ],
)
def test_what_docker_refuses_is_refused_with_the_reason(line: str, reason: str) -> None:
    with pytest.raises(RequestError) as refused:
        keys(*line.split(" "), "image", by=client({"bad.json": b"{", "list.json": b"[]"}))
    assert reason in str(refused.value)
