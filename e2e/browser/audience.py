#!/usr/bin/env python3
"""A class that watches in a browser: what `skiff console` opens as $BROWSER where there is no screen.

    AUDIENCE=DIRECTORY audience.py LINK

Opens the link, looks at the overview and the events, and writes down what stands there, as text, into a
file of its own in DIRECTORY: "PID.saw", or "PID.failed" with the reason.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from subprocess import SubprocessError
from urllib.parse import urlsplit

from browser import Browser, BrowserError
from page import Page, PageError
from still_network import StillNetwork


def watch(link):
    # Pods come and go on this machine, and with them devices of its network.
    place = urlsplit(link)
    with StillNetwork(place.hostname, place.port), Browser() as browser:
        page = Page(browser, link, None)
        page.shows("Pods on their nodes", 55)  # A link is good for a minute.
        page.until("document.querySelector('.pulse')?.innerText === 'Live'")
        page.goes("0 of 0 ready")
        # Who takes long to open a browser finds machines that the page has killed by then: they come back.
        with suppress(PageError):
            page.until(r"/\b([1-9]\d*) of \1 ready/.test(document.body.innerText)", seconds=60)
        seen = page.run("document.body.innerText")
        page.go("#/events")
        page.goes("Pods on their nodes")
        page.shows("Events")
        # Of a list that has come; a cluster that has just begun has events, too.
        page.until("document.querySelectorAll('main table tr, main .table-row').length > 1")
        return seen + "\n" + page.run("document.body.innerText")


def main():
    note = Path(os.environ["AUDIENCE"]) / str(os.getpid())
    note.touch()
    try:
        seen = watch(sys.argv[1])
    except (BrowserError, PageError, OSError, SubprocessError) as failed:
        note.with_suffix(".failed").write_text(f"{failed}\n", encoding="utf-8")
    else:
        note.with_suffix(".saw").write_text(seen, encoding="utf-8")
    note.unlink()


if __name__ == "__main__":
    main()
