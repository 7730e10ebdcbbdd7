"""Two API servers, a real one and ours, asked the same, and how their answers are compared."""
import collections
import http.client
import json
import os
import re
import ssl
import time

KNOWN = os.path.join(os.path.dirname(__file__), "api_difference.txt")
# What differs from server to server, or from run to run.
OWN = {"uid", "resourceVersion", "creationTimestamp", "clusterIP", "clusterIPs", "nodePort",
       "healthCheckNodePort", "time", "lastTransitionTime", "token", "expirationTimestamp"}
# Each gives Services addresses of its own.
ADDRESS = re.compile(r"10\.96\.\d+\.\d+")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# What a patch made of an object that cannot be read: Go writes
# the keys of some maps sorted, and takes directives out of a patch while it goes through it.
PATCHED = re.compile(r'(Invalid value: "(?:\{|map\[)).*((?:\}|\])": )', re.S)
# Where in its own sources.
SCHEME = re.compile(r'(in scheme )"[^"]*"')
# cel-go's types of unnamed objects are numbered as they come.
TYPE = re.compile(r"selfType\d+")
ACCESS = re.compile(r"(kube-api-access)-[a-z0-9]{5}\b")
GENERATED = re.compile(r"(\b[Gg]en-|Bad_)[a-z0-9]{5}\b")
VERSION = re.compile(r'(resourceVersion\\*": *\\*"|in object meta: |ResourceVersion in record \()\d+')
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
SHOWN_MAX = 400
# Of what is known: a part of either answer, and the part of the questions that it is about.
SAYS = re.compile(r"(?:(\w+) )?says (.*)")
# Before a name: only where both refuse what is asked.
REFUSED = "refused "
# Some of Kubernetes' errors come in the order of a Go map, which is another one each time.
TRIES_MAX = 8
JSON = "application/json"
# Both close what is idle for 90 s: while one of them is asked alone, the other one is.
IDLE_SECONDS_MAX = 60


# What it answers where it had no time for a request: of that nothing can be told.
NO_TIME = 504
# Of all that it is asked.
UNANSWERED_SHARE_MAX = 0.01


class NoAnswer(Exception):
    """A request that its server panics at."""


class Server:
    def __init__(self, port):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.http = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=60)
        self.asked = 0.0

    def ask(self, verb, path, body=None, content=JSON, accept=JSON):
        """(code, document, warnings); a text as the body is sent as it is. Raises NoAnswer where the
        server closes the connection instead."""
        headers = {"Authorization": "Bearer token", "User-Agent": "difference/1"}
        if accept is not None:
            headers["Accept"] = accept
        if body is not None:
            if content is not None:
                headers["Content-Type"] = content
            if not isinstance(body, (str, bytes)):
                body = json.dumps(body, separators=(",", ":"))
            body = body.encode() if isinstance(body, str) else body
        if time.monotonic() - self.asked > IDLE_SECONDS_MAX:
            self.http.close()
        self.asked = time.monotonic()
        try:
            self.http.request(verb, path, body, headers)
            answer = self.http.getresponse()
            text = answer.read()
        except (http.client.HTTPException, ConnectionError):
            self.http.close()
            raise NoAnswer(self) from None
        warnings = [value for name, value in answer.getheaders() if name.lower() == "warning"]
        try:
            return answer.status, json.loads(text), warnings
        except ValueError:
            return answer.status, {"message": text.decode("utf-8", "replace")}, warnings

    def get(self, path):
        return self.ask("GET", path)[1]


def masked(thing):
    if isinstance(thing, dict) and isinstance(thing.get("resourceRules"),
                                              list) and "incomplete" in thing:
        # Roles come in the order of a map.
        thing = {**thing, **{name: sorted(thing.get(name) or [], key=str)
                             for name in ("resourceRules", "nonResourceRules")}}
    if isinstance(thing, dict) and "columnDefinitions" in thing:
        # Our descriptions are our own.
        columns = [{**column, "description": "-"} for column in thing["columnDefinitions"]]
        thing = {**thing, "columnDefinitions": None, "columns": columns}
    if isinstance(thing, dict) and isinstance(thing.get("managedFields"), list):
        # By time, and of the same second by name: when the second changes is chance.
        fields = sorted(thing["managedFields"], key=lambda each: json.dumps(masked(each), sort_keys=True))
        thing = {**thing, "managedFields": [masked(each) for each in fields]}
    if isinstance(thing, dict):
        return {UUID.sub("UUID", key): "-" if key in OWN else masked(value)
                for key, value in thing.items()}
    if isinstance(thing, list):
        return [masked(value) for value in thing]
    if not isinstance(thing, str):
        return thing
    thing = TYPE.sub("selfType", SCHEME.sub(r"\1", PATCHED.sub(r"\1\2", thing)))
    thing = ADDRESS.sub("ADDRESS", UUID.sub("UUID", thing))
    return VERSION.sub(r"\1N", GENERATED.sub(r"\1", ACCESS.sub(r"\1", TIME.sub("TIME", thing))))


def names_like(lines):
    """What matches one of them; a star stands for anything."""
    return re.compile("|".join(re.escape(line).replace(r"\*", ".*") for line in lines) or "$.")


def in_order(answer):
    return {**answer, "message": sorted(re.split(r"(?:, |\[|\])", answer["message"] or ""))}


def from_difference(theirs, ours):
    """Both texts, of long ones from shortly before they differ."""
    theirs, ours = json.dumps(theirs), json.dumps(ours)
    same = next((i for i, (one, other) in enumerate(zip(theirs, ours)) if one != other), 0)
    start = max(0, same - 100)
    return [text if len(text) < SHOWN_MAX else text[start:start + SHOWN_MAX] for text in (theirs,
                                                                                          ours)]


def comparable(answer):
    code, document, warnings = answer
    if not isinstance(document, dict) or code < 400:
        return {"code": code, "object": masked(document), "warnings": sorted(warnings)}
    causes = (document.get("details") or {}).get("causes") or []
    return {"code": code, "message": masked(document.get("message")),
            "reason": document.get("reason"),
            "causes": sorted(json.dumps(masked(cause), sort_keys=True) for cause in causes),
            "warnings": sorted(warnings)}


def first_difference(theirs, ours, path=""):
    """(path, theirs, ours) of the first value that differs; None where all agree."""
    if type(theirs) is type(ours) and isinstance(theirs, dict):
        for key in list(theirs) + [key for key in ours if key not in theirs]:
            found = first_difference(theirs.get(key), ours.get(key), f"{path}.{key}")
            if found:
                return found
        return None
    if type(theirs) is type(ours) and isinstance(theirs, list) and len(theirs) == len(ours):
        for index, (one, other) in enumerate(zip(theirs, ours)):
            found = first_difference(one, other, f"{path}[{index}]")
            if found:
                return found
        return None
    return None if theirs == ours else (path, theirs, ours)


class Comparison:
    """Asks both, counts, and prints each name at which they differ once."""

    def __init__(self, kube, ours, requests):
        self.kube, self.ours, self.requests = Server(kube), Server(ours), requests
        self.asked, self.unanswered = 0, 0
        self.any_order = False  # Of errors: where they come in that of a map, and are many.
        self.expected, self.differing = collections.Counter(), collections.Counter()
        self.codes = collections.Counter()
        with open(KNOWN) as file:
            lines = [line for line in map(str.rstrip, file) if line and line[0] != "#"]
        self.part = ""  # The one that is asked now, where lines about its texts have to name it.
        # Names may have stars in them.
        texts = [SAYS.fullmatch(line) for line in lines]
        names = [line for line, says in zip(lines, texts) if not says]
        self.known_names = names_like(line for line in names if not line.startswith(REFUSED))
        self.known_refused = names_like(line[len(REFUSED):] for line in names if line.startswith(REFUSED))
        self.known_texts = [says.groups("") for says in texts if says]

    def compare(self, name, ask, shown=""):
        """`ask` gets both answers, kube-apiserver's first; `shown` is what was asked."""
        self.asked += 1
        tries_for_time = 2
        for _ in range(TRIES_MAX):
            try:
                answers = ask()
            except NoAnswer as failure:
                if failure.args[0] is self.ours:
                    raise
                self.unanswered += 1
                return
            if answers[0][0] == NO_TIME:
                tries_for_time -= 1
                if tries_for_time:
                    continue
                self.unanswered += 1
                return
            found = first_difference(*map(comparable, answers))
            if found and self.any_order and found[0] == ".message":
                found = first_difference(*[in_order(comparable(answer)) for answer in answers])
            # It writes some of them itself meanwhile.
            if not found or "object has been modified" in str(answers[0][1]):
                self.codes[name.split(" ")[1], answers[0][0]] += 1
                return
            # Not tried again: each try of a watch takes as long as the watch.
            if self.is_known(name, answers):
                self.expected[name] += 1
                return
        self.differing[name] += 1
        if self.differing[name] > 1:
            return
        path = found[0]
        theirs, ours = from_difference(*found[1:])
        print(f"{name}{'' if path[:5] == '.code' else '  ' + path[1:]}\n"
              f"  kube {theirs}\n  ours {ours}", flush=True)
        if path[:5] == ".code":
            print(f"  {answers[0][1].get('message', '')[:300]!r}\n"
                  f"  {answers[1][1].get('message', '')[:300]!r}", flush=True)
        self.show_causes(*answers)
        if shown:
            print(f"  asked {shown[:SHOWN_MAX]}", flush=True)

    def is_known(self, name, answers):
        if self.known_names.fullmatch(name):
            return True
        if all(answer[0] >= 400 for answer in answers) and self.known_refused.fullmatch(name):
            return True
        if self.part and answers[0][0] != answers[1][0]:
            return False
        texts = [json.dumps(comparable(answer)) for answer in answers]
        return any(part == self.part and known in text for part, known in self.known_texts for text in texts)

    @staticmethod
    def show_causes(*answers):
        """What only one of them says, where both refuse an object."""
        causes = [comparable(answer).get("causes", []) for answer in answers]
        for name, own, others in (("kube", *causes), ("ours", *causes[::-1])):
            for cause in [cause for cause in own if cause not in others][:6]:
                cause = json.loads(cause)
                message = cause.get("message", "")[:SHOWN_MAX]
                print(f"  only {name}: {cause.get('field')}: {message}")

    def says_enough(self):
        """Whether so few were not answered that the others stand for them."""
        return self.unanswered <= self.asked * UNANSWERED_SHARE_MAX

    def both(self, verb, path, thing=None, content=JSON, accept=JSON):
        return [server.ask(verb, path, thing, content, accept)
                for server in (self.kube, self.ours)]

    def same(self, name, verb, path, thing=None, content=JSON, accept=JSON):
        """The very same request to both."""
        text = thing if isinstance(thing, str) else json.dumps(thing)
        self.compare(name, lambda: self.both(verb, path, thing, content, accept),
                     f"{verb} {path} {text}")
