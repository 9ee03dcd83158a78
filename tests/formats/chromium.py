# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Headless Chromium, driven through its DevTools pipe: pages are opened, looked at and clicked, as a reader would.

The pipe takes and gives JSON messages that end with a zero byte (--remote-debugging-pipe); no port is opened.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 120
"""Seconds for one answer. It comes within a second where nothing else runs."""
FIRST_FREE = 10
"""File descriptors from here on are in nobody's way."""


class ChromiumError(Exception):
    """Chromium is not there, has ended, or has refused a command."""


class Page:
    """One page: what it has shown of itself is in C(dialogs), C(errors) and C(requests)."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser, self._session = browser, session
        self.dialogs: list[str] = []
        self.errors: list[str] = []
        self.requests: list[str] = []

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page; a promise is waited for."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise ChromiumError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def click(self, selector: str) -> None:
        """Move the mouse to the middle of the first element that fits, and press it there."""
        script = """(selector => {
            const element = document.querySelector(selector);
            element.scrollIntoView({block: "center", inline: "center"});
            const box = element.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        })"""
        x, y = self.evaluate(f"{script}({json.dumps(selector)})")
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, selector: str, text: str) -> None:
        """Put the cursor into the element, take out what is in it, and type."""
        self.evaluate(f"(e => {{ e.focus(); e.select(); }})(document.querySelector({json.dumps(selector)}))")
        self.send("Input.insertText", text=text)

    def look(self, width: int, height: int, scheme: str = "light", media: str = "screen") -> None:
        """The size of the window in pixels, the colour scheme that the reader prefers, and screen or print."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", media=media, features=features)

    def screenshot(self) -> bytes:
        """The window as PNG."""
        return base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"])

    def pdf(self) -> bytes:
        """The page as it is printed, on A4 across."""
        answer = self.send("Page.printToPDF", landscape=True, paperWidth=8.27, paperHeight=11.69, printBackground=True)
        return base64.b64decode(answer["data"])

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command of the DevTools protocol and its answer."""
        return self._browser.send(method, parameters, self._session)

    def note(self, method: str, event: dict[str, Any]) -> None:
        """Keep what an event says."""
        if method == "Page.javascriptDialogOpening":
            self.dialogs.append(event["message"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(str(event["exceptionDetails"]))
        elif method == "Log.entryAdded" and event["entry"]["level"] == "error":
            self.errors.append(event["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(event["request"]["url"])


class Chromium:
    """A browser that has nothing of the user's, and ends with the block; see start()."""

    def __init__(self, read: int, write: int, process: subprocess.Popen[bytes]) -> None:
        self._read, self._write, self._process = read, write, process
        self._pages: dict[str, Page] = {}
        self._received = b""
        self._last = 0

    @classmethod
    @contextlib.contextmanager
    def start(cls) -> Iterator[Chromium]:
        """Start one. Raises ChromiumError where there is none."""
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if program is None:
            raise ChromiumError(f"none of {', '.join(PROGRAMS)} was found; on Debian: apt-get install chromium")
        with tempfile.TemporaryDirectory(prefix="chromium", ignore_cleanup_errors=True) as profile:
            theirs_in, ours_out = (fcntl.fcntl(end, fcntl.F_DUPFD, FIRST_FREE) for end in os.pipe())
            ours_in, theirs_out = (fcntl.fcntl(end, fcntl.F_DUPFD, FIRST_FREE) for end in os.pipe())
            command = [
                *(program, "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={profile}"),
                *("--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
                *("--disable-background-networking", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND"),
                # Chromium refuses to sandbox root's pages. These pages are our own.
                *(["--no-sandbox"] if os.geteuid() == 0 else []),
            ]
            # It reads from descriptor 3 and writes to 4.
            process = subprocess.Popen(
                ["bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "chromium", *command],
                pass_fds=(theirs_in, theirs_out),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "HOME": profile},
            )
            os.close(theirs_in)
            os.close(theirs_out)
            try:
                yield cls(ours_in, ours_out, process)
            finally:
                process.terminate()
                try:
                    process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                os.close(ours_in)
                os.close(ours_out)

    def open(self, file: Path) -> Page:
        """A new page with a file in it, once that is loaded."""
        target = self.send("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = self._pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.send(f"{domain}.enable")
        page.send("Page.navigate", url=file.resolve().as_uri())
        deadline = time.monotonic() + PATIENCE
        while page.evaluate("document.readyState") != "complete" or page.evaluate("location.href") == "about:blank":
            if time.monotonic() > deadline:
                raise ChromiumError(f"{file} was not loaded in {PATIENCE} s")
            time.sleep(0.05)
        return page

    def send(self, method: str, parameters: dict[str, Any], session: str | None = None) -> dict[str, Any]:
        """A command and its answer; events that come meanwhile go to their pages."""
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self._next(deadline)
            if answer.get("id") == self._last:
                if "error" in answer:
                    raise ChromiumError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
            page = self._pages.get(answer.get("sessionId", ""))
            if page and "method" in answer:
                page.note(answer["method"], answer["params"])

    def _next(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._received:
            if not select.select([self._read], [], [], max(0, deadline - time.monotonic()))[0]:
                raise ChromiumError(f"no answer in {PATIENCE} s")
            chunk = os.read(self._read, 1 << 20)
            if not chunk:
                raise ChromiumError(f"chromium has ended, with status {self._process.wait()}")
            self._received += chunk
        raw, _, self._received = self._received.partition(b"\0")
        answer: dict[str, Any] = json.loads(raw)
        return answer
