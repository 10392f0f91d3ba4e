"""A browser without a window, told what to do over a pipe: https://chromedevtools.github.io/devtools-protocol/."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-extensions",
    "--hide-scrollbars",
)


def find_chromium() -> str | None:
    """The browser of this machine, if there is one."""
    return next((found for name in NAMES if (found := shutil.which(name)) is not None), None)


class Page:
    """A tab."""

    def __init__(self, send: BinaryIO, receive: BinaryIO) -> None:
        self._send, self._receive = send, receive
        self._number, self._session = 0, None
        self.complaints: list[str] = []  # errors of scripts, and of what they asked for, since `open`
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What a method gives back."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        self._send.write(json.dumps(message | ({"sessionId": self._session} if self._session else {})).encode() + b"\0")
        self._send.flush()
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def _read(self) -> dict[str, Any]:
        raw = bytearray()
        while (letter := self._receive.read(1)) != b"\0":
            assert letter, "the browser has ended"
            raw += letter
        answer: dict[str, Any] = json.loads(raw)
        if answer.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(answer["params"]["exceptionDetails"]))
        if answer.get("method") == "Log.entryAdded" and answer["params"]["entry"]["level"] == "error":
            self.complaints.append(answer["params"]["entry"]["text"])
        return answer

    def open(self, address: str) -> None:
        """Go there."""
        self.complaints = []
        self.call("Page.navigate", url=address)

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript gives."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait(self, expression: str, seconds: float = 20.0) -> Any:
        """The same, once it is something."""
        until = time.monotonic() + seconds
        while not (found := self.value(expression)):
            assert time.monotonic() < until, f"never: {expression}"
            time.sleep(0.02)
        return found

    def press(self, key: str) -> None:
        """A key, down and up."""
        text = {"text": key} if len(key) == 1 else {}
        code = {"windowsVirtualKeyCode": {"Tab": 9, "Enter": 13, "ArrowLeft": 37, "ArrowRight": 39}.get(key, 0)}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", key=key, **text, **code)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, **code)

    def size(self, width: int, height: int, *, dark: bool = False) -> None:
        """Of the window; and whether the person likes it dark."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def shoot(self, path: Path) -> None:
        """A PNG of what is seen."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))


@contextlib.contextmanager
def browsing(browser: str, home: Path) -> Iterator[Page]:
    """A tab of a browser that keeps what it keeps in a folder."""
    theirs, send = os.pipe()
    receive, answers = os.pipe()
    high = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 64) for descriptor in (theirs, answers)]
    # The browser reads from 3 and writes to 4, which may be anything here.
    script = f'exec "$@" 3<&{high[0]} 4>&{high[1]}'
    command = ["bash", "-c", script, "bash", browser, *SWITCHES, f"--user-data-dir={home}", "--remote-debugging-pipe"]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, pass_fds=high, **silent) as process:  # type: ignore[call-overload]
        for descriptor in (theirs, answers, *high):
            os.close(descriptor)
        try:
            with os.fdopen(send, "wb") as out, os.fdopen(receive, "rb") as back:
                page = Page(out, back)
                yield page
                with contextlib.suppress(AssertionError):
                    page.call("Browser.close")
        finally:
            process.kill()
