"""The part of the play of console.py that deploys an image, follows its rollouts, and looks at pods, their logs
and a shell."""

import json
import os
import subprocess

from page import PageError


class Rollouts:
    """For a class that has a `page`, checks what is shown, and runs `skiff`."""

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

    def scaled(self):
        """Somebody else scales it, and back: who edits it then has him to ask (`yaml`)."""
        for replicas in (5, 6):
            self.skiff("patch", "deployment", "nginx", "--subresource=scale", "--field-manager=night-shift",
                       "-p", json.dumps({"spec": {"replicas": replicas}}))
        self.skiff("rollout", "status", "deployment/nginx")

    def turned(self):
        """A StatefulSet turns pod by pod, in a list and on a page of its own, and back; a DaemonSet has its history, too."""
        page = self.page
        complete = ("[...document.querySelectorAll('.table-row.link')].some((each) => "
                    "/orders[^]*Complete[^]*3\\/3/.test(each.innerText))")
        page.go("#/workloads?tab=statefulsets")
        page.until(complete)
        image = [{"name": "db", "image": "registry.example/orders-db:16"}]
        self.skiff("patch", "statefulset", "orders", "-n", "shop", "-p", json.dumps({"spec": {"template": {
            "metadata": {"annotations": {"simulation.skiff.io/ready-after": "3s"}}, "spec": {"containers": image}}}}))
        page.shows("Rolling out")
        page.until("document.querySelectorAll('.pod-dot.old').length > 0", "pods of the revision before")
        page.go("#/object/statefulsets/shop/orders")
        page.until("document.querySelectorAll('.lane').length === 2", "old and new pods side by side")
        page.shows("one pod after another, from the last")
        page.picture("rollout-statefulset")
        self.check("a StatefulSet that turns")
        page.until("document.querySelectorAll('.lane').length === 1 && "
                   "document.querySelectorAll('.lane.new .square.tone-good').length === 3")
        page.click("Go back to this: Revision 1")
        page.shows("orders goes back to revision 1")
        page.shows("Revision 3")
        page.until("document.querySelector('.lane.new')?.innerText.includes('orders-db:15') && "
                   "document.querySelectorAll('.lane').length === 1 && "
                   "document.querySelectorAll('.lane.new .square.tone-good').length === 3")
        page.go("#/workloads?tab=statefulsets")
        page.until(complete)
        self.skiff("set", "image", "daemonset/log-shipper", "-n", "shop", "shipper=registry.example/log-shipper:2.0")
        page.go("#/object/daemonsets/shop/log-shipper")
        page.shows("node by node: at most 1 missing")
        page.click("Go back to this: Revision 1")
        page.shows("Revision 3")
        page.until("document.querySelector('.lane.new')?.innerText.includes('log-shipper:1.9')")
        self.skiff("rollout", "status", "daemonset/log-shipper", "-n", "shop")
        page.clear()

    def ended(self):
        """A pod is deleted while somebody reads what it says: that stays."""
        page = self.page
        self.skiff("run", "brief", "--image=nginx:1.27")
        self.skiff("wait", "pod/brief", "--for=condition=Ready")
        page.go("#/pod/default/brief?tab=logs")
        page.until("document.querySelectorAll('.log-line').length > 0")
        self.skiff("delete", "pod", "brief")
        page.shows("This object is not there, or not any more")
        page.shows("The log has ended.")
        page.until("document.querySelectorAll('.log-line').length > 0", "what it has said")
        self.check("logs of what is gone")
        self.skiff("create", "deployment", "brief", "--image=nginx:1.27")
        page.go("#/logs/deployments/default/brief")
        page.until("document.querySelectorAll('.log-line').length > 0")
        self.skiff("delete", "deployment", "brief")
        page.shows("This object is not there, or not any more")
        page.until("document.querySelectorAll('.log-line').length > 0", "what its pods have said")

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
        self.ended()

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
