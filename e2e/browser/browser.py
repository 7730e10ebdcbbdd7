"""Debian's Chromium without a screen, driven by Playwright, which playwright.sh has installed."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time

from playwright.sync_api import Error, sync_playwright

# What the browser and its driver raise: refused, ended, or not in time.
BrowserError = Error
FLAGS = ["--disable-quic"]
START_SECONDS = 300
# So many times as slow as the machine is its processor for the page, to see what waits for too little.
SLOWED = float(os.environ.get("SLOWED", "1"))


class Browser:
    """One browser with one page. Use it in a `with`; leaving ends it and removes its profile.

        with Browser() as browser:
            browser.open(url)
            browser.page.screenshot(path="page.png")
    """

    def __init__(self, width=1200, height=800, certificate=None):
        """`certificate`: what it shows a server, as Playwright takes one."""
        self._certificates = [certificate] if certificate else []
        self._size = {"width": width, "height": height}
        self._parts = contextlib.ExitStack()
        self.requests = {}  # What the page has asked for, and what came of it so far, but for what went well.
        self.asked = set()  # Every URL it ever asked for.
        self.thrown = []  # What its scripts threw and nobody caught.
        self.errors = []  # Of its console, as (text, URL).

    def __enter__(self):
        with contextlib.ExitStack() as parts:
            # Debian's script writes below HOME, too.
            home = parts.enter_context(tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True))
            driver = parts.enter_context(sync_playwright())
            self.context = self._start(driver.chromium, home, parts)
            self.page = self.context.new_page()
            self._slow = self.devtools()
            self._slow.send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
            self._listen()
            self._parts = parts.pop_all()
        return self

    def _start(self, chromium, home, parts):
        self._browser = chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS,
                                        env={**os.environ, "HOME": home})
        parts.callback(self._browser.close)
        return self._browser.new_context(viewport=self._size, locale="en-US", ignore_https_errors=True,
                                         client_certificates=self._certificates)

    def __exit__(self, *_):
        self._parts.close()

    def _listen(self):
        page = self.page
        page.on("pageerror", lambda error: self.thrown.append(f"the page threw: {error.stack or error}"))
        page.on("console", lambda message: message.type == "error" and
                self.errors.append((message.text, message.location["url"])))
        page.on("websocket", lambda socket: self.asked.add(socket.url))
        self.context.on("request", self._request)
        self.context.on("response", lambda answer: self._note(answer.request, f"{answer.status}, not all of it"))
        self.context.on("requestfailed", lambda request: self._note(request, f"failed: {request.failure}"))
        self.context.on("requestfinished", self._finished)

    def _request(self, request):
        self.asked.add(request.url)
        self._note(request, "no answer")

    def _note(self, request, what):
        self.requests[request] = f"{request.url} {what}"

    def _finished(self, request):
        if self.requests.get(request, "").startswith(f"{request.url} 200"):
            del self.requests[request]

    def open(self, url):
        """Goes there, and does not wait for more than its first bytes."""
        self.page.goto(url, wait_until="commit")

    def wait(self, seconds):
        """Meanwhile what the page says and asks for is heard."""
        self.page.wait_for_timeout(1000 * seconds)

    def devtools(self):
        """What Playwright has no words for: `send(METHOD, PARAMETERS)` of the DevTools protocol."""
        return self.context.new_cdp_session(self.page)

    @contextlib.contextmanager
    def traced(self, categories):
        """What the browser does meanwhile: a list of the trace's events, which is filled at the end.

            with browser.traced(["toplevel"]) as events: ...
        """
        events = []
        self._browser.start_tracing(categories=categories)
        yield events
        events.extend(json.loads(self._browser.stop_tracing())["traceEvents"])


class BrowserOfTabs(Browser):
    """One in which a tab before another hides it, as for its user. Playwright has every page of a browser that
    it starts believe that it is looked at; of one that runs already it can be told to leave that alone."""

    def __init__(self, width=1200, height=800):
        super().__init__(width, height)
        self._others = []

    def _start(self, chromium, home, parts):
        size = f"--window-size={self._size['width']},{self._size['height']}"
        log = parts.enter_context(open(os.path.join(home, "log"), "w+b"))
        process = parts.enter_context(subprocess.Popen(
            ["chromium", *FLAGS, "--headless", "--no-sandbox", "--no-first-run", "--ignore-certificate-errors",
             "--remote-debugging-port=0", f"--user-data-dir={home}/profile", size, "--lang=en", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "HOME": home}))
        parts.callback(process.terminate)
        told = os.path.join(home, "profile", "DevToolsActivePort")
        deadline = time.monotonic() + START_SECONDS
        while not os.path.exists(told) or "\n" not in (text := open(told, encoding="utf-8").read()):
            if process.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                raise BrowserError(f"the browser does not start: {log.read()[-2000:].decode(errors='replace')}")
            time.sleep(0.05)
        self._browser = chromium.connect_over_cdp(f"http://127.0.0.1:{text.split()[0]}", no_defaults=True)
        return self._browser.contexts[0]

    def show(self, seen):
        """The page, or another tab before it."""
        if seen:
            self.page.bring_to_front()
            return
        if not self._others:
            self._others.append(self.context.new_page())
        self._others[0].bring_to_front()
