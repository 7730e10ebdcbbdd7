"""The part of the play of console.py in which a login runs out, a right is missing, or the server goes away."""

import os
import re
import signal
import subprocess
from pathlib import Path

from page import PageError


class Troubles:
    """For a class that has a `page`, checks what is shown, and runs `skiff`."""

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
        # What a page is not told of: a certificate that the browser does not trust.
        page.until("document.querySelector('.trouble-bar a')?.href === new URL('/livez', location.href).href")
        page.picture("away")
        self.check("away")
        subprocess.run(["bash", "-c", f"up {os.environ['CONSOLE_PORT']}"], check=True)
        page.until("!!document.querySelector('.pulse-live')", "it goes on by itself")
        page.until("!document.querySelector('.trouble-bar')")
        page.until("document.querySelector('.editor-text').value.includes('  replicas: 5')")
        page.click("Show what would change")
        page.until("document.querySelector('.diff')?.innerText.includes('replicas: 5') || "
                   "document.body.innerText.includes('Others look after what you changed')")
        page.click("Start over")
        self.tell(away=True)

    def expire(self, button="Deploy"):
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
        page.click(button, "button.primary")
        page.shows("Your login is no longer accepted")

    def expired(self):
        """The same person comes back: what is there stays."""
        page = self.page
        page.go("#/deploy")
        page.type("input[placeholder^=nginx]", "half-typed")
        # Who looks something up elsewhere finds it again.
        page.go("#/services")
        page.until("document.querySelector('main h1')?.innerText === 'Services'")
        page.go("#/deploy")
        page.until("document.querySelector('input[placeholder^=nginx]')?.value === 'half-typed'")
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

    def typed(self):
        """A login runs out under an open editor: what was typed is there afterwards, and nothing says it was not let in."""
        page = self.page
        page.go("#/object/deployments/shop/checkout?tab=yaml")
        page.until("document.querySelector('.editor-text')?.value.includes('  replicas: 6')")
        self.edit("  replicas: 6", "  replicas: 5")
        self.expire("Show what would change")
        page.type("dialog input[type=password]", self.token)
        page.key("Enter")
        page.goes("Your login is no longer accepted")
        page.until("document.querySelector('.editor-text').value.includes('  replicas: 5')")
        page.goes("Unauthorized")
        page.click("Show what would change")
        page.goes("your login was not accepted any more")
        page.click("Start over")

    def reloaded(self):
        """Who reloads the page while he types, or whose browser ends it behind others, finds what was typed."""
        page = self.page
        page.go("#/create")
        page.type(".editor-text", "kind: HalfTyped")
        page.go("#/object/deployments/shop/checkout?tab=yaml")
        page.until("document.querySelector('.editor-text')?.value.includes('  replicas: 6')")
        self.edit("  replicas: 6", "  replicas: 5")
        page.page.once("dialog", lambda dialog: dialog.accept())
        page.page.reload(wait_until="commit")
        page.until("document.querySelector('.editor-text')?.value.includes('  replicas: 5')", "what was typed before")
        page.click("Start over")
        page.go("#/create")
        page.until("document.querySelector('.editor-text')?.value === 'kind: HalfTyped'")
        typed = "sessionStorage['skiff.typed']?.includes('HalfTyped') === true"
        page.until(f"!({typed})", "what is here again is nowhere else")
        hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true}); " \
               "document.dispatchEvent(new Event('visibilitychange')); void 0"
        page.run(hide % "true")
        page.until(typed, "what is typed into a tab that nobody sees is kept")
        page.run(hide % "false")
        page.until(f"!({typed})", "and let go of, once it is seen")
        page.run("delete document.hidden; void 0")
        page.type(".editor-text", "")

    def upgraded(self):
        """A part of the page is gone, as the server has another version by now: the page says so, and begins anew with
        what was typed in it."""
        page = self.page
        page.again()  # What a shell needs has been fetched by now.
        page.go("#/create")
        page.type(".editor-text", "kind: HalfTyped")
        page.go("#/deploy")
        page.type("input[placeholder^=nginx]", "half-typed")
        page.page.route("**/assets/terminal-*.js", lambda route: route.fulfill(status=404))
        page.go("#/pod/shop/orders-0?tab=shell")
        page.shows("This part of the console could not be fetched")
        # Another version's page, that begins by another script.
        answer = page.run("fetch('./').then((answer) => answer.text())")
        other = re.sub(r"assets/console-[\w-]+\.js", "assets/console-00000000.js", answer)
        page.page.route(re.compile("/console/$"), lambda route: route.fulfill(body=other, content_type="text/html"))
        page.click("Try again")
        page.shows("The server was upgraded")
        page.until("document.querySelector('.empty button.primary')?.type === 'button'", "it sends no form around it")
        page.picture("upgraded")
        self.check("upgraded")
        page.page.unroute_all()
        page.click("Reload")
        page.shows("Shell")
        page.goes("The server was upgraded")
        page.go("#/deploy")
        page.until("document.querySelector('input[placeholder^=nginx]')?.value === 'half-typed'")
        if page.run("sessionStorage['skiff.typed']?.includes('HalfTyped')") is not True:
            raise PageError("what was typed into a part that is not here yet is not kept")
        page.go("#/create")
        page.until("document.querySelector('.editor-text')?.value === 'kind: HalfTyped'")
        page.until("!('skiff.typed' in sessionStorage)", "what is here again is nowhere else")
        page.type(".editor-text", "")

    def listed(self):
        """Who may list and not watch sees what there is, and is told that it is not live."""
        page = self.page
        self.skiff("create", "clusterrole", "lister", "--verb=get,list", "--resource=pods,nodes,namespaces,deployments.apps,replicasets.apps")
        self.skiff("create", "serviceaccount", "lister", "-n", "shop")
        self.skiff("create", "clusterrolebinding", "lister", "--clusterrole=lister", "--serviceaccount=shop:lister")
        token = subprocess.run([os.environ["skiff"], "create", "token", "lister", "-n", "shop"], check=True,
                               capture_output=True, text=True).stdout.strip()
        page.click("Log out")
        page.type("input[type=password]", token)
        page.click("Log in", "button.primary")
        page.go("#/pods")
        page.until("document.querySelectorAll('.table-row.link').length >= 6")
        page.until("document.querySelector('.pulse')?.innerText === 'Not live'")
        self.check("listed")
        page.picture("listed")
        self.skiff("run", "a-late-one", "--image=registry.example/late:1")
        page.shows("a-late-one")
        self.skiff("delete", "pod", "a-late-one")
        # What may not be seen is not waited for, nor called well.
        page.go("#/overview")
        self.choose("kube-public")
        page.shows("What you may see of it runs as it should.")
        self.choose("All namespaces")
        page.click("Log out")
        page.type("input[type=password]", self.token)
        page.click("Log in", "button.primary")
        page.until("document.querySelector('.pulse')?.innerText === 'Live'")
        page.go("#/deploy")
        page.type("input[placeholder^=nginx]", "half-typed")

    def rights(self):
        """Somebody else comes, who may see one namespace alone, and finds nothing of who was there."""
        page = self.page
        self.expire()
        page.type("dialog input[type=password]", self.guest)
        page.click("Log in", "dialog button.primary")
        page.until("!document.querySelector('dialog') && "
                   "document.querySelector('input[placeholder^=nginx]')?.value === ''")
        page.go("#/overview")
        # He may not list namespaces, and begins in the one that his token is of.
        page.shows("storefront")
        page.until("document.querySelector('input.space')?.value === 'shop'")
        page.type("input.space", "default")
        page.key("Enter")
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
        # Nobody tells a page why a WebSocket was refused.
        page.go("#/pod/shop/orders-0?tab=shell")
        page.click("Open", "form button")
        page.until("/cannot (get|create) resource .pods.exec/.test(document.querySelector('main .notice')?.innerText ?? '')",
                   "which right the shell takes")
        page.click("Log out")
        page.shows("Log in")
        if page.run("JSON.stringify(sessionStorage) + JSON.stringify(localStorage)").count("eyJ"):
            raise PageError("a token is left behind")
