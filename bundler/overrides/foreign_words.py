"""Words that people bring from Docker, compose, Kubernetes and the runtime-spec, for hints: no such word is a key."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

from bundler.overrides.node import Node

# What is written elsewhere → the key, or the line, that says it here. Letters are small, words joined by _.
WORDS: Final = {
    # docker run's flags, and what they are called in speech
    "add_host": "extra_hosts",
    "bind": "volumes",
    "binds": "volumes",
    "cap": "cap_add",
    "capabilities": "cap_add",
    "cgroupns": "cgroup",
    "cmd": "command",
    "cpu": "cpus",
    "cpu_limit": "cpus",
    "cpuset_cpus": "cpuset",
    "device": "devices",
    "dir": "working_dir",
    "env": "environment",
    "envs": "environment",
    "group": "group_add",
    "groups": "group_add",
    "health_cmd": "healthcheck",
    "hosts": "extra_hosts",
    "interactive": "stdin_open",
    "ipc_mode": "ipc",
    "label": "labels",
    "log_driver": "logging",
    "mem": "mem_limit",
    "memory": "mem_limit",
    "memory_limit": "mem_limit",
    "memory_reservation": "mem_reservation",
    "memory_swap": "memswap_limit",
    "memory_swappiness": "mem_swappiness",
    "mount": "volumes",
    "net": "network_mode",
    "network": "network_mode",
    "pid_mode": "pid",
    "port": "ports",
    "publish": "ports",
    "readonly": "read_only",
    "security_opts": "security_opt",
    "shm": "shm_size",
    "stop_timeout": "stop_grace_period",
    "ulimit": "ulimits",
    "userns": "userns_mode",
    "uts_mode": "uts",
    "variables": "environment",
    "vol": "volumes",
    "volume": "volumes",
    "workdir": "working_dir",
    # Dockerfile
    "arg": "environment",
    "expose_port": "expose",
    "stopsignal": "stop_signal",
    # docker inspect, docker's API
    "host_config": "bundler overrides from-inspect FILE",
    "mounts": "volumes",
    "nano_cpus": "cpus",
    "network_settings": "networks",
    "pids": "pids_limit",
    "port_bindings": "ports",
    "readonly_rootfs": "read_only",
    # Kubernetes
    "allow_privilege_escalation": "no_new_privileges",
    "args": "command",
    "container_port": "ports",
    "containers": "one overrides file for each of them",
    "host_aliases": "extra_hosts",
    "host_ipc": "ipc: host",
    "host_network": "network_mode: host",
    "host_pid": "pid: host",
    "image_pull_policy": "bundler fetch, which brings an image into the store",
    "limits": "mem_limit and cpus",
    "liveness_probe": "healthcheck",
    "read_only_root_filesystem": "read_only",
    "readiness_probe": "healthcheck",
    "resources": "mem_limit and cpus",
    "restart_policy": "restart",
    "run_as_group": "user",
    "run_as_user": "user",
    "security_context": "user, cap_add, cap_drop and read_only",
    "termination_grace_period_seconds": "stop_grace_period",
    "volume_mounts": "volumes",
    # systemd
    "exec_start": "command",
    "memory_max": "mem_limit",
    "working_directory": "working_dir",
    # the runtime-spec
    "apparmor_profile": "apparmor",
    "cgroups_path": "cgroup_path",
    "cwd": "working_dir",
    "gid_mappings": "gid_map",
    "rlimits": "ulimits",
    "seccomp_profile": "seccomp",
    "sysctl": "sysctls",
    "terminal": "tty",
    "uid": "user",
    "uid_mappings": "uid_map",
    "username": "user",
    # inside of a key
    "destination": "target",
    "dst": "target",
    "src": "source",
}


class Document(NamedTuple):
    """A document of another kind: the keys that it is known by, what it is, and what to do with it."""

    keys: frozenset[str]
    what: str
    hint: str


DOCUMENTS: Final = (
    Document(
        frozenset({"services"}),
        "a compose file",
        "--from-compose FILE:SERVICE builds from it; bundler overrides from-compose FILE SERVICE > web.yaml makes an "
        "overrides file of it",
    ),
    Document(
        frozenset({"apiVersion", "kind"}),
        "a Kubernetes manifest",
        "say what one of its containers says in the keys of a compose service, such as command, environment and ports",
    ),
    Document(
        frozenset({"ociVersion"}),
        "a config.json, of a runtime",
        "what differs from the image goes below the key spec, for example spec: {process: {cwd: /srv}}",
    ),
    Document(
        frozenset({"HostConfig"}),
        "what docker inspect prints",
        "--from-inspect FILE builds from it; bundler overrides from-inspect FILE > web.yaml makes an overrides file of "
        "it",
    ),
    Document(frozenset({"schemaVersion"}), "an image manifest", "bundler build names the image, and takes no manifest"),
    Document(frozenset({"format", "images"}), "a lock", "--locked --lock FILE builds from it"),
    Document(
        frozenset({"format", "image"}), "a bundler.json, of a bundle", "bundler explain BUNDLE shows what it says"
    ),
)


def foreign_document(root: Node) -> Document | None:
    """What a file is that is no overrides file; None where that is not known."""
    entries = _entries(root)
    return next((document for document in DOCUMENTS if document.keys <= entries.keys()), None)


def _entries(root: Node) -> Mapping[str, Node]:
    """The keys of a document; of a list of documents, as docker inspect prints it, those of the first."""
    first = root.value[0] if isinstance(root.value, tuple) and root.value else root
    return first.value if isinstance(first.value, dict) else {}


def meant(word: str, known: Collection[str]) -> str | None:
    """What the foreign `word` is here, where `known` are the words that fit; None where no such word is known."""
    for spelling in _spellings(word):
        if spelling in known:
            return spelling
        there = WORDS.get(spelling)
        if there is not None and (there in known or " " in there):
            return there
    return None


def _spellings(word: str) -> Iterator[str]:
    """`--cap-add`, `capAdd` and `Cap_Add` as `cap_add`; `hostIPC` as `host_ipc`."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word[:100].strip())
    yield parted.replace("-", "_").strip("_").lower()
    yield word[:100].replace("-", "_").strip("_").lower()
