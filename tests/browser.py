"""A headless Chromium, driven through its DevTools protocol over a pipe: no package needed."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe")


def find_browser() -> str | None:
    """The path of a Chromium on this machine."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Page:
    """One open page: run scripts in it, press keys, print it."""

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive, self._numbers = send, receive, itertools.count(1)
        self._session, self._pending = "", bytearray()
        self.requested: list[str] = []

    def call(self, method: str, **params: Any) -> Any:
        """One command of the protocol; raises RuntimeError with what the browser says against it."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("method") == "Network.requestWillBeSent":
                self.requested.append(answer["params"]["request"]["url"])
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._pending:
            data = os.read(self._receive, 1 << 20)
            if not data:
                raise RuntimeError("the browser has ended")
            self._pending += data
        message, _, rest = self._pending.partition(b"\0")
        self._pending = bytearray(rest)
        found: dict[str, Any] = json.loads(message)
        return found

    def open(self, path: Path) -> None:
        """Attach to a new tab and wait until the page has loaded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Network.enable")
        self.call("Page.enable")
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.run("new Promise((done) => document.readyState === 'complete' ? done(1) : addEventListener('load', done))")

    def run(self, script: str) -> Any:
        """The value of an expression, awaited; raises RuntimeError where it throws."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def press(self, key: str, code: int) -> None:
        """A key, down and up."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)


@contextlib.contextmanager
def opened(path: Path, profile: Path) -> Iterator[Page]:
    """The page in a fresh browser, which is ended with the block."""
    browser = find_browser()
    assert browser is not None
    to_read, to_write = os.pipe()
    from_read, from_write = os.pipe()

    def wire() -> None:
        """The browser reads commands from 3 and writes answers to 4."""
        for source, place in ((os.dup(to_read), 3), (os.dup(from_write), 4)):
            os.dup2(source, place)

    command = [browser, *SWITCHES, f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(
        command, preexec_fn=wire, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(to_read)
    os.close(from_write)
    try:
        page = Page(to_write, from_read)
        page.open(path)
        yield page
        with contextlib.suppress(RuntimeError, BrokenPipeError):
            page.call("Browser.close")
    finally:
        os.close(to_write)
        os.close(from_read)
        process.terminate()
        process.wait(30)
