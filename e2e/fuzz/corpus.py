#!/usr/bin/env python3
"""corpus.py FOLDER: writes what recorded clients sent, as inputs for each target of e2e/fuzz/targets.h,
into FOLDER/<target>/. Taken from e2e/compat/transcripts; made anew wherever it is needed, so that it is not kept."""
import base64, glob, hashlib, io, json, os, re, struct, sys, tarfile, urllib.parse, zlib

here = os.path.dirname(os.path.abspath(__file__))
root = sys.argv[1]
seen = set()

def put(target, data):
    if isinstance(data, str): data = data.encode("utf-8", "surrogatepass")
    name = hashlib.sha1(data).hexdigest()[:16]
    if len(data) > 64 << 10 or (target, name) in seen: return
    seen.add((target, name))
    os.makedirs(os.path.join(root, target), exist_ok=True)
    with open(os.path.join(root, target, name), "wb") as f: f.write(data)

def targets_of(content_type):
    kind = (content_type or "application/json").split(";")[0]
    return {"application/json": ["json", "structs"], "application/yaml": ["yaml"], "application/json-patch+json": ["json_patch"],
            "application/merge-patch+json": ["merge_patch"], "application/strategic-merge-patch+json": ["strategic_patch"],
            "application/apply-patch+yaml": ["apply", "yaml"],
            "application/vnd.kubernetes.protobuf": ["protobuf"]}.get(kind, [])

def request(verb, path, content_type, body):
    return "%s %s HTTP/1.1\r\nHost: h\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (
        verb, path, content_type, len(body), body)

# One field of a protobuf message: numbers as varints, everything else as bytes.
def varint(n):
    out = b""
    while n >= 0x80: out, n = out + bytes([n & 0x7f | 0x80]), n >> 7
    return out + bytes([n])
def field(number, value):
    if isinstance(value, int): return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value

def transcripts():
    for name in sorted(glob.glob(os.path.join(here, "../compat/transcripts/*.json"))):
        with open(name) as f: yield json.load(f)

# What the library of CEL answers for in its own tests.
for fact in json.load(open(os.path.join(here, "../../apiserver/policies/testdata/mutation_expressions.json"))): put("cel", fact["expression"])
for name in glob.glob(os.path.join(here, "../../api/cel/testdata/*.json")):
    with open(name) as f: subjects = json.load(f)
    for group in subjects.values() if isinstance(subjects, dict) else subjects:
        facts = group.get("facts", [group]) if isinstance(group, dict) else group
        for fact in facts: put("cel", fact["expression"])

for transcript in transcripts():
    for step in transcript["steps"]:
        verb, _, path = step["do"].partition(" ")
        put("route", verb + " " + path)
        put("options", urllib.parse.urlsplit(path).query + "\n" + (step.get("headers") or {}).get("Accept", "application/json;q=0.5"))
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)
        for text in query.get("labelSelector", []): put("labels", text)
        for text in query.get("fieldSelector", []): put("fields", text)
        body = step.get("body")
        if body is None:
            put("head", request(verb, path, "application/json", ""))
            continue
        text = body if isinstance(body, str) else json.dumps(body)
        put("head", request(verb, path, step.get("type") or "application/json", text[:500]))
        for target in targets_of(step.get("type")):
            put(target, text)
        if isinstance(body, dict) and body.get("kind") == "CustomResourceDefinition":
            for version in body.get("spec", {}).get("versions") or []:
                put("schema", json.dumps(version.get("schema", {}).get("openAPIV3Schema")))
        if isinstance(body, dict) and transcript["scenario"].startswith("crd-"): put("custom", text)
        if isinstance(body, dict) and not step.get("type"):
            for target in ("apply", "merge_patch", "strategic_patch"): put(target, text)

put("head", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\n")
put("head", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\n\r\n")
for text in ("a", "!a", "a=b", "a!=b", "a in (b,c)", "a notin (b,c),d", "a>1,b<2", "a in (,b)", "x.io/a==b"): put("labels", text)
for text in ("metadata.name=a", "spec.nodeName!=n,status.phase==Running", "a=\\,\\=\\\\", "type=Opaque"): put("fields", text)

meta = field(1, "p") + field(3, "n") + field(11, field(1, "a") + field(2, "b")) + field(8, field(1, 1700000000) + field(2, 0))
container = field(1, "c") + field(2, "i") + field(6, field(2, "http") + field(3, 80) + field(4, "TCP")) + field(
    8, field(1, field(1, "cpu") + field(2, field(1, "1500m"))))
for kind, raw in (("Pod", field(1, meta) + field(2, field(2, container) + field(4, 30)) + field(3, field(1, "Running"))),
                  ("Secret", field(1, meta) + field(2, field(1, "k") + field(2, b"\0\xff"))),
                  ("Service", field(1, meta) + field(2, field(1, field(3, 80) + field(4, field(1, 1) + field(3, "http")))))):
    put("protobuf", raw)
    put("protobuf", b"k8s\0" + field(1, field(1, "v1") + field(2, kind)) + field(2, raw) + field(3, "") + field(4, ""))

def websocket(opcode, payload, masked=True, fin=True):
    head = bytes([(0x80 if fin else 0) | opcode])
    size = len(payload)
    flag = 0x80 if masked else 0
    head += bytes([flag | size]) if size < 126 else bytes([flag | 126]) + struct.pack(">H", size)
    return head + (b"\0\0\0\0" if masked else b"") + payload
for masked in (True, False):
    put("websocket", websocket(2, b"\0hello", masked) + websocket(9, b"ping", masked) + websocket(8, struct.pack(">H", 1000) + b"bye", masked))
    put("websocket", websocket(1, b"a", masked, False) + websocket(0, b"b" * 200, masked))

# Frames of HTTP/2; what stands in a head is written out, as the format allows.
def frame(type, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([type, flags]) + struct.pack(">I", stream) + payload
def fields(*pairs):
    return b"".join(b"\0" + bytes([len(n)]) + n.encode() + bytes([len(v)]) + v.encode() for n, v in pairs)
def asked(verb, path, *more):
    return fields((":method", verb), (":scheme", "https"), (":path", path[:120]), (":authority", "h"), *more)
for transcript in transcripts():
    for step in transcript["steps"][:3]:
        verb, _, path = step["do"].partition(" ")
        put("http2", frame(1, 5, 1, asked(verb, path, ("accept", "application/json"))))
post = frame(1, 4, 1, asked("POST", "/api", ("content-length", "5"), ("te", "trailers")))
put("http2", post + frame(0, 0, 1, b"he") + frame(0, 1, 1, b"llo"))
put("http2", post + frame(0, 8, 1, b"\2hello\0\0") + frame(1, 5, 1, fields(("trailer", "x"))))
put("http2", frame(1, 0, 1, asked("GET", "/")[:9]) + frame(9, 4, 1, asked("GET", "/")[9:]))
put("http2", b"".join(frame(1, 5, 2 * i + 1, b"\x82\x87\x84") + frame(3, 0, 2 * i + 1, b"\0\0\0\x08") for i in range(20)))
put("http2", frame(1, 0x25, 1, struct.pack(">IB", 0, 15) + b"\x82\x87\x84") + frame(2, 0, 3, struct.pack(">IB", 1, 9)))
put("http2", frame(4, 0, 0, struct.pack(">HIHI", 4, 0, 5, 1 << 20)) + frame(1, 5, 1, b"\x82\x87\x84") + frame(8, 0, 1, struct.pack(">I", 99)))
put("http2", frame(6, 0, 0, b"12345678") + frame(4, 1, 0) + frame(99, 7, 1, b"x") + frame(7, 0, 0, struct.pack(">II", 0, 0)))
put("http2", frame(1, 5, 1, b"\x82\x87\x84\x40\x01x\x05hello" + b"\xbe" * 50) + frame(1, 5, 3, asked("GET", "/", ("connection", "close"))))

put("records", bytes([1]) + b"x" * 82 + b"\x17" + bytes([210, 2]) + b"y" * 165 + b"\x17" + bytes([0]) + bytes([1]) + b"\1\0\x15" + b"\0" * 80)
put("records", bytes([230]) + b"\x17\3\3\0\x20" + b"z" * 32)
put("records", bytes([199]) + b"x" * 16383 + b"\x17")

def spdy(type, flags, payload): return struct.pack(">HHI", 0x8003, type, flags << 24 | len(payload)) + payload
put("spdy", spdy(6, 0, struct.pack(">I", 9)) + spdy(3, 0, struct.pack(">II", 1, 5)) + spdy(7, 0, struct.pack(">II", 3, 0)))
put("spdy", struct.pack(">II", 1, 5) + b"hello" + struct.pack(">II", 1, 1 << 24))
with open(os.path.join(here, "../../http/spdy_dictionary.h")) as f: quoted = re.findall(r'^ +"([^"]*)"', f.read(), re.M)
def headers(pairs):
    block = struct.pack(">I", len(pairs))
    for pair in pairs:
        for text in pair: block += struct.pack(">I", len(text)) + text.encode()
    packer = zlib.compressobj(zdict=base64.b64decode("".join(quoted)))
    return packer.compress(block) + packer.flush(zlib.Z_SYNC_FLUSH)
for pairs in ([], [("streamtype", "stdin")], [("streamtype", "data"), ("port", "80"), ("requestid", "0")]):
    put("spdy", spdy(1, 0, struct.pack(">IIH", 1, 0, 0) + headers(pairs)))
    put("spdy", spdy(8, 1, struct.pack(">I", 1) + headers(pairs)))

put("custom", json.dumps({"spec": {
    "a": "abc", "n": 2, "d": 1.5, "b": True, "at": "2024-02-29T12:34:56Z", "ip": "10.0.0.1", "bytes": "YQ==", "port": "http",
    "set": ["x", "y"], "list": [{"key": "k", "number": 2}, {"key": "l", "value": "v"}], "map": {"k": 1}, "raw": {"any": [1]},
    "pod": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}}}, "one": {"x": "yes"},
    "atomic": {"k": ["v"]}}, "status": {"phase": "On"}}))
for version in ("v1", "v1beta1"):
    lamps = [{"apiVersion": "g.io/v2", "kind": "Lamp", "metadata": {"name": "a", "namespace": "n", "uid": "u", "labels": {"m": "2"}}},
             {"apiVersion": "g.io/v2", "kind": "Lamp", "metadata": {"name": "b", "annotations": {"x.io/y": "z"}}, "spec": {"watts": 2}}]
    for result in ({"status": "Success"}, {"status": "Failure", "message": "no"}):
        put("conversion", json.dumps({"apiVersion": "apiextensions.k8s.io/" + version, "kind": "ConversionReview",
                                      "response": {"uid": "id", "result": result, "convertedObjects": lamps}}))
    patch = base64.b64encode(b'[{"op": "add", "path": "/metadata/labels/x", "value": "y"}]').decode()
    for answer in ({"allowed": True}, {"allowed": True, "patchType": "JSONPatch", "patch": patch, "warnings": ["w"]},
                   {"allowed": False, "auditAnnotations": {"k": "v"}, "status": {"code": 422, "reason": "Invalid", "message": "m",
                    "details": {"kind": "pods", "causes": [{"field": "f", "message": "c", "reason": "r"}]}}}):
        put("admission", json.dumps({"apiVersion": "admission.k8s.io/" + version, "kind": "AdmissionReview",
                                     "response": answer | {"uid": "id"}}))

# What stands in quotes in the tests of whatever is fuzzed.
def quoted_in(*tests):
    for test in tests:
        with open(os.path.join(here, "../..", test)) as f: source = f.read()
        for text in re.findall(r'R"\w*\((.*?)\)\w*"', source, re.S): yield text
        for text in re.findall(r'"((?:[^"\\\n]|\\.)*)"', source):
            try: yield text.encode("latin-1", "backslashreplace").decode("unicode_escape")
            except UnicodeDecodeError: pass
for target, tests in (
        ("values", ("api/values_test.cc", "api/rules/core/ip_test.cc", "api/text/cron_schedule_test.cc", "api/text/human_duration_test.cc")),
        ("json_path", ("api/text/json_path_test.cc",)), ("go_template", ("cli/go_template_test.cc",)),
        ("compose", ("cli/compose/load_test.cc", "cli/compose/merge_test.cc", "cli/compose/convert_test.cc", "cli/compose/interpolate_test.cc")),
        ("env_file", ("cli/compose/env_file_test.cc", "kubelet/env_file_test.cc")), ("kubeconfig", ("client/kubeconfig_test.cc",)),
        ("tokens", ("apiserver/auth/token_file_test.cc",)), ("options", ("http/accept_test.cc", "apiserver/subresources/log_options_test.cc")),
        ("proxied_links", ("apiserver/subresources/proxied_links_test.cc",)),
        ("discovery", ("apiserver/aggregation/remote_discovery_test.cc", "apiserver/aggregation/merged_discovery_test.cc"))):
    for text in quoted_in(*tests): put(target, text)
for text in ("1.5Gi", "-0.000000001n", "12e-3", "9223372036854775807Ei", "1h2m3.5s", "-9223372036854775808ns", "2024-02-29T12:34:56.123456Z", "10.0.0.0/8",
             "2001:db8::ffff", "::ffff:1.2.3.4/120", "*/15 8-17 * * mon-fri", "TZ=Europe/Berlin 0 0 1 1 ?", "@every 90s", "1,3-5,7",
             "registry.example.com:5000/a/b:tag@sha256:" + "0" * 64): put("values", text)
for name in glob.glob(os.path.join(here, "../../cli/compose/testdata/*/*.yaml")):
    with open(name) as f: put("compose", f.read())
put("kubeconfig", json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "c", "contexts": [{"name": "c", "context": {
    "cluster": "a", "user": "u", "namespace": "n"}}], "clusters": [{"name": "a", "cluster": {"server": "https://h:1", "certificate-authority-data": "YQ==",
    "insecure-skip-tls-verify": True, "tls-server-name": "t", "proxy-url": "x", "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {}}]}}],
    "users": [{"name": "u", "user": {"token": "t", "as": "x", "as-groups": ["g"], "as-user-extra": {"k": ["v"]}, "client-certificate": "c.pem", "exec": {
    "apiVersion": "client.authentication.k8s.io/v1", "command": "./p", "args": ["a"], "env": [{"name": "N", "value": "v"}]}}}]}))

jws = lambda header: ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (
    json.dumps(header).encode(), b'{"iss":"i","sub":"system:serviceaccount:n:s","aud":["a"],"exp":1}', b"0" * 64))
for header in ({"alg": "ES256"}, {"alg": "RS256", "kid": "k"}, {"alg": "none"}): put("tokens", jws(header))
for text in ('{"iss": "i", "exp": 1}', "abcdef.0123456789abcdef", 'token,user,uid,"a,b"', "base64url.bearer.authorization.k8s.io.YQ, v4.channel.k8s.io"):
    put("tokens", text)
for test in ("apiserver/auth/client_certificates_test.cc", "base/certificates_test.cc", "cli/certificate_names_test.cc"):
    with open(os.path.join(here, "../..", test)) as f: lines = f.read().replace("\\n", "\n").replace('"', "")
    for text in re.findall(r"-----BEGIN CERTIFICATE-----([^-]*)-----END", lines):
        put("certificate", base64.b64decode("".join(text.split())))

def der(tag, *parts):
    body = b"".join(parts)
    size = bytes([len(body)]) if len(body) < 128 else b"\x82" + struct.pack(">H", len(body))
    return bytes([tag]) + size + body
def subject(*pairs):
    return der(0x30, *(der(0x31, der(0x30, der(6, oid), der(12, text))) for oid, text in pairs))
def asking(*names, oid=b"\x55\x1d\x11"):
    return der(0x30, der(6, oid), der(4, der(0x30, *names)))
node = subject((b"\x55\x04\x0a", b"system:nodes"), (b"\x55\x04\x03", b"system:node:n"))
names = (der(0x82, b"n.example.com"), der(0x87, b"\x0a\0\0\1"), der(0x81, b"a@b"), der(0x86, b"spiffe://x"))
for lists in ((asking(*names),), (asking(*names), asking(*names[:1])), (asking(), asking(b"\6\3\x55\x1d\x11", oid=b"\x55\x1d\x25")), ()):
    put("signing_request", bytes([len(node)]) + node + der(0x30, *lists))
    put("signing_request", b"\2\x30\0" + der(0x30, *lists))

put("discovery", json.dumps({"kind": "APIGroupDiscoveryList", "items": [{"metadata": {"name": "g.io"}, "versions": [{"version": "v1", "freshness": "Current",
    "resources": [{"resource": "lamps", "responseKind": {"group": "", "version": "", "kind": "Lamp"}, "scope": "Namespaced", "singularResource": "lamp",
                   "verbs": ["get"], "shortNames": ["l"], "categories": ["all"], "subresources": [{"subresource": "status", "verbs": ["get"]}]}]}]}]}))
put("discovery", json.dumps({"kind": "APIResourceList", "groupVersion": "g.io/v1", "resources": [
    {"name": "lamps", "namespaced": True, "kind": "Lamp", "verbs": ["get"]}, {"name": "lamps/status", "kind": "Lamp", "verbs": ["get"]}]}))
put("discovery", json.dumps({"paths": {"apis/g.io/v1": {"serverRelativeURL": "/openapi/v3/apis/g.io/v1?hash=AB12"}}}))
reference = {"$ref": "#/definitions/b"}
put("discovery", json.dumps({"swagger": "2.0", "paths": {"/apis/g.io/v1/lamps": {"get": {"parameters": [{"$ref": "#/parameters/p"}], "responses": {
    "200": {"schema": {"$ref": "#/definitions/a"}}}}}}, "parameters": {"p": {"name": "p", "in": "query"}}, "definitions": {
    "a": {"properties": {"x": reference, "y": {"type": "array", "items": reference}}, "default": {}},
    "b": {"x-kubernetes-group-version-kind": [{"group": "g.io", "version": "v1", "kind": "Lamp"}], "additionalProperties": {"$ref": "#/definitions/a"}}}}))

# Messages of DNS.
def name(text): return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"
def asked_of_dns(text, kind=1, edns=b""):
    return struct.pack(">6H", 9, 0x0100, 1, 0, 0, 1 if edns else 0) + name(text) + struct.pack(">2H", kind, 1) + edns
opt = b"\0" + struct.pack(">HHIH", 41, 1232, 0x8000, 0)
for text, kind in (("web.default.svc.cluster.local", 1), ("db.default.svc.cluster.local", 33), ("ext.default.svc.cluster.local", 255), ("cluster.local", 6),
                   ("1.0.0.10.in-addr.arpa", 12), ("10-1-2-3.default.pod.cluster.local", 28), ("_http._tcp.web.default.svc.cluster.local", 33), ("a.b", 1)):
    put("dns_query", asked_of_dns(text, kind))
    put("dns_query", asked_of_dns(text, kind, opt))
def record(owner, kind, data, ttl=60): return owner + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data
www, alias = b"\xc0\x0c", name("a.example.com")
answers = [record(www, 5, alias), record(alias, 1, b"\1\2\3\4"), record(alias, 15, b"\0\1" + www), record(alias, 35, b"\0\1\0\1\1U\0\0" + www)]
authority = record(www, 6, alias + www + struct.pack(">5I", 1, 2, 3, 4, 5))
for flags, some in ((0x8180, answers), (0x8180, answers[:2]), (0x8183, []), (0x8182, []), (0x8380, answers[:1]), (0x8181, [])):
    put("dns_answer", struct.pack(">6H", 9, flags, 1, len(some), 1, 2) + name("www.example.com") + struct.pack(">2H", 1, 1) + b"".join(some) + authority +
        record(alias, 33, b"\0\1\0\2\0\x50" + alias) + opt)

def archive(files, links=()):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        for path, target, kind in links:
            entry = tarfile.TarInfo(path)
            entry.type, entry.linkname = kind, target
            tar.addfile(entry)
    return out.getvalue().rstrip(b"\0") + b"\0" * 1024
def blob(document):
    content = json.dumps(document).encode()
    digest = hashlib.sha256(content).hexdigest()
    return content, {"digest": "sha256:" + digest, "size": len(content)}, "blobs/sha256/" + digest
config, configured, config_path = blob({"architecture": "amd64", "os": "linux"})
manifest, described, manifest_path = blob({"schemaVersion": 2, "config": configured, "layers": [dict(configured, mediaType="x")]})
oci = "application/vnd.oci.image.manifest.v1+json"
index = {"manifests": [dict(described, mediaType=oci, platform={"architecture": "amd64", "os": "linux"}, annotations={"io.containerd.image.name": "a/b:1"})]}
docker = json.dumps([{"Config": "c.json", "RepoTags": ["a:1"], "Layers": ["l/layer.tar", "m/layer.tar"]}]).encode()
put("archive", archive({"index.json": json.dumps(index).encode(), manifest_path: manifest, config_path: config}))
put("archive", archive({"manifest.json": docker, "c.json": config, "l/layer.tar": b"x" * 600}, [("m/layer.tar", "../l/layer.tar", tarfile.SYMTYPE)]))
put("archive", archive({"./" + "long" * 40: b"x", "f": b""}, [("h", "f", tarfile.LNKTYPE), ("d/", "", tarfile.DIRTYPE)]))
