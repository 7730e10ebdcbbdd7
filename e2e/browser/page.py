"""One page of a browser, used as somebody would: text is looked for, clicked and typed. On top of
browser.Browser."""

import base64
import json
import time

from browser import BrowserError

# Only what never comes takes so long: a machine may be many times as slow as one's own.
SECONDS = 120
# Finds what somebody would point at: by its visible text or its label, the innermost first.
FINDER = """
([want, role]) => {
  const shown = (e) => e.getClientRects().length > 0;
  const top = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document;
  const all = [...top.querySelectorAll(role || 'button,a,[role=tab],[role=radio],label,summary')];
  const text = (e) => (e.getAttribute('aria-label') || e.innerText || '').trim();
  const found = all.filter(shown).find((e) => text(e) === want) ??
      all.filter(shown).find((e) => text(e).startsWith(want));
  if (!found || found.disabled || found.ariaDisabled === 'true') return null;
  window.__clicked = false;
  found.addEventListener('click', () => (window.__clicked = true), {once: true, capture: true});
  return found;
}
"""
# Of one attempt to click: what moves away under the mouse is looked for again.
CLICK_SECONDS = 15


class PageError(Exception):
    """The page is not as it should be."""


class Page:
    def __init__(self, browser, url, screenshots):
        self.browser = browser
        self.page = browser.page
        self.screenshots = screenshots
        self.pictures = []
        self._phone = None
        browser.open(url)
        if "#login=" in url:
            self.click("Log in as", "button.primary")

    def run(self, script):
        try:
            return self.page.evaluate(script)
        except BrowserError as error:
            raise PageError(f"{script[:200]}: {str(error)[:1500]}") from None

    def until(self, script, what=None, seconds=SECONDS):
        return self._until(lambda: self._seen(script), what or script, seconds)

    def _seen(self, script):
        try:
            return self.run(script)
        except PageError as error:
            # Another document takes the place of the one that was asked.
            if "Execution context was destroyed" in str(error):
                return None
            raise

    def _until(self, value_of, what, seconds):
        deadline = time.monotonic() + seconds
        while True:
            value = value_of()
            if value:
                return value
            if time.monotonic() > deadline:
                self.picture("failed")
                raise PageError(f"not in {seconds} s: {what}; the page shows:\n" +
                                (self.run("document.body?.innerText") or "nothing")[:3000])
            self.browser.wait(0.1)

    def until_said(self, value_of, words, seconds=SECONDS):
        """What somebody else says, once it has these words."""
        def said():
            value = value_of()
            return value if words in value else None
        return self._until(said, words, seconds)

    def shows(self, text, seconds=SECONDS):
        self.until(f"document.body?.innerText.includes({json.dumps(text)})", f"“{text}”", seconds)

    def goes(self, text, seconds=SECONDS):
        self.until(f"document.body?.innerText.includes({json.dumps(text)}) === false", f"no “{text}”", seconds)

    def click(self, text, role="", seconds=SECONDS):
        """A real click of the mouse in the middle of it, once it stands still and nothing is before it."""
        self._until(lambda: self._click([text, role]), f"“{text}” to click", seconds)

    def _click(self, which):
        found = None
        try:
            found = self.page.evaluate_handle(FINDER, which)
            button = found.as_element()
            # Once it is clicked, that is done: what comes of it may take its time, and the button go.
            return button is not None and (button.click(timeout=1000 * CLICK_SECONDS, no_wait_after=True) or True)
        except BrowserError:
            # What was clicked in time and told of too late is not clicked again.
            return self._seen("window.__clicked === true")
        finally:
            if found:
                found.dispose()  # Else the page keeps it, and all that it was within.

    def clear(self):
        """Closes what tells of things done before."""
        self.until("(document.querySelector('.toast button')?.click(), !document.querySelector('.toast'))")

    def still(self):
        """Nothing is pointed at, and nothing moves from one place to another."""
        self.page.mouse.move(1, 1)
        self.until("!document.getAnimations().some((a) => a instanceof CSSTransition)")

    def type(self, selector, text):
        """Replaces what the field holds."""
        self.page.locator(selector).first.fill(text, timeout=1000 * SECONDS)

    def insert(self, text):
        """Where the focus is."""
        self.page.keyboard.insert_text(text)

    def key(self, key):
        """One, as "Enter", or several at once, as "Control+k"."""
        self.page.keyboard.press(key)

    def go(self, place):
        """Returns when the page has left what it showed before: what is looked for then is of the new view."""
        self.run(f"""new Promise((gone) => {{
            const before = location.href;
            addEventListener('hashchange', () => setTimeout(gone), {{once: true}});
            location.hash = {json.dumps(place)};
            if (location.href === before) gone();
        }})""")

    def again(self):
        """The same place in a page that has just been loaded: it has fetched no more than it needs there."""
        self.page.reload(wait_until="commit")
        self.until("document.querySelector('.pulse')?.innerText === 'Live'")

    def begins(self):
        """A view begins at its heading, for those who hear it; and what keys do is of this view."""
        self.until("document.querySelector('main h1') && document.activeElement === document.querySelector('main h1')",
                   "the focus on the heading")

    def dark(self):
        self.page.emulate_media(color_scheme="dark")

    def phone(self, width, height, scale):
        """Narrow, with more than one dot a pixel, until `wide`."""
        self.page.set_viewport_size({"width": width, "height": height})
        self._phone = self.browser.devtools()
        self._phone.send("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": scale, "mobile": True})

    def wide(self, width, height):
        self._phone.detach()
        self._phone = None
        self.page.set_viewport_size({"width": width, "height": height})

    def picture(self, name):
        if self.screenshots is None:
            return
        path = self.screenshots / f"{name}.png"
        if self._phone is None:
            self.page.screenshot(path=path)
        else:  # Playwright's own has a dot a pixel.
            path.write_bytes(base64.b64decode(self._phone.send("Page.captureScreenshot")["data"]))
        self.pictures.append(path)
