#!/usr/bin/env python3
"""Logs into the web console by the client certificate of a kubeconfig: console_certificate.py URL KUBECONFIG SCREENSHOTS.

First by the kubeconfig itself, whose key signs a challenge and is never sent; then by a browser that has the
certificate, and shows it once somebody chooses to."""

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


def is_left(page, text):
    kept = page.run("JSON.stringify(sessionStorage) + JSON.stringify(localStorage)")
    key = re.search(r"client-key-data: (\S+)", text).group(1)
    lines = base64.b64decode(key).decode().splitlines()[1:-1]
    return "PRIVATE" in kept or any(each in kept for each in [key, *lines])


def paste(page, text):
    page.click("kubeconfig", "[role=tab]")
    page.type("textarea", text)


def wrong(page, text):
    """What cannot log in, and what is said of it."""
    files = re.sub(r"client-(certificate|key)-data: \S+", r"client-\1: /home/me/client", text)
    paste(page, files)
    page.shows("kubectl config view --raw --flatten")
    other = page.run("""(async () => {
      const pair = await crypto.subtle.generateKey({name: 'ECDSA', namedCurve: 'P-256'}, true, ['sign']);
      const key = new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey));
      return btoa(String.fromCharCode(...key));
    })()""")
    pem = f"-----BEGIN PRIVATE KEY-----\n{other}\n-----END PRIVATE KEY-----\n"
    field = "client-key-data: " + base64.b64encode(pem.encode()).decode()
    paste(page, re.sub(r"client-key-data: \S+", field, text))
    page.click("Log in", "button.primary")
    page.shows("the certificate is of another key")


def by_kubeconfig(page, text):
    page.shows("Log in")
    wrong(page, text)
    paste(page, text)
    page.picture("kubeconfig")
    page.click("Log in", "button.primary")
    page.shows("Pods on their nodes")
    page.until("document.querySelector('.who-name')?.innerText === 'kubernetes-admin'")
    page.until("document.querySelector('.pulse')?.innerText === 'Live'")
    if is_left(page, text):
        raise PageError("a key is left behind")
    page.click("Log out")
    page.shows("Log in")


def by_browser(page, text):
    page.click("Certificate", "[role=tab]")
    page.shows("it shows it to the server with every request")
    time.sleep(MOMENT)
    if page.run("!document.querySelector('.login')"):
        raise PageError("to look at a way to log in logs in")
    page.click("Use the certificate", "button.primary")
    page.shows("Pods on their nodes")
    page.until("document.querySelector('.who-name')?.innerText === 'kubernetes-admin'")
    page.until("document.querySelector('.pulse')?.innerText === 'Live'")
    if is_left(page, text):
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
            page = Page(browser, url, Path(screenshots))
            page.dark()
            by_kubeconfig(page, text)
            by_browser(page, text)
        except (BrowserError, PageError) as failed:
            raise SystemExit(str(failed)) from None
        if browser.thrown:
            raise SystemExit("\n".join(browser.thrown))
    print("ok: the console by a client certificate")


if __name__ == "__main__":
    main()
