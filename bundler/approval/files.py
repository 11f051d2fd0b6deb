"""Which files a container sees and changes: its root filesystem, what is mounted, what the kernel shows."""

from collections.abc import Iterator, Mapping
from typing import Final

from bundler.approval.meanings import machine_path
from bundler.approval.review import Row, Section, listed
from bundler.approval.subject import Subject
from bundler.overrides.bundle_paths import is_shared_volume
from bundler.runtime_spec.list_identity import elements
from bundler.runtime_spec.parts import Mount
from bundler.runtime_spec.reach import mounted_paths
from bundler.runtime_spec.runtime_config import RuntimeConfig

_MOUNTS: Final = ("/mounts",)
_PATHS: Final = (
    ("hidden paths", "maskedPaths", "of the kernel, which tell or change something of the machine"),
    ("read-only paths", "readonlyPaths", "of the kernel, which change something of the machine"),
)


def files_section(subject: Subject) -> Section:
    """Root filesystem, mounts, hidden paths (config.md, root and mounts; config-linux.md, masked paths)."""
    return Section(name="files", title="Files", gist=_gist(subject.config), rows=tuple(_rows(subject)))


def _gist(config: RuntimeConfig) -> str:
    sources = [path for path in mounted_paths(config) if path.path.startswith("/")]
    writable = sum(not path.read_only for path in sources)
    root = "read-only root" if _is_read_only(config) else "writable root"
    if not sources:
        return f"{root}, no files of the machine"
    several = f"{len(sources)} places" if len(sources) > 1 else "1 place"
    return f"{root}, {several} of the machine, {writable or 'none'} writable"


def _rows(subject: Subject) -> Iterator[Row]:
    yield Row(
        what="/",
        value=_root(subject.config),
        baseline=_root(subject.baseline),
        note="the root filesystem of the image",
        set_by=subject.set_by("/root"),
        differences=subject.under(("/root",)),
    )
    yield from _mounts(subject)
    for what, member, note in _PATHS:
        yield from _kernel_paths(subject, what, member, note)
    propagation = subject.under(("/linux", "/rootfsPropagation"))
    if propagation:
        sides = (next(config.values("linux", "rootfsPropagation"), "private") for config in _sides(subject))
        value, baseline = map(str, sides)
        yield Row(
            what="propagation",
            value=value,
            baseline=baseline,
            note="whether mounts pass between the container and the machine",
            set_by=subject.set_by("/linux/rootfsPropagation"),
            differences=propagation,
        )


def _sides(subject: Subject) -> tuple[RuntimeConfig, RuntimeConfig]:
    return subject.config, subject.baseline


def _is_read_only(config: RuntimeConfig) -> bool:
    return next(config.values("root", "readonly"), False) is True


def _root(config: RuntimeConfig) -> str:
    access = "read-only" if _is_read_only(config) else "read-write"
    return access if config.root_path in (None, "rootfs") else f"{access}, {config.root_path}"


def _mounts(subject: Subject) -> Iterator[Row]:
    """Each mount that is the bundle's own or differs; the others, which the baseline has as well, in one row."""
    mounts, before = (_by_step(config) for config in _sides(subject))
    alike = []
    for step, mount in mounts.items():
        differing = subject.under((*_MOUNTS, step))
        if step in before and not differing:
            alike.append(mount)
            continue
        yield Row(
            what=mount.destination,
            value=_described(mount),
            baseline=_described(before[step]) if step in before else "not there",
            note=_meaning(mount),
            set_by=subject.set_by(mount.pointer),
            differences=differing,
        )
    gone = [step for step in before if step not in mounts]
    for step in gone:
        differing = subject.under((*_MOUNTS, step))
        value, baseline = "not mounted", _described(before[step])
        yield Row(what=before[step].destination, value=value, baseline=baseline, differences=differing)
    if alike:
        yield Row(
            what="other mounts",
            value=listed([mount.destination for mount in alike], most=40),
            baseline="the same",
            set_by=subject.set_by(*(mount.pointer for mount in alike)),
        )


def _by_step(config: RuntimeConfig) -> Mapping[str, Mount]:
    """The mounts by the step that differences have for them."""
    raw = next(config.values("mounts"), None)
    by_index = {mount.pointer: mount for mount in config.mounts}
    steps = elements(_MOUNTS, raw if isinstance(raw, list) else []) or {}
    return {step: by_index[f"/mounts/{index}"] for step, (index, _) in steps.items() if f"/mounts/{index}" in by_index}


def _described(mount: Mount) -> str:
    """From where, and how: `/srv of the machine, read-only, nosuid`."""
    options = [option for option in mount.options if option not in ("bind", "rbind", "ro", "rw", "rro", mount.type)]
    access = "read-only" if mount.is_read_only else "read-write"
    if mount.is_bind:
        source = mount.source or ""
        whose = f"{source} of the machine" if source.startswith("/") else f"{mount.bundle_source} of the bundle"
        if is_shared_volume(source):
            whose = f"{source.removeprefix('../')} of the project"
        return ", ".join((whose, access, *options))
    kind = "in memory" if mount.type == "tmpfs" else f"{mount.type or 'no type'} of the kernel"
    return ", ".join((kind, access, *options))


def _meaning(mount: Mount) -> str:
    return machine_path(mount.source) if mount.is_bind and mount.source and mount.source.startswith("/") else ""


def _kernel_paths(subject: Subject, what: str, member: str, note: str) -> Iterator[Row]:
    place = ("/linux", f"/{member}")
    paths, before = (list(map(str, config.values("linux", member, "*"))) for config in _sides(subject))
    steps = subject.steps(*place)
    differing = {step[1:-1]: subject.under((*place, step)) for step in steps}
    whole = tuple(each for each in subject.under(place) if each.steps == place)
    there = {*paths}
    added, gone = ([path for path in differing if (path in there) is has] for has in (True, False))
    shared = [path for path in dict.fromkeys(paths) if path not in differing]
    verb = what.partition(" ")[0]
    if shared or not before:
        same = "the same" if not added else f"{len(before)} paths"
        value = listed(shared, most=40) or "none"
        setters = subject.set_by(f"/linux/{member}")
        yield Row(what=what, value=value, baseline=same, note=note, set_by=setters, differences=whole)
    elif whole:
        yield Row(what=what, value="none", baseline=f"{len(before)} paths", differences=whole)
    for title, names, sides in (
        (f"{what}, more", added, (verb, f"not {verb}")),
        (f"{what}, fewer", gone, (f"not {verb}", verb)),
    ):
        if names:
            changed = tuple(each for name in names for each in differing[name])
            value = f"{sides[0]}: {listed(names, most=40)}"
            yield Row(what=title, value=value, baseline=sides[1], note=note, differences=changed)
