#!/usr/bin/env python3
"""Measures the web console over thousands of pods: console_scale.py LINK PODS WORKLOADS SCREENSHOTS.

What the page does is counted on its main thread, in processor time; how far pictures were apart is
told as the page's own requestAnimationFrame sees it, and says as much of the machine."""

import bisect
import collections
import os
import subprocess
import sys
import time
from pathlib import Path

from browser import Browser
from page import Page

PICTURE_MS = 1000 / 60
# Of the main thread, for what comes from the server: the rest is for sixty pictures a second.
NEWS_MAX = 0.5
# Updates of a fifth of the pods that a tab lives through, and how much more it may hold after them.
CHURNS = 5
GROWTH_MAX = 1.15
# The Deployments that change.
ROLLED = range(1, 6)
# The page has read what went when it holds the same some seconds later: it may be behind for long on a busy machine.
SETTLED_SECONDS = 5
SETTLED_LOOKS = 24
SETTLED_MIB = 0.1
# Counts pictures, and how far apart they are, until it is asked.
WATCH = """
window.__times = [];
window.__on = true;
(function next(time) { window.__times.push(time); if (window.__on) requestAnimationFrame(next); })(performance.now());
void 0
"""
# Of the browser's collector of garbage, which comes when it will.
COLLECTOR = ("MajorGC", "MinorGC", "V8.GCIncrementalMarking")
TOLD = """
(() => {
  window.__on = false;
  const gaps = window.__times.slice(1).map((t, at) => t - window.__times[at]).sort((a, b) => a - b);
  return {count: gaps.length, median: gaps[gaps.length >> 1] ?? 0, p95: gaps[Math.floor(gaps.length * 0.95)] ?? 0};
})()
"""
SCROLL = """
new Promise((done) => {
  const box = document.querySelector('.table');
  let left = 300;
  (function step() {
    box.scrollTop = (box.scrollTop + 137) % (box.scrollHeight - box.clientHeight);
    if (--left > 0) requestAnimationFrame(step); else done(box.querySelectorAll('.table-row').length);
  })();
})
"""


class Measure:
    def __init__(self, page):
        self.page = page
        self.failed = []
        self.devtools = page.browser.devtools()
        self.devtools.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy(self):
        answer = self.devtools.send("Performance.getMetrics")
        return {each["name"]: each["value"] for each in answer["metrics"]}["TaskDuration"]

    def during(self, what, work, news=False):
        page = self.page
        page.run(WATCH)
        before, start = self.busy(), time.monotonic()
        with page.browser.traced(["toplevel", "devtools.timeline", "cc"]) as events:
            work()
        seconds, busy = time.monotonic() - start, self.busy() - before
        told = page.run(TOLD)
        cost = 1000 * busy / max(1, told["count"])
        print(f"   {what}: {told['count']} pictures in {seconds:.1f} s ({told['count'] / seconds:.0f} a second; "
              f"apart {told['median']:.1f} ms, 95 % within {told['p95']:.1f}), "
              f"{cost:.1f} ms of the main thread a picture, {100 * busy / seconds:.0f} % of its time", flush=True)
        tasks = tasks_of(events)
        print(f"      its longest task {tasks[0]:.1f} ms; {sum(each > PICTURE_MS for each in tasks)} of {len(tasks)} "
              f"beyond {PICTURE_MS:.1f} ms", flush=True)
        rasters = rasters_of(events)
        usual = rasters[len(rasters) // 20] if rasters else 0
        print(f"      raster tasks of {len(rasters)} pictures: 95 % of them within {usual:.1f} ms of processor time", flush=True)
        if news and busy / seconds > NEWS_MAX:
            self.failed.append(f"{what}: {100 * busy / seconds:.0f} % of the main thread")
        if not news and cost > PICTURE_MS:
            self.failed.append(f"{what}: a picture costs {cost:.1f} ms")


def tasks_of(events):
    """Milliseconds of processor time of each task of the page's main thread, the longest first, less
    what of it is the collection of garbage."""
    mains = {(e["pid"], e["tid"]) for e in events
             if e["name"] == "thread_name" and e["args"]["name"] == "CrRendererMain"}
    threads = {}
    for event in events:
        if event["ph"] == "X" and (event["pid"], event["tid"]) in mains:
            threads.setdefault((event["pid"], event["tid"]), []).append(event)
    busiest = max(threads.values(), key=lambda thread: sum(e.get("tdur", 0) for e in thread))
    tasks = sorted((e for e in busiest if e["name"].endswith("RunTask")), key=lambda e: e["ts"])
    begins = [task["ts"] for task in tasks]
    times = [task.get("tdur", 0) for task in tasks]
    for event in busiest:
        at = bisect.bisect_right(begins, event["ts"]) - 1
        if event["name"] in COLLECTOR and at >= 0:
            times[at] -= event.get("tdur", 0)
    return sorted((each / 1000 for each in times), reverse=True)


def rasters_of(events):
    """Milliseconds of processor time, the longest first, that each picture took of which something had to be drawn anew,
    all threads together that draw. The browser makes no other picture meanwhile."""
    pictures = collections.Counter()
    for event in events:
        if event["ph"] == "X" and event["name"] == "RasterTask":
            picture = event["args"]["tileData"]["sourceFrameNumber"]
            pictures[event["pid"], picture] += event.get("tdur", 0) / 1000
    return sorted(pictures.values(), reverse=True)


def held(devtools):
    """MiB of objects that somebody still needs."""
    for _ in range(3):
        devtools.send("HeapProfiler.collectGarbage")
    return devtools.send("Runtime.getHeapUsage")["usedSize"] / 2 ** 20


def held_alone(measure):
    """The same once all pods are there and the page has read that, and without events, of which the server keeps an
    hour: there would be more of them each time."""
    for number in ROLLED:
        subprocess.run([os.environ["skiff"], "rollout", "status", f"deployment/shop-{number}"], check=True,
                       stdout=subprocess.DEVNULL)
    subprocess.run([os.environ["skiff"], "delete", "--raw", "/api/v1/namespaces/default/events"], check=True,
                   stdout=subprocess.DEVNULL)
    last = held(measure.devtools)
    for _ in range(SETTLED_LOOKS):
        time.sleep(SETTLED_SECONDS)
        before, last = last, held(measure.devtools)
        if abs(last - before) < SETTLED_MIB:
            break
    return last


def image(number, tag):
    subprocess.run([os.environ["skiff"], "set", "image", f"deployment/shop-{number}",
                    f"shop=registry.example/shop:{tag}"], check=True, stdout=subprocess.DEVNULL)


def picture_of_change(page):
    """What docs/console.md shows: pods that begin and pods that end. On a fast machine ten seconds see the end of it."""
    for number in ROLLED:
        image(number, "picture")
    page.until("['Starting', 'Terminating'].every(word => document.querySelector('.legend')?.innerText.includes(word))")
    page.picture("five-thousand")
    page.until("!['Starting', 'Terminating'].some(word => document.querySelector('.legend')?.innerText.includes(word))",
               "all as it was", 600)


def main():
    link, pods, workloads, screenshots = sys.argv[1:]
    pods = int(pods)
    screenshots = Path(screenshots)
    screenshots.mkdir(parents=True, exist_ok=True)
    with Browser(1440, 900) as browser:
        start = time.monotonic()
        page = Page(browser, link, screenshots)
        page.dark()
        page.until(f"document.querySelector('.podmap canvas')?.getAttribute('aria-label')?.includes('Map of {pods} pods')",
                   "all pods", 600)
        print(f"   {pods} pods are on the map {time.monotonic() - start:.1f} s after the link was opened")
        measure = Measure(page)
        measure.during("at rest", lambda: time.sleep(5))

        def roll(tag):
            for number in ROLLED:
                image(number, tag)
            time.sleep(10)

        measure.during("the map, while five of the Deployments change their image", lambda: roll("2"), news=True)
        picture_of_change(page)
        page.go("#/topology")
        page.until("document.querySelectorAll('.topo-box').length > 25")
        measure.during("the topology, while five of them change again", lambda: roll("3"), news=True)
        page.picture("five-thousand-topology")
        page.go("#/pods")
        page.until("document.querySelectorAll('.table-row.link').length > 10")
        rows = []
        measure.during("scrolling the list of all pods", lambda: rows.append(page.run(SCROLL)))
        page.run("document.querySelector('.table').scrollTop = 0; void 0")
        measure.during("the list of all pods, while five of them change again", lambda: roll("4"), news=True)
        page.click("Node", ".sort")
        page.type("input[data-filter]", "node-1")
        measure.during("the same, sorted and filtered", lambda: roll("5"), news=True)
        page.type("input[data-filter]", "shop-7-")
        page.until(f"document.querySelector('.rows').innerText.startsWith('{pods // int(workloads)} of')")
        print(f"   {rows[0]} rows in the page; {held(measure.devtools):.0f} MiB of objects")
        page.type("input[data-filter]", "")
        roll("6")
        first = held_alone(measure)
        for tag in range(7, 7 + CHURNS):
            roll(tag)
        last = held_alone(measure)
        print(f"   {first:.1f} MiB of objects, and {last:.1f} after {CHURNS * pods // int(workloads) * 5} pods more came and went")
        if last > first * GROWTH_MAX:
            measure.failed.append(f"the tab has grown from {first:.1f} to {last:.1f} MiB")
    if measure.failed and os.environ.get("NEEDED") != "0":
        raise SystemExit("\n".join(measure.failed))
    print("ok: the console over many pods")


if __name__ == "__main__":
    main()
