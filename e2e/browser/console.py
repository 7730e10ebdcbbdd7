#!/usr/bin/env python3
"""Plays the web console in a real browser, as a presenter would.

    console.py URL TOKEN GUEST-TOKEN SCREENSHOTS [AXE]

Logs in, by a token and by a link of `skiff console`, deploys an image, exposes it and scales it, follows a rollout and undoes it, reads logs,
opens a shell, edits YAML into a conflict and past it, creates objects from a text and from a file, drains a node, and goes through every view, dark, light and
as narrow as a phone, has the server go away and come back; then as a guest who may look at one namespace. In each view axe (AXE:
axe.min.js) looks for what somebody could not use. Fails when anything is missing, when the page
reports an error or something its Content-Security-Policy refused, and when it asked another host
for anything.
"""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from browser import Browser, BrowserError
from console_creation import Creation
from console_editing import Editing
from console_kinds import Kinds
from console_links import Links
from console_looks import Looks
from console_obstacles import Obstacles
from console_rollouts import Rollouts
from console_troubles import Troubles
from page import Page, PageError

# What a page may say in its console without anything being wrong: requests that were refused on purpose.
# A value of the wrong type in an apply is 500 in Kubernetes, too.
EXPECTED = ("deployments/nginx?fieldManager=skiff-console%3A",
            *(f"the server responded with a status of {code}" for code in (401, 403, 409, 422)),
            # Metrics, before anybody has looked at what is used.
            "metrics.k8s.io",
            # The worker of a map that has none.
            "no-such-worker.js",
            # A part of another version.
            "assets/terminal-", "assets/console-", "assets/style-",
            # A custom kind whose definition is deleted while the page knows it.
            "apis/example.com/v1/boats", "apis/example.com/v1/namespaces/shop/boats",
            # Whether an object is there that somebody wants to create; and what goes again then.
            "/namespaces/fleet", "/configmaps/typo", "customresourcedefinitions/hulls.sea.example",
            # A shell that somebody may not open.
            "pods/orders-0/exec?",
            # A view that fails on purpose.
            "Error: for a test")
# And while the server is away.
AWAY = ("net::ERR_", "the server responded with a status of 503")


class Play(Creation, Editing, Kinds, Links, Looks, Obstacles, Rollouts, Troubles):
    def __init__(self, page, token, guest, axe):
        self.page = page
        self.token = token
        self.guest = guest
        self.axe = axe
        self.found = []
        self.wrong = []

    def check(self, where):
        """What axe finds wrong in what is shown now."""
        if self.axe is None:
            return
        page = self.page
        if not page.run("!!window.axe"):
            page.run(self.axe + "; void 0")
        # What is fading in has no contrast yet. Those that go on for ever are not waited for.
        page.until("""document.getAnimations().every((each) =>
            each.playState !== 'running' || each.effect?.getComputedTiming().endTime === Infinity)""")
        result = page.run("""axe.run(document, {resultTypes: ['violations']}).then((r) =>
            r.violations.map((v) => [v.id, v.impact, v.nodes.slice(0, 4).map((n) =>
                n.html.slice(0, 160) + ' ' + (n.any[0]?.message ?? '').slice(0, 160))]))""")
        self.found += [(where, *each) for each in result]

    def login(self):
        page = self.page
        page.shows("Log in")
        page.picture("login")
        self.check("login")
        page.type("input[type=password]", "no-token-of-this-cluster")
        page.click("Log in", "button.primary")
        page.shows("The server does not accept this token")
        page.click("kubeconfig")
        # To choose a way is not yet to go it.
        page.until("!!document.querySelector('.login textarea')")
        page.until("!document.querySelector('.login .notice')")
        page.type("textarea", "apiVersion: v1\nkind: Config\ncurrent-context: here\ncontexts: [{name: here, "
                  "context: {user: me}}]\nusers:\n- {name: other, user: {client-certificate-data: x}}\n"
                  f"- name: me\n  user: {{token: {self.token}}}\n")
        page.until("document.querySelectorAll('.login select option').length === 2")
        page.click("Log in", "button.primary")
        page.shows("Pods on their nodes")
        page.until("document.querySelector('.pulse')?.innerText === 'Live'")
        page.until("!document.body.innerText.includes('Log in again')")

    def skiff(self, *words, given=None):
        subprocess.run([os.environ["skiff"], *words], check=True, stdout=subprocess.DEVNULL, input=given, text=True)

    def tell(self, away=False):
        """What the page has done so far that it should not have. `away`: the server was."""
        expected = EXPECTED + AWAY if away else EXPECTED
        self.page.run("0")  # What it has said so far is here before the answer.
        browser = self.page.browser
        self.wrong += [each[:1500] for each in browser.thrown]
        self.wrong += [f"{text} {url}" for text, url in browser.errors
                       if not any(each in f"{text} {url}" for each in expected)]
        browser.thrown.clear()
        browser.errors.clear()
        return self.wrong


def main():
    url, token, guest, screenshots, *rest = sys.argv[1:]
    screenshots = Path(screenshots)
    screenshots.mkdir(parents=True, exist_ok=True)
    axe = Path(rest[0]).read_text() if rest else None
    with Browser(1440, 900) as browser:
        page = Page(browser, url, screenshots)
        page.dark()
        play = Play(page, token, guest, axe)
        try:
            for part in (play.login, play.deploy, play.rollout, play.scaled, play.turned, play.pod, play.yaml, play.managers, play.kept, play.complete, play.create, play.details, play.quotas,
                         play.chaos, play.spaces, play.views, play.kinds, play.links,
                         play.held, play.strangers, play.broken, play.torn, play.waiting, play.keyboard, play.focus, play.looks, play.narrow, play.maps, play.away, play.expired, play.typed, play.reloaded, play.upgraded, play.listed, play.rights,
                         play.link):
                print(f"   {part.__name__}", flush=True)
                part()
        except (BrowserError, PageError) as error:
            raise SystemExit("\n".join([str(error), *play.tell()])) from None
        wrong = play.tell()
        hosts = {urlsplit(each).netloc for each in browser.asked} - {urlsplit(url).netloc, ""}
        if hosts:
            wrong.append(f"asked other hosts: {sorted(hosts)}")
        wrong += [f"axe: {each}" for each in play.found]
        if wrong:
            raise SystemExit("\n".join(wrong))
    checked = "" if axe is None else ", nothing found by axe"
    print(f"ok: the console, {len(page.pictures)} pictures{checked}")


if __name__ == "__main__":
    main()
