"""A headless Chromium of our own, spoken to over its DevTools pipe: JSON messages that end in NUL,
to its file descriptor 3 and from its 4. Nothing but the standard library."""

import base64
import contextlib
import json
import os
import select
import subprocess
import tempfile
import time

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic",
    "--no-first-run", "--no-default-browser-check", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-breakpad",
    "--disable-features=Translate,OptimizationHints,MediaRouter", "--metrics-recording-only",
    "--remote-debugging-pipe", "--window-size=1200,800", "about:blank",
]
ANSWER_BYTES_MAX = 64 << 20
TRACE_SECONDS = 60


class BrowserError(Exception):
    """The browser refused a command, ended, or did not answer in time."""


class Browser:
    """One browser with one page. Use it in a `with`; leaving ends it and removes its profile.

        with Browser() as browser:
            browser.open(url, binding="seen", script="...")
            for payload in browser.calls(deadline): ...
    """

    def __init__(self, program="chromium", flags=()):
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()

        def place():  # In the child: the pipes become 3 and 4, whatever numbers they have.
            first, second = os.dup(to_read), os.dup(to_write)
            high_read, high_write = os.dup2(first, 63), os.dup2(second, 64)
            os.dup2(high_read, 3, inheritable=True)
            os.dup2(high_write, 4, inheritable=True)

        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [program, f"--user-data-dir={self._profile.name}", *flags, *FLAGS], close_fds=False,
            preexec_fn=place, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
            env={**os.environ, "HOME": self._profile.name})
        os.close(to_read)
        os.close(to_write)
        self._next_id = 0
        self._buffer = b""
        self._events = []
        self._session = None
        self.requests = {}  # By id: what the page has asked for, and what came of it so far.
        self.asked = set()  # Every URL it ever asked for.

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.command("Browser.close", on_page=False)
        except BrowserError:
            self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read)
        os.close(self._write)
        self._profile.cleanup()

    def open(self, url, binding, script):
        """Opens the page; `script` runs in it before its own scripts and may call `binding(text)`."""
        target = self.command("Target.createTarget", {"url": "about:blank"}, on_page=False)
        attached = self.command("Target.attachToTarget",
                                {"targetId": target["targetId"], "flatten": True}, on_page=False)
        self._session = attached["sessionId"]
        self.command("Page.enable")
        self.command("Runtime.enable")
        self.command("Network.enable")
        self.command("Runtime.addBinding", {"name": binding})
        self.command("Page.addScriptToEvaluateOnNewDocument", {"source": script})
        answer = self.command("Page.navigate", {"url": url})
        if answer.get("errorText"):
            raise BrowserError(f"{url}: {answer['errorText']}")

    def screenshot(self, path):
        answer = self.command("Page.captureScreenshot", {"format": "png"})
        with open(path, "wb") as out:
            out.write(base64.b64decode(answer["data"]))

    def calls(self, seconds):
        """Yields what the page's script hands to the binding; ends with an error after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            while self._events:
                event = self._events.pop(0)
                if event["method"] == "Runtime.bindingCalled":
                    yield event["params"]["payload"]
                if event["method"] == "Runtime.exceptionThrown":
                    raise BrowserError(f"the page threw: {json.dumps(event['params'])[:2000]}")
            self._keep(self._receive(deadline))

    @contextlib.contextmanager
    def traced(self, categories):
        """What the browser does meanwhile: a list of the trace's events, which is filled at the end.

            with browser.traced(["toplevel"]) as events: ...
        """
        events = []
        self.command("Tracing.start", {
            "transferMode": "ReturnAsStream", "traceConfig": {"includedCategories": categories}}, on_page=False)
        yield events
        self.command("Tracing.end", on_page=False)
        deadline = time.monotonic() + TRACE_SECONDS
        while not (done := [e for e in self._events if e["method"] == "Tracing.tracingComplete"]):
            self._keep(self._receive(deadline))
        self._events.remove(done[0])
        stream, text = done[0]["params"]["stream"], b""
        while True:
            part = self.command("IO.read", {"handle": stream, "size": 8 << 20}, on_page=False)
            data = part["data"].encode()
            text += base64.b64decode(data) if part.get("base64Encoded") else data
            if part["eof"]:
                break
        self.command("IO.close", {"handle": stream}, on_page=False)
        events.extend(json.loads(text)["traceEvents"])

    def take_events(self):
        """What came in beside answers to commands since the last time."""
        events, self._events = self._events, []
        return events

    def _keep(self, message):
        """Notes an event: those of requests in `requests`, others for `calls`."""
        method, params = message.get("method", ""), message.get("params", {})
        number = params.get("requestId")
        if method == "Network.requestWillBeSent":
            self.requests[number] = [params["request"]["url"], "no answer"]
            self.asked.add(params["request"]["url"])
        elif method == "Network.responseReceived":
            self.requests[number][1] = f"{params['response']['status']}, not all of it"
        elif method == "Network.loadingFailed":
            self.requests[number][1] += f", failed: {params['errorText']}"
        elif method == "Network.loadingFinished":
            if self.requests[number][1].startswith("200"):
                del self.requests[number]
        elif method:
            self._events.append(message)

    def command(self, method, params=None, on_page=True, seconds=60):
        self._next_id += 1
        message = {"id": self._next_id, "method": method, "params": params or {}}
        if on_page:
            message["sessionId"] = self._session
        try:
            os.write(self._write, json.dumps(message).encode() + b"\0")
        except BrokenPipeError:
            raise BrowserError(f"the browser has ended: {self._log_tail()}") from None
        deadline = time.monotonic() + seconds
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == self._next_id:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self._keep(answer)

    def _receive(self, deadline):
        while b"\0" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._read], [], [], left)[0]:
                raise BrowserError("the browser said nothing in time")
            data = os.read(self._read, 1 << 20)
            if not data:
                raise BrowserError(f"the browser has ended: {self._log_tail()}")
            self._buffer += data
            if len(self._buffer) > ANSWER_BYTES_MAX:
                raise BrowserError("the browser's answer is too long")
        text, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(text)

    def _log_tail(self):
        self._log.seek(0)
        return self._log.read()[-2000:].decode(errors="replace")
