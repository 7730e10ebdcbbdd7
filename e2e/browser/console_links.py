"""The part of the play of console.py that is about links that log in."""

import json
import os
import subprocess
import time
from pathlib import Path

from page import SECONDS, PageError


class Links:
    """For a class that has a `page`, and checks what is shown."""

    def link(self):
        """A link of `skiff console`: logged in by a certificate that no page could use, and once."""
        page = self.page
        said = subprocess.run([os.environ["skiff"], "console"], check=True, capture_output=True, text=True,
                              env={**os.environ, "BROWSER": f"{os.environ['work']}/browser"}).stdout
        if "logged in as" not in said or "#login=" in said:
            raise PageError(f"skiff console said: {said}")
        link = self.written(os.environ["CONSOLE_LINK"])
        page.browser.open("about:blank")
        page.browser.open(link)
        page.shows("Do not log in")
        if page.run("sessionStorage.length") != 0:
            raise PageError("a link logs in by itself, whoever made it")
        page.picture("link")
        self.check("link")
        page.click("Log in as", "button.primary")
        page.shows("Pods on their nodes")
        if "login" in page.run("location.href"):
            raise PageError("the link stays where others see it")
        token = page.run("JSON.parse(sessionStorage['skiff.session']).token")
        page.click("Log out")
        page.shows("Bearer token, or the link")
        who = ("fetch('/api/v1/nodes', {headers: {Authorization: 'Bearer ' + " + json.dumps(token) +
               "}}).then((r) => r.status)")
        page.until(f"{who}.then((code) => code === 401)", "its session is over for the server, too")
        page.browser.open("about:blank")
        page.browser.open(link)
        page.shows("This link was used already")
        page.picture("link-used")
        self.decline()
        # Typed in place of a token; it begins in the namespace that it names.
        fresh = subprocess.run([os.environ["skiff"], "console", "--print", "-n", "shop"], check=True, capture_output=True,
                               text=True).stdout.strip()
        page.type("input[type=password]", fresh)
        page.click("Log in", "button.primary")
        page.shows("Pods on their nodes")
        page.until("!!document.querySelector('[aria-label=\"Namespace: shop\"]')", "the namespace of the link")
        page.click("Log out")
        page.shows("Bearer token, or the link")
        page.run("localStorage.removeItem('skiff.namespace')")
        page.browser.open("about:blank")
        page.browser.open(fresh.split("?")[0])
        page.shows("Bearer token, or the link")

    def decline(self):
        """Somebody else's link leaves whoever was logged in as he was, and its session has ended."""
        page = self.page
        page.type("input[type=password]", self.token)
        page.click("Log in", "button.primary")
        page.shows("Pods on their nodes")
        before = page.run("sessionStorage['skiff.session']")
        link = subprocess.run([os.environ["skiff"], "console", "--print"], check=True, capture_output=True,
                              text=True).stdout.strip()
        page.run(f"location.hash = {json.dumps(link[link.index('#'):])}")
        page.shows("Do not log in")
        page.click("Do not log in", "button")
        page.shows("Pods on their nodes")
        if page.run("sessionStorage['skiff.session']") != before:
            raise PageError("a link that was declined changed who is logged in")
        page.click("Log out")
        page.shows("Bearer token, or the link")

    def written(self, path):
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            if os.path.exists(path) and (text := Path(path).read_text().strip()):
                return text
            time.sleep(0.1)
        raise PageError(f"nobody wrote {path}")
