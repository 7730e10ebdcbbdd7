#!/usr/bin/env python3
"""The server's certificate changes under an open page of the web console, and the browser does not trust the new one.

    console_changed.py URL TOKEN SCREENSHOTS, with what e2e/console.sh has for console.py in its environment

The browser trusts the key of the first certificate, as after somebody said so, and asks about any other one. A page is
told as of a server that does not answer; its link leads to where the browser asks, and once it trusts the server, the page
goes on with what was typed in it."""

import base64
import hashlib
import os
import shutil
import signal
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from browser import FLAGS, Browser, BrowserError
from page import SECONDS, Page, PageError

IMAGE = "registry.example/half-typed:1"


class TrustingBrowser(Browser):
    """One that trusts a key, and asks about every other one."""

    def __init__(self, width, height, key):
        super().__init__(width, height)
        self._key = key

    def _start(self, chromium, home, parts):
        self._browser = chromium.launch(executable_path=shutil.which("chromium"),
                                        args=[*FLAGS, f"--ignore-certificate-errors-spki-list={self._key}"],
                                        env={**os.environ, "HOME": home})
        parts.callback(self._browser.close)
        return self._browser.new_context(viewport=self._size, locale="en-US")


def key_of(url):
    """The digest of the public key that the server shows now, as Chromium wants it."""
    place = urlsplit(url)
    pem = ssl.get_server_certificate((place.hostname, place.port))
    key = subprocess.run(["openssl", "x509", "-pubkey", "-noout"], input=pem, text=True, check=True,
                         capture_output=True).stdout
    der = base64.b64decode("".join(key.splitlines()[1:-1]))
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


def change(url, key):
    """The server is another process with another certificate of the same authority."""
    data = Path(os.environ["data"])
    os.kill(int((data / "skiff.pid").read_text()), signal.SIGKILL)
    for part in ("crt", "key", "order"):
        (data / "pki" / f"apiserver.{part}").unlink()
    subprocess.run(["bash", "-c", f"up {os.environ['CONSOLE_PORT']}"], check=True)
    if key_of(url) == key:
        raise PageError("the server shows the certificate that it had")


def trust(page):
    """By the page's own link, in the tab where the browser asks."""
    with page.browser.context.expect_page() as opened:
        page.click("Look at the server", "a")
    tab = opened.value
    tab.locator("#details-button").click(timeout=1000 * SECONDS)
    tab.locator("#proceed-link").click(timeout=1000 * SECONDS)
    tab.wait_for_function("document.body?.innerText.trim() === 'ok'", timeout=1000 * SECONDS)
    tab.close()


def play(page, url, token, key):
    page.type("input[type=password]", token)
    page.click("Log in", "button.primary")
    page.until("document.querySelector('.pulse')?.innerText === 'Live'")
    page.go("#/deploy")
    page.type("input[placeholder^=nginx]", IMAGE)
    change(url, key)
    page.until("!!document.querySelector('.pulse-away')", "it says that nobody answers")
    page.shows("Where its certificate was changed")
    page.picture("certificate-changed")
    trust(page)
    page.until("!!document.querySelector('.pulse-live') && !document.querySelector('.trouble-bar')", "it goes on by itself")
    page.until(f"document.querySelector('input[placeholder^=nginx]')?.value === '{IMAGE}'", "what was typed")
    page.click("Deploy", "button.primary")
    page.shows("Deployment default/half-typed is there")


def main():
    url, token, screenshots = sys.argv[1:]
    key = key_of(url)
    with TrustingBrowser(1440, 900, key) as browser:
        try:
            page = Page(browser, url, Path(screenshots))
            page.dark()
            play(page, url, token, key)
        except (BrowserError, PageError) as failed:
            raise SystemExit(str(failed)) from None
        if browser.thrown:
            raise SystemExit("\n".join(browser.thrown))
    print("ok: the console under a certificate that changed")


if __name__ == "__main__":
    main()
