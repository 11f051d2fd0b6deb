"""Docker 28's flags: none is missing, and each either becomes something or says why it leaves no trace."""

import pytest

from bundler.overrides import schema
from bundler.overrides.docker_run.flags import ALIASES, FLAGS, SHORT
from tests.overrides.docker_run.lines import keys, said
from tests.support.messages import tells

# What `docker run --help` and `docker create --help` of 28 list, each with its letter.
LISTED = """
    add-host annotation attach:a blkio-weight blkio-weight-device cap-add cap-drop cgroup-parent cgroupns cidfile
    cpu-count cpu-percent cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares:c cpus cpuset-cpus
    cpuset-mems detach-keys detach:d device device-cgroup-rule device-read-bps device-read-iops device-write-bps
    device-write-iops disable-content-trust dns dns-option dns-search domainname entrypoint env-file env:e expose
    gpus group-add health-cmd health-interval health-retries health-start-interval health-start-period
    health-timeout help hostname:h init interactive:i io-maxbandwidth io-maxiops ip ip6 ipc isolation
    kernel-memory label-file label:l link link-local-ip log-driver log-opt mac-address memory-reservation
    memory-swap memory-swappiness memory:m mount name network network-alias no-healthcheck oom-kill-disable
    oom-score-adj pid pids-limit platform privileged publish-all:P publish:p pull quiet:q read-only restart rm
    runtime security-opt shm-size sig-proxy stop-signal stop-timeout storage-opt sysctl tmpfs tty:t ulimit
    use-api-socket user:u userns uts volume-driver volume:v volumes-from workdir:w
"""

# Flags that several others decide together, with the keys they become.
COMPOSED = {
    "add-host": "extra_hosts",
    "annotation": "annotations",
    "blkio-weight": "blkio_config",
    "blkio-weight-device": "blkio_config",
    "device": "devices",
    "device-read-bps": "blkio_config",
    "device-read-iops": "blkio_config",
    "device-write-bps": "blkio_config",
    "device-write-iops": "blkio_config",
    "entrypoint": "entrypoint",
    "env": "environment",
    "env-file": "env_file",
    "gpus": "cdi",
    "health-cmd": "healthcheck",
    "health-interval": "healthcheck",
    "health-retries": "healthcheck",
    "health-start-interval": "healthcheck",
    "health-start-period": "healthcheck",
    "health-timeout": "healthcheck",
    "ip": "networks",
    "ip6": "networks",
    "ipc": "ipc",
    "link-local-ip": "networks",
    "mount": "volumes",
    "network": "network_mode",
    "network-alias": "networks",
    "no-healthcheck": "healthcheck",
    "pid": "pid",
    "security-opt": "security_opt",
    "stop-timeout": "stop_grace_period",
    "tmpfs": "tmpfs",
    "userns": "userns_mode",
    "volume": "volumes",
}
REFUSED = {
    "cpu-count",
    "cpu-percent",
    "help",
    "io-maxbandwidth",
    "io-maxiops",
    "link",
    "use-api-socket",
    "volumes-from",
}


def test_every_flag_of_docker_is_known_with_its_letter() -> None:
    spelled = {f"{flag.name}:{flag.short}" if flag.short else flag.name for flag in FLAGS.values()}
    assert spelled == set(LISTED.split())


def test_a_letter_stands_for_one_flag() -> None:
    assert len(SHORT) == len([flag for flag in FLAGS.values() if flag.short])


def test_a_flag_becomes_a_key_or_says_why_not() -> None:
    known = schema.document()["properties"]
    for flag in FLAGS.values():
        becomes = flag.key or COMPOSED.get(flag.name, "")
        assert sum(map(bool, (becomes, flag.traceless, flag.name in REFUSED))) == 1, flag.name
        assert not becomes or becomes in known, flag.name


def test_older_spellings_are_understood() -> None:
    assert set(ALIASES.values()) <= set(FLAGS)
    assert keys("--net", "host", "x")["network_mode"] == "host"


@pytest.mark.parametrize(
    ("words", "key", "value"),
    [
        (["--add-host", "db=[::1]", "--add-host", "me:host-gateway"], "extra_hosts", ["db:::1"]),
        (["--cap-add", "NET_ADMIN", "--cap-add=SYS_PTRACE"], "cap_add", ["NET_ADMIN", "SYS_PTRACE"]),
        (["--cgroupns", "host"], "cgroup", "host"),
        (["--cpus", "1/2"], "cpus", "0.5"),
        (["-c", "0x200"], "cpu_shares", 512),
        (["--cpu-quota", "-5"], "cpu_quota", -5),
        (["--cpuset-cpus", "0-3"], "cpuset", "0-3"),
        (["--device-cgroup-rule", "c 42:* rwm"], "device_cgroup_rules", ["c 42:* rwm"]),
        (["-h", "web1.example.org."], "hostname", "web1.example.org."),
        (["--init=false"], "init", False),
        (["-m", "512m"], "mem_limit", "512m"),
        (["-m=1.5g", "--memory-swap=-1"], "memswap_limit", -1),
        (["--memory-swappiness=0"], "mem_swappiness", 0),
        (["--oom-score-adj=0"], "oom_score_adj", 0),
        (["--pids-limit=-5"], "pids_limit", -1),
        (["--memory", "1_024m"], "mem_limit", "1g"),
        (["--platform", "arm64"], "platform", "linux/arm64"),
        (["--platform", "armhf"], "platform", "linux/armhf"),
        (["--platform", "arm/v7"], "platform", "linux/arm/v7"),
        (["--restart", "on-failure:+3"], "restart", "on-failure:3"),
        (["--restart", "on-failure:"], "restart", "on-failure"),
        (["--shm-size=131072"], "shm_size", "128k"),
        (["--sysctl", "net.a=1", "--sysctl", "net.a=2"], "sysctls", {"net.a": "2"}),
        (["--ulimit", "core=0", "--ulimit", "core=-1"], "ulimits", {"core": {"soft": -1, "hard": -1}}),
        (["-u", "0"], "user", "0"),
        (["-w", "/srv"], "working_dir", "/srv"),
        (
            ["--blkio-weight-device", "/dev/sda:400"],
            "blkio_config",
            {"weight_device": [{"path": "/dev/sda", "weight": 400}]},
        ),
        (
            ["--device-read-bps", "/dev/sda:1mb"],
            "blkio_config",
            {"device_read_bps": [{"path": "/dev/sda", "rate": 1 << 20}]},
        ),
        (["--name", "/web1"], "container_name", "web1"),
        (["--mac-address", "0242.AC11.0002"], "mac_address", "02:42:ac:11:00:02"),
        (["--expose", "80", "--expose", "53/udp", "--expose=80"], "expose", ["80", "53/udp"]),
        (["-p", "8080:80", "-p", "53:53/UDP", "-p80"], "ports", ["8080:80", "53:53/udp", "80"]),
        (["-p", "127.0.0.1::80", "-p", "[::1]:1-2:3-4"], "ports", ["127.0.0.1::80", "[::1]:1-2:3-4"]),
        (["-p", "::1:80:80", "-p", "8000-8005:80", "-p", ":80/tcp"], "ports", ["[::1]:80:80", "8000-8005:80", "80"]),
        (["-p", "target=80,published=8080,mode=host"], "ports", ["8080:80"]),
        (
            ["--network", "web", "--ip", "10.0.0.5", "--ip6", "fd::5", "--network-alias", "a", "--network-alias=b"],
            "networks",
            {"web": {"aliases": ["a", "b"], "ipv4_address": "10.0.0.5", "ipv6_address": "fd::5"}},
        ),
        (
            ["--network", "name=web,alias=a,ip=10.0.0.5,mac-address=02-42-ac-11-00-02", "--network", "name=db,alias=c"],
            "networks",
            {
                "web": {"aliases": ["a"], "ipv4_address": "10.0.0.5", "mac_address": "02:42:ac:11:00:02"},
                "db": {"aliases": ["c"]},
            },
        ),
        (["--entrypoint", ""], "entrypoint", [""]),
        (["--entrypoint", "a b"], "entrypoint", ["a b"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and value and isinstance(value[0], str) else "",
)
def test_a_flag_becomes_its_key(words: list[str], key: str, value: object) -> None:
    assert keys(*words, "image")[key] == value


@pytest.mark.parametrize(
    "words",
    [
        ["-m", "0"],
        ["--cpu-shares", "0"],
        ["-h", ""],
        ["-u", ""],
        ["--platform", "linux"],
        ["--pids-limit=0"],
        ["-w", ""],
        ["--mac-address", ""],
        ["--name", ""],
        ["--network", "web"],
    ],
)
def test_what_says_nothing_to_docker_is_not_written(words: list[str]) -> None:
    assert keys(*words, "image") == {"image": "image"}


def test_a_flag_without_a_trace_is_named_with_the_reason() -> None:
    rm, publish_all, label = said("--rm", "-P", "-l", "a=b", "image")
    assert tells(rm, "--rm: ", "daemon")
    assert tells(publish_all, "--publish-all: ", "network run")
    assert tells(label, "--label: ", "Docker record")


def test_a_network_of_ones_own_is_named() -> None:
    assert said("--network", "web", "image")[0].startswith("--network: a network namespace is made")
    assert "network_mode" not in keys("--network", "web", "image")


def test_a_host_at_an_address_that_a_daemon_chooses_is_named_and_left_out() -> None:
    (sentence,) = said("--add-host", "me:host-gateway", "image")
    assert sentence.startswith("--add-host me:host-gateway: Docker's daemon chooses the address")
    assert keys("--add-host", "me:host-gateway", "image") == {"image": "image"}
