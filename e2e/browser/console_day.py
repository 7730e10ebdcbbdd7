#!/usr/bin/env python3
"""A tab of the web console left open while much happens: console_day.py LINK DEPLOYMENTS ROUNDS.

All pods of the Deployments shop-1, shop-2, … come anew and their events go, ROUNDS times with somebody who
goes through the views, and as often with another tab before it. After each round the tab is asked what it
holds when its garbage is gone. While it is seen, the line that fits these points best must not rise: over
all of them by a tenth of what is held at most, which is what points scatter by. Hidden, it may hold twice as
much, on average."""

import os
import subprocess
import sys
import time

from browser import BrowserOfTabs
from page import Page

RISE_MAX = 0.1
WARM = 2
# MiB: what of a few pods comes and goes with the browser's own code and caches.
RISE_MIN = 0.75
# A hidden tab holds what there is, and what its components were last made from: each once.
HIDDEN_MAX = 2
# Nothing more has come for so long: it has all been read, also by a tab that is given little time.
STILL_SECONDS = 5
VIEWS = ("topology", "pods", "events", "workloads", "cluster", "services", "overview")
# Each line of a watch is read by it, and nothing else as often.
COUNT = """
(() => {
  const real = JSON.parse;
  window.__read = 0;
  JSON.parse = (...given) => (window.__read += 1, real(...given));
})()
"""


def held(devtools):
    """MiB of objects that somebody still needs, nodes of pages, and listeners."""
    for _ in range(3):
        devtools.send("HeapProfiler.collectGarbage")
    counts = devtools.send("Memory.getDOMCounters")
    return (devtools.send("Runtime.getHeapUsage")["usedSize"] / 2 ** 20, counts["nodes"],
            counts["jsEventListeners"])


def slope(points):
    """Of the line of least squares through (x, y)."""
    x_mean = sum(x for x, _ in points) / len(points)
    y_mean = sum(y for _, y in points) / len(points)
    return (sum((x - x_mean) * (y - y_mean) for x, y in points) /
            sum((x - x_mean) ** 2 for x, _ in points))


class Day:
    def __init__(self, page, deployments):
        self.page = page
        self.deployments = deployments
        self.images = 0
        self.devtools = page.browser.devtools()
        self.show(True)
        page.run(COUNT)

    def show(self, seen):
        self.page.browser.show(seen)
        self.page.until(f"document.hidden === {str(not seen).lower()}", f"the tab is {'' if seen else 'not '}seen")

    def read(self):
        return self.page.run("window.__read")

    def restart(self):
        """All pods come anew; waits until they have, for the server and for the page."""
        self.images += 1
        names = [f"deployment/shop-{each}" for each in range(1, self.deployments + 1)]
        for name in names:
            subprocess.run([os.environ["skiff"], "set", "image", name, f"shop=registry.example/shop:day-{self.images}"],
                           check=True, stdout=subprocess.DEVNULL)
        for name in names:
            subprocess.run([os.environ["skiff"], "rollout", "status", name, "--timeout=30m"], check=True,
                           stdout=subprocess.DEVNULL)

    def look_around(self):
        for view in VIEWS:
            self.page.go(f"#/{view}")
            self.page.until("!!document.querySelector('main h1') && !document.querySelector('.spinner')")
        self.page.until("!!document.querySelector('.podmap canvas')?.style.height")

    def round(self, seen):
        self.restart()
        # As the server does within an hour.
        subprocess.run([os.environ["skiff"], "delete", "--raw", "/api/v1/namespaces/default/events"],
                       check=True, stdout=subprocess.DEVNULL)
        if seen:
            self.look_around()

    def settle(self):
        """Until it has read what there is: what has only just come is held beside what it takes the place of."""
        read = None
        while read != (read := self.read()):
            time.sleep(STILL_SECONDS)

    def measure(self, rounds, seen):
        """Whether what the tab holds rises, over so many rounds; and how much that is on average."""
        self.show(seen)
        # What is kept once is no growth: every view's code.
        for _ in range(WARM):
            self.round(seen)
        points = []
        start = time.monotonic()
        for _ in range(rounds):
            self.round(seen)
            self.settle()
            megabytes, nodes, listeners = held(self.devtools)
            points.append((self.read(), megabytes))
            print(f"   {'seen' if seen else 'hidden'}, after {points[-1][0]:7} events: {megabytes:.1f} MiB of "
                  f"objects, {nodes} nodes, {listeners} listeners", flush=True)
        rise = slope(points) * (points[-1][0] - points[0][0])
        mean = sum(y for _, y in points) / len(points)
        print(f"   the line through them rises by {rise:+.2f} MiB over {points[-1][0] - points[0][0]} events "
              f"({time.monotonic() - start:.0f} s)")
        if seen and rise > max(RISE_MIN, mean * RISE_MAX):
            raise SystemExit(f"the tab grows: by {rise:.1f} MiB, of {mean:.1f}")
        return mean


def main():
    link, deployments, rounds = sys.argv[1:]
    with BrowserOfTabs(1440, 900) as browser:
        page = Page(browser, link, None)
        page.until("!!document.querySelector('.podmap canvas')?.style.height", "the map")
        day = Day(page, int(deployments))
        seen = day.measure(int(rounds), True)
        hidden = day.measure(int(rounds), False)
        if hidden > seen * HIDDEN_MAX:
            raise SystemExit(f"hidden, the tab grows: from {seen:.1f} to {hidden:.1f} MiB")
    print("ok: the tab does not grow")


if __name__ == "__main__":
    main()
