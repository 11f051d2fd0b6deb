"""Whether a container can be kept as it runs, and go on later or elsewhere: by criu(8), which both runtimes call."""

from collections.abc import Iterator

from bundler.doctor.bundle_facts import BundleFacts
from bundler.doctor.host_judges import Machine
from bundler.errors import printable


def checkpoint(machine: Machine) -> Iterator[str]:
    if machine.surroundings.criu:
        yield printable(machine.surroundings.criu)


def kept(subject: BundleFacts) -> Iterator[str]:
    """What of this bundle criu cannot keep, or bring back, where it works."""
    if subject.surroundings is None or subject.surroundings.criu != "":
        return
    if subject.process.terminal:
        yield "/process/terminal: the terminal of the user who started the container is not kept"
    if not subject.config.has_namespace("pid"):
        yield "/linux/namespaces: without a PID namespace of its own, the numbers of its processes may be in use"
    if subject.target.runtime == "crun":
        sources = (mount.source for mount in subject.config.mounts if mount.is_bind and mount.source is not None)
        relative = [source for source in sources if not source.startswith("/")]
        if relative:
            yield f"/mounts: crun brings no mount back whose source is relative ({printable(relative[0])})"
