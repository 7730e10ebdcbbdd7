"""What tokens_difference.py asks: tokens by name, and command lines that cannot be."""
import json
import time

from tokens_issuer import token, url64

HEAD = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n"


def file_of_issuers(place, keys):
    all_keys = list(keys.values())
    for name in ("basic", "email", "cel", "rules", "nested", "plain", "split"):
        place.issuer(name, all_keys)
    place.issuer("disco", all_keys, discovery="/elsewhere")
    place.pages["/groups"] = lambda body, headers: (200, token(
        keys["rsa"], "RS256", {"iss": place.url + "/basic", "aud": "us", "groups": ["far"],
                               "exp": int(time.time()) + 600}).encode())

    def issuer(name, mappings, audiences=("us",), **more):
        return {"issuer": {"url": f"{place.url}/{name}", "audiences": list(audiences),
                           "certificateAuthority": place.ca, **more.pop("issuer", {})},
                "claimMappings": mappings, **more}

    sub = {"username": {"claim": "sub", "prefix": ""}}
    return {
        "apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration",
        "anonymous": {"enabled": True, "conditions": [{"path": "/livez"}]},
        "jwt": [
            issuer("basic", {"username": {"claim": "sub", "prefix": "b:"},
                             "groups": {"claim": "groups", "prefix": "g:"},
                             "uid": {"claim": "uid"}}, ("us", "them"),
                   issuer={"audienceMatchPolicy": "MatchAny"}),
            issuer("email", {"username": {"claim": "email", "prefix": ""}}),
            issuer("cel", {
                "username": {"expression": "claims.name + '@' + claims.?realm.orValue('none')"},
                "groups": {"expression": "claims.?roles.orValue([])"},
                "uid": {"expression": "claims.?id.orValue('')"},
                "extra": [{"key": "example.com/age", "valueExpression": "string(claims.age)"},
                          {"key": "example.com/team",
                           "valueExpression": "claims.?team.orValue('')"},
                          {"key": "example.com/list",
                           "valueExpression": "claims.?list.orValue(null)"}]},
                   claimValidationRules=[
                       {"expression": "claims.exp - claims.iat <= 86400.0", "message": "too long"},
                       {"expression": "claims.?hd.orValue('ours') == 'ours'",
                        "message": "not ours"}],
                   userValidationRules=[
                       {"expression": "!user.username.startsWith('system:')",
                        "message": "reserved"},
                       {"expression": "user.groups.all(g, g != 'root')", "message": "no root"}]),
            issuer("rules", sub, claimValidationRules=[{"claim": "hd", "requiredValue": "ours"},
                                                       {"claim": "empty"}]),
            issuer("nested", {
                "username": {"expression": "claims.inner.foo__dash__bar + claims.ext__dot__name"},
                "groups": {"expression": "[claims.list[0].a__dot__b, claims.list[1].a__dot__b]"},
                "extra": [{"key": "example.com/x",
                           "valueExpression": "has(claims.inner.foo__dash__bar) ? 'has' : 'no'"}]}),
            issuer("plain", sub),
            issuer("split", {"username": {"expression": "claims.sub"},
                             "groups": {"expression": "claims.teams.split(',')"}}),
            issuer("disco", sub, issuer={"discoveryURL": place.url + "/elsewhere"}),
            issuer("down", sub)]}


def tokens(place, keys):
    now = int(time.time())
    made = {}

    def add(name, issuer, claims=None, key="rsa", algorithm="RS256", header=None, text=None,
            without=()):
        body = {"iss": f"{place.url}/{issuer}", "aud": "us", "exp": now + 3600, "iat": now,
                "sub": "me", **(claims or {})}
        if issuer == "basic":
            body.setdefault("uid", "u1")
        body = {name: value for name, value in body.items() if name not in without}
        made[name] = token(keys[key], algorithm, text if text is not None else body, header)

    # First of each issuer, for who waits until its keys are known.
    add("good basic", "basic", {"groups": ["a", "b"]})
    add("good email", "email", {"email": "me@example.com"})
    cel = {"name": "me", "age": 7, "roles": ["r1", "", "r2"]}
    add("good cel", "cel", cel)
    add("good rules", "rules", {"hd": "ours", "empty": ""})
    nested = {"inner": {"foo-bar": "x"}, "ext.name": "y", "list": [{"a.b": "1"}, {"a.b": "2"}]}
    add("good nested", "nested", nested)
    add("good plain", "plain")
    add("good disco", "disco")

    for algorithm in ("RS384", "RS512", "PS256", "PS384", "PS512"):
        add("algorithm " + algorithm, "basic", algorithm=algorithm)
    for key, algorithm in (("p256", "ES256"), ("p384", "ES384"), ("p521", "ES512")):
        add("algorithm " + algorithm, "basic", key=key, algorithm=algorithm)
    add("algorithm of another key", "basic", header={"alg": "ES256"})
    add("algorithm none", "basic", header={"alg": "none"})
    add("algorithm HS256", "basic", header={"alg": "HS256"})
    add("header: no kid", "basic", header={"kid": None})
    add("header: empty kid", "basic", header={"kid": ""})
    add("header: kid of another", "basic", header={"kid": "other"})
    add("header: unknown kid", "basic", header={"kid": "nobody"})
    add("header: no alg", "basic", header={"alg": None})
    add("header: crit", "basic", header={"crit": ["x"]})
    add("header: typ", "basic", header={"typ": "at+jwt"})
    add("key: another with its kid", "basic", key="other")
    add("key: of 1024 bits", "basic", key="small")
    head, body, signature = made["good basic"].split(".")
    changed = ("A" if signature[0] != "A" else "B") + signature[1:]
    made["signature: changed"] = f"{head}.{body}.{changed}"
    made["signature: none"] = f"{head}.{body}."
    made["signature: cut"] = f"{head}.{body}.{signature[:40]}"
    made["body: changed"] = f"{head}.{url64(json.dumps({'iss': place.url + '/basic'}))}.{signature}"
    made["shape: four parts"] = made["good basic"] + ".x"
    made["shape: two parts"] = f"{head}.{body}"
    made["shape: no JWT"] = "whatever"
    add("body: no JSON", "basic", text="not json")
    add("body: a list", "basic", text="[]")
    add("body: twice the issuer", "basic",
        text=json.dumps({"iss": "x"})[:-1] + f', "iss": "{place.url}/basic", "aud": "us", '
        f'"sub": "twice", "uid": "u", "exp": {now + 600}}}')

    add("basic: second audience", "basic", {"aud": "them"})
    add("basic: list of audiences", "basic", {"aud": ["x", "them"]})
    add("basic: other audience", "basic", {"aud": "x"})
    add("basic: no audience", "basic", without=["aud"])
    add("basic: audience is a number", "basic", {"aud": 7})
    add("plain: azp of somebody else", "plain", {"azp": "somebody"})
    add("basic: expired", "basic", {"exp": now - 1})
    add("basic: expired long ago", "basic", {"exp": now - 4000})
    add("basic: no expiry", "basic", without=["exp"])
    add("basic: expiry is a fraction", "basic", {"exp": now + 600.5})
    add("basic: expiry is text", "basic", {"exp": str(now + 600)})
    add("basic: expiry is a word", "basic", {"exp": "soon"})
    add("basic: expiry is null", "basic", {"exp": None})
    add("basic: not before in half a minute", "basic", {"nbf": now + 30})
    add("basic: not before in five minutes", "basic", {"nbf": now + 300})
    add("basic: issued in an hour", "basic", {"iat": now + 3600})
    add("basic: issued is text", "basic", {"iat": "x"})
    add("basic: no name", "basic", without=["sub"])
    add("basic: name is a number", "basic", {"sub": 7})
    add("basic: name is null", "basic", {"sub": None})
    add("basic: name is empty", "basic", {"sub": ""})
    add("plain: name of the system", "plain", {"sub": "system:admin"})
    add("plain: the masters' group is no claim of theirs", "plain", {"groups": ["system:masters"]})
    add("basic: no uid", "basic", {"uid": None})
    add("basic: uid is a number", "basic", {"uid": 7})
    add("basic: one group", "basic", {"groups": "one"})
    add("basic: groups are numbers", "basic", {"groups": [1]})
    add("basic: groups are null", "basic", {"groups": None})
    add("basic: a group is empty", "basic", {"groups": ["", "x"]})
    add("basic: jti", "basic", {"jti": "id-7"})
    add("basic: jti is a number", "basic", {"jti": 7})
    add("basic: other issuer", "basic", {"iss": place.url + "/nobody"})
    add("basic: issuer with a slash", "basic", {"iss": place.url + "/basic/"})
    add("basic: no issuer", "basic", without=["iss"])
    add("down: its keys are not known", "down")
    far = {"_claim_names": {"groups": "s"},
           "_claim_sources": {"s": {"endpoint": place.url + "/groups"}}}
    add("distributed: groups", "basic", far)
    add("distributed: nobody there", "basic",
        {**far, "_claim_sources": {"s": {"endpoint": place.url + "/nothing"}}})
    add("distributed: no source", "basic", {"_claim_names": {"groups": "s"}})
    add("distributed: another source", "basic", {**far, "_claim_sources": {"t": {"endpoint": "x"}}})
    add("distributed: aggregated", "basic", {**far, "_claim_sources": {"s": {"JWT": "x"}}})
    add("distributed: groups are there as well", "basic", {**far, "groups": ["near"]})

    for value in (True, False, None, "true"):
        add(f"email: verified is {value!r}", "email", {"email": "me@x", "email_verified": value})
    add("email: none", "email")
    add("rules: another value", "rules", {"hd": "theirs", "empty": ""})
    add("rules: missing", "rules", {"empty": ""})
    add("rules: a number", "rules", {"hd": 7, "empty": ""})
    add("rules: null for an empty text", "rules", {"hd": "ours", "empty": None})
    add("cel: with all", "cel", {**cel, "realm": "r", "id": "i", "team": "t", "list": ["1", "2"]})
    add("cel: fraction", "cel", {**cel, "age": 7.5})
    add("cel: large number", "cel", {**cel, "age": 12345678901234567890})
    add("cel: no name", "cel", {"age": 7})
    add("cel: name is a number", "cel", {**cel, "name": 7})
    add("cel: roles are a text", "cel", {**cel, "roles": "one"})
    add("cel: roles are numbers", "cel", {**cel, "roles": [1]})
    add("cel: roles are null", "cel", {**cel, "roles": None})
    add("cel: extra is an object", "cel", {**cel, "list": {"a": 1}})
    add("cel: id is a number", "cel", {**cel, "id": 7})
    add("cel: a rule fails", "cel", {**cel, "hd": "theirs"})
    add("cel: it lives too long", "cel", {**cel, "exp": now + 900000})
    add("cel: the system's name", "cel", {**cel, "name": "system:x"})
    add("cel: a refused group", "cel", {**cel, "roles": ["root"]})
    add("nested: inner is missing", "nested", {**nested, "inner": {}})
    add("nested: inner is a text", "nested", {**nested, "inner": "x"})
    add("split: groups of a text", "split", {"teams": "a,b"})
    return made


def webhook_tokens():
    return {name: name for name in ("known", "all", "unknown", "error", "audience", "elsewhere",
                                    "nothing", "broken", "otherkind", "code403", "code200empty")}


def webhook_pages(place, version):
    own = "https://kubernetes.default.svc"
    user = {"username": "w", "uid": "7", "groups": ["g"], "extra": {"example.com/x": ["1", "2"]}}
    statuses = {
        "known": {"authenticated": True, "user": {"username": "w"}},
        "all": {"authenticated": True, "user": user}, "unknown": {"authenticated": False},
        "error": {"authenticated": False, "error": "because"},
        "audience": {"authenticated": True, "user": user, "audiences": [own]},
        "elsewhere": {"authenticated": True, "user": user, "audiences": ["elsewhere"]},
        "nothing": {}}

    def review(body, headers):
        asked = json.loads(body)
        name = asked["spec"]["token"]
        kind = {"apiVersion": "authentication.k8s.io/" + version, "kind": "TokenReview"}
        if headers.get("Authorization") != "Bearer shown-to-the-webhook":
            return 401, {"message": "who are you?"}
        if asked["apiVersion"] != kind["apiVersion"] or asked["kind"] != "TokenReview":
            return 400, {"message": "no review"}
        if name == "broken":
            return b"{"
        if name == "otherkind":
            return {"apiVersion": "v1", "kind": "Pod"}
        if name == "code403":
            return 403, {"message": "no"}
        if name == "code200empty":
            return b""
        return {**kind, "status": statuses.get(name, {"authenticated": False})}

    place.pages["/review-" + version] = review


def configurations(place, write):
    """Flags by name, of what must not begin."""
    cases = {"flags: issuer alone": [f"--oidc-issuer-url={place.url}/basic"],
             "flags: client alone": ["--oidc-client-id=us"],
             "flags: a claim alone": ["--oidc-required-claim=a=b"],
             "flags: no pair": [f"--oidc-issuer-url={place.url}/x", "--oidc-client-id=us",
                                "--oidc-required-claim=a"],
             "flags: algorithm": [f"--oidc-issuer-url={place.url}/x", "--oidc-client-id=us",
                                  "--oidc-signing-algs=HS256"],
             "flags: http": ["--oidc-issuer-url=http://x", "--oidc-client-id=us"],
             "flags: no file": ["--authentication-config=/nonexistent"],
             "flags: the server's own issuer": ["--oidc-issuer-url=https://kubernetes.default.svc",
                                                "--oidc-client-id=us"],
             "flags: webhook without a file": [
                 "--authentication-token-webhook-config-file=/nonexistent"]}
    good = write("good.yaml", HEAD)
    cases["flags: file and oidc"] = [f"--authentication-config={good}", "--oidc-client-id=us",
                                     f"--oidc-issuer-url={place.url}/x"]
    anonymous = write("anonymous.yaml", HEAD + "anonymous: {enabled: true}\n")
    cases["flags: anonymous twice"] = [f"--authentication-config={anonymous}",
                                       "--anonymous-auth=true"]

    def file(name, text):
        path = write(f"config{len(cases)}.yaml", text)
        cases["file: " + name] = [f"--authentication-config={path}"]

    def jwt(name, issuer="", mappings='{username: {claim: sub, prefix: ""}}', more="",
            audiences="[us]", url="https://example.com"):
        file(name, HEAD + f"jwt:\n- issuer: {{url: \"{url}\", audiences: {audiences}{issuer}}}\n"
             f"  claimMappings: {mappings}\n{more}")

    def expression(name, username):
        jwt(name, mappings=json.dumps({"username": {"expression": username}}))

    file("empty", "")
    file("no kind", "apiVersion: apiserver.config.k8s.io/v1\n")
    file("no version", "kind: AuthenticationConfiguration\n")
    file("other kind", HEAD.replace("Authentication", "Authorization"))
    file("unknown kind", HEAD.replace("AuthenticationConfiguration", "Other"))
    file("unknown version", HEAD.replace("/v1", "/v7"))
    file("unknown fields", HEAD + "foo: 1\njwt:\n- issuer: {bar: 1}\n  baz: 2\n")
    file("twice", HEAD + "jwt: []\njwt: []\n")
    file("jwt is a text", HEAD + "jwt: x\n")
    file("audiences are a text", HEAD + "jwt: [{issuer: {audiences: x}}]\n")
    file("enabled is a text", HEAD + "anonymous: {enabled: x}\n")
    file("no YAML", "{")
    file("an issuer of nothing", HEAD + "jwt: [{}]\n")
    file("anonymous off with conditions",
         HEAD + "anonymous: {enabled: false, conditions: [{path: /x}]}\n")
    file("too many", HEAD + "jwt:\n" + "- {}\n" * 65)
    jwt("http", url="http://example.com")
    jwt("user in the url", url="https://me@example.com")
    jwt("query and fragment", url="https://example.com?a=b#c")
    jwt("no url at all", url="::x")
    jwt("a bad escape", url="https://example.com/%zz")
    jwt("no audiences", audiences="[]")
    jwt("audiences twice", audiences='["", a, a]', issuer=", audienceMatchPolicy: MatchAny")
    jwt("two audiences without a policy", audiences="[a, b]")
    jwt("unknown policy", issuer=", audienceMatchPolicy: All")
    jwt("discovery is the url", issuer=', discoveryURL: "https://example.com/"')
    jwt("no authority", issuer=", certificateAuthority: x")
    jwt("egress unknown", issuer=", egressSelectorType: x")
    jwt("egress without a file", issuer=", egressSelectorType: cluster")
    jwt("no username", mappings="{}")
    jwt("no prefix", mappings="{username: {claim: sub}}")
    jwt("claim and expression", mappings="{username: {claim: sub, expression: claims.sub}, "
        "uid: {claim: a, expression: claims.b}, groups: {claim: a, expression: claims.b}}")
    jwt("prefix of an expression", mappings='{username: {expression: claims.sub, prefix: "a"}}')
    extra = '{username: {claim: sub, prefix: ""}, extra: %s}'
    jwt("extra keys", mappings=extra % '[{key: a}, {key: "x.k8s.io/a", valueExpression: "1"}, '
        '{key: "Example.com/A", valueExpression: "1"}, {key: "e.com/a", valueExpression: "1"}, '
        '{key: "e.com/a", valueExpression: "1"}, {key: "e.com/b"}, {valueExpression: "1"}]')
    jwt("rules", more='  claimValidationRules: [{}, {claim: a, expression: "true"}, '
        '{claim: b, message: m}, {claim: b}, {expression: "true", requiredValue: x}, '
        '{expression: "true"}, {expression: "claims.a"}, {expression: "user.username == \'x\'"}]\n')
    jwt("user rules", more='  userValidationRules: [{}, {expression: "true"}, '
        '{expression: "true"}, '
        '{expression: "user.username"}, {expression: "user.nothing == \'\'"}, '
        '{expression: "claims.x == 1"}]\n')
    file("issuers twice", HEAD + "jwt:\n" + 2 * (
        '- issuer: {url: "https://example.com", audiences: [us], discoveryURL: "https://e.com/d"}\n'
        '  claimMappings: {username: {claim: sub, prefix: ""}}\n'))
    jwt("the server's own issuer", url="https://kubernetes.default.svc")
    expression("an expression that does not parse", "claims.")
    expression("an expression of other types", "claims + 1")
    expression("an unknown name", "name")
    expression("email alone", "claims.email")
    expression("email inside", "claims.?email.orValue('x') + claims.sub")
    expression("email in a macro", "[1].map(x, claims.email)[0]")
    file("v1beta1 and unknown", HEAD.replace("/v1", "/v1beta1") + "foo: 1\n")
    file("v1alpha1 and unknown", HEAD.replace("/v1", "/v1alpha1") + "foo: 1\n")
    return cases
