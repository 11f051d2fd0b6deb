"""What the process may do and use: capabilities, security options, hidden paths, devices, limits."""

from typing import Final

from bundler import data
from bundler.origins import Json
from bundler.overrides.docker_inspect.container import Container, Draft
from bundler.overrides.docker_inspect.document import Value, read_json
from bundler.overrides.keys.scalars import write_processors, write_size
from bundler.overrides.keys.service import security_keys

_BLOCK_IO: Final = {
    "BlkioWeightDevice": ("weight_device", "weight", "Weight"),
    "BlkioDeviceReadBps": ("device_read_bps", "rate", "Rate"),
    "BlkioDeviceWriteBps": ("device_write_bps", "rate", "Rate"),
    "BlkioDeviceReadIOps": ("device_read_iops", "rate", "Rate"),
    "BlkioDeviceWriteIOps": ("device_write_iops", "rate", "Rate"),
}


def processors(container: Container, draft: Draft) -> None:
    """Podman writes NanoCpus beside the quota and the period that it became; to Docker these exclude each other."""
    quota, period, billionths = (container.host(name) for name in ("CpuQuota", "CpuPeriod", "NanoCpus"))
    if billionths.number() > 0:
        draft.say("cpus", write_processors(billionths.number()), billionths)
        return
    if quota.number():
        draft.say("cpu_quota", quota.number(), quota)
    if period.number():
        draft.say("cpu_period", period.number(), period)


def memory(container: Container, draft: Draft) -> None:
    """Twice the memory is the swap that dockerd writes where the container was made without --memory-swap."""
    limit, swap, swappiness = (container.host(name) for name in ("Memory", "MemorySwap", "MemorySwappiness"))
    if limit.number() > 0:
        draft.say("mem_limit", write_size(limit.number()), limit)
    if swap.number() and swap.number() != 2 * limit.number():
        draft.say("memswap_limit", write_size(swap.number()), swap)
    unset = (None, -1, 0) if container.is_podmans else (None, -1)
    if swappiness.content not in unset:
        draft.say("mem_swappiness", swappiness.number(), swappiness)
    kernel = {"kernel": container.host("KernelMemory"), "kernel_tcp": container.host("KernelMemoryTCP")}
    limits = {name: value.number() for name, value in kernel.items() if value.number()}
    if limits:
        draft.say("memory", limits, kernel[next(iter(limits))])


def block_io(container: Container, draft: Draft) -> None:
    limits: dict[str, Json] = {}
    first: Value | None = None
    weight = container.host("BlkioWeight")
    if weight.number():
        limits["weight"], first = weight.number(), weight
    for name, (key, word, field) in _BLOCK_IO.items():
        value = container.host(name)
        if value.items():
            listed = [{"path": item.get("Path").text(), word: item.get(field).number()} for item in value.items()]
            limits[key] = listed
            first = first or value
            draft.places[f"/blkio_config/{key}"] = value.where
    if first is not None:
        draft.say("blkio_config", limits, first)


# Of the paths that dockerd hides, those that it hides since 20.10 only.
_MASKED_SINCE: Final = {"/proc/interrupts", "/sys/devices/virtual/powercap"}
_WITHOUT_TRACE: Final = ("label=disable", "label:disable")


def _of_dockerd(part: str, name: str) -> list[str]:
    """What dockerd gives a container by itself, which what was asked for is told from."""
    defaults: list[str] = data.load("docker-28.json")["defaults"][part][name]
    return defaults


def capabilities(container: Container, draft: Draft) -> None:
    """CapAdd and CapDrop; of podman, whatever leads from Docker's defaults to what its container has."""
    added, dropped = container.host("CapAdd"), container.host("CapDrop")
    if not container.is_podmans:
        for key, value in (("cap_add", added), ("cap_drop", dropped)):
            if value.items():
                draft.say(key, list(dict.fromkeys(value.texts())), value)
        return
    bounding = container.entry.get("BoundingCaps")
    held, defaults = bounding.texts(), sorted(_of_dockerd("process", "capabilities"))
    if container.host("Privileged").flag():
        return
    if more := [name for name in held if name not in defaults]:
        draft.say("cap_add", more, bounding)
    if fewer := [name for name in defaults if name not in held]:
        draft.say("cap_drop", fewer if len(fewer) < len(defaults) else ["ALL"], bounding)


def options(container: Container, draft: Draft) -> None:
    """`security_opt`, and the seccomp profile that docker's client has put into it."""
    given = container.host("SecurityOpt")
    kept = []
    for item in given.items():
        name, _, value = item.text().partition("=")
        if name in ("mask", "unmask"):  # podman's
            draft.leave_out(f"{item.text()} of HostConfig.SecurityOpt", "say it with system_paths: {mask, unmask}")
        elif name == "seccomp" and value not in ("unconfined", "builtin") and not value.lstrip().startswith("{"):
            draft.leave_out(
                f"{item.text()} of HostConfig.SecurityOpt",
                "the profile is a file of its machine: with seccomp: FILE in an overrides file it counts",
            )
        elif item.text() not in _WITHOUT_TRACE:
            kept.append(item)
    try:
        keys = security_keys([item.text() for item in kept], lambda text: _profile(given, text))
    except ValueError as error:
        raise given.error(str(error)) from None
    for key, option in keys.items():
        draft.say(key, option, given)
    for name in ("ProcessLabel", "MountLabel"):
        label = container.entry.get(name)
        if label.text():
            words: dict[str, Json] = draft.keys.setdefault("selinux", {})
            words["process_label" if name == "ProcessLabel" else "mount_label"] = label.text()
            draft.places["/selinux"] = label.where


def _profile(given: Value, text: str) -> Json:
    return read_json(text.encode(), f"{given.where}: the seccomp profile", maps=())


def paths(container: Container, draft: Draft) -> None:
    """Empty lists are systempaths=unconfined; null is a privileged container, or podman, which does not say."""
    masked, read_only = container.host("MaskedPaths"), container.host("ReadonlyPaths")
    if masked.content == [] and read_only.content == []:
        draft.say("system_paths", "unconfined", masked)
        return
    places: dict[str, Json] = {}
    for name, value in (("maskedPaths", masked), ("readonlyPaths", read_only)):
        defaults = {*_of_dockerd("linux", name)}
        listed = [path for path in value.texts() if not path.endswith("/thermal_throttle")]  # one for each processor
        if value.content is not None and not defaults - _MASKED_SINCE <= set(listed) <= defaults:
            places[name] = listed
            draft.places[f"/spec/linux/{name}"] = value.where
    if places:
        draft.say("spec", {"linux": places}, masked)


def devices(container: Container, draft: Draft) -> None:
    for item in container.host("Devices").items():
        source, target = item.get("PathOnHost").text(), item.get("PathInContainer").text()
        access = item.get("CgroupPermissions").text() or "rwm"
        words = [source, target or source, access]
        if any(":" in word for word in words):
            draft.add("devices", dict(zip(("source", "target", "permissions"), words, strict=True)), item)
        else:
            draft.add("devices", ":".join(words), item)
    named = [name for request in container.host("DeviceRequests").items() for name in _requested(request)]
    if named:
        listed = ", ".join(dict.fromkeys(named))
        reason = f"say it with cdi: {{devices: [{listed}], spec_dirs: [DIRECTORY]}}, whose files describe the devices"
        draft.leave_out("HostConfig.DeviceRequests", reason)


def _requested(request: Value) -> list[str]:
    """CDI devices as they are; --gpus as the devices that NVIDIA's specification has."""
    ids = request.get("DeviceIDs").texts()
    if request.get("Driver").text() == "cdi":
        return ids
    count = request.get("Count").number()
    names = ids or (["all"] if count == -1 else [str(number) for number in range(min(max(count, 0), 64))])
    return [f"nvidia.com/gpu={name}" for name in names]
