"""Limits that several fields decide together: processors, memory and block I/O."""

from typing import Final

from bundler.origins import Json
from bundler.overrides.docker_inspect.coercions import decimal
from bundler.overrides.docker_inspect.container import Container, Draft
from bundler.overrides.docker_inspect.document import Value
from bundler.overrides.docker_run.values import shown_size

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
        draft.say("cpus", decimal(billionths.number()), billionths)
        return
    if quota.number():
        draft.say("cpu_quota", quota.number(), quota)
    if period.number():
        draft.say("cpu_period", period.number(), period)


def memory(container: Container, draft: Draft) -> None:
    """Twice the memory is the swap that dockerd writes when nobody asks for any."""
    limit, swap, swappiness = (container.host(name) for name in ("Memory", "MemorySwap", "MemorySwappiness"))
    if limit.number() > 0:
        draft.say("mem_limit", shown_size(limit.number()), limit)
    if swap.number() and swap.number() != 2 * limit.number():
        draft.say("memswap_limit", shown_size(swap.number()), swap)
    unset = (None, -1, 0) if container.is_podmans else (None, -1)
    if swappiness.content not in unset:
        draft.say("mem_swappiness", swappiness.number(), swappiness)
    kernel = {"kernel": container.host("KernelMemory"), "kernel_tcp": container.host("KernelMemoryTCP")}
    said = {name: value.number() for name, value in kernel.items() if value.number()}
    if said:
        draft.say("memory", said, kernel[next(iter(said))])


def block_io(container: Container, draft: Draft) -> None:
    said: dict[str, Json] = {}
    first: Value | None = None
    weight = container.host("BlkioWeight")
    if weight.number():
        said["weight"], first = weight.number(), weight
    for name, (key, word, field) in _BLOCK_IO.items():
        value = container.host(name)
        if value.items():
            listed = [{"path": item.get("Path").text(), word: item.get(field).number()} for item in value.items()]
            said[key] = listed
            first = first or value
            draft.places[f"/blkio_config/{key}"] = value.where
    if first is not None:
        draft.say("blkio_config", said, first)
