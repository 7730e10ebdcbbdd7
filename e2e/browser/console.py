#!/usr/bin/env python3
"""Plays the web console in a real browser, as a presenter would.

    console.py URL TOKEN GUEST-TOKEN SCREENSHOTS [AXE]

Logs in, by a token and by a link of `skiff console`, deploys an image, exposes it and scales it, follows a rollout and undoes it, reads logs,
opens a shell, edits YAML into a conflict and past it, creates objects from a text and from a file, drains a node, and goes through every view, dark, light and
as narrow as a phone, has the server go away and come back; then as a guest who may look at one namespace. In each view axe (AXE:
axe.min.js) looks for what somebody could not use. Fails when anything is missing, when the page
reports an error or something its Content-Security-Policy refused, and when it asked another host
for anything.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from browser import Browser, BrowserError
from console_creation import Creation
from console_kinds import Kinds
from console_links import Links
from console_maps import maps
from console_obstacles import Obstacles, VIEWS
from page import Page, PageError

# What a page may say in its console without anything being wrong: requests that were refused on purpose.
# A value of the wrong type in an apply is 500 in Kubernetes, too.
EXPECTED = ("deployments/nginx?fieldManager=skiff-console&fieldValidation=Strict&dryRun=All",
            *(f"the server responded with a status of {code}" for code in (401, 403, 409, 422)),
            # Metrics, before anybody has looked at what is used.
            "metrics.k8s.io",
            # The worker of a map that has none.
            "no-such-worker.js",
            # A custom kind whose definition is deleted while the page knows it.
            "apis/example.com/v1/boats", "apis/example.com/v1/namespaces/shop/boats",
            # Whether an object is there that somebody wants to create; and what goes again then.
            "/namespaces/fleet", "/configmaps/typo", "customresourcedefinitions/hulls.sea.example",
            # A view that fails on purpose.
            "Error: for a test")
# And while the server is away.
AWAY = ("net::ERR_", "the server responded with a status of 503")


class Play(Creation, Kinds, Links, Obstacles):
    def __init__(self, page, token, guest, axe):
        self.page = page
        self.token = token
        self.guest = guest
        self.axe = axe
        self.found = []
        self.wrong = []

    def check(self, where):
        """What axe finds wrong in what is shown now."""
        if self.axe is None:
            return
        page = self.page
        if not page.run("!!window.axe"):
            page.run(self.axe + "; void 0")
        # What is fading in has no contrast yet. Those that go on for ever are not waited for.
        page.until("""document.getAnimations().every((each) =>
            each.playState !== 'running' || each.effect?.getComputedTiming().endTime === Infinity)""")
        result = page.run("""axe.run(document, {resultTypes: ['violations']}).then((r) =>
            r.violations.map((v) => [v.id, v.impact, v.nodes.slice(0, 4).map((n) =>
                n.html.slice(0, 160) + ' ' + (n.any[0]?.message ?? '').slice(0, 160))]))""")
        self.found += [(where, *each) for each in result]

    def login(self):
        page = self.page
        page.shows("Log in")
        page.picture("login")
        self.check("login")
        page.type("input[type=password]", "no-token-of-this-cluster")
        page.click("Log in", "button.primary")
        page.shows("The server does not accept this token")
        page.click("kubeconfig")
        # To choose a way is not yet to go it.
        page.until("!!document.querySelector('.login textarea')")
        page.until("!document.querySelector('.login .notice')")
        page.type("textarea", "apiVersion: v1\nkind: Config\ncurrent-context: here\ncontexts: [{name: here, "
                  "context: {user: me}}]\nusers:\n- {name: other, user: {client-certificate-data: x}}\n"
                  f"- name: me\n  user: {{token: {self.token}}}\n")
        page.until("document.querySelectorAll('.login select option').length === 2")
        page.click("Log in", "button.primary")
        page.shows("Pods on their nodes")
        page.until("document.querySelector('.pulse')?.innerText === 'Live'")
        page.until("!document.body.innerText.includes('Log in again')")

    def deploy(self):
        page = self.page
        page.click("Deploy an image")
        page.type("input[placeholder^=nginx]", "nginx:1.27")
        self.check("deploy")
        page.click("Deploy", "button.primary")                    # One,
        page.shows("Deployment default/nginx is there")
        page.click("Expose", "button.primary")                    # two,
        page.shows("Service nginx is there")
        page.click("Scale to 3", "button.primary")                # three.
        page.shows("3 of 3 ready")
        page.shows("That is all. It runs")
        page.picture("deploy")
        self.check("deployed")

    def rollout(self):
        page = self.page
        page.click("Open the Deployment")
        page.shows("Revision 1")
        page.begins()  # Its heading took the place of another one.
        for _ in range(3):
            before = page.run("document.querySelector('.scale-input').value")
            page.click("One replica more")
            page.until(f"document.querySelector('.scale-input').value !== '{before}'")
        page.shows("6 ready")
        page.click("Change image")
        page.type("dialog input", "nginx:1.28")
        page.click("Set image", "dialog button")
        page.shows("Revision 2")
        page.until("document.querySelector('.view-sub .badge')?.innerText === 'Complete'")
        self.check("deployment")
        page.click("Go back to this: Revision 1")
        page.shows("Revision 3")
        page.until("document.querySelector('.view-sub .badge')?.innerText === 'Complete'")
        page.shows("nginx:1.27")
        page.goes("Go back to this: Revision 1")
        # One whose pods take their time, seen halfway: old and new ones, and some that are not ready.
        page.go("#/deployment/shop/storefront")
        page.shows("Memory")
        page.until("document.querySelector('.view-sub .badge')?.innerText === 'Complete'")
        page.click("Change image")
        page.type("dialog input", "registry.example/storefront:3.2")
        page.click("Set image", "dialog button")
        page.until("document.querySelectorAll('.lane').length === 2 && "
                   "document.querySelectorAll('.lane.new .square.tone-good').length >= 4 && "
                   "document.querySelectorAll('.lane.new .square:not(.tone-good)').length > 0")
        page.clear()
        page.picture("rollout")
        page.until("document.querySelector('.view-sub .badge')?.innerText === 'Complete'")
        # The same as a picture of what leads where.
        subprocess.run([os.environ["skiff"], "set", "image", "deployment/storefront", "-n", "shop",
                        "web=registry.example/storefront:3.3"], check=True, stdout=subprocess.DEVNULL)
        page.go("#/topology")
        page.until("document.querySelectorAll('.topo-lane').length > "
                   "document.querySelectorAll('.topo-deployment, .topo-statefulset, .topo-daemonset, .topo-job, "
                   ".topo-pod').length && !!document.querySelector('.topo-lane.old .square')", "old and new pods side by side")
        page.still()
        page.picture("topology-rollout")
        page.until("!document.querySelector('.topo-lane.old')", "the old ones are gone")
        page.shows("its service is not there")
        page.shows("nobody answers")
        page.go("#/deployment/shop/storefront")
        page.until("document.querySelector('.view-sub .badge')?.innerText === 'Complete'")

    def pod(self):
        page = self.page
        page.go("#/pods")
        page.until("document.querySelectorAll('.table-row.link').length >= 6")
        page.clear()
        page.picture("pods")
        page.key("/")
        page.type("input[data-filter]", "app=nginx")
        page.until("document.querySelectorAll('.table-row.link').length === 6")
        page.run("document.querySelector('.table').focus()")
        page.key("ArrowDown")
        page.key("Enter")
        page.shows("Containers")
        page.picture("pod")
        self.check("pod")
        # Who goes back finds the list as he left it, and nobody else does.
        page.run("history.back()")
        page.until("document.querySelector('input[data-filter]')?.value === 'app=nginx' && "
                   "document.querySelectorAll('.table-row.link').length === 6", "the filter, on the way back")
        page.go("#/workloads")
        page.until("document.querySelector('input[data-filter]')?.value === ''")
        page.run("history.go(-1)")
        page.until("document.querySelector('input[data-filter]')?.value === 'app=nginx'")
        # The row that the keys have come to stays that one, whatever comes before it.
        page.run("document.querySelector('.table').focus()")
        page.key("ArrowDown")
        chosen = "document.querySelector('.table-row[aria-selected=true] .name')?.innerText"
        name = page.run(chosen)
        self.skiff("run", "a-first", "--image=nginx:1.27", "--labels=app=nginx")
        page.until("document.querySelectorAll('.table-row.link').length === 7", "one more pod")
        if page.run(chosen) != name:
            raise PageError(f"the keys were on {name}, and are on {page.run(chosen)}")
        self.skiff("delete", "pod", "a-first")
        page.until("document.querySelectorAll('.table-row.link').length === 6")
        page.key("Enter")
        page.until(f"location.hash === '#/pod/default/{name}'", "the row that was chosen")
        page.shows("Containers")
        page.click("Logs", "[role=tab]")
        page.until("document.querySelectorAll('.log-line').length > 0")
        page.picture("logs")
        self.check("logs")
        pod = page.run("location.hash")
        self.many_logs()
        page.go(pod)
        page.until("!!document.querySelector('[role=tab]')")
        page.go(pod.split("?")[0] + "?tab=shell")
        page.shows("No command has been run yet")
        if page.run("!!document.querySelector('.xterm-rows')"):
            raise PageError("an address alone opens a shell")
        page.click("Logs", "[role=tab]")
        page.click("Shell", "[role=tab]")
        page.until("document.querySelector('.xterm-rows')?.innerText.trim().length > 0", "a shell that says something")
        page.picture("shell")
        self.check("shell")

    def many_logs(self):
        """Of all pods of a Deployment at once; those of one, and those that say a word."""
        page = self.page
        page.go("#/logs/deployments/default/nginx")
        page.until("document.querySelectorAll('.log-line').length >= 6", "what six pods say")
        page.until("document.querySelectorAll('.log-source').length === 6")
        # A box that gets lower has its end further away, and is followed all the same; who scrolls up is left there.
        follows = "document.querySelector('.table-tools input[type=checkbox]').checked"
        page.run("(box => { box.style.flex = '0 0 60px'; box.style.minHeight = '60px'; box.dispatchEvent(new Event('scroll')); })("
                 "document.querySelector('.log'))")
        page.run("new Promise((next) => requestAnimationFrame(() => setTimeout(next)))")
        if not page.run(follows):
            raise PageError("a box that got lower is not followed any more")
        page.until("document.querySelector('.log').scrollTop > 0", "more lines than there is room for")
        page.run("document.querySelector('.log').scrollTop = 0; void 0")
        page.until(f"!{follows}", "who scrolls up is left there")
        page.run("document.querySelector('.log').removeAttribute('style')")
        page.click("Follow", "label")
        page.until(follows)
        page.picture("logs-many")
        self.check("logs of many")
        first = page.run("document.querySelector('.log-source').innerText")
        page.click(first, ".log-source")
        page.until("[...document.querySelectorAll('.log-line .log-from')].every("
                   f"(e) => e.innerText.includes({json.dumps(first)}))")
        page.type("input[data-filter]", "no such word")
        page.until("document.querySelectorAll('.log-line').length === 0")
        # Of whatever selects pods: from where it is shown, and back.
        for view in ("object/statefulsets/shop/orders", "object/daemonsets/shop/log-shipper",
                     "object/jobs/shop/reindex", "service/shop/storefront"):
            page.go(f"#/{view}")
            page.click("Logs", ".button")
            page.until(f"document.querySelectorAll('.log-source').length >= 2", f"the logs of {view}")
            page.until("document.querySelectorAll('.log-line').length > 0")
            back = page.run("document.querySelector('.view-actions a').getAttribute('href')")
            if back != f"#/{view}":
                raise PageError(f"the logs of {view} lead back to {back}")
            self.check(f"logs of {view}")

    def complete(self):
        """What may stand there is offered while one types, and put in."""
        page = self.page
        page.go("#/object/deployments/shop/checkout?tab=yaml")
        page.until("document.querySelector('.editor-text')?.value.includes('  replicas: 6')")
        self.edit("  replicas: 6", "  replicas: 6\n  min")
        page.until("document.querySelector('.offer [aria-selected=true]')?.innerText.includes('minReadySeconds')")
        page.picture("complete")
        self.check("completion")
        page.key("Enter")
        page.until("document.querySelector('.editor-text').value.includes('  replicas: 6\\n  minReadySeconds: \\n')")
        page.until("!document.querySelector('.offer')")
        self.edit("minReadySeconds: ", "minReadySeconds: 3")
        page.click("Show what would change")
        page.until("document.querySelector('.diff-added')?.innerText.includes('minReadySeconds: 3')")
        page.click("Start over")

    def chaos(self):
        page = self.page
        page.go("#/events")
        page.until("document.querySelectorAll('.fault').length === 2")
        page.shows("partition of node/node-1 for 40s")
        page.shows("took 40s")
        page.shows("goes on")
        choose = """(() => {
          const spaces = document.querySelector('select.space');
          spaces.value = %r;
          spaces.dispatchEvent(new Event('change', {bubbles: true}));
        })()"""
        page.run(choose % "shop")
        # What broke a node broke what is in any namespace; its Event is in one of them.
        page.goes("partition of node/node-1 is over")
        page.until("document.querySelectorAll('.fault').length === 2", "in a namespace")
        page.run(choose % "")

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

    def away(self):
        """The server dies under an open editor and comes back: what was typed is there."""
        page = self.page
        page.go("#/object/deployments/shop/checkout?tab=yaml")
        page.until("document.querySelector('.editor-text')?.value.includes('  replicas: 6')")
        self.edit("  replicas: 6", "  replicas: 5")
        self.tell()
        os.kill(int(Path(os.environ["data"], "skiff.pid").read_text()), signal.SIGKILL)
        page.until("!!document.querySelector('.pulse-away')", "it says that nobody answers")
        page.click("Show what would change")
        page.shows("The server does not answer. Nothing is lost")
        page.picture("away")
        self.check("away")
        subprocess.run(["bash", "-c", f"up {os.environ['CONSOLE_PORT']}"], check=True)
        page.until("!!document.querySelector('.pulse-live')", "it goes on by itself")
        page.until("document.querySelector('.editor-text').value.includes('  replicas: 5')")
        page.click("Show what would change")
        page.until("document.querySelector('.diff')?.innerText.includes('replicas: 5') || "
                   "document.body.innerText.includes('Others look after what you changed')")
        page.click("Start over")
        self.tell(EXPECTED + AWAY)

    def yaml(self):
        page = self.page
        page.go("#/object/deployments/default/nginx?tab=yaml")
        page.begins()  # Its code had to be fetched.
        page.until("document.querySelector('.editor-text')?.value.includes('replicas: 6')")
        self.edit("replicas: 6", "replicas: 4")
        page.click("Show what would change")
        # Another manager scaled it.
        page.shows("Others look after what you changed")
        page.clear()
        page.picture("conflict")
        self.check("conflict")
        page.click("Show it with these taken over")
        page.until("!!document.querySelector('.diff-added') && !!document.querySelector('.diff-removed')")
        page.picture("diff")
        self.check("diff")
        self.edit("replicas: 4", "replicas: 5")
        self.nothing_to_apply()
        self.edit("replicas: 5", "replicas: 4")
        page.click("Show what would change")
        page.shows("Others look after what you changed")
        page.until("![...document.querySelectorAll('button')].some((each) => each.innerText === 'Take over and apply')",
                   "what was not shown cannot be taken over")
        page.click("Show it with these taken over")
        page.click("Take over and apply")
        page.shows("Applied.")
        page.until("document.querySelector('.editor-text').value.includes('replicas: 4')")
        self.edit("replicas: 4", "replicas: many")
        page.click("Show what would change")
        page.until("!!document.querySelector('.notice.tone-bad')")
        self.edit("replicas: many", "replicas: [4")
        page.click("Show what would change")
        page.shows("This is no YAML")
        page.until("document.querySelector('.editor-text').value.includes('replicas: [4')",
                   "what was typed is kept")
        page.click("Start over")

    def skiff(self, *words, given=None):
        subprocess.run([os.environ["skiff"], *words], check=True, stdout=subprocess.DEVNULL, input=given, text=True)

    def held_back(self, click):
        """Clicks, and holds back the request that comes of it until `window.__go()`."""
        self.page.run("""(() => {
            const real = window.fetch;
            window.fetch = async (url, given) => {
              if (given?.method !== 'PATCH') return real(url, given);
              window.fetch = real;
              await new Promise((go) => (window.__go = go));
              return real(url, given);
            };
            window.__go = null;
        })()""")
        self.page.click(click)
        self.page.until("!!window.__go")

    def nothing_to_apply(self):
        self.page.until("!document.querySelector('.diff')", "what was not shown cannot be applied")

    def kept(self):
        """What is typed while an answer is awaited, and what is left behind, is there afterwards; and an
        answer to another text lets nobody apply this one."""
        page = self.page
        text = "document.querySelector('.editor-text').value"
        self.skiff("create", "configmap", "notes", "-n", "shop", "--from-literal=a=first")
        page.go("#/object/configmaps/shop/notes?tab=yaml")
        page.until(f"document.querySelector('.editor-text') && {text}.includes('a: first')")
        self.edit("a: first", "a: first\n  b: second")
        self.held_back("Show what would change")
        self.edit("b: second", "b: third")
        page.run("window.__go()")
        page.until("[...document.querySelectorAll('button')].some((e) => e.innerText === 'Show what would change' && e.ariaDisabled !== 'true')")
        self.nothing_to_apply()
        page.click("Show what would change")
        page.until("document.querySelector('.diff-added')?.innerText.includes('third')")
        self.held_back("Apply")
        self.edit("b: third", "b: fourth")
        page.run("window.__go()")
        page.shows("Applied.")
        page.until(f"{text}.includes('b: fourth')", "what was typed while it was applied")
        page.go("#/overview")
        page.until("!!document.querySelector('.podmap canvas')")
        page.go("#/object/configmaps/shop/notes")
        page.until(f"document.querySelector('.editor-text') && {text}.includes('b: fourth')", "what was left behind")
        # Others change it after the picture of what would come of it, and make it anew.
        page.click("Show what would change")
        page.until("document.querySelector('.diff-added')?.innerText.includes('fourth')")
        self.skiff("patch", "configmap", "notes", "-n", "shop", "-p", '{"data": {"c": "theirs"}}')
        page.shows("It changed on the server while you were writing")
        page.until("!document.querySelector('.diff')", "what would come of it now was not shown")
        self.skiff("delete", "configmap", "notes", "-n", "shop")
        page.shows("This object is not there, or not any more")
        self.skiff("create", "configmap", "notes", "-n", "shop", "--from-literal=a=anew")
        page.goes("This object is not there, or not any more")
        page.until(f"{text}.includes('b: fourth')", "what was typed before it was made anew")
        page.click("Show what would change")
        page.shows("Others look after what you changed")
        page.click("Start over")
        page.until(f"{text}.includes('a: anew')")
        # Others change it, and somebody types before the page has come to its effects.
        page.run("""(() => {
            window.__real = [window.requestAnimationFrame, window.setTimeout.bind(window)];
            window.__held = [];
            window.requestAnimationFrame = (run) => window.__held.push(run);
            window.setTimeout = (run, wait) => (wait > 100 ? window.__real[1](run, wait) : window.__held.push(run));
        })()""")
        self.skiff("patch", "configmap", "notes", "-n", "shop", "-p", '{"data": {"c": "theirs"}}')
        page.until("window.__held.length > 0", "what comes is to be taken in")
        page.run("window.__held.splice(0).forEach((run) => run())")
        page.until("window.__held.length > 0", "it is shown, and effects of that are to come")
        self.edit("a: anew", "a: fifth")
        page.run("[requestAnimationFrame, setTimeout] = window.__real; window.__held.forEach((run) => run())")
        page.shows("It changed on the server while you were writing")
        page.until(f"{text}.includes('a: fifth')", "what was typed as it changed")
        page.click("Start over")
        page.until(f"{text}.includes('c: theirs')")

    def edit(self, old, new):
        """Types into the editor's text, as far as the page can tell."""
        self.page.run(f"""(() => {{
            const e = document.querySelector('.editor-text');
            const at = e.value.indexOf({json.dumps(old)});
            e.focus();
            e.setSelectionRange(at, at + {len(old)});
        }})()""")
        self.page.insert(new)

    def views(self):
        page = self.page
        page.clear()
        for view in VIEWS:
            page.go(f"#/{view}")
            self.settled()
            if view == "overview":
                page.until("!!document.querySelector('.podmap canvas')?.style.height")
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

    def maps(self):
        maps(self.page)

    def expire(self):
        """What is sent next goes by a token that the server does not accept any more."""
        page = self.page
        page.run("""(() => {
            const real = window.fetch;
            window.fetch = (url, given) => {
              if ((given?.method ?? 'GET') === 'GET') return real(url, given);
              window.fetch = real;
              return real(url, {...given, headers: {...given.headers, Authorization: 'Bearer old'}});
            };
        })()""")
        page.click("Deploy", "button.primary")
        page.shows("Your login is no longer accepted")

    def expired(self):
        """The same person comes back: what is there stays."""
        page = self.page
        page.go("#/deploy")
        page.type("input[placeholder^=nginx]", "half-typed")
        self.expire()
        page.picture("expired")
        self.check("login again")
        # A browser closes what Escape is pressed in twice.
        for _ in range(3):
            page.key("Escape")
        page.until("!!document.querySelector('dialog[open] input[type=password]')", "it still asks")
        page.type("dialog input[type=password]", self.token)
        page.click("Log in", "dialog button.primary")
        page.goes("Your login is no longer accepted")
        page.until("document.querySelector('input[placeholder^=nginx]').value === 'half-typed'")

    def rights(self):
        """Somebody else comes, who may see one namespace alone, and finds nothing of who was there."""
        page = self.page
        self.expire()
        page.type("dialog input[type=password]", self.guest)
        page.click("Log in", "dialog button.primary")
        page.until("!document.querySelector('dialog') && "
                   "document.querySelector('input[placeholder^=nginx]')?.value === ''")
        page.go("#/overview")
        page.shows("You may not see this")
        self.check("refused")
        page.type("input.space", "shop")
        page.key("Enter")
        page.shows("storefront")
        page.until("document.querySelector('.podmap canvas')?.getAttribute('aria-label').includes('on 3 nodes') || "
                   "document.querySelector('.podmap canvas')?.getAttribute('aria-label').includes('on 4 nodes')")
        page.go("#/deployment/shop/storefront")
        page.click("One replica more")
        page.shows("cannot patch resource")
        page.picture("refused")
        page.click("Log out")
        page.shows("Log in")
        if page.run("JSON.stringify(sessionStorage) + JSON.stringify(localStorage)").count("eyJ"):
            raise PageError("a token is left behind")

    def tell(self, expected=EXPECTED):
        """What the page has done so far that it should not have."""
        self.page.run("0")  # What it has said so far is here before the answer.
        browser = self.page.browser
        self.wrong += [each[:1500] for each in browser.thrown]
        self.wrong += [f"{text} {url}" for text, url in browser.errors
                       if not any(each in f"{text} {url}" for each in expected)]
        browser.thrown.clear()
        browser.errors.clear()
        return self.wrong


def main():
    url, token, guest, screenshots, *rest = sys.argv[1:]
    screenshots = Path(screenshots)
    screenshots.mkdir(parents=True, exist_ok=True)
    axe = Path(rest[0]).read_text() if rest else None
    with Browser(1440, 900) as browser:
        page = Page(browser, url, screenshots)
        page.dark()
        play = Play(page, token, guest, axe)
        try:
            for part in (play.login, play.deploy, play.rollout, play.pod, play.yaml, play.kept, play.complete, play.create, play.details, play.quotas,
                         play.chaos, play.views, play.kinds, play.links,
                         play.strangers, play.broken, play.keyboard, play.looks, play.maps, play.away, play.expired, play.rights,
                         play.link):
                print(f"   {part.__name__}", flush=True)
                part()
        except (BrowserError, PageError) as error:
            raise SystemExit("\n".join([str(error), *play.tell()])) from None
        wrong = play.tell()
        hosts = {urlsplit(each).netloc for each in browser.asked} - {urlsplit(url).netloc, ""}
        if hosts:
            wrong.append(f"asked other hosts: {sorted(hosts)}")
        wrong += [f"axe: {each}" for each in play.found]
        if wrong:
            raise SystemExit("\n".join(wrong))
    checked = "" if axe is None else ", nothing found by axe"
    print(f"ok: the console, {len(page.pictures)} pictures{checked}")


if __name__ == "__main__":
    main()
