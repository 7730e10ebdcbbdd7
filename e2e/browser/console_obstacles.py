"""Parts of the play of console.py: links and objects that somebody made who means no good, a view that
fails, and hands that hold no mouse."""

import json
import re
import time

from page import PageError

VIEWS = ["overview", "topology", "cluster", "workloads", "pods", "services", "storage", "jobs", "events", "kinds",
         "deploy", "create"]


class Obstacles:
    """For a class that has a `page`, and runs `skiff`."""

    def links(self):
        """A link that names no object shows none: what is shown there could be deleted, and all with it."""
        page = self.page
        for link in ["pod/default", "pod/default/", "object/pods/default", "object/persistentvolumes",
                     "deployment/default", "service/default", "pod/default/.."]:
            page.go(f"#/{link}")
            page.shows("This object is not there, or not any more")
            page.until("!document.querySelector('main .danger')")
        # Nor does one that has a name of what every object in a script has.
        for view in ("overview/%", "constructor", "__proto__"):
            page.go(f"#/{view}")
            page.until("!!document.querySelector('.podmap canvas')?.style.height", view)
        for view in ("object/constructor/shop/x", "logs/__proto__/shop/x"):
            page.go(f"#/{view}")
            page.until("!!document.querySelector('main h1')", view)

    def strangers(self):
        """What others write into objects is text in every view, and no link leads to a script."""
        page = self.page
        self.skiff("apply", "-f", "e2e/browser/strangers.yaml")
        evil = "window.__evil"
        page.run(f"{evil} = 0; void 0")
        for view in (*VIEWS, "overview", "cluster?tab=quotas", "workloads?tab=statefulsets", "jobs?tab=cronjobs",
                     "deployment/strange/web", "service/strange/web", "service/strange/elsewhere",
                     "logs/deployments/strange/web", "object/deployments/strange/web", "object/deployments/strange/web?tab=yaml",
                     "object/ingresses/strange/web"):
            page.go(f"#/{view}")
            page.until("!!document.querySelector('main h1') && !document.querySelector('.spinner')", view)
            time.sleep(0.5)
            if page.run(f"{evil} || document.querySelectorAll('main img, main script, main iframe').length"):
                raise PageError(f"{view} takes what somebody wrote for its own")
            wrong = page.run("[...document.querySelectorAll('a[href]')].map((e) => e.href)"
                             ".filter((each) => !/^https?:/.test(each))")
            if wrong:
                raise PageError(f"{view} has a link to {wrong}")
        page.go("#/events")
        page.type("input[data-filter]", "__evil")
        page.shows("<img src=x")
        self.skiff("delete", "namespace", "strange", "--wait=false")

    def broken(self):
        """A view that fails says so, and the others go on."""
        page = self.page
        page.go("#/deploy")
        page.until("!!document.querySelector('input[placeholder^=nginx]')")
        page.run("window.__real = Date.prototype.toLocaleString; "
                 "Date.prototype.toLocaleString = () => { throw new Error('for a test'); }; void 0")
        page.go("#/pods")
        page.shows("This could not be shown")
        self.check("broken")
        page.go("#/deploy")
        page.until("!!document.querySelector('input[placeholder^=nginx]')")
        page.run("Date.prototype.toLocaleString = window.__real; void 0")
        page.go("#/pods")
        page.until("document.querySelectorAll('.table-row.link').length >= 6")

    def torn(self):
        """The page is of one version and its script of another, as behind a proxy that keeps one of them: the page itself
        says so, with its style sheet and without."""
        page = self.page
        for missing in (r"/assets/console-[^/]+\.js$", r"/assets/(console-[^/]+\.js|style-[^/]+\.css)$"):
            page.page.route(re.compile(missing), lambda route: route.fulfill(status=404))
            page.page.reload(wait_until="commit")
            page.shows("The console has not begun")
            page.picture("torn")
            page.page.unroute_all()
            page.click("Load it again")
            page.until("!!document.querySelector('main h1')?.closest('.shell')")
            page.goes("The console has not begun")

    def waiting(self):
        """Before the first of them have come nobody is told that there are none."""
        page = self.page
        held = []
        page.page.route(re.compile(r"/(events|pods|endpointslices)\?"), lambda route: held.append(route))
        for view, empty in (("overview", "No events."), ("deployment/shop/checkout", "No events."),
                            ("deployment/shop/checkout", "Nothing here yet."), ("object/statefulsets/shop/orders", "No events."),
                            ("services", "nobody answers"), ("storage", "nobody")):
            page.go(f"#/{view}")
            # What was followed before is shown as it was.
            page.page.reload(wait_until="commit")
            page.until("!!document.querySelector('main h1')?.closest('.shell')", view)
            page.until("document.querySelector('main').innerText.includes('Loading…') || !!document.querySelector('.table-row.link')", view)
            if page.run(f"document.querySelector('main').innerText.includes({json.dumps(empty)})"):
                raise PageError(f"{view} says “{empty}” before it is known")
        page.page.unroute_all()
        page.page.reload(wait_until="commit")
        page.until("!!document.querySelector('.table-row.link')")

    def keyboard(self):
        """Deployed, exposed and scaled without a mouse."""
        page = self.page
        page.go("#/overview")
        page.until("!!document.querySelector('.podmap canvas')?.style.height")
        page.begins()
        page.key("g")
        page.key("d")
        page.until("!!document.querySelector('input[placeholder^=nginx]')")
        self.tab_to("input[placeholder^=nginx]")
        page.insert("registry.example/keys:1")
        page.key("Enter")
        page.shows("Deployment default/keys is there")
        page.until("document.activeElement?.matches('.step-now select')", "the next step has the focus")
        self.tab_to(".step-now button.primary")
        page.key("Enter")
        page.shows("Service keys is there")
        page.until("document.activeElement?.matches('.step-now input')", "and the last one")
        self.tab_to(".step-now button.primary")
        page.key("Enter")
        page.shows("3 of 3 ready")
        page.until("document.activeElement?.matches('.steps a.primary')")
        page.key("Enter")
        page.shows("Revision 1")
        self.skiff("delete", "deployment,service", "keys")
        self.found_by_keys()

    def found_by_keys(self):
        """From a list's filter Enter opens the first row, and an arrow goes into the rows."""
        page = self.page
        page.go("#/pods")
        page.begins()
        page.until("document.querySelectorAll('.table-row.link').length >= 6")
        page.key("/")
        page.until("document.activeElement?.matches('[data-filter]')")
        page.insert("orders-1")
        page.until("document.querySelectorAll('.table-row.link').length === 1")
        page.key("Enter")
        page.until("location.hash === '#/pod/shop/orders-1'", "the row that was found")
        page.go("#/pods")
        page.begins()
        page.type("input[data-filter]", "orders-")
        page.until("document.querySelectorAll('.table-row.link').length === 3")
        page.run("document.querySelector('[data-filter]').focus()")
        page.key("ArrowDown")
        page.until("document.activeElement?.matches('[role=grid]')", "the rows")
        page.until("document.querySelector('.table-row[aria-selected=true]')?.innerText.includes('orders-0')", "the first row")
        page.key("ArrowDown")
        page.key("Enter")
        page.until("location.hash === '#/pod/shop/orders-1'", "the row that was gone to")

    def focus(self):
        """What was pressed keeps the focus while it is busy, and who closes a dialog is back where he was."""
        page = self.page
        self.skiff("create", "deployment", "focus", "--image=registry.example/focus:1")
        page.go("#/deployment/default/focus")
        page.begins()
        for label in ("One replica more", "Restart", "Pause", "Resume"):
            self.press(label)
            self.has_focus(("Resume" if label == "Pause" else "Pause") if label in ("Pause", "Resume") else label)
            page.clear()
        for label in ("Change image", "Delete"):
            self.press(label)
            page.until("!!document.querySelector('dialog[open]')")
            self.check(f"dialog: {label}")
            page.key("Escape")
            page.until("!document.querySelector('dialog')")
            self.has_focus(label)
        # Whoever chooses what he typed, and lets go beyond the dialog, has not left it.
        page.click("Change image")
        page.type("dialog input", "registry.example/typed:1")
        field = page.page.locator("dialog input").first.bounding_box()
        page.page.mouse.move(field["x"] + field["width"] / 2, field["y"] + field["height"] / 2)
        page.page.mouse.down()
        page.page.mouse.move(5, 5)
        page.page.mouse.up()
        page.until("document.querySelector('dialog[open] input')?.value === 'registry.example/typed:1'")
        page.page.mouse.click(5, 5)
        page.until("!document.querySelector('dialog')")
        # What goes with what it did leaves nobody on nothing.
        page.type(".scale-input", "4")
        self.press("Scale")
        page.until("document.activeElement?.matches('.scale-input')")
        page.until("![...document.querySelectorAll('button')].some((e) => e.innerText === 'Scale')")
        page.click("Change image")
        page.type("dialog input", "registry.example/focus:2")
        page.key("Enter")
        page.until("!!document.querySelector('[aria-label^=\"Go back to this\"]')")
        back = page.run("document.querySelector('[aria-label^=\"Go back to this\"]').getAttribute('aria-label')")
        self.press(back)
        page.goes(back)
        page.until("document.activeElement !== document.body", "a focus, where its button has gone")
        # What is typed outlives what it was typed for.
        page.click("Change image")
        page.type("dialog input", "registry.example/late:1")
        # Also for a container that it came to have meanwhile.
        self.skiff("patch", "deployment", "focus", "-p", '{"spec": {"template": {"spec": {"containers": '
                   '[{"name": "side", "image": "registry.example/side:1"}]}}}}')
        page.until("document.querySelectorAll('dialog[open] input').length === 2")
        field = page.run("[...document.querySelectorAll('dialog[open] input')].findIndex((e) => e.value.includes('side:1'))")
        page.type(f"dialog label:nth-of-type({field + 1}) input", "registry.example/side:2")
        self.skiff("delete", "deployment", "focus")
        page.shows("focus was deleted. What you typed stays here until you close this.")
        page.until("[...document.querySelectorAll('dialog[open] input')].map((e) => e.value).sort().join(' ') === "
                   "'registry.example/late:1 registry.example/side:2'")
        self.check("dialog of what is gone")
        page.click("Cancel", "dialog button")
        page.until("!document.querySelector('dialog')")

    def press(self, label):
        """By the keyboard."""
        which = ("[...document.querySelectorAll('main button')].find((e) => "
                 f"(e.getAttribute('aria-label') ?? e.innerText.trim()) === {json.dumps(label)})")
        self.page.until(f"!!{which} && {which}.ariaDisabled !== 'true'", label)
        self.page.run(f"{which}.focus()")
        self.page.key("Enter")

    def has_focus(self, label):
        focused = "document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.innerText?.trim()"
        self.page.until(f"({focused}) === {json.dumps(label)} && document.activeElement.ariaDisabled !== 'true'",
                        f"the focus on {label}")

    def tab_to(self, selector, most=40):
        for _ in range(most):
            if self.page.run(f"document.activeElement?.matches({json.dumps(selector)})"):
                return
            self.page.key("Tab")
        raise PageError(f"no Tab leads to {selector}")
