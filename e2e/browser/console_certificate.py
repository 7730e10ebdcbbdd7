#!/usr/bin/env python3
"""Logs into the web console by the client certificate of a kubeconfig: console_certificate.py URL KUBECONFIG SCREENSHOTS.

The kubeconfig itself, pasted, says that no page can use its certificate; a browser that has it shows it, once
somebody chooses to."""

import base64
import re
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from browser import Browser, BrowserError
from page import Page, PageError

# In which a page that logs in by itself would have.
MOMENT = 2


def certificate_of(text, url):
    def part(name):
        return base64.b64decode(re.search(name + r": (\S+)", text).group(1))

    place = urlsplit(url)
    return {"origin": f"{place.scheme}://{place.netloc}", "cert": part("client-certificate-data"),
            "key": part("client-key-data")}


def play(page, text):
    page.dark()
    page.shows("Log in")
    page.click("kubeconfig", "[role=tab]")
    page.type("textarea", text)
    page.shows("has a client certificate. A page cannot use one")
    page.click("Certificate", "[role=tab]")
    page.shows("it shows it to the server with every request")
    time.sleep(MOMENT)
    if page.run("!document.querySelector('.login')"):
        raise PageError("to look at a way to log in logs in")
    page.click("Use the certificate", "button.primary")
    page.shows("Pods on their nodes")
    page.until("document.querySelector('.who-name')?.innerText === 'kubernetes-admin'")
    page.until("document.querySelector('.pulse')?.innerText === 'Live'")
    if "PRIVATE" in page.run("JSON.stringify(sessionStorage) + JSON.stringify(localStorage)"):
        raise PageError("a key is left behind")
    page.picture("certificate")
    # What it does is done by those rights.
    page.click("Deploy", ".menu-entry")
    page.type("input[placeholder^=nginx]", "registry.example/certified:1")
    page.click("Deploy", "button.primary")
    page.shows("Deployment default/certified is there")
    page.click("Log out")
    page.shows("Log in")


def main():
    url, kubeconfig, screenshots = sys.argv[1:]
    text = Path(kubeconfig).read_text(encoding="utf-8")
    with Browser(1440, 900, certificate_of(text, url)) as browser:
        try:
            play(Page(browser, url, Path(screenshots)), text)
        except (BrowserError, PageError) as failed:
            raise SystemExit(str(failed)) from None
        if browser.thrown:
            raise SystemExit("\n".join(browser.thrown))
    print("ok: the console by a client certificate")


if __name__ == "__main__":
    main()
