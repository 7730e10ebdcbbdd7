"""The part of the play of console.py that edits the YAML of objects: offers, conflicts, what others change meanwhile,
and what is typed while an answer is awaited."""

import json
import os
import subprocess

from page import PageError


class Editing:
    """For a class that has a `page`, checks what is shown, and runs `skiff`."""

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

    def yaml(self):
        page = self.page
        page.go("#/object/deployments/default/nginx?tab=yaml")
        page.begins()  # Its code had to be fetched.
        page.until("document.querySelector('.editor-text')?.value.includes('replicas: 6')")
        self.edit("replicas: 6", "replicas: 4")
        page.click("Show what would change")
        # Another manager scaled it (`scaled`).
        page.shows("Others look after what you changed")
        page.shows('conflict with "night-shift"')
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
        # What he himself wrote by buttons (`deploy`, `rollout`) is in nobody's way.
        self.edit("image: nginx:1.27", "image: nginx:1.29")
        page.click("Show what would change")
        page.until("document.querySelector('.diff-added')?.innerText.includes('image: nginx:1.29')")
        page.until("!document.body.innerText.includes('It changed on the server')", "a look changes nothing to be told of")
        page.click("Start over")

    def managers(self):
        """Each user is a manager of his own: what was applied under the name that all shared is his who applies next,
        and what another user applied is taken over on purpose alone."""
        page = self.page
        me = "skiff-console:system:serviceaccount:shop:presenter"
        page.go("#/overview")
        self.applied("skiff-console", a="first", b="old")
        self.skiff("label", "configmap", "shared", "-n", "shop", "by=button", "--field-manager=skiff-console")
        page.go("#/object/configmaps/shop/shared?tab=yaml")
        page.until("document.querySelector('.editor-text')?.value.includes('a: first')")
        for old, new in (("a: first", "a: mine"), ("\n  b: old", ""), ("by: button", "by: hand")):
            self.edit(old, new)
        page.click("Show what would change")
        page.until("['b: old', 'by: button'].every((line) => [...document.querySelectorAll('.diff-removed')].some((e) => e.innerText.includes(line)))")
        page.goes("You removed lines that other managers look after")
        if self.managed_by() != ["skiff-console"]:
            raise PageError(f"who looks becomes a manager: {self.managed_by()}")
        page.click("Apply", "button.primary")
        page.shows("Applied.")
        page.until("!document.querySelector('.editor-text').value.includes('b: old')", "what is left out goes")
        if self.managed_by() != [me]:
            raise PageError(f"managed by {self.managed_by()}, not by {me}")
        page.clear()
        # Somebody else does the same in a console of his own.
        self.applied("skiff-console:joe", a="theirs")
        page.until("document.querySelector('.editor-text')?.value.includes('a: theirs')")
        self.edit("a: theirs", "a: mine")
        page.click("Show what would change")
        page.shows('conflict with "skiff-console:joe"')
        page.click("Show it with these taken over")
        page.click("Take over and apply")
        page.shows("Applied.")
        page.clear()
        # A text of a part of it takes over what he wrote by buttons as well, and takes nothing else of that away.
        self.skiff("label", "configmap", "shared", "-n", "shop", "by=button", "kept=button", "--overwrite", f"--field-manager={me}")
        page.go("#/create")
        page.until("!!document.querySelector('.editor-text')")
        page.type(".editor-text", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared, namespace: shop, labels: {by: text}}\n"
                  "data: {a: mine}\n")
        page.click("Show what would come of it")
        page.until("document.querySelector('.plan .badge')?.innerText === 'would change'")
        page.click("Apply", "button.primary")
        page.until("document.querySelector('.plan .badge')?.innerText === 'applied'")
        labels = self.shared()["labels"]
        if labels != {"by": "text", "kept": "button"}:
            raise PageError(f"its labels are {labels}")
        page.click("Empty it")
        self.skiff("delete", "configmap", "shared", "-n", "shop")

    def applied(self, manager, **data):
        self.skiff("apply", "--server-side", "--force-conflicts", f"--field-manager={manager}", "-f", "-", given=json.dumps({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shared", "namespace": "shop"}, "data": data}))

    def managed_by(self):
        """Who applied it, or wrote it otherwise."""
        return sorted({each["manager"] for each in self.shared()["managedFields"]})

    def shared(self):
        said = subprocess.run([os.environ["skiff"], "get", "configmap", "shared", "-n", "shop", "-o", "json", "--show-managed-fields"],
                              check=True, capture_output=True, text=True).stdout
        return json.loads(said)["metadata"]

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
        page.shows("It was deleted on the server")
        # Nothing of it is there: all of it would come to be.
        page.click("Show what would change")
        page.until("['name: notes', 'b: fourth'].every((line) => document.querySelector('.diff')?.innerText.includes(line))")
        page.until("!document.querySelector('.diff-same, .diff-removed')")
        self.skiff("create", "configmap", "notes", "-n", "shop", "--from-literal=a=anew")
        page.goes("It was deleted on the server")
        page.until("!document.querySelector('.diff')", "what would come of it now was not shown")
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
