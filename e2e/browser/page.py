"""One page of a browser, used as somebody would: text is looked for, clicked and typed; what the page
says in its console is kept. On top of devtools.Browser."""

import base64
import json
import time

SECONDS = 30
# Finds what somebody would point at: by its visible text or its label, the innermost first.
FINDER = """
(want, role) => {
  const shown = (e) => e.getClientRects().length > 0;
  const top = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document;
  const all = [...top.querySelectorAll(role || 'button,a,[role=tab],[role=radio],label,summary')];
  const text = (e) => (e.getAttribute('aria-label') || e.innerText || '').trim();
  return all.filter(shown).find((e) => text(e) === want) ??
      all.filter(shown).find((e) => text(e).startsWith(want));
}
"""


class PageError(Exception):
    """The page is not as it should be."""


class Page:
    def __init__(self, browser, url, screenshots):
        self.browser = browser
        self.screenshots = screenshots
        self.pictures = []
        browser.open(url, "seen", "")
        browser.command("Log.enable")
        if "#login=" in url:
            self.click("Log in as", "button.primary")

    def run(self, script):
        answer = self.browser.command("Runtime.evaluate", {
            "expression": script, "awaitPromise": True, "returnByValue": True})
        if "exceptionDetails" in answer:
            raise PageError(f"{script[:200]}: {json.dumps(answer['exceptionDetails'])[:1500]}")
        return answer["result"].get("value")

    def until(self, script, what=None, seconds=SECONDS):
        deadline = time.monotonic() + seconds
        while True:
            value = self.run(script)
            if value:
                return value
            if time.monotonic() > deadline:
                self.picture("failed")
                raise PageError(f"not in {seconds} s: {what or script}; the page shows:\n" +
                                (self.run("document.body?.innerText") or "nothing")[:3000])
            time.sleep(0.1)

    def shows(self, text, seconds=SECONDS):
        self.until(f"document.body?.innerText.includes({json.dumps(text)})", f"“{text}”", seconds)

    def goes(self, text, seconds=SECONDS):
        self.until(f"document.body?.innerText.includes({json.dumps(text)}) === false", f"no “{text}”", seconds)

    def click(self, text, role="", seconds=SECONDS):
        """A real click of the mouse in the middle of it."""
        found = f"({FINDER})({json.dumps(text)}, {json.dumps(role)})"
        self.until(f"!!{found} && !{found}.disabled", f"“{text}” to click", seconds)
        self.run(f"{found}.scrollIntoView({{block: 'center'}})")
        box = self.run(f"(() => {{ const b = {found}.getBoundingClientRect(); "
                       "return [b.x + b.width / 2, b.y + b.height / 2]; })()")
        self.mouse(*box)

    def clear(self):
        """Closes what tells of things done before."""
        self.until("(document.querySelector('.toast button')?.click(), !document.querySelector('.toast'))")

    def still(self):
        """Nothing is pointed at, and nothing moves from one place to another."""
        self.browser.command("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": 1, "y": 1})
        self.until("!document.getAnimations().some((a) => a instanceof CSSTransition)")

    def mouse(self, x, y):
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            button = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
            self.browser.command("Input.dispatchMouseEvent",
                                 {"type": kind, "x": x, "y": y, **button})

    def type(self, selector, text):
        """Replaces what the field holds."""
        self.until(f"!!document.querySelector({json.dumps(selector)})?.getClientRects().length",
                   selector)
        self.run(f"(() => {{ const e = document.querySelector({json.dumps(selector)}); "
                 "e.focus(); e.select(); })()")
        self.browser.command("Input.insertText", {"text": text})

    def key(self, key, modifiers=0):
        text = key if len(key) == 1 and not modifiers else "\r" if key == "Enter" else None
        params = {"key": key, "modifiers": modifiers, **({"text": text} if text else {})}
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38, "ArrowRight": 39}
        params["windowsVirtualKeyCode"] = codes.get(key, ord(key[0].upper()))
        self.browser.command("Input.dispatchKeyEvent", {"type": "keyDown", **params})
        self.browser.command("Input.dispatchKeyEvent", {"type": "keyUp", **params})

    def go(self, place):
        self.run(f"void (location.hash = {json.dumps(place)})")

    def size(self, width, height, scale=1, phone=False):
        self.browser.command("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone})

    def media(self, **features):
        self.browser.command("Emulation.setEmulatedMedia", {"features": [
            {"name": name.replace("_", "-"), "value": value} for name, value in features.items()]})

    def picture(self, name):
        if self.screenshots is None:
            return
        self.run("document.fonts.ready.then(() => true)")
        answer = self.browser.command("Page.captureScreenshot", {"format": "png"})
        path = self.screenshots / f"{name}.png"
        path.write_bytes(base64.b64decode(answer["data"]))
        self.pictures.append(path)
