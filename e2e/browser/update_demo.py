#!/usr/bin/env python3
"""Watches the update demo's page in a real browser while one picture takes over from another.

    update_demo.py URL REPLICAS SCREENSHOTS -- ROLLING-UPDATE-COMMAND...

Opens the page, waits until REPLICAS pods show the nautilus, runs the command, and follows the page
until REPLICAS pods show the kitten and nothing else is there. Pictures count only when the browser has
really loaded them; at some moment both must have been shown side by side. Writes before.png, during.png
and after.png into the folder SCREENSHOTS. Fails with the page's last state.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

from browser import Browser, BrowserError

SECONDS_MAX = 600
BEFORE, AFTER = "nautilus.jpg", "kitten.jpg"
# Tells the binding `seen` which cards there are, whenever one changes or a picture has loaded.
REPORTER = """
addEventListener('DOMContentLoaded', () => {
  const report = () => seen(JSON.stringify({
    summary: document.getElementById('summary').textContent,
    cards: [...document.querySelectorAll('#pods > section')].map((box) => {
      const picture = box.querySelector('img');
      return { pod: box.dataset.pod, image: box.dataset.image,
               width: picture ? picture.naturalWidth : 0,
               height: picture ? picture.naturalHeight : 0 };
    }),
  }));
  new MutationObserver(report).observe(document.body,
      { childList: true, subtree: true, characterData: true, attributes: true });
  document.addEventListener('load', report, true);  // The window is not told of pictures.
  report();
});
"""


class Watcher:
    """Follows the page; remembers its last state and how the pictures went by."""

    def __init__(self, browser):
        self.browser = browser
        self.told = []
        self.last = "nothing"
        self.history = []
        browser.page.expose_function("seen", lambda told: self.told.append(told))
        browser.page.add_init_script(REPORTER)

    def until(self, what, reached):
        why = "not in time"
        deadline = time.monotonic() + SECONDS_MAX
        try:
            while time.monotonic() < deadline and not self.browser.thrown:
                while self.told:
                    self.last = self.told.pop(0)
                    cards = json.loads(self.last)["cards"]
                    counts = self.note(cards)
                    if reached(cards, *counts):
                        return cards
                self.browser.wait(0.02)
        except BrowserError as error:
            why = error
        open_ones = "\n".join(self.browser.requests.values())
        raise SystemExit(f"{what}: {why}; the page showed {self.last}\nIt threw: {self.browser.thrown}\n"
                         f"Requests that are not done or failed:\n{open_ones}")

    def note(self, cards):
        shown = [card["image"] for card in cards if card["width"] > 0]
        counts = (shown.count(BEFORE), shown.count(AFTER))
        if not self.history or self.history[-1] != counts:
            self.history.append(counts)
            print(f"   the page shows {counts[0]} nautilus, {counts[1]} kitten", flush=True)
        return counts


def main():
    url, replicas, screenshots, dashes, *command = sys.argv[1:]
    replicas, screenshots = int(replicas), Path(screenshots)
    if dashes != "--" or not command:
        raise SystemExit(__doc__)
    screenshots.mkdir(parents=True, exist_ok=True)
    with Browser() as browser:
        watcher = Watcher(browser)
        browser.open(url)
        watcher.until(f"{replicas} nautilus pods", lambda cards, before, after:
                      len(cards) == before == replicas and after == 0)
        browser.page.screenshot(path=screenshots / "before.png")
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as update:
            watcher.until("both pictures at once", lambda cards, before, after: before and after)
            browser.page.screenshot(path=screenshots / "during.png")
            cards = watcher.until(f"{replicas} kitten pods", lambda cards, before, after:
                                  len(cards) == after == replicas and before == 0)
            browser.page.screenshot(path=screenshots / "after.png")
            if update.wait(SECONDS_MAX) != 0:
                raise SystemExit(f"{' '.join(command)}: exit code {update.returncode}")
    sizes = {(card["width"], card["height"]) for card in cards}
    print(f"   every picture was loaded: the kitten is {sizes}, {len(watcher.history)} changes seen")


if __name__ == "__main__":
    main()
