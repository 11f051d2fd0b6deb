"""A project run from its first start to its last end: one loop that waits for all its containers at once."""

import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from bundler.foreground.container import CheckUnderWay, Container
from bundler.foreground.order import Stage, Standing, awaits_health, obstacle, startable, stoppable
from bundler.foreground.service import Service
from bundler.interruptions import INTERRUPTIONS
from bundler.program import Watched

_LOOK_SECONDS: Final = 0.05  # between two looks whether a container has started
_FAILED: Final = 1


def run_services(
    services: Mapping[str, Service],
    prefixes: Mapping[str, bytes],
    write: Callable[[bytes], None],
    say: Callable[[str], None],
) -> int:
    """Run all `services`, by their names in the order they start, until all have ended or one has failed.

    `write` takes their lines behind `prefixes`, `say` sentences about them. Gives the exit code: that of the first one
    that failed, 128 and its number for a signal, and 0 where all have come to a good end. Raises what `write` raises,
    when nothing runs any more.
    """
    with _interruptions() as (interruptions, woken), selectors.DefaultSelector() as selector:
        selector.register(woken, selectors.EVENT_READ, lambda: os.read(woken, 1 << 10))
        run = _Run(services, prefixes, write, say, selector)
        try:
            while run.is_under_way():
                run.advance()
                for key, _ in selector.select(run.patience()):
                    key.data()
                while interruptions:
                    run.interrupt(interruptions.pop(0))
        finally:
            run.abandon()
        return run.code or 0


@contextmanager
def _interruptions() -> Iterator[tuple[list[int], int]]:
    """The signals that have come since, and a descriptor that can be read when there is one."""
    received: list[int] = []
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    handlers = {number: signal.getsignal(number) for number in INTERRUPTIONS}
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        for number, handler in handlers.items():
            if handler is not signal.SIG_IGN:  # as nohup has it
                signal.signal(number, lambda received_number, _frame: received.append(received_number))
        yield received, reading
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        os.close(reading)
        os.close(writing)


class _Run:
    """Who is how far. `code` is None until something has failed or was interrupted."""

    def __init__(
        self,
        services: Mapping[str, Service],
        prefixes: Mapping[str, bytes],
        write: Callable[[bytes], None],
        say: Callable[[str], None],
        selector: selectors.BaseSelector,
    ) -> None:
        self.code: int | None = None
        self._services, self._prefixes = services, prefixes
        self._write, self._say, self._selector = write, say, selector
        self._standings = {name: Standing(service.bundle) for name, service in services.items()}
        self._containers: dict[str, Container] = {}

    def is_under_way(self) -> bool:
        if self.code is not None:
            return bool(self._containers)
        return any(standing.stage is not Stage.ENDED for standing in self._standings.values())

    def advance(self) -> None:
        """Start, look at and stop whatever it is time for."""
        self._see_starts()
        if self.code is None and (sentence := obstacle(self._standings)) is not None:
            self._end(_FAILED, sentence)
        if self.code is None:
            for standing in list(startable(self._standings)):
                self._start(standing)
        else:
            for standing in list(stoppable(self._standings)):
                self._stop(standing)
        now = time.monotonic()
        for name, container in self._containers.items():
            if container.kill_at is not None and container.kill_at <= now:
                container.kill()
            elif self._is_to_be_checked(name, container) and container.next_check <= now:
                self._check(name, container)

    def patience(self) -> float | None:
        """The seconds until the next thing to do, if nothing happens before; None where only something can happen."""
        times = [] if self._containers else [time.monotonic()]
        for name, container in self._containers.items():
            if self._standings[name].stage is Stage.STARTING:
                times.append(time.monotonic() + _LOOK_SECONDS)
            if container.kill_at is not None:
                times.append(container.kill_at)
            if self._is_to_be_checked(name, container):
                times.append(container.next_check)
        return max(0.0, min(times) - time.monotonic()) if times else None

    def interrupt(self, number: int) -> None:
        """Stop all in order; the second time at once."""
        if self.code is None:
            self._end(128 + number, "stopping; once more ends all at once")
        else:
            for container in self._containers.values():
                container.kill()

    def abandon(self) -> None:
        """Let nothing run on, whatever has happened."""
        for name in list(self._containers):
            self._containers.pop(name).destroy()

    def _start(self, standing: Standing) -> None:
        name = standing.bundle.name
        container = self._containers[name] = Container(self._services[name], self._prefixes[name])
        standing.stage = Stage.STARTING
        self._selector.register(container.process.output, selectors.EVENT_READ, lambda: self._print(container))
        self._selector.register(container.process.end, selectors.EVENT_READ, lambda: self._ended(standing, container))

    def _see_starts(self) -> None:
        for name, container in self._containers.items():
            standing = self._standings[name]
            if standing.stage is Stage.STARTING and container.has_started():
                standing.stage = Stage.RUNNING
                container.up()

    def _stop(self, standing: Standing) -> None:
        container = self._containers[standing.bundle.name]
        if container.kill_at is None:
            container.stop()

    def _print(self, container: Container) -> None:
        lines = container.read()
        if lines is None:
            self._selector.unregister(container.process.output)
        else:
            self._write(lines)

    def _ended(self, standing: Standing, container: Container) -> None:
        code = container.process.code()
        if code is None:
            return
        self._forget(container.process)
        self._write(container.rest())
        self._forget_check(container)
        del self._containers[standing.bundle.name]
        container.process.close()
        standing.stage, standing.code = Stage.ENDED, code
        if code != 0 and self.code is None:
            self._end(code, f"{standing.bundle.name} has ended with exit code {code}")

    def _end(self, code: int, sentence: str) -> None:
        """From now on all is stopped."""
        self.code = code
        self._say(sentence)

    def _is_to_be_checked(self, name: str, container: Container) -> bool:
        standing = self._standings[name]
        return (
            self.code is None
            and container.check is None
            and container.service.check is not None
            and standing.stage is Stage.RUNNING
            and standing.healthy is None
            and awaits_health(name, self._standings)
        )

    def _check(self, name: str, container: Container) -> None:
        words = () if container.service.check is None else container.service.check.words
        check = container.check = CheckUnderWay(words)
        self._selector.register(check.process.output, selectors.EVENT_READ, lambda: self._hear(check))
        self._selector.register(check.process.end, selectors.EVENT_READ, lambda: self._checked(name, container))

    def _hear(self, check: CheckUnderWay) -> None:
        if not check.read():
            self._selector.unregister(check.process.output)

    def _checked(self, name: str, container: Container) -> None:
        check = container.check
        code = None if check is None else check.process.code()
        if check is None or code is None:
            return
        standing = self._standings[name]
        standing.healthy = container.judge(code)
        if standing.healthy is False:
            self._write(container.lines.add(check.printed) + container.lines.end())
        self._forget_check(container)
        container.plan_check()

    def _forget_check(self, container: Container) -> None:
        if container.check is not None:
            self._forget(container.check.process)
            container.check.close()
            container.check = None

    def _forget(self, process: Watched) -> None:
        for descriptor in (process.output, process.end):
            if descriptor in self._selector.get_map():
                self._selector.unregister(descriptor)
