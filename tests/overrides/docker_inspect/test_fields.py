"""What each field becomes that the recorded containers say little of, and what is said of the others."""

from typing import Any

import pytest

from bundler.errors import RequestError
from tests.overrides.docker_inspect.inspected import imported, keys, remarks
from tests.support.inputs import image_config
from tests.support.messages import tells

PROFILE = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}
VOLUME = {"Type": "volume", "Name": "f" * 64, "Destination": "/data", "RW": True, "Driver": "local"}


@pytest.mark.parametrize(
    ("fields", "becomes"),
    [
        ({"Host_CapAdd": ["NET_ADMIN"], "Host_CapDrop": ["ALL"]}, {"cap_add": ["NET_ADMIN"], "cap_drop": ["ALL"]}),
        ({"Host_NanoCpus": 1500000000}, {"cpus": "1.5"}),
        ({"Host_CpuQuota": 25000, "Host_CpuPeriod": 50000}, {"cpu_quota": 25000, "cpu_period": 50000}),
        ({"Host_Memory": 1 << 29, "Host_MemorySwap": 1 << 30}, {"mem_limit": "512m"}),
        ({"Host_Memory": 1 << 29, "Host_MemorySwap": -1}, {"mem_limit": "512m", "memswap_limit": -1}),
        ({"Host_KernelMemory": 1 << 26}, {"memory": {"kernel": 1 << 26}}),
        ({"Host_PidsLimit": -1}, {}),
        ({"Config_MacAddress": "02:42:ac:11:65:43"}, {"mac_address": "02:42:ac:11:65:43"}),
        ({"Host_CgroupParent": "/web"}, {"cgroup_parent": "/web"}),
        ({"Config_NetworkDisabled": True, "Host_NetworkMode": "default"}, {"network_mode": "none"}),
        ({"Host_IDMappings": {"UidMap": ["0:100000:5"], "GidMap": []}}, {"uid_map": ["0:100000:5"]}),
        (
            {"Config_Entrypoint": "/bin/sh -c", "Path": "/bin/sh", "Args": ["-c", "a b"], "Config_Cmd": ["a b"]},
            {"entrypoint": ["/bin/sh", "-c"], "command": ["a b"]},
        ),
        (
            {"Config_Entrypoint": "/e", "Path": "/init", "Args": ["--", "/e", "x"], "Config_Cmd": ["x"]},
            {"entrypoint": ["/e"], "command": ["x"]},
        ),
        ({"Host_CgroupnsMode": "private"}, {"cgroup": "private"}),
        ({"Host_CgroupnsMode": "private", "Host_OomKillDisable": None}, {}),
        ({"Host_CgroupnsMode": "host", "Host_OomKillDisable": None}, {"cgroup": "host"}),
        (
            {"Host_BlkioDeviceReadBps": [{"Path": "/dev/sda", "Rate": 1024}], "Host_BlkioWeight": 300},
            {"blkio_config": {"weight": 300, "device_read_bps": [{"path": "/dev/sda", "rate": 1024}]}},
        ),
        (
            {"Host_Devices": [{"PathOnHost": "/dev/a:b", "PathInContainer": "/dev/x", "CgroupPermissions": "r"}]},
            {"devices": [{"source": "/dev/a:b", "target": "/dev/x", "permissions": "r"}]},
        ),
        ({"Host_Ulimits": [{"Name": "core", "Soft": -1, "Hard": -1}]}, {"ulimits": {"core": {"soft": -1, "hard": -1}}}),
        ({"Host_SecurityOpt": ['seccomp={"defaultAction":"SCMP_ACT_ALLOW","syscalls":[]}']}, {"seccomp": PROFILE}),
        ({"Host_SecurityOpt": ["label=disable"]}, {}),
        ({"Host_MaskedPaths": [], "Host_ReadonlyPaths": []}, {"system_paths": "unconfined"}),
        ({"Host_MaskedPaths": ["/proc/kcore"]}, {"spec": {"linux": {"maskedPaths": ["/proc/kcore"]}}}),
        ({"ProcessLabel": "u:r:t:s0"}, {"selinux": {"process_label": "u:r:t:s0"}}),
        ({"Host_Annotations": {"a": "b"}}, {"annotations": {"a": {"value": "b", "allow_unsafe": True}}}),
        ({"Host_NetworkMode": "none"}, {"network_mode": "none"}),
        ({"Host_UTSMode": "host", "Config_Hostname": "machine"}, {"uts": "host"}),
        ({"Config_Hostname": "web1"}, {"hostname": "web1"}),
        ({"Config_Tty": True, "Host_ConsoleSize": [24, 80]}, {"tty": True, "console_size": [24, 80]}),
        ({"Host_ConsoleSize": [24, 80]}, {}),
        (
            {"Config_StopSignal": "SIGUSR1", "Config_StopTimeout": 3},
            {"stop_signal": "SIGUSR1", "stop_grace_period": "3s"},
        ),
        ({"Host_RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}}, {"restart": "on-failure:3"}),
        (
            {"Host_LogConfig": {"Type": "journald", "Config": {"tag": "web"}}},
            {"logging": {"driver": "journald", "options": {"tag": "web"}}},
        ),
        (
            {
                "Host_PortBindings": {
                    "80/tcp": [{"HostIp": "", "HostPort": "8080"}, {"HostIp": "::1", "HostPort": "81"}]
                }
            },
            {"ports": ["8080:80", "[::1]:81:80"]},
        ),
        (
            {"Host_PortBindings": {"53/udp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}},
            {"ports": ["127.0.0.1::53/udp"]},
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_a_field_becomes_its_key(fields: dict[str, Any], becomes: dict[str, Any]) -> None:
    assert keys(**fields) == becomes


@pytest.mark.parametrize(
    ("fields", "becomes"),
    [
        ({"Host_Binds": ["/srv:/x/:ro", "cache:/y"]}, ["/srv:/x:ro", "cache:/y"]),
        ({"Host_Binds": ["/srv:/x:rw", "/srv:/y:z"]}, ["/srv:/x", "/srv:/y"]),
        ({"Mounts": [VOLUME], "Config_Volumes": {"/data": {}}}, ["/data"]),
        (
            {"Mounts": [{"Type": "bind", "Source": "/a", "Destination": "/b", "RW": False, "Propagation": "rslave"}]},
            [{"type": "bind", "source": "/a", "target": "/b", "read_only": True, "bind": {"propagation": "rslave"}}],
        ),
        ({"Host_Binds": ["named:/data"], "Mounts": [VOLUME]}, ["named:/data"]),
        (
            {"Host_Mounts": [{"Type": "bind", "Source": "/a,b", "Target": "/x", "ReadOnly": True}]},
            [{"type": "bind", "source": "/a,b", "target": "/x", "read_only": True}],
        ),
    ],
    ids=["Binds", "options that say nothing", "anonymous", "of another container", "asked for wins", "Mounts"],
)
def test_mounts_are_what_was_asked_for_and_what_is_there_besides(fields: dict[str, Any], becomes: list[Any]) -> None:
    assert keys(**fields) == {"volumes": becomes}


# Docker 1.8 to 1.12 (API 1.20 to 1.24), before mounts had types; and older ones, which had two maps.
OLD_VOLUME = {key: value for key, value in VOLUME.items() if key != "Type"}
OLD_BIND = {"Source": "/a", "Destination": "/b", "Mode": "ro", "RW": False, "Propagation": "rslave"}


@pytest.mark.parametrize(
    ("fields", "becomes"),
    [
        ({"Mounts": [OLD_VOLUME]}, ["/data"]),
        ({"Mounts": [{**OLD_VOLUME, "Name": "cache"}]}, [{"type": "volume", "source": "cache", "target": "/data"}]),
        (
            {"Mounts": [OLD_BIND]},
            [{"type": "bind", "source": "/a", "target": "/b", "read_only": True, "bind": {"propagation": "rslave"}}],
        ),
        ({"Host_Binds": ["/srv:/b"], "Mounts": [OLD_BIND]}, ["/srv:/b"]),
        (
            {"Mounts": None, "Volumes": {"/x": "/a", "/y": "/b"}, "VolumesRW": {"/x": True, "/y": False}},
            [
                {"type": "bind", "source": "/a", "target": "/x"},
                {"type": "bind", "source": "/b", "target": "/y", "read_only": True},
            ],
        ),
        ({"Mounts": None, "Volumes": {"/x": f"/var/lib/docker/vfs/dir/{'f' * 64}"}}, ["/x"]),
        ({"Mounts": None, "Volumes": {"/x": f"/data/docker/volumes/{'f' * 64}/_data"}}, ["/x"]),
        ({"Mounts": None, "Volumes": {}, "VolumesRW": {}}, None),
    ],
    ids=["anonymous", "named", "bind", "asked for wins", "two maps", "anonymous in a map", "moved data", "none"],
)
def test_old_dockers_say_in_other_words_what_is_mounted(fields: dict[str, Any], becomes: list[Any] | None) -> None:
    assert keys(**fields) == ({"volumes": becomes} if becomes else {})
    assert not any("does not know" in remark for remark in remarks(**fields))


def test_what_old_dockers_and_new_podmans_note_of_themselves_is_no_news() -> None:
    assert remarks(ExecDriver="native-0.2", SysInitPath="/kitty/bin/docker") == remarks()
    assert remarks(Config_HealthcheckMaxLogCount=5, Config_HealthcheckMaxLogSize=500) == remarks()


def test_what_leaves_no_trace_is_named_once_for_each_reason() -> None:
    of_a_daemon, of_a_record = remarks(Host_AutoRemove=True, Host_DiskQuota=1, Config_Labels={"a": "b"})
    assert tells(of_a_daemon, "no trace ", "HostConfig.AutoRemove, HostConfig.DiskQuota: daemon")
    assert tells(of_a_record, "no trace ", "Config.Labels: record")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"Host_Brand": "new"}, "HostConfig.Brand: bundler does not know this field"),
        ({"Brand": [1]}, "Brand: bundler does not know this field"),
        ({"Host_PidMode": "container:abc"}, "HostConfig.PidMode: another container is not known here; pid: ns:PATH"),
        ({"Host_NetworkMode": "container:abc"}, "HostConfig.NetworkMode: another container is not known here"),
        ({"Host_NetworkMode": "front"}, "the network front: a network namespace is made"),
        ({"Host_ExtraHosts": ["h:host-gateway"]}, "h:host-gateway of HostConfig.ExtraHosts: Docker's daemon chooses"),
        ({"Host_SecurityOpt": ["seccomp=/x.json"]}, "seccomp=/x.json of HostConfig.SecurityOpt: the profile is a file"),
        ({"Host_DeviceRequests": [{"Driver": "", "Count": -1}]}, "cdi: {devices: [nvidia.com/gpu=all]"),
        ({"Host_DeviceRequests": [{"Driver": "cdi", "DeviceIDs": ["v.com/net=0"]}]}, "cdi: {devices: [v.com/net=0]"),
        ({"Config_Image": "sha256:abc"}, "the image is known by its id only: name it on the command line"),
        ({"Mounts": [VOLUME]}, "what volumes hold is not in the file, copy it into the bundle's volumes/: /data"),
        ({"Mounts": [{**VOLUME, "Driver": "nfs"}]}, "the driver of volume ffff"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_what_a_bundle_cannot_have_is_named(fields: dict[str, Any], said: str) -> None:
    assert any(said in remark for remark in remarks(**fields))


@pytest.mark.parametrize(
    ("variable", "secret"),
    [
        ("DB_PASSWORD=x", True),
        ("API_TOKEN=x", True),
        ("AWS_SECRET_ACCESS_KEY=x", True),
        ("SSH_KEY=x", True),
        ("DATABASE_URL=postgres://me:hush@db/x", True),
        ("DB_PASSWORD=", False),
        ("DB_PASSWORD_FILE=/run/secrets/db", False),
        ("KEYBOARD=us", False),
        ("HOMEPAGE=https://example.org/", False),
    ],
)
def test_what_looks_secret_is_kept_and_named_without_its_value(variable: str, secret: bool) -> None:
    found = imported(Config_Env=[variable])
    assert found.keys["environment"] == [variable]
    name = variable.partition("=")[0]
    assert (f"looks secret, and is kept as it is: {name}" in found.remarks) is secret
    assert not any("hush" in remark for remark in found.remarks)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"Host_CapAdd": [1]}, "web.json#/0/HostConfig/CapAdd/0: expected a string, found 1"),
        ({"Host_Memory": "1g"}, "web.json#/0/HostConfig/Memory: expected a whole number, found '1g'"),
        ({"Host_Privileged": 1}, "web.json#/0/HostConfig/Privileged: expected true or false, found 1"),
        ({"Host_Tmpfs": []}, "web.json#/0/HostConfig/Tmpfs: expected an object, found an array"),
        ({"Config_Env": ["A=\0"]}, "web.json#/0/Config/Env/0: text holds a NUL"),
        ({"Config_Env": ["A=\ud800"]}, "web.json: it holds half of a surrogate pair"),
        ({"Config_Env": ["=x"]}, "web.json#/0/Config/Env/0: environment[0]: "),
        ({"Host_CpuShares": 1 << 70}, "web.json: 1180591620717411303424 is a number of more than 64 bits"),
        ({"Host_SecurityOpt": ["seccomp={"]}, "web.json#/0/HostConfig/SecurityOpt: the seccomp profile: not JSON"),
        ({"Host_SecurityOpt": ['seccomp={"a":' + "[" * 100_000]}, "the seccomp profile: nested too deeply"),
        ({"Host_Mounts": [{"Type": "npipe", "Target": "/x"}]}, "web.json#/0/HostConfig/Mounts/0/Type: a mount of"),
        ({"Host_Binds": ["/x:relative"]}, "web.json#/0/HostConfig/Binds/0: the mount point 'relative'"),
        ({"Config_Hostname": "a\nb"}, "web.json#/0/Config/Hostname: hostname: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_a_value_that_no_daemon_writes_is_refused_with_its_place(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError) as refused:
        imported(**fields)
    assert message in refused.value.what
    assert "\n" not in refused.value.what


def test_a_variable_that_was_taken_away_is_taken_away_here_too() -> None:
    """`-t -e TERM` with no TERM to give: Docker keeps the bare name, which also takes away what it would set itself."""
    assert keys(Config_Tty=True, Config_Env=["TERM", "A=1"]) == {"tty": True, "environment": ["A=1", "TERM"]}


def test_an_entrypoint_that_dropped_the_image_s_command_is_said_although_it_is_the_image_s_own() -> None:
    image = image_config({"Entrypoint": ["/entry"], "Cmd": ["serve"]})
    found = imported(image, Config_Entrypoint=["/entry"], Config_Cmd=None).keys
    assert (found["entrypoint"], "command" in found) == (["/entry"], False)


@pytest.mark.parametrize(
    ("line", "has_places"),
    [
        (["podman", "run", "--read-only", "x"], True),
        (["podman", "run", "--read-only=true", "x"], True),
        (["podman", "run", "--read-only", "--read-only-tmpfs=false", "x"], False),
        ([], False),
    ],
)
def test_podman_5_does_not_say_where_a_read_only_container_may_write(line: list[str], has_places: bool) -> None:
    found = imported(OCIRuntime="crun", Host_ReadonlyRootfs=True, Host_Tmpfs={}, Config_CreateCommand=line).keys
    assert found["read_only"] is True
    assert found.get("read_only_tmpfs", False) is has_places


@pytest.mark.parametrize(
    ("line", "fields", "remark"),
    [
        (["--sysctl", "net.core.somaxconn=1"], {}, "--sysctl: give sysctls"),
        (["--device-cgroup-rule=c 42:* rwm"], {}, "--device-cgroup-rule: give device_cgroup_rules"),
        (["--blkio-weight", "300"], {}, "--blkio-weight: give blkio_config"),
        (["--memory-swap", "-1"], {"Host_Memory": 300 << 20}, "--memory-swap: give memswap_limit"),
        (["--memory-swappiness=0"], {"Host_MemorySwappiness": 0}, "--memory-swappiness: give mem_swappiness"),
        (["--device", "/dev/fuse:/dev/x:r"], {}, "the permissions of --device: give devices"),
        (["--device=/dev/fuse:rw"], {}, "the permissions of --device: give devices"),
        (["--memory-swap", "600m"], {"Host_Memory": 300 << 20, "Host_MemorySwap": 600 << 20}, None),
        (["--device", "/dev/fuse"], {}, None),
        (["--device", "/dev/fuse:/dev/x:rwm"], {}, None),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_podman_was_asked_for_and_does_not_say_is_named(
    line: list[str], fields: dict[str, Any], remark: str | None
) -> None:
    words = ["podman", "create", *line, "web"]
    found = [
        said for said in remarks(OCIRuntime="crun", Config_CreateCommand=words, **fields) if "says nothing" in said
    ]
    assert found == ([] if remark is None else [f"podman's inspect says nothing of {remark} in an overrides file"])


def test_a_tmpfs_of_ones_own_is_none_of_those_that_podman_5_does_not_say() -> None:
    words = ["podman", "create", "--read-only", "--tmpfs", "/x", "web"]
    own = {"/x": "rw,rprivate,nosuid,nodev,tmpcopyup"}
    found = imported(OCIRuntime="crun", Host_ReadonlyRootfs=True, Host_Tmpfs=own, Config_CreateCommand=words).keys
    assert (found["read_only_tmpfs"], found["tmpfs"]) == (True, ["/x"])


def test_podman_4_says_where_a_read_only_container_may_write() -> None:
    line = ["podman", "run", "--read-only", "x"]
    places = {"/run": "rw,rprivate,nosuid,nodev,tmpcopyup"}
    found = imported(OCIRuntime="crun", Host_ReadonlyRootfs=True, Host_Tmpfs=places, Config_CreateCommand=line).keys
    assert "read_only_tmpfs" not in found
    assert found["tmpfs"]


def test_what_old_dockers_have_in_config_counts_where_hostconfig_has_none() -> None:
    old = {
        "Config_Memory": 512 << 20,
        "Config_MemorySwap": -1,
        "Config_CpuShares": 512,
        "Config_Cpuset": "0-1",
        "Config_SecurityOpt": ["apparmor:web"],
        "Config_Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}],
    }
    gone = dict.fromkeys(["Host_Memory", "Host_MemorySwap", "Host_CpuShares", "Host_CpusetCpus", "Host_SecurityOpt"])
    found = keys(**old, **gone, Host_Ulimits=None)
    assert found["mem_limit"] == "512m"
    assert found["memswap_limit"] == -1
    assert (found["cpu_shares"], found["cpuset"]) == (512, "0-1")
    assert found["security_opt"] == ["apparmor:web"]
    assert found["ulimits"] == {"nofile": {"soft": 1, "hard": 2}}
    assert not any("does not know" in remark for remark in remarks(**old, **gone, Host_Ulimits=None))
