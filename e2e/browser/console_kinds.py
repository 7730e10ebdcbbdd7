"""The part of the console's play that is about kinds it does not know by itself: all that the server has, custom
ones among them, as the server's own tables have them, and what ConfigMaps and Secrets hold."""

import json
import os
import subprocess

BOATS = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boats.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: boats, singular: boat, kind: Boat}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {sails: {type: integer}}}}}}
    additionalPrinterColumns: [{name: Sails, type: integer, jsonPath: .spec.sails}]
"""
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "harbour", "namespace": "shop"},
          "stringData": {"word": "only-on-demand"}}


def skiff(*args, given=None):
    text = given if given is None or isinstance(given, str) else json.dumps(given)
    subprocess.run([os.environ["skiff"], *args], input=text, text=True, check=True, stdout=subprocess.DEVNULL)


def boat(name, sails):
    return {"apiVersion": "example.com/v1", "kind": "Boat", "metadata": {"name": name, "namespace": "shop"},
            "spec": {"sails": sails}}


class Kinds:
    """For a class that has a `page` and a `check`."""

    def kinds(self):
        page = self.page
        skiff("apply", "-f", "-", given=BOATS)
        skiff("wait", "--for=condition=Established", "crd/boats.example.com", "--timeout=30s")
        skiff("apply", "-f", "-", given=boat("dinghy", 1))
        page.go("#/pods")
        page.begins()
        page.key("g")
        page.key("k")
        page.shows("ConfigMap")
        page.picture("kinds")
        page.type("input[data-filter]", "boat")
        page.until("document.querySelectorAll('.table-row.link').length === 1", "the kind of a definition")
        page.click("Boat", "a.name")
        page.shows("dinghy")
        page.shows("Sails")
        # What others do shows at once, and an object goes when it is deleted.
        skiff("apply", "-f", "-", given=boat("ketch", 17))
        page.shows("17")
        skiff("delete", "boat", "dinghy", "-n", "shop")
        page.goes("dinghy")
        self.check("a custom kind")
        page.click("ketch", "a.name")
        page.shows("example.com/v1")
        page.click("YAML", "[role=tab]")
        page.until("document.querySelector('.editor-text')?.value.includes('sails: 17')")
        self.edit("sails: 17", "sails: 18")
        page.click("Show what would change", "button.primary")
        # It is a field of who applied it.
        page.shows("Others look after what you changed")
        page.click("Show it with these taken over")
        page.click("Take over and apply", "button.danger")
        page.shows("Applied.")
        page.clear()
        skiff("apply", "-f", "-", given=SECRET)
        page.go("#/object/secrets/shop/harbour")
        page.shows("What it holds")
        page.until("!document.querySelector('main').innerText.includes('only-on-demand')", "a Secret that is not shown")
        page.click("Show: word")
        page.shows("only-on-demand")
        self.check("a Secret")
        page.picture("secret")
        # By the palette, and with a kind that is gone.
        page.key("Control+k")
        page.type("dialog input", "priorityclasses")
        page.until("document.querySelector('.palette-entry[aria-selected=true]')?.innerText.includes('priorityclasses')")
        page.key("Enter")
        page.shows("system-node-critical")
        page.go("#/kinds/ships.example.com")
        page.shows("This server has no kind ships.example.com")
        skiff("delete", "crd", "boats.example.com")
        skiff("delete", "secret", "harbour", "-n", "shop")
