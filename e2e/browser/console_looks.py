"""The part of the play of console.py that goes through all views: dark, light, as narrow as a phone."""

import json
import os
import re
import subprocess
import time

from console_maps import maps
from console_obstacles import VIEWS
from page import PageError


class Looks:
    """For a class that has a `page`, checks what is shown, and runs `skiff`."""

    def chaos(self):
        page = self.page
        page.go("#/events")
        page.until("document.querySelectorAll('.fault').length === 2")
        page.shows("partition of node/node-1 for 40s")
        page.shows("took 40s")
        page.shows("goes on")
        self.choose("shop")
        # What broke a node broke what is in any namespace; its Event is in one of them.
        page.goes("partition of node/node-1 is over")
        page.until("document.querySelectorAll('.fault').length === 2", "in a namespace")
        self.choose("All namespaces")

    def choose(self, space):
        """By some letters of its name."""
        page = self.page
        page.click("Namespace: ", ".space-button")
        page.type(".spaces-pop input", space)
        page.until(f"document.querySelector('.spaces-entry[aria-selected=true]')?.innerText === {json.dumps(space)}")
        page.key("Enter")
        page.until(f"document.activeElement?.getAttribute('aria-label') === {json.dumps('Namespace: ' + space)}", "the focus back")

    def spaces(self):
        """A namespace is found by the keys alone, and rows of one namespace do not say which."""
        page = self.page
        page.go("#/pods")
        page.until("[...document.querySelectorAll('[role=columnheader]')].some((e) => e.innerText === 'Namespace')")
        page.click("Namespace: ", ".space-button")
        page.until("document.activeElement?.matches('.spaces-pop input')", "the focus in what finds one")
        self.check("namespaces")
        page.picture("namespaces")
        page.insert("no such thing")
        page.shows("No namespace has that name.")
        page.key("Escape")
        page.until("document.activeElement?.matches('.space-button') && !document.querySelector('.spaces-pop')")
        self.choose("shop")
        page.until("![...document.querySelectorAll('[role=columnheader]')].some((e) => e.innerText === 'Namespace')")
        # One that is deleted while it is looked at.
        self.skiff("create", "namespace", "fleeting")
        self.choose("fleeting")
        self.skiff("delete", "namespace", "fleeting")
        page.shows("The namespace fleeting is not there any more")
        self.check("a namespace that is gone")
        page.click("All namespaces", ".trouble-bar button")
        page.until("!document.querySelector('.trouble-bar')")
        page.until("document.activeElement !== document.body", "a focus, where its button has gone")
        self.choose("shop")
        # Who presses beside it has not chosen.
        page.click("Namespace: ", ".space-button")
        page.page.mouse.click(900, 500)
        page.until("!document.querySelector('.spaces-pop')")
        self.choose("All namespaces")
        page.still()

    def quotas(self):
        page = self.page
        page.go("#/cluster?tab=quotas")
        page.shows("count/deployments.apps")
        page.shows("Used up")
        page.picture("quotas")
        self.check("quotas")
        page.go("#/cluster")
        # Where the page was not told for a while, a line is in pieces.
        page.until("document.querySelectorAll('.plot-line').length >= 2", "what nodes use")
        page.until("document.querySelectorAll('.gauge-used').length > 0")

    def views(self):
        page = self.page
        page.clear()
        for view in VIEWS:
            page.go(f"#/{view}")
            self.settled()
            if view == "overview":
                page.until("!!document.querySelector('.podmap canvas')?.style.height")
                self.says_why()
            page.picture(view if view not in ("deploy", "create") else f"{view}-empty")
            self.check(view)
        page.go("#/service/default/nginx")
        page.begins()
        page.until("document.querySelectorAll('.answer').length === 4")
        page.picture("service")
        self.check("service")
        page.go("#/service/shop/payments")
        page.shows("No pod of this namespace has app=payments.")
        self.check("service that nobody answers")
        page.go("#/service/default/nginx")
        page.begins()
        page.key("Control+k")
        page.type("dialog input", "nginx")
        page.until("document.querySelectorAll('.palette-entry').length > 2")
        page.picture("palette")
        self.check("palette")
        page.key("Escape")
        page.until("!document.querySelector('dialog')")
        page.begins()  # Where it was before.

    def says_why(self):
        """What `skiff why` begins with is what the page says of a pod that waits for a node."""
        said = subprocess.run([os.environ["skiff"], "why", "pod/training", "-n", "shop"], check=True, capture_output=True,
                              text=True).stdout.splitlines()[0]
        name, why = said.removesuffix(".").split(" is pending: ")
        if name != "pod/training" or "it wants 400 cpu" not in why:
            raise PageError(f"skiff why says: {said}")
        self.page.until(f"document.querySelector('.troubles')?.innerText.includes({json.dumps(why)})", why)

    def held(self):
        """And of what volumes, devices and a provisioner that is silent hold back."""
        page = self.page
        self.skiff("apply", "-f", "e2e/browser/held.yaml")
        for what, place, before in (("pod/far", "pod/held/far", "is pending: each of"),
                                    ("pod/devices", "pod/held/devices", "is pending: there is no claim"),
                                    ("persistentvolumeclaim/silent", "object/persistentvolumeclaims/held/silent", "is pending: its class")):
            why = page.until_said(lambda: subprocess.run([os.environ["skiff"], "why", what, "-n", "held"], check=False, capture_output=True,
                                                         text=True).stdout.splitlines()[0], before)
            page.go(f"#/{place}")
            page.begins()
            sentence = why.removesuffix(".").split(" is pending: ")[1]
            page.until(f"document.querySelector('main .notice')?.innerText.includes({json.dumps(sentence)})", sentence)
        self.check("a claim that has no volume")
        page.go("#/storage")
        page.until("[...document.querySelectorAll('.cell-under')].some((each) => "
                   f"each.innerText.includes({json.dumps(sentence)}))", f"in the list: {sentence}")
        self.check("claims of which one has no volume")
        self.unreachable()
        self.skiff("delete", "namespace", "held", "--wait=false")
        self.skiff("delete", "storageclass,persistentvolume", "--ignore-not-found", "silent", "by-hand", "elsewhere", "--wait=false")

    def unreachable(self):
        """What of an Ingress leads nowhere is said as `skiff why` says it; so is who refuses pods, and does not look at one."""
        page = self.page
        page.go("#/object/ingresses/held/lost")
        said = subprocess.run([os.environ["skiff"], "why", "ingress/lost", "-n", "held"], check=False, capture_output=True,
                              text=True).stdout
        lines = [re.sub(r"^ingress/lost(:| is)? ", "", each).removesuffix(".") for each in said.splitlines() if each[:1].strip()]
        if len(lines) != 4 or "all nodes are simulated" not in lines[0]:
            raise PageError(f"skiff why says: {said}")
        for each in lines:
            page.until(f"document.querySelector('main .notice')?.innerText.includes({json.dumps(each)})", each)
        self.check("an Ingress that leads nowhere")
        page.go("#/service/held/balanced")
        page.shows("nothing has given it a load balancer")
        page.go("#/object/jobs/held/refused")
        page.until("/forbidden.*nowhere/.test(document.querySelector('main .notice')?.innerText ?? '')", "who refuses its pods")
        page.go("#/pod/held/unscheduled")
        try:
            page.until("document.querySelector('main .notice')?.innerText.includes("
                       "'the scheduler mine that it asks for has not looked at it: does it run?')")
        except PageError as error:
            raise PageError(f"{error}\n{self.clocks()}") from None
        page.go("#/overview")
        self.choose("held")
        for each in ("Job refused", "Ingress lost", "Service balanced"):
            page.until(f"[...document.querySelectorAll('.troubles b')].some((e) => e.innerText === {json.dumps(each)})", f"{each} needs somebody")
        self.check("what leads nowhere, in the overview")
        self.choose("All namespaces")

    def clocks(self):
        """Whether what tells the page the time does: its ages, its timers, its clock beside ours and the server's."""
        ages = self.page.run("[...document.querySelectorAll('time')].map((e) => `${e.dateTime} ${e.innerText}`)")
        ticks, browser, server = self.page.run("""new Promise((done) => {
            let ticks = 0;
            setInterval(() => (ticks += 1), 1000);
            setTimeout(async () => done([ticks, new Date().toISOString(), (await fetch('/version')).headers.get('Date')]), 5500);
        })""")
        return (f"ages: {ages}; {ticks} of 5 ticks of a timer; {self.page.run('document.visibilityState')}; it is {browser} in the browser, "
                f"{server} on the server, {time.strftime('%H:%M:%S', time.gmtime())} here")

    def settled(self):
        """What a view shows is there. For its picture it has a moment more."""
        self.page.until("!!document.querySelector('main h1') && !document.querySelector('.spinner')")
        time.sleep(1)

    def looks(self):
        """Light, and narrow."""
        page = self.page
        page.go("#/overview")
        page.click("Light", "[role=radio]")
        page.until("document.documentElement.dataset.theme === 'light'")
        self.settled()
        page.picture("overview-light")
        self.check("overview, light")
        for view in (*VIEWS[1:], "cluster?tab=quotas", "deployment/default/nginx", "service/shop/storefront",
                     "logs/deployments/default/nginx", "object/deployments/shop/checkout",
                     "object/deployments/shop/checkout?tab=yaml", "object/statefulsets/shop/orders"):
            page.go(f"#/{view}")
            self.settled()
            self.check(f"{view}, light")
            if view in VIEWS:
                page.picture(f"light-{view}")
        page.go("#/pods")
        page.go(page.until("document.querySelector('.table-row.link a')?.getAttribute('href')"))
        page.shows("Containers")
        self.check("pod, light")
        page.phone(390, 844, 2)
        for view in ("overview", "topology", "cluster", "pods", "workloads", "events", "kinds", "deployment/default/nginx",
                     "logs/deployments/default/nginx", "service/shop/storefront", "object/statefulsets/shop/orders",
                     "create"):
            page.go(f"#/{view}")
            self.settled()
            wide = page.run("document.documentElement.scrollWidth - innerWidth")
            if wide > 0:
                raise PageError(f"{view} is {wide} pixels wider than a phone")
            page.picture(f"phone-{view.split('/')[0]}")
            self.check(f"{view}, phone")
        page.wide(1440, 900)
        page.click("Dark", "[role=radio]")

    def narrow(self):
        """On 360 pixels nothing is beyond the end of a row, where nobody could scroll to it; and a menu lies over the page."""
        page = self.page
        page.phone(360, 740, 2)
        for view in ("workloads", "pods", "services", "storage", "jobs", "jobs?tab=cronjobs", "cluster", "kinds", "events",
                     "object/deployments/shop/checkout"):
            page.go(f"#/{view}")
            self.settled()
            beyond = page.run("""[...document.querySelectorAll('.table-row')].some((row) =>
                row.lastElementChild.getBoundingClientRect().right > row.getBoundingClientRect().right)""")
            if beyond or page.run("document.documentElement.scrollWidth > innerWidth"):
                raise PageError(f"{view} has more than 360 pixels have room for")
        page.go("#/topology")
        self.settled()
        page.until("document.querySelectorAll('.topo-box').length > 3")
        if page.run("[...document.querySelectorAll('.topo-box')].some((each) => each.getBoundingClientRect().right > innerWidth)"):
            raise PageError("the topology has more than 360 pixels have room for")
        page.go("#/kinds/configmaps")
        self.settled()
        # Each namespace has one of these: what there is no column for stands below the name.
        page.until("[...document.querySelectorAll('.named')].some((each) => /kube-root-ca.crt[^]*kube-system/.test(each.innerText))")
        page.go("#/pods")
        page.until("document.querySelector('main h1')?.innerText === 'Pods'")
        page.click("Menu")
        page.until("document.activeElement?.matches('.menu [aria-current]')", "the focus in the menu")
        self.check("menu")
        page.key("Escape")
        page.until("document.activeElement?.matches('.menu-button') && !document.querySelector('.menu-open')")
        page.wide(1440, 900)
        # As narrow as a tablet held upright: what there is no room for is left out, and nothing has to be scrolled to.
        page.page.set_viewport_size({"width": 768, "height": 1024})
        for view in ("workloads", "pods", "services", "storage", "jobs", "cluster", "events"):
            page.go(f"#/{view}")
            self.settled()
            if page.run("!!document.querySelector('.table.over') || document.documentElement.scrollWidth > innerWidth"):
                raise PageError(f"{view} has more than 768 pixels have room for")
        self.check("as wide as a tablet")
        page.page.set_viewport_size({"width": 1440, "height": 900})

    def maps(self):
        maps(self.page)
