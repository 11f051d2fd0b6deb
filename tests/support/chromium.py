"""Chromium without a window, told what to do through a pipe: the DevTools protocol, one JSON document after another.

It is what can say whether a page loads something, complains, is wider than its screen, or cannot be read.
"""

import base64
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = "chromium-headless-shell"
# Its own sandbox does not start as root; nothing but the tests' own pages is opened.
_OPTIONS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe", "--disable-dev-shm-usage")
_COMPLAINTS = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
_WIDEST = """
(() => {
    const width = document.documentElement.clientWidth;
    const wide = [...document.querySelectorAll("body *")].filter(each => {
        const box = each.getBoundingClientRect();
        return box.width > 0 && box.left > -1000 && (box.right > width + 0.5 || each.scrollWidth > each.clientWidth + 1
            && getComputedStyle(each).display !== "inline");
    });
    return {"scrolls": document.documentElement.scrollWidth > width, "wide": wide.map(each => each.outerHTML)};
})()
"""
# The contrast of each text with what is behind it, as WCAG 2 computes it.
_CONTRASTS = """
(() => {
    const numbers = colour => colour.match(/[0-9.]+/g).map(Number);
    const luminance = colour => numbers(colour).slice(0, 3).map(part => part / 255)
        .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
    const behind = each => {
        for (; each; each = each.parentElement) {
            const colour = getComputedStyle(each).backgroundColor;
            if (numbers(colour)[3] !== 0) return colour;
        }
        return "rgb(255, 255, 255)";
    };
    const contrasts = {};
    for (const each of document.querySelectorAll("body *")) {
        if (![...each.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
        const style = getComputedStyle(each);
        const [first, second] = [luminance(style.color), luminance(behind(each))].sort((a, b) => b - a);
        const name = each.tagName + "." + each.className;
        contrasts[name] = Math.min(contrasts[name] ?? 99, (first + 0.05) / (second + 0.05));
    }
    return contrasts;
})()
"""


@dataclass
class Chromium:
    """The browser, and what it has told since it was asked last."""

    write: int
    read: int
    events: list[dict[str, Any]] = field(default_factory=list)
    _asked: int = 0
    _rest: bytes = b""

    def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Ask for something, and wait for the answer; what else is told meanwhile is kept in `events`."""
        self._asked += 1
        message = {"id": self._asked, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        content = json.dumps(message).encode() + b"\0"
        while content:
            content = content[os.write(self.write, content) :]
        while True:
            told = self._next()
            if told.get("id") == self._asked:
                assert "error" not in told, told
                answer: dict[str, Any] = told["result"]
                return answer
            self.events.append(told)

    def wait_for(self, method: str) -> None:
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self._next())

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            received = os.read(self.read, 1 << 16)
            assert received, "Chromium has ended"
            self._rest += received
        message, _, self._rest = self._rest.partition(b"\0")
        told: dict[str, Any] = json.loads(message)
        return told


@dataclass(frozen=True)
class Page:
    """A page that was opened, at one width and in one colour scheme."""

    browser: Chromium
    session: str

    @property
    def complaints(self) -> list[dict[str, Any]]:
        """What the console would show: errors, warnings, what the policy forbade."""
        return [event["params"] for event in self.browser.events if event.get("method") in _COMPLAINTS]

    @property
    def requests(self) -> list[str]:
        """The address of whatever was asked for."""
        sent = [event for event in self.browser.events if event.get("method") == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]

    def refusals(self) -> list[str]:
        """Why what was asked for was not loaded, once there is one."""
        self.browser.wait_for("Network.loadingFailed")
        failed = [event for event in self.browser.events if event.get("method") == "Network.loadingFailed"]
        return [event["params"].get("blockedReason", "") for event in failed]

    def evaluate(self, expression: str) -> Any:
        answer = self.browser.call("Runtime.evaluate", self.session, expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def too_wide(self) -> dict[str, Any]:
        found: dict[str, Any] = self.evaluate(_WIDEST)
        return found

    def contrasts(self) -> dict[str, float]:
        found: dict[str, float] = self.evaluate(_CONTRASTS)
        return found

    def roles(self) -> list[str]:
        """What a reader of the screen is told, in order."""
        nodes = self.browser.call("Accessibility.getFullAXTree", self.session)["nodes"]
        return [node["role"]["value"] for node in nodes if not node["ignored"]]

    def pdf(self) -> bytes:
        printed = self.browser.call("Page.printToPDF", self.session, preferCSSPageSize=True, printBackground=True)
        return base64.b64decode(printed["data"])

    def picture(self) -> bytes:
        """All of the page, as a PNG."""
        shot = self.browser.call("Page.captureScreenshot", self.session, captureBeyondViewport=True)
        return base64.b64decode(shot["data"])


@contextmanager
def chromium(profile: Path) -> Iterator[Chromium]:
    """The browser, with a home of its own in the folder `profile`."""
    (its_read, write), (read, its_write) = os.pipe(), os.pipe()
    # It reads from the descriptor 3, and writes to 4. dash would take no number of two digits here.
    command = f'exec "$@" 3<&{its_read} 4>&{its_write}'
    started = subprocess.Popen(
        ["bash", "-c", command, "bash", PROGRAM, *_OPTIONS, f"--user-data-dir={profile}", "about:blank"],
        pass_fds=(its_read, its_write),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for descriptor in (its_read, its_write):
            os.close(descriptor)
        yield Chromium(write, read)
    finally:
        for descriptor in (read, write):
            os.close(descriptor)
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def open_page(browser: Chromium, file: Path, *, width: int, dark: bool = False) -> Page:
    """Show a file; every page is a new tab, and hears only of itself."""
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in ("Page", "Runtime", "Log", "Network"):
        browser.call(f"{domain}.enable", session)
    browser.call(
        "Emulation.setDeviceMetricsOverride", session, width=width, height=800, deviceScaleFactor=1, mobile=width < 500
    )
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.call("Emulation.setEmulatedMedia", session, features=[scheme])
    browser.events.clear()
    browser.call("Page.navigate", session, url=file.as_uri())
    browser.wait_for("Page.loadEventFired")
    return Page(browser, session)
