"""The parts of the console's play that are about objects from a text or a file, and about what is to be known of
an object of any kind and done to it."""

import os
import subprocess
import tempfile
from pathlib import Path

from page import PageError

FLEET = """apiVersion: v1
kind: ConfigMap
metadata: {name: chart, namespace: fleet}
data: {depth: "12"}
---
apiVersion: sea.example/v1
kind: Hull
metadata: {name: barque, namespace: fleet}
spec: {length: 40}
---
apiVersion: v1
kind: Namespace
metadata: {name: fleet}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: hulls.sea.example}
spec:
  group: sea.example
  scope: Namespaced
  names: {plural: hulls, singular: hull, kind: Hull}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {length: {type: integer}}}}}}
"""
TWO = """apiVersion: v1
kind: ConfigMap
metadata: {name: tide, namespace: shop}
data: {level: "3"}
---
apiVersion: v1
kind: Servise
metadata: {name: typo}
"""
STATES = "[...document.querySelectorAll('.plan .badge')].map((e) => e.innerText).join()"


def skiff(*words):
    return subprocess.run([os.environ["skiff"], *words], check=True, capture_output=True, text=True).stdout.strip()


class Creation:
    """For a class that has a `page`, an `edit` and a `check`."""

    def create(self):
        page = self.page
        page.key("Escape")
        page.run("document.activeElement?.blur()")
        page.key("g")
        page.key("n")
        page.shows("Create from YAML")
        self.check("create, empty")
        page.type(".editor-text", FLEET)
        page.click("Show what would come of it")
        # What the text makes itself is no mistake of what needs it.
        page.until(f"{STATES} === 'would be created,would be created,after what it needs,after what it needs'")
        if skiff("get", "ns", "fleet", "--ignore-not-found", "-o", "name"):
            raise PageError("a look alone makes a namespace")
        page.picture("create")
        self.check("create")
        page.click("Apply 4 objects")
        page.until(f"{STATES} === 'created,created,created,created'", "all four are made")
        if skiff("get", "hull", "barque", "-n", "fleet", "-o", "jsonpath={.spec.length}") != "40":
            raise PageError("the hull is not what was typed")
        page.click("barque", ".plan a")
        page.until("document.querySelector('main h1')?.innerText === 'barque'")
        page.shows("sea.example/v1")
        # Left and come back to, typed by hand: offered by the kind of the document that the cursor is in.
        page.go("#/create")
        page.until("document.querySelector('.editor-text')?.value === ''")
        page.begins()
        page.run("document.querySelector('.editor-text').focus()")
        page.insert("apiVersion: v1\nkind: Pod\n---\napiVersion: apps/v1\nkind: Deployment\nspec:\n")
        page.insert("  minRea")
        page.until("document.querySelector('.offer [aria-selected=true]')?.innerText.includes('minReadySeconds')")
        page.key("Escape")
        page.go("#/overview")
        page.shows("Pods on their nodes")
        page.go("#/create")
        page.until("document.querySelector('.editor-text')?.value.includes('minRea')", "what was typed and left")
        page.click("Empty it")
        # A file, one of whose objects is of no kind; and fields that others look after.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "two.yaml")
            path.write_text(TWO)
            page.page.set_input_files(".create-tools input[type=file]", str(path))
            page.until("document.querySelector('.editor-text').value.includes('Servise')")
        skiff("create", "configmap", "tide", "-n", "shop", "--from-literal=level=2")
        page.click("Show what would come of it")
        page.until(f"{STATES} === 'others look after it,refused'")
        page.shows("Apply 1 object")  # What is refused is none of them.
        page.shows("This server has no kind Servise in v1")
        page.shows('conflict with "kubectl-create"')
        self.check("create, refused")
        page.click("Show it with these taken over")
        page.until(f"{STATES} === 'would change,refused' && !!document.querySelector('.plan .diff-added')")
        self.edit("kind: Servise", "kind: ConfigMap")
        page.until("!document.querySelector('.plan')", "what was shown was of another text")
        page.click("Show what would come of it")
        page.until(f"{STATES} === 'others look after it,would be created'")
        page.shows("line 6")
        page.click("Show it with these taken over")
        page.click("Take over and apply")
        page.until(f"{STATES} === 'applied,created'")
        if skiff("get", "configmap", "tide", "-n", "shop", "-o", "jsonpath={.data.level}") != "3":
            raise PageError("what was taken over was not applied")
        page.type(".editor-text", "a: [")
        page.click("Show what would come of it")
        page.shows("This is no YAML")
        page.click("Empty it")
        page.clear()
        skiff("delete", "namespace", "fleet", "--wait=false")
        skiff("delete", "configmap", "tide", "-n", "shop")
        skiff("delete", "configmap", "typo", "--ignore-not-found", "-n", "default")
        skiff("delete", "crd", "hulls.sea.example", "--wait=false")

    def details(self):
        """Of a StatefulSet, a Node and a custom kind, as `kubectl describe` says it."""
        page = self.page
        page.go("#/workloads?tab=statefulsets")
        page.click("orders", "a.name")
        page.until("[...document.querySelectorAll('.facts dt')].some((e) => e.innerText === 'Ready')")
        page.until("document.querySelectorAll('main .table-row.link').length > 0", "its pods")
        page.until("document.querySelectorAll('.latest li').length > 0", "its events")
        page.clear()
        page.picture("details")
        self.check("details")
        before = int(page.run("document.querySelector('.scale-input').value"))
        for word, wanted in (("less", before - 1), ("more", before)):
            page.click(f"One replica {word}")
            page.until(f"document.querySelector('.scale-input').value === '{wanted}'")
            page.until(f"document.querySelectorAll('main .table-row.link').length === {wanted}", f"one pod {word}")
        page.click("Restart")
        page.shows("orders restarts, pod by pod")
        page.clear()
        page.go("#/object/cronjobs/shop/nightly-report")
        page.shows("None of its Jobs is there.")
        page.click("Run now")
        job = page.until("document.querySelector('.routes li a')?.innerText", "the Job that it has made")
        self.check("a CronJob with a Job")
        page.clear()
        skiff("delete", "job", job, "-n", "shop")
        page.shows("None of its Jobs is there.")
        page.go("#/object/nodes//node-2")
        page.shows("MemoryPressure")
        page.click("Cordon")
        page.shows("node-2 takes no new pods")
        page.click("Uncordon")
        page.shows("node-2 takes new pods again")
        page.until("document.querySelectorAll('main .table-row.link').length > 0", "its pods")
        page.picture("node")
        self.check("a node")
        page.click("Drain")
        page.shows("Let no new pods onto node-2")
        page.click("Yes, drain it")
        page.shows("of node-2 asked to go")
        page.clear()
        page.click("Uncordon")
        page.until("!!document.querySelector('.toast')")
        page.clear()
        page.go("#/object/nodes//node-2?tab=yaml")
        page.until("document.querySelector('.editor-text')?.value.includes('kind: Node')")
