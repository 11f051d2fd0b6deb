"""Every field of `docker inspect` (20.10 to 29) and `podman inspect` (4 and 5), and what becomes of it.

What older Dockers had instead is here, too. A field with a `key` becomes that key of an overrides file, by its `form`.
One with a `reason` leaves no trace in config.json, and is named with it where it says something. One with a `part` is
read there, with others. What has none of the three is a record of what was.
"""

from collections.abc import Callable, Iterator
from typing import Final

from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.overrides.docker_inspect import mounts, networking, podman, process, security
from bundler.overrides.docker_inspect.container import Container, Draft, assignments, flag, number, text, texts
from bundler.overrides.docker_inspect.document import Value
from bundler.overrides.imports import NETWORK_AT_RUN, RECORD_OF_DOCKER, ImageSettings

Part = Callable[[Container, Draft], None]


@dataclass(frozen=True, slots=True)
class Field:
    """`path` is HostConfig/NAME, Config/NAME or NAME; `silent` are defaults of a field with a reason, `of_image` gives
    what the image says there.
    """

    path: str
    key: str = ""
    form: Callable[[Value], Json] = text
    reason: str = ""
    silent: tuple[Json, ...] = ()
    of_image: Callable[[ImageSettings], Json] = lambda _image: None
    part: Part | None = None


_DAEMON = "a daemon sees to it"
_WINDOWS = "it is for Windows"
_CLIENT = "it is about the client, not about the container"
_RUNTIME = "the runtime is chosen when the bundle is run"
_ANOTHER = "another container is not known here"
_PODMAN = "podman does it, not the runtime"


def _parted(part: Part, *paths: str) -> Iterator[Field]:
    return (Field(path, part=part) for path in paths)


def _without_trace(reason: str, *paths: str, silent: tuple[Json, ...] = ()) -> Iterator[Field]:
    return (Field(path, reason=reason, silent=silent) for path in paths)


def _records(*paths: str) -> Iterator[Field]:
    return (Field(path) for path in paths)


def _host(*names: str) -> list[str]:
    return [f"HostConfig/{name}" for name in names]


def _config(*names: str) -> list[str]:
    return [f"Config/{name}" for name in names]


_ROWS: Final = (
    *_parted(networking.image, *_config("Image")),
    *_parted(networking.other_image, "Image", "ImageManifestDescriptor"),
    *_parted(networking.name, "Name"),
    *_parted(process.words, *_config("Entrypoint", "Cmd"), "Path", "Args"),
    *_parted(process.environment, *_config("Env")),
    *_parted(process.working_directory, *_config("WorkingDir")),
    *_parted(process.user, *_config("User")),
    *_parted(process.terminal, *_config("Tty"), *_host("ConsoleSize")),
    *_parted(process.umask, *_config("Umask")),
    *_parted(process.stop_signal, *_config("StopSignal")),
    Field("Config/OpenStdin", "stdin_open", flag),
    Field("Config/Domainname", "domainname"),
    *_parted(networking.host_name, *_config("Hostname"), "Id"),
    Field("HostConfig/GroupAdd", "group_add", texts),
    Field("HostConfig/ReadonlyRootfs", "read_only", flag),
    Field("HostConfig/Privileged", "privileged", flag),
    Field("HostConfig/Init", "init", flag),
    Field("HostConfig/OomScoreAdj", "oom_score_adj", number),
    Field("HostConfig/OomKillDisable", "oom_kill_disable", flag),
    *_parted(security.capabilities, *_host("CapAdd", "CapDrop"), "BoundingCaps"),
    *_parted(security.options, *_host("SecurityOpt"), *_config("SecurityOpt"), "ProcessLabel", "MountLabel"),
    *_parted(security.paths, *_host("MaskedPaths", "ReadonlyPaths")),
    *_parted(security.devices, *_host("Devices", "DeviceRequests")),
    Field("HostConfig/DeviceCgroupRules", "device_cgroup_rules", texts),
    *_parted(mounts.mounts, *_host("Binds", "Mounts", "Tmpfs", "VolumesFrom"), *_config("Volumes")),
    *_parted(mounts.mounts, "Mounts", "Volumes", "VolumesRW"),
    *_parted(podman.shared_memory, *_host("ShmSize")),
    *_parted(networking.namespaces, *_host("PidMode", "IpcMode", "UTSMode", "UsernsMode", "IDMappings")),
    *_parted(networking.control_groups, *_host("CgroupnsMode", "CgroupMode", "CgroupParent")),
    *_parted(networking.network, *_host("NetworkMode", "ExtraHosts", "PortBindings"), *_config("NetworkDisabled")),
    *_parted(networking.names, "NetworkSettings"),
    Field("Config/MacAddress", "mac_address"),
    Field("HostConfig/Dns", "dns", texts),
    Field("HostConfig/DnsSearch", "dns_search", texts),
    Field("HostConfig/DnsOptions", "dns_opt", texts),
    Field("HostConfig/Sysctls", "sysctls", assignments),
    *_parted(podman.limits, *_host("Ulimits"), *_config("Ulimits")),
    *_parted(podman.pids, *_host("PidsLimit")),
    *_parted(podman.unsaid, *_config("CreateCommand")),
    *_parted(podman.scratch, *_config("CreateCommand")),
    *_parted(security.memory, *_host("Memory", "MemorySwap", "MemorySwappiness", "KernelMemory", "KernelMemoryTCP")),
    *_parted(security.memory, *_config("Memory", "MemorySwap")),
    Field("HostConfig/MemoryReservation", "mem_reservation", number),
    *_parted(security.processors, *_host("NanoCpus", "CpuQuota", "CpuPeriod")),
    Field("Config/CpuShares", "cpu_shares", number),
    Field("HostConfig/CpuShares", "cpu_shares", number),
    Field("HostConfig/CpuRealtimePeriod", "cpu_rt_period", number),
    Field("HostConfig/CpuRealtimeRuntime", "cpu_rt_runtime", number),
    Field("Config/Cpuset", "cpuset"),
    Field("HostConfig/CpusetCpus", "cpuset"),
    Field("HostConfig/CpusetMems", "cpuset_mems"),
    *_parted(
        security.block_io,
        *_host("BlkioWeight", "BlkioWeightDevice", "BlkioDeviceReadBps", "BlkioDeviceWriteBps"),
        *_host("BlkioDeviceReadIOps", "BlkioDeviceWriteIOps"),
    ),
    Field("HostConfig/CgroupConf", "unified", assignments),
    *_parted(process.annotations, *_host("Annotations"), *_config("Annotations")),
    *_parted(process.restart, *_host("RestartPolicy")),
    *_parted(process.grace, *_config("StopTimeout")),
    *_parted(process.health, *_config("Healthcheck")),
    *_parted(process.logs, *_host("LogConfig")),
    *_without_trace(_DAEMON, *_host("AutoRemove", "VolumeDriver", "StorageOpt", "DiskQuota")),
    *_without_trace(NETWORK_AT_RUN, *_host("PublishAllPorts")),
    Field(
        "Config/ExposedPorts", reason=NETWORK_AT_RUN, of_image=lambda image: {port: {} for port in image.exposed_ports}
    ),
    *_without_trace(_WINDOWS, *_host("CpuCount", "CpuPercent", "IOMaximumIOps", "IOMaximumBandwidth")),
    *_without_trace(_WINDOWS, *_host("Isolation"), silent=("default",)),
    Field("Config/Labels", reason=RECORD_OF_DOCKER, of_image=lambda image: dict(image.labels)),
    *_without_trace(_CLIENT, *_host("ContainerIDFile")),
    *_without_trace(_RUNTIME, *_host("Runtime"), silent=("runc", "io.containerd.runc.v2", "oci", "crun")),
    *_without_trace(_ANOTHER, *_host("Links", "Cgroup")),
    *_without_trace(_PODMAN, *_config("Timezone", "Secrets", "Timeout", "SystemdMode", "ChrootDirs")),
    *_without_trace(_PODMAN, *_config("HealthcheckOnFailureAction"), silent=("none",)),
    *_without_trace(_PODMAN, "Pod", "Rootfs"),
    *_without_trace(_PODMAN, *_host("Cgroups"), silent=("default", "enabled")),
    *_records(
        *_config("AttachStdin", "AttachStdout", "AttachStderr", "StdinOnce", "OnBuild", "Shell", "ArgsEscaped"),
        *_config("Passwd", "sdNotifyMode", "sdNotifySocket", "HealthLogDestination", "HealthMaxLogCount"),
        *_config("HealthcheckMaxLogCount", "HealthcheckMaxLogSize"),
        *_config("HealthMaxLogSize"),
        *_host("CgroupManager", "Capabilities", "AutoRemoveImage", "IntelRdtClosID"),
        *("Created", "State", "ResolvConfPath", "HostnamePath", "HostsPath", "LogPath", "RestartCount"),
        *("Driver", "Platform", "AppArmorProfile", "ExecIDs", "HostConfig", "GraphDriver", "Config"),
        *("SizeRw", "SizeRootFs", "Storage", "Node", "ExecDriver", "SysInitPath"),
        *("ImageName", "ImageDigest", "StaticDir", "OCIConfigPath", "OCIRuntime", "ConmonPidFile", "PidFile"),
        *("EffectiveCaps", "Dependencies", "Namespace", "IsInfra", "IsService", "KubeExitCodePropagation"),
        *("lockNumber", "UseImageHosts", "UseImageHostname"),
    ),
)

FIELDS: Final[dict[str, Field]] = {field.path: field for field in _ROWS}
PARTS: Final[tuple[Part, ...]] = tuple(dict.fromkeys(field.part for field in _ROWS if field.part is not None))
