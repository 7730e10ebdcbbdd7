"""A scheduler extender (k8s.io/kube-scheduler/extender/v1) that judges nodes and pods by their labels, and tells each
question that it was asked on a line of its own.

  extender.py PORT API_SERVER TOKEN [CERTIFICATE KEY CLIENT_AUTHORITY]

Nodes: `hot` refuses pods, `locked` for good, `score` is what they are worth; `kept` ones are not freed by preemption.
Pods: `refused` ones get no node, of `broken` ones it has no idea, `unbound` ones it does not bind, and of `slow` ones it
says nothing at all. Answers name nodes where it was given names, and hold them where it was given nodes.
"""
import http.client
import http.server
import json
import ssl
import sys
import threading


def labels_of(thing):
    return thing["metadata"].get("labels", {})


class Extender(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api = token = None
    forever = threading.Event()

    def call(self, verb, path, body=None):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        api = http.client.HTTPSConnection(self.api, context=context)
        api.request(verb, path, json.dumps(body) if body else None, {
            "Content-Type": "application/json", "Authorization": "Bearer " + self.token})
        answer = api.getresponse()
        return answer.status, json.loads(answer.read())

    def nodes_of(self, question):
        if question["NodeNames"] is None:
            return question["Nodes"]["items"]
        return [self.call("GET", "/api/v1/nodes/" + name)[1] for name in question["NodeNames"]]

    def filter(self, question):
        pod = labels_of(question["Pod"])
        if "broken" in pod:
            return {"Error": "no idea of this pod"}
        left, failed, unresolvable = [], {}, {}
        for node in self.nodes_of(question):
            name = node["metadata"]["name"]
            if "locked" in labels_of(node):
                unresolvable[name] = "node is locked"
                failed[name] = "counts less than the other"
            elif "hot" in labels_of(node):
                failed[name] = "node is too hot"
            elif "refused" in pod:
                failed[name] = "pod is not wanted"
            else:
                left.append(node)
        answer = {"FailedNodes": failed, "FailedAndUnresolvableNodes": unresolvable}
        if question["NodeNames"] is None:
            answer["Nodes"] = {"metadata": {}, "items": left}
        else:
            answer["NodeNames"] = [node["metadata"]["name"] for node in left]
        return answer

    def prioritize(self, question):
        return [{"Host": node["metadata"]["name"], "Score": int(labels_of(node).get("score", 0))}
                for node in self.nodes_of(question)]

    def preempt(self, question):
        whole, uids = question["NodeNameToVictims"], question["NodeNameToMetaVictims"]
        answer = uids or {node: {"Pods": [{"UID": pod["metadata"]["uid"]} for pod in victims["Pods"]],
                                 "NumPDBViolations": victims["NumPDBViolations"]}
                          for node, victims in whole.items()}
        kept = [name for name in answer if "kept" in labels_of(self.call("GET", "/api/v1/nodes/" + name)[1])]
        return {"NodeNameToMetaVictims": {node: of for node, of in answer.items() if node not in kept}}

    def bind(self, question):
        path = f"/api/v1/namespaces/{question['PodNamespace']}/pods/{question['PodName']}"
        if "unbound" in labels_of(self.call("GET", path)[1]):
            return {"Error": "this pod is not bound"}
        status, answer = self.call("POST", path + "/binding", {
            "apiVersion": "v1", "kind": "Binding",
            "metadata": {"name": question["PodName"], "uid": question["PodUID"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": question["Node"]}})
        return {"Error": "" if status == 201 else answer["message"]}

    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        verb = self.path.rsplit("/", 1)[1]
        name = question["Pod"]["metadata"]["name"] if "Pod" in question else question["PodName"]
        print(verb, name, question.get("Node", ""), flush=True)
        if "Pod" in question and "slow" in labels_of(question["Pod"]):
            self.forever.wait()
        body = json.dumps(getattr(self, verb)(question), indent=2).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


def main():
    port, Extender.api, Extender.token, *tls = sys.argv[1:]
    server = Server(("127.0.0.1", int(port)), Extender)
    if tls:
        certificate, key, authority = tls
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


main()
