"""`/annotations` (runtime-spec config.md), and what bundler.json keeps of a container's life outside of config.json.

Annotations are the overrides' own, and labels as far as they are trusted.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from bundler.conversion.rule import Inputs, RuleResult, table
from bundler.errors import printable
from bundler.images.documents import Member, parse_document
from bundler.images.image_config import Healthcheck
from bundler.origins import UNSET, Json, Sourced, beating
from bundler.overrides.keys.scalars import write_duration
from bundler.overrides.node import Node

_KEYS: Final = ("container_name", "stdin_open", "stop_grace_period", "restart", "logging")
_TIMES: Final = ("interval", "timeout", "start_period", "start_interval")


def lifecycle(inputs: Inputs) -> dict[str, Json]:
    """The lifecycle keys that are set, in compose's words; the image's stop signal unless another was given.

    A health check is the image's with what the overrides say laid over it, as Docker does; `shell` is what runs its
    CMD-SHELL where the image says which. dockerd writes none of these to config.json either.
    """
    found: dict[str, Json] = {}
    signal = inputs.overrides.get("stop_signal")
    if signal is not UNSET:
        found["stop_signal"] = str(signal.value)
    elif inputs.image_config.stop_signal:
        found["stop_signal"] = inputs.image_config.stop_signal
    for key in _KEYS:
        node = inputs.overrides.get(key)
        if node is not UNSET:
            found[key] = node.plain()
    return found | _healthcheck(inputs)


def _healthcheck(inputs: Inputs) -> dict[str, Json]:
    image, node = inputs.image_config.healthcheck, inputs.overrides.get("healthcheck")
    if image is None and node is UNSET:
        return {}
    merged = {} if image is None else _in_compose_words(image)
    if node is not UNSET:
        merged |= {key: value for key, value in node.plain().items() if value is not None}
    return {"healthcheck": merged | ({"shell": list(image.shell)} if image is not None and image.shell else {})}


def _in_compose_words(image: Healthcheck) -> dict[str, Json]:
    times = {key: write_duration(getattr(image, key)) for key in _TIMES if getattr(image, key)}
    test = {"test": list(image.test)} if image.test else {}
    return test | times | ({"retries": image.retries} if image.retries else {})


# Annotations that a runtime acts on, by how they begin: to set one is to decide what runs with which rights. An image
# must not, so its labels become none of these unless they are allowed by their full name.
ACTED_ON: Final = {
    "run.oci.": "crun: handlers, hooks' output, mount and seccomp settings",
    "org.systemd.property.": "runc and crun: any property of the container's systemd unit",
    "module.wasm.": "crun and containerd shims: runs the command in a WebAssembly engine",
    "io.katacontainers.": "Kata: hypervisor, kernel and agent settings",
    "io.kubernetes.cri": "CRI runtimes: what kind of container this is, and in which sandbox",
    "io.kubernetes.cri-o.": "CRI-O: user namespaces, devices and more of the container",
    "io.containers.": "podman: namespaces and health of containers",
    "io.podman.annotations.": "podman: privileges, mounts and init of the container",
    "com.github.containers.": "conmon and crun of the containers project",
    "org.criu.": "runc and crun: what CRIU does when it saves a container",
    "org.opencontainers.runc.": "runc: features and settings of its own",
    "com.docker.": "Docker: what Docker itself wrote",
    "dev.gvisor.": "gVisor: settings of the sandbox",
    "cpu-load-balancing.crio.io": "CRI-O: load balancing of processors",
    "cpu-quota.crio.io": "CRI-O: the quota of processor time",
    "irq-load-balancing.crio.io": "CRI-O: interrupts on the container's processors",
    "seccomp.security.alpha.kubernetes.io/": "Kubernetes: the seccomp profile",
    "container.apparmor.security.beta.kubernetes.io/": "Kubernetes: the AppArmor profile",
    "nri.": "node resource plugins of containerd and CRI-O",
    "cdi.k8s.io/": "containerd and CRI-O: devices to inject",
}
_SPEC: Final = "org.opencontainers.image."
_COPIED: Final = ("os", "architecture", "variant", "os.version", "author", "created")


def reason(name: str) -> str | None:
    """Who acts on the annotation `name`, and how; None where no runtime is known to."""
    return next((why for prefix, why in ACTED_ON.items() if name.startswith(prefix)), None)


def annotations(inputs: Inputs) -> RuleResult:
    """Labels by `label_policy`, then `annotations` on top, sorted by name. dockerd makes no label an annotation."""
    found = dict(_from_labels(inputs))
    node = inputs.overrides.get("annotations")
    for name, entry in {} if node is UNSET else node.entries().items():
        why, allowed = reason(name), entry.entries().get("allow_unsafe")
        if why is not None and not (allowed is not None and allowed.value is True):
            raise entry.error(
                f"annotations: a runtime acts on {printable(name)} ({why})",
                hint="if that is wanted: {value: ..., allow_unsafe: true}",
            )
        below = found.get(name)
        value = entry.entries()["value"].text()
        found[name] = Sourced(value, beating(entry.origin, below.origin if below else None))
    return table(dict(sorted(found.items())))


def _from_labels(inputs: Inputs) -> Iterator[tuple[str, Sourced[Json]]]:
    policy = inputs.overrides.get("label_policy")
    default = "none" if inputs.profile.id.startswith("docker") else "safe"
    chosen = default if policy is UNSET else policy.value
    if chosen == "none":
        return
    labels = _labels(inputs)
    if chosen == "spec":
        labels = _converted(inputs) | labels
    patterns = policy.entries() if policy is not UNSET and isinstance(policy.value, dict) else {}
    for name, label in labels.items():
        if _passes(name, patterns):
            yield name, label


def _passes(name: str, patterns: dict[str, Node]) -> bool:
    """A denied label never passes; one that a runtime acts on passes by its full name only."""
    allow, deny = (tuple(node.text() for node in patterns[key].items()) if key in patterns else () for key in _SIDES)
    if any(fnmatchcase(name, pattern) for pattern in deny):
        return False
    if reason(name) is not None:
        return name in allow
    return "allow" not in patterns or any(fnmatchcase(name, pattern) for pattern in allow)


_SIDES: Final = ("allow", "deny")


def _labels(inputs: Inputs) -> dict[str, Sourced[Json]]:
    labels = {name: Sourced(value, inputs.image_origin("Labels")) for name, value in inputs.image_config.labels if name}
    node = inputs.overrides.get("labels")
    for name, label in {} if node is UNSET else node.entries().items():
        below = labels.get(name)
        labels[name] = Sourced(label.text(), beating(label.origin, below.origin if below else None))
    return dict(labels)


def _converted(inputs: Inputs) -> dict[str, Sourced[Json]]:
    """What an image config says elsewhere (image-spec conversion.md, annotation fields); empty values are left out."""
    image = inputs.image_config
    document = parse_document(image.raw, f"image config {image.digest}")
    facts = {name: (_text(document.find(name)), "") for name in (*_COPIED, "os.features")}
    facts["stopSignal"] = (lifecycle(inputs).get("stop_signal", ""), "StopSignal")
    facts["exposedPorts"] = (",".join(image.exposed_ports), "ExposedPorts")
    return {_SPEC + name: Sourced(value, inputs.image_origin(key)) for name, (value, key) in facts.items() if value}


def _text(part: Member | None) -> str:
    """A text, or several as one; empty for anything else."""
    if part is None:
        return ""
    if isinstance(part.content, list):
        return ",".join(map(_text, part.items()))
    return part.text() if isinstance(part.content, str) else ""
