"""The part of the console's play that is about maps of pods: who paints them, and how they are used from the keyboard."""

import json

# How many pixels of the map are of pods that run, as its two canvases show it: a canvas that a worker paints
# can be copied from, and not read.
GREEN = """
(() => {
  const shown = document.createElement('canvas');
  const pen = shown.getContext('2d');
  for (const each of document.querySelectorAll('.podmap canvas')) {
    shown.width = Math.max(shown.width, each.width);
    shown.height = Math.max(shown.height, each.height);
  }
  for (const each of document.querySelectorAll('.podmap canvas')) pen.drawImage(each, 0, 0);
  pen.fillStyle = getComputedStyle(document.body).getPropertyValue('--map-good');
  pen.fillRect(0, 0, 1, 1);
  const {data} = pen.getImageData(0, 0, shown.width, shown.height);
  let same = -1;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at] === data[0] && data[at + 1] === data[1] && data[at + 2] === data[2]) same += 1;
  }
  return same;
})()
"""


def maps(page):
    """The map is painted by a worker, and by the page itself where a browser has none or it does not begin."""
    page.go("#/overview")
    page.until(f"{GREEN} > 500", "a map with pods that run")
    page.until("performance.getEntriesByType('resource').some((each) => /\\/assets\\/map-[\\w-]+\\.js$/.test(each.name))",
               "a worker that paints it")
    page.until("[...document.querySelectorAll('.podmap canvas')].every((each) => { "
               "try { each.width = 1; return false; } catch { return true; } })", "canvases that are the worker's")
    for missing in ("delete HTMLCanvasElement.prototype.transferControlToOffscreen",
                    "HTMLCanvasElement.prototype.transferControlToOffscreen = window.__transfer; "
                    "window.Worker = class extends window.Worker { constructor() { super('no-such-worker.js'); } }"):
        page.run("window.__transfer ??= HTMLCanvasElement.prototype.transferControlToOffscreen; " + missing + "; void 0")
        page.go("#/services")
        page.until("!document.querySelector('.podmap')")
        page.go("#/overview")
        page.until(f"{GREEN} > 500", f"a map after: {missing}")
        page.until("!!document.querySelector('.podmap canvas').getContext('2d')", "a canvas that is the page's")
    # From the keyboard: the first pod is chosen, and the next one.
    page.run("document.querySelector('.podmap canvas').focus()")
    page.key("ArrowRight")
    first = page.until("document.querySelector('.podmap .tip strong')?.innerText")
    page.key("ArrowRight")
    page.until(f"document.querySelector('.podmap .tip strong')?.innerText !== {json.dumps(first)}")
