#!/usr/bin/env python3
"""The web console over real containers: console_containers.py LINK SCREENSHOTS, for e2e/console_containers.sh."""

import sys
from pathlib import Path
from subprocess import SubprocessError
from urllib.parse import urlsplit

from browser import Browser, BrowserError
from page import Page, PageError
from still_network import StillNetwork


def play(page):
    page.dark()
    page.shows("Pods on their nodes")
    # What took too much is what needs attention.
    page.shows("greedy")
    page.shows("OOMKilled")
    page.picture("containers-overview")
    page.click("Deploy", ".menu-entry")
    page.type("input[placeholder^=nginx]", "skiff.local/kitten:1.0")
    page.click("Deploy", "button.primary")
    page.shows("Deployment default/kitten is there")
    page.click("Expose", "button.primary")
    page.shows("Service kitten is there")
    page.click("Scale to 3", "button.primary")
    page.shows("3 of 3 ready")
    page.picture("containers-deploy")
    # A container's own output, and a shell in one that has a shell.
    page.go("#/pod/default/greedy?tab=logs")
    page.until("document.querySelector('.log')?.innerText.includes('filling')", "what it said")
    page.go("#/pod/default/client")
    page.shows("Containers")
    page.click("Shell", "[role=tab]")
    page.until("/[#$]/.test(document.querySelector('.xterm-rows')?.innerText ?? '')", "a prompt")
    page.run("document.querySelector('.xterm-helper-textarea').focus()")
    page.page.keyboard.type("nslookup kitten.default.svc.cluster.local\n")
    page.until(r"/Address:\s*10\.96\./.test(document.querySelector('.xterm-rows').innerText)",
               "a name is found in a shell")
    page.picture("containers-shell")
    # More than a page draws as fast as it comes is left out, and what it ends with is there.
    page.page.keyboard.type("yes | head -c 16000000; echo the-$((1))-end\n")
    page.until("document.querySelector('.xterm-rows').innerText.includes('the-1-end')", "what a flood ends with")
    # What nodes use is measured, not made up.
    page.go("#/cluster")
    page.until("document.querySelectorAll('.gauge-used').length > 0", "what the node uses")
    page.go("#/create")
    page.until("!!document.querySelector('.editor-text')")
    page.type(".editor-text", "apiVersion: v1\nkind: Pod\nmetadata: {name: typed}\nspec:\n  containers:\n"
              "  - {name: c, image: 'busybox:1.35', imagePullPolicy: IfNotPresent, command: [sh, -c, 'echo begun; sleep 8']}\n")
    page.click("Show what would come of it")
    page.shows("would be created")
    page.click("Apply 1 object")
    page.shows("That is all: it is in the cluster.")
    page.click("typed", ".plan a")
    page.until("document.querySelector('.view-sub .badge')?.innerText === 'Running'", "it runs")
    # Its container ends and is started anew: what that one says is added.
    page.click("Logs", "[role=tab]")
    page.until("document.querySelector('.log')?.innerText.split('begun').length > 2", "what came after a restart", 120)


def main():
    link, screenshots = sys.argv[1:]
    screenshots = Path(screenshots)
    screenshots.mkdir(parents=True, exist_ok=True)
    place = urlsplit(link)
    # Pods come and go on this machine, and with them devices of its network.
    with StillNetwork(place.hostname, place.port), Browser(1440, 900) as browser:
        try:
            page = Page(browser, link, screenshots)
            play(page)
        except (BrowserError, PageError, OSError, SubprocessError) as failed:
            raise SystemExit(str(failed)) from None
        if browser.thrown:
            raise SystemExit("\n".join(browser.thrown))
    print(f"ok: the console over containers, {len(page.pictures)} pictures")


if __name__ == "__main__":
    main()
