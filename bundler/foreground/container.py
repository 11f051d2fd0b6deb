"""One container of a project while it runs in the foreground: its process, its lines, its health check."""

import os
import signal
import time
from contextlib import suppress
from typing import Final

from bundler import tools
from bundler.foreground.lines import Lines
from bundler.foreground.service import Service
from bundler.tools import ToolFailedError

_CHUNK: Final = 1 << 16
_AGAIN_SECONDS: Final = 1.0
_KEPT_OF_CHECK: Final = 4096  # bytes of what a check prints, as Docker keeps


class Container:
    """The container of a `service` while it runs. The caller waits for the descriptors of all containers at once."""

    def __init__(self, service: Service, prefix: bytes) -> None:
        self.service = service
        self.lines = Lines(prefix)
        self.process = tools.watch_again(service.words)
        self.check: CheckUnderWay | None = None
        self.failures = 0
        self.kill_at: float | None = None  # when its time to end is over
        self.since = self.next_check = time.monotonic()

    def has_started(self) -> bool:
        """Whether the container's own process is there."""
        with suppress(OSError):
            return self.service.pid_file.stat().st_size > 0
        return False

    def up(self) -> None:
        """From now on its health counts."""
        self.since = time.monotonic()
        self.plan_check()

    def plan_check(self) -> None:
        if self.service.check is not None:
            self.next_check = time.monotonic() + self.service.check.interval

    def judge(self, code: int) -> bool | None:
        """Whether it is healthy by the end of one more check; None where that does not decide it."""
        check = self.service.check
        if check is None or code == 0:
            return True
        if time.monotonic() - self.since >= check.start_period:
            self.failures += 1
        return False if self.failures >= check.retries else None

    def read(self) -> bytes | None:
        """The lines that are whole with what it has printed since; None where nothing can print any more."""
        chunk = _read(self.process.output)
        return self.lines.add(chunk) if chunk else None

    def rest(self) -> bytes:
        """What it printed last, once it has ended. What it has left behind may print on, and is not waited for."""
        os.set_blocking(self.process.output, False)
        printed = b""
        while chunk := _read(self.process.output):
            printed += self.lines.add(chunk)
        return printed + self.lines.end()

    def stop(self) -> None:
        """Send its stop signal; what is no container yet has only a process."""
        self.kill_at = time.monotonic() + self.service.grace
        try:
            self._call("kill", self.service.container, str(self.service.stop))
        except ToolFailedError:
            self.process.send(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once. A runtime that has just begun passes the signal on to a container that may be deaf to it, so
        this is done again where it has not helped.
        """
        self.kill_at = time.monotonic() + _AGAIN_SECONDS
        self._delete()
        self.process.send(signal.SIGTERM)

    def destroy(self) -> None:
        """The same without a word to the runtime, and without a wait."""
        if self.check is not None:
            self.check.close()
        self.process.send(signal.SIGKILL)
        self._delete()
        self.process.close()

    def _delete(self) -> None:
        with suppress(ToolFailedError):
            self._call("delete", "--force", self.service.container)

    def _call(self, *words: str) -> None:
        tools.run(self.service.tool, *self.service.states, *words)


class CheckUnderWay:
    """One run of a health check."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self.process = tools.watch(words)
        self.printed = b""

    def read(self) -> bool:
        """Take what it prints; whether it may print more."""
        chunk = _read(self.process.output)
        self.printed = (self.printed + chunk)[:_KEPT_OF_CHECK]
        return bool(chunk)

    def close(self) -> None:
        """End it, if it has not yet."""
        self.process.send(signal.SIGKILL)
        self.process.close()


def _read(descriptor: int) -> bytes:
    """What there is; nothing at the end, or where nothing is there yet."""
    try:
        return os.read(descriptor, _CHUNK)
    except BlockingIOError:
        return b""
