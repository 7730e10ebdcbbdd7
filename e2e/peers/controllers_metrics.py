"""What autoscalers ask of a cluster whose pods are played: metrics.k8s.io, custom.metrics.k8s.io and
external.metrics.k8s.io, served by TLS on a port of this machine. What a pod uses of CPU its label `use` says in
millicores, what a metric named by an autoscaler is, the ConfigMap `metrics` of its namespace.

  controllers_metrics.py PORT CERTIFICATE KEY API_PORT      registers itself with the API server there, and serves
"""
import http.server
import json
import re
import ssl
import sys
import threading
import time

from api_servers import Server

GROUPS = {"metrics.k8s.io": "v1beta1", "custom.metrics.k8s.io": "v1beta2", "external.metrics.k8s.io": "v1beta1"}
RESOURCES = {
    "metrics.k8s.io": [("pods", "PodMetrics"), ("nodes", "NodeMetrics")],
    "custom.metrics.k8s.io": [("pods/asked", "MetricValueList"), ("services/asked", "MetricValueList")],
    "external.metrics.k8s.io": [("asked", "ExternalMetricValueList")],
}


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def register(server, port):
    """The API server reaches this one by the name of the machine, which needs no service proxy."""
    server.ask("POST", "/api/v1/namespaces/kube-system/services", {
        "metadata": {"name": "metrics"}, "spec": {"type": "ExternalName", "externalName": "localhost",
                                                  "ports": [{"port": port}]}})
    for group, version in GROUPS.items():
        server.ask("POST", "/apis/apiregistration.k8s.io/v1/apiservices", {
            "metadata": {"name": f"{version}.{group}"}, "spec": {
                "group": group, "version": version, "groupPriorityMinimum": 100, "versionPriority": 100,
                "insecureSkipTLSVerify": True,
                "service": {"namespace": "kube-system", "name": "metrics", "port": port}}})


class Metrics:
    def __init__(self, server):
        self.server, self.lock = server, threading.Lock()

    def get(self, path):
        with self.lock:
            return self.server.get(path)

    def pods(self, space, query):
        return self.get(f"/api/v1/namespaces/{space}/pods?{query}").get("items") or []

    def value(self, space, name):
        values = self.get(f"/api/v1/namespaces/{space}/configmaps/metrics").get("data") or {}
        return values.get(name)

    def answer(self, path, query):
        """None: there is nothing there."""
        parts = path.strip("/").split("/")
        if parts == ["apis"]:
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": []}
        if len(parts) < 3 or GROUPS.get(parts[1]) != parts[2]:
            return None
        group = parts[1]
        if len(parts) == 3:
            return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "/".join(parts[1:]), "resources": [
                {"name": name, "singularName": "", "namespaced": True, "kind": kind, "verbs": ["get", "list"]}
                for name, kind in RESOURCES[group]]}
        if parts[3] != "namespaces":
            return None
        space, rest = parts[4], parts[5:]
        version = f"{group}/{GROUPS[group]}"
        if group == "metrics.k8s.io":
            return self.usage(version, space, query)
        return self.external(version, space, rest) if group[0] == "e" else self.custom(version, space, rest, query)

    def usage(self, version, space, query):
        items = []
        for pod in self.pods(space, query):
            use = (pod["metadata"].get("labels") or {}).get("use")
            if use:
                items.append({"metadata": {"name": pod["metadata"]["name"], "namespace": space}, "timestamp": now(),
                              "window": "0s", "containers": [{"name": each["name"], "usage": {
                                  "cpu": use + "m", "memory": use + "Mi"}} for each in pod["spec"]["containers"]]})
        return {"kind": "PodMetricsList", "apiVersion": version, "metadata": {}, "items": items}

    def external(self, version, space, rest):
        value = self.value(space, rest[0])
        items = [] if value is None else [{"metricName": rest[0], "metricLabels": {}, "timestamp": now(),
                                           "value": each} for each in value.split(",")]
        return {"kind": "ExternalMetricValueList", "apiVersion": version, "metadata": {}, "items": items}

    def custom(self, version, space, rest, query):
        resource, name, metric = rest
        value = self.value(space, metric)
        if value is None:
            return None
        names = [pod["metadata"]["name"] for pod in self.pods(space, query)] if name == "*" else [name]
        kind = {"pods": "Pod", "services": "Service"}[resource]
        return {"kind": "MetricValueList", "apiVersion": version, "metadata": {}, "items": [
            {"describedObject": {"kind": kind, "namespace": space, "name": each, "apiVersion": "/v1"},
             "metric": {"name": metric}, "timestamp": now(), "value": value} for each in names]}


def handler(metrics):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            path, _, query = self.path.partition("?")
            selector = re.search(r"labelSelector=[^&]*", query)
            answer = metrics.answer(path, selector[0] if selector else "")
            code = 200 if answer else 404
            body = json.dumps(answer or {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404,
                                         "reason": "NotFound", "message": "there is no such metric"}).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass
    return Handler


def main():
    port, certificate, key, api_port = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler(Metrics(Server(api_port))))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    register(Server(api_port), port)
    server.serve_forever()


main()
