"""Random expressions of CEL as rules of definitions: what compiles, what each is estimated to cost, what it says of
objects, and as policies, with what a request holds."""
import json
import time

import api_requests

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
TEXT = {"type": "string", "maxLength": 20}
PART = {"type": "object", "properties": {"x": {"type": "integer"}, "y": {**TEXT, "default": "yy"},
                                         "z": {"type": "object", "properties": {"w": {"type": "number"}}}}}
ITEM = {"type": "object", "required": ["name"], "properties": {"name": TEXT, "value": {"type": "integer"}}}
FIELDS = {
    "i": {"type": "integer"}, "j": {"type": "integer", "format": "int32"}, "d": {"type": "number"},
    "b": {"type": "boolean"}, "s": TEXT, "t": TEXT, "e": {"type": "string", "enum": ["one", "three", ""]},
    "bytes": {"type": "string", "format": "byte", "maxLength": 16},
    "wait": {"type": "string", "format": "duration"}, "when": {"type": "string", "format": "date-time"},
    "day": {"type": "string", "format": "date"}, "l": {"type": "array", "maxItems": 6, "items": {"type": "integer"}},
    "texts": {"type": "array", "maxItems": 5, "items": TEXT},
    "set": {"type": "array", "maxItems": 5, "x-kubernetes-list-type": "set", "items": TEXT},
    "items": {"type": "array", "maxItems": 4, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
              "items": ITEM},
    "plain": {"type": "array", "maxItems": 4, "items": ITEM},
    "m": {"type": "object", "maxProperties": 5, "additionalProperties": {"type": "integer"}},
    "n": {"type": "object", "maxProperties": 5, "additionalProperties": TEXT},
    "o": PART, "p": PART, "port": {"x-kubernetes-int-or-string": True},
    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "null": {"type": "integer", "nullable": True}, "nested": {"type": "array", "maxItems": 3, "items": {
        "type": "array", "maxItems": 3, "items": {"type": "integer"}}},
    "in": {"type": "integer"}, "a-b": TEXT, "a__b": TEXT, "count": {"type": "integer"}}
# Type, and the fields of it by the names that expressions have for them.
VARIABLES = {
    "int": ["i", "j", "o.x", "__in__"], "double": ["d", "o.z.w"], "bool": ["b"],
    "string": ["s", "t", "e", "o.y", "a__dash__b", "a__underscores__b"], "bytes": ["bytes"],
    "duration": ["wait"], "timestamp": ["when", "day"], "list(int)": ["l"], "list(string)": ["texts", "set"],
    "list(item)": ["items", "plain"], "map(string, int)": ["m"], "map(string, string)": ["n"],
    "part": ["o", "p"], "dyn": ["port", "free", "free.a", "null", "m['a']", "dyn(1)", "dyn('x')", "dyn([1, 2.0])"],
    "list(list(int))": ["nested"]}
LITERALS = {
    "int": ["0", "1", "2", "-1", "3", "7", "9223372036854775807", "-9223372036854775808", "0x10", "100"],
    "uint": ["0u", "1u", "18446744073709551615u", "0xFFu"],
    "double": ["0.0", "1.5", "-2.25", "1e100", "1.0 / 0.0", "0.0 / 0.0", "3.0", ".5"],
    "bool": ["true", "false"],
    "string": ["''", "'a'", "'abc'", "'a,b,c'", "'Äöß'", "'1'", "'1.5'", "'x-y'", "\"q'\"", "r'\\d'", "'\\u00e9\\n'",
               "'true'", "'%d %s'", "'2h'", "'a b'"],
    "bytes": ["b''", "b'ab'", "b'\\xff'", "bytes('ä')"],
    "duration": ["duration('1h')", "duration('90s')", "duration('-1.5s')", "duration('0s')", "duration('1ns')"],
    "timestamp": ["timestamp('2020-02-29T12:30:45.123Z')", "timestamp('1970-01-01T00:00:00Z')",
                  "timestamp('9999-12-31T23:59:59Z')", "timestamp('2021-05-05T23:00:00-05:00')", "timestamp(0)"],
    "list(int)": ["[1, 2, 3]", "[]", "[3, 1, 2, 1]", "[5]", "lists.range(4)"],
    "list(string)": ["['a', 'b']", "['a']", "['b', 'a', 'b', 'abc']", "'a,b,,c'.split(',')"],
    "map(string, int)": ["{'a': 1}", "{'a': 1, 'b': 2}"], "map(string, string)": ["{'a': 'x'}", "{'k': 'v', 'a': 'b'}"],
    "quantity": ["quantity('1')", "quantity('1.5Gi')", "quantity('-200m')", "quantity('1e3')", "quantity('5k')"],
    "ip": ["ip('10.0.0.1')", "ip('::1')", "ip('fe80::1')", "ip('224.0.0.1')"],
    "cidr": ["cidr('10.0.0.0/8')", "cidr('10.1.2.3/16')", "cidr('2001:db8::/32')"],
    "url": ["url('https://a.b:80/p/q?x=1&x=2&y=%20')", "url('/just/path')", "url('http://[::1]:8080/')"],
    "semver": ["semver('1.2.3')", "semver('1.0.0-rc.1+b')", "semver('v1.2', true)"],
    "format": ["format.dns1123Label()", "format.uuid()", "format.byte()", "format.datetime()", "format.labelValue()",
               "format.named('uri').value()"],
    "type": ["int", "string", "type(1)", "type([])", "bool", "type(null)"],
    "list(list(int))": ["[[1], [2, 3]]", "[[1], []]"], "dyn": ["dyn(null)", "dyn({'a': [1]})", "dyn(2u)"],
    "optional(int)": ["optional.of(1)", "optional.none()", "optional.ofNonZeroValue(0)"],
    "optional(string)": ["optional.of('x')", "optional.ofNonZeroValue('')"]}
ORDERED = ["int", "uint", "double", "bool", "string", "bytes", "duration", "timestamp"]
# What an expression of a type may be made of: @T stands for one of type T, $x for a variable of a comprehension.
FORMS = {
    "bool": [f"@{t} {op} @{t}" for t in ORDERED for op in ("<", "<=", ">", ">=")] +
            [f"@{t} {op} @{t}" for t in ORDERED + ["quantity", "ip", "list(int)", "part", "dyn", "type",
                                                   "map(string, int)", "url", "semver", "cidr", "list(item)"]
             for op in ("==", "!=")] +
            ["!@bool", "@bool && @bool", "@bool || @bool", "@bool && @bool || @bool", "@bool ? @bool : @bool",
             "(@bool)", "@int in @list(int)", "@string in @map(string, int)", "@string in @list(string)",
             "@dyn in [1, 2]", "@string.contains(@string)", "@string.startsWith(@string)", "@string.endsWith(@string)",
             "@string.matches('^[a-c]+$')", "@string.matches(@string)", "@list(int).all($x, $x > @int)",
             "@list(int).exists($x, $x * @int == @int)", "@list(int).exists_one($x, $x < @int)",
             "@list(item).all($x, $x.value > @int && $x.name != @string)", "@list(item).exists($x, has($x.value))",
             "@map(string, int).all($x, $x.size() > @int)",
             "@map(string, int).exists($x, $y, $y > @int || $x == @string)",
             "@list(int).all($x, $y, $x <= $y)", "@list(int).existsOne($x, $y, $x == $y)",
             "has(self.o.y)", "has(self.free.a)", "has(self.p)", "has(self.?o.z)", "has(self.null)",
             "@list(int).isSorted()", "@list(string).isSorted()", "sets.contains(@list(int), @list(int))",
             "sets.intersects(@list(string), @list(string))", "sets.equivalent(@list(int), @list(int))",
             "isQuantity(@string)", "isIP(@string)", "isCIDR(@string)", "isURL(@string)", "isSemver(@string)",
             "ip.isCanonical(@string)", "@ip.isLoopback()", "@ip.isGlobalUnicast()", "@cidr.containsIP(@ip)",
             "@cidr.containsIP(@string)", "@cidr.containsCIDR(@cidr)", "@quantity.isLessThan(@quantity)",
             "@quantity.isGreaterThan(@quantity)", "@quantity.isInteger()", "@semver.isLessThan(@semver)",
             "@optional(int).hasValue()", "@format.validate(@string).hasValue()", "bool(@string)",
             "self.?free.a.hasValue()", "type(@dyn) == @type", "@dyn == @int", "@dyn > @int",
             "[@bool, @bool].all($x, $x)", "@list(list(int)).exists($x, $x.exists($y, $y == @int))"],
    "int": ["@int + @int", "@int - @int", "@int * @int", "@int / @int", "@int % @int", "-@int", "(@int)",
            "size(@string)", "@list(int).size()", "@list(string).size()", "@map(string, int).size()", "size(@bytes)",
            "int(@double)", "int(@uint)", "int(@string)", "int(@timestamp)", "int(@duration)", "@bool ? @int : @int",
            "@list(int)[@int]", "@map(string, int)[@string]", "@map(string, int).a", "@list(int).sum()",
            "@list(int).max()", "@list(int).min()", "@list(int).indexOf(@int)", "@list(string).lastIndexOf(@string)",
            "@string.indexOf(@string)", "@string.lastIndexOf(@string, @int)", "@string.indexOf(@string, @int)",
            "@timestamp.getFullYear()", "@timestamp.getDayOfYear('America/New_York')", "@timestamp.getHours('+05:30')",
            "@timestamp.getDayOfWeek()", "@timestamp.getMilliseconds()", "@duration.getMinutes()",
            "@duration.getMilliseconds()", "@optional(int).orValue(@int)", "@optional(int).value()",
            "@list(int)[?@int].orValue(@int)", "@map(string, int)[?@string].orValue(@int)", "self.?o.x.orValue(@int)",
            "@list(int).first().value()", "@list(int).last().orValue(@int)", "@quantity.asInteger()", "sign(@quantity)",
            "@quantity.compareTo(@quantity)", "@semver.major()", "@semver.compareTo(@semver)", "@ip.family()",
            "@cidr.prefixLength()", "@part.x", "@list(item)[@int].value", "@list(list(int))[@int][@int]",
            "@list(list(int)).flatten().size()"],
    "uint": ["@uint + @uint", "@uint - @uint", "@uint * @uint", "@uint / @uint", "@uint % @uint", "uint(@int)",
             "uint(@string)", "uint(@double)"],
    "double": ["@double + @double", "@double * @double", "@double - @double", "@double / @double", "-@double",
               "double(@int)", "double(@string)", "double(@uint)", "@quantity.asApproximateFloat()",
               "@bool ? @double : @double", "[@double, @double].max()", "[@double].sum()"],
    "string": ["@string + @string", "string(@int)", "string(@double)", "string(@bool)", "string(@timestamp)",
               "string(@duration)", "string(@bytes)", "string(@ip)", "string(@cidr)", "string(@uint)",
               "@string.charAt(@int)", "@string.lowerAscii()", "@string.upperAscii()", "@string.trim()",
               "@string.substring(@int)", "@string.substring(@int, @int)", "@string.replace(@string, @string)",
               "@string.replace('a', 'bb', @int)", "@list(string).join(@string)", "@list(string).join()",
               "@list(string)[@int]", "@string.find('[a-z]+')", "@string.find(@string)", "strings.quote(@string)",
               "'%s|%s'.format([@dyn, @int])", "'%d %f %e %b %x'.format([@int, @double, @double, @int, @string])",
               "'%.2f %X %o'.format([@double, @int, @uint])",
               "'%s %s %s'.format([@list(int), @map(string, int), @duration])", "'%s'.format([@dyn])",
               "@string.format([@int])", "@url.getHost()", "@url.getScheme()", "@url.getEscapedPath()",
               "@url.getPort()", "@url.getHostname()", "@map(string, string)[@string]", "@map(string, string).a",
               "@part.y", "@list(item)[@int].name", "@bool ? @string : @string", "@list(string).max()",
               "@list(string).min()", "@optional(string).orValue(@string)",
               "self.?o.y.or(@optional(string)).orValue(@string)"],
    "bytes": ["bytes(@string)", "@bytes + @bytes"],
    "duration": ["@duration + @duration", "@duration - @duration", "@timestamp - @timestamp", "duration(@string)",
                 "[@duration, @duration].sum()"],
    "timestamp": ["@timestamp + @duration", "@timestamp - @duration", "timestamp(@string)", "timestamp(@int)"],
    "list(int)": ["@list(int) + @list(int)", "[@int, @int]", "@list(int).map($x, $x + @int)",
                  "@list(int).filter($x, $x != @int)", "@list(int).map($x, $x > @int, $x * 2)", "@list(int).sort()",
                  "@list(int).distinct()", "@list(int).reverse()", "@list(int).slice(@int, @int)",
                  "@list(list(int)).flatten()", "@list(int).sortBy($x, -$x)",
                  "@list(int).transformList($x, $y, $x + $y)",
                  "@map(string, int).transformList($x, $y, $y > @int, $y)", "@list(list(int))[@int]",
                  "@list(item).map($x, $x.?value.orValue(@int))", "[?@optional(int), @int]",
                  "@bool ? @list(int) : @list(int)", "@list(item).sortBy($x, $x.name).map($y, $y.name.size())"],
    "list(string)": ["@list(string) + @list(string)", "[@string, @string]", "@list(string).map($x, $x + @string)",
                     "@string.split(@string)", "@string.split(',', @int)", "@string.findAll('[a-z]')",
                     "@string.findAll(@string, @int)", "@list(string).sort()", "@list(string).distinct()",
                     "@list(item).map($x, $x.name)", "@map(string, string).map($x, $x + @string).sort()",
                     "@format.validate(@string).orValue([@string])", "@url.getQuery()[@string]",
                     "@list(string).filter($x, $x.size() > @int)"],
    "list(item)": ["@list(item).filter($x, $x.name != @string)", "@list(item) + @list(item)", "@list(item).reverse()"],
    "map(string, int)": ["{@string: @int}", "{@string: @int, @string: @int}",
                         "@map(string, int).transformMap($x, $y, $y + @int)",
                         "@map(string, int).transformMapEntry($x, $y, {$x + @string: $y})",
                         "@list(string).transformMapEntry($x, $y, {$y: $x})", "{?@string: @optional(int)}"],
    "map(string, string)": ["{@string: @string}",
                            "@map(string, string).transformMap($x, $y, $x != @string, $y + @string)"],
    "part": [], "list(list(int))": ["[@list(int), @list(int)]", "@list(int).map($x, [$x, @int])"],
    "quantity": ["@quantity.add(@quantity)", "@quantity.sub(@int)", "@quantity.add(@int)", "quantity(@string)"],
    "ip": ["ip(@string)", "@cidr.ip()"], "cidr": ["@cidr.masked()", "cidr(@string)"], "url": ["url(@string)"],
    "semver": ["semver(@string)", "semver(@string, @bool)"], "format": [], "type": ["type(@dyn)", "type(@list(int))"],
    "dyn": ["dyn(@int)", "dyn(@string)", "@dyn + @dyn", "@dyn[@int]", "@dyn.a", "dyn(@list(int))", "dyn(@double)",
            "dyn(@uint)"],
    "optional(int)": ["optional.of(@int)", "optional.ofNonZeroValue(@int)", "@optional(int).or(@optional(int))",
                      "@optional(int).optMap($x, $x + @int)", "@optional(int).optFlatMap($x, optional.of($x * @int))",
                      "@list(int)[?@int]", "@map(string, int).?a", "@list(int).first()"],
    "optional(string)": ["optional.ofNonZeroValue(@string)", "@map(string, string)[?@string]", "@list(string).last()"]}
SHOWN = ["int", "uint", "double", "bool", "string", "bytes", "duration", "timestamp", "list(int)", "list(string)",
         "map(string, int)", "map(string, string)", "type", "list(list(int))"]
ODD = ["self.missing", "nothing", "self.s.a", "f(1)", "1 + 'a'", "[1, 'a']", "{1: 1, 'a': 2}", "self", "null",
       "self.o.q", "cel.bind(x, 1, x)", "1.", "'", "self.l.all(1, true)", "has(1)", "self.s.size", "x", "int(1, 2)",
       "-'a'", "!1", "self.l.map(x, y)", "math.greatest(1, 2)", "base64.encode(b'a')", "duration('x')",
       "timestamp('x')", "'['.matches('[')", "'%q'.format([1])", "'%d'.format(['a'])", "'%d'.format([])", "oldSelf.i",
       "optional.none().value()", "a.b.c", "self.?s.b", "[?1]", "{?'a': 1}", "self.items[0].zz", "if", "self.for",
       "format.nope()", "quantity(1)", "self.l.join()", "Part{a: 1}", "google.protobuf.Duration{seconds: 1}", "1u + 1",
       "self.b == 1", "b'a' + 'a'",
       "type", "int", "size", "self.texts.sum()", "self.plain.sort()", "self.free.sort()", "self.l.flatten()",
       "self['i']", "self.m['a'].b"]


class Expressions:
    def __init__(self, chance, odd, root="self.", more=None):
        """`odd` of them are wrong; `root` is where the fields are, and `more` what there is beside them, by type."""
        self.chance, self.odd, self.root, self.names = chance, odd, root, 0
        self.simple = {kind: [*LITERALS.get(kind, []), *map(self.variable, VARIABLES.get(kind, [])),
                              *map(self.variable, VARIABLES.get(kind, [])), *(more or {}).get(kind, [])]
                       for kind in FORMS}

    def variable(self, name):
        return name if name.startswith("dyn(") else self.root + name

    def of(self, kind, depth, bound=None):
        """One of that type, now and then of another; `bound` are variables of comprehensions, by type."""
        chance, bound = self.chance, bound or {}
        if chance.random() < self.odd:
            return chance.choice(ODD) if chance.random() < 0.5 else self.of(chance.choice(list(LITERALS)), depth - 1,
                                                                            bound)
        forms = FORMS.get(kind, [])
        if depth <= 0 or not forms or chance.random() < 0.15:
            return chance.choice(bound.get(kind) or self.simple[kind] if chance.random() < 0.5 else self.simple[kind])
        form, made, own = chance.choice(forms).replace("self.", self.root), "", {}
        elements = {"list(int)": "int", "list(string)": "string", "map(string, int)": "string"}
        element = next((of for range_of, of in elements.items() if form.startswith("@" + range_of)), None)
        while form:
            if form[0] == "$":
                if form[1] not in own:
                    self.names += 1
                    own[form[1]] = chance.choice(["x", "y", "v", "k"]) if chance.random() < 0.1 else f"v{self.names}"
                    if form[1] == "x" and element:
                        bound = {**bound, element: [*bound.get(element, []), own["x"]]}
                made, form = made + own[form[1]], form[2:]
            elif form[0] == "@":
                name = next(name for name in sorted(FORMS, key=len, reverse=True) if form[1:].startswith(name))
                form = form[1 + len(name):]
                inner = self.of(name, depth - 1, bound)
                tight = form[:1] in (".", "[") or made[-1:] in ("!", "-")
                made += f"({inner})" if tight and any(c in inner for c in " -!") and chance.random() < 0.95 else inner
            else:
                made, form = made + form[0], form[1:]
        return made

    def rule(self):
        """A rule that says what the expression comes to."""
        kind = self.chance.choice(SHOWN)
        depth = self.chance.choice([1, 2, 2, 3, 3, 4])
        if kind == "bool" and self.chance.random() < 0.5:
            return {"rule": self.of("bool", depth)}
        made = self.of(kind, depth)
        return {"rule": f"dyn({made}) == dyn('~')", "messageExpression": f"'%s'.format([{made}])"}


class Rules:
    def __init__(self, comparison):
        self.all = comparison
        self.made = 0

    def ask(self, seed, rounds, rules):
        for turn in range(rounds):
            chance = api_requests.chance_of(seed, "rules", turn)
            self.estimates(chance, rules)
            self.values(chance, rules)

    def definition(self, rules, above=None):
        """One whose objects, or where it is told the items of a list of that many in them, have the rules."""
        schema = {"type": "object", "properties": dict(FIELDS), "x-kubernetes-validations": rules}
        if above is not None:
            schema = {"type": "object", "properties": {"many": {"type": "array", "maxItems": above, "items": schema}}}
        plural = f"rules{self.made}"
        return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {"name": f"{plural}.rules.example.com"},
                "spec": {"group": "rules.example.com", "scope": "Cluster",
                         "names": {"plural": plural, "kind": plural.capitalize()},
                         "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                             "type": "object", "properties": {"spec": schema}}}}]}}

    def estimates(self, chance, count):
        """Of a rule of many items it is told how much too dear it is: what one costs."""
        rules = [Expressions(chance, 0).rule() for _ in range(count)]
        for above in (2_000_000, 20_000):
            self.each_rule("estimate", self.definition(rules, above))

    def each_rule(self, name, definition):
        """Compares what is said of each rule apart; returns which of them both take."""
        answers = self.all.both("POST", DEFINITIONS + "?dryRun=All", definition)
        versions = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
        versions = versions["properties"]["many"]["items"] if "many" in versions["properties"] else versions
        good = []
        for index, rule in enumerate(versions["x-kubernetes-validations"]):
            mark = f"x-kubernetes-validations[{index}]"
            theirs, ours = [sorted([cause.get("message", ""), cause["field"][-30:]] for cause in
                                   (document.get("details") or {}).get("causes") or []
                                   if mark in cause["field"]) for _, document, _ in answers]
            self.all.compare(f"rule {name}", lambda theirs=theirs, ours=ours: (
                (200, {"causes": theirs}, []), (200, {"causes": ours}, [])), json.dumps(rule))
            if not theirs and not ours:
                good.append(rule)
        return good

    def values(self, chance, count):
        rules = [Expressions(chance, chance.choice([0, 0.02, 0.1])).rule() for _ in range(count)]
        good = self.each_rule("compile", self.definition(rules))
        if not good:
            return
        self.made += 1
        definition = self.definition(good)
        name = definition["metadata"]["name"]
        path = self.served(definition)
        for _ in range(4):
            thing = {"apiVersion": "rules.example.com/v1", "kind": definition["spec"]["names"]["kind"],
                     "metadata": {"name": "one"}, "spec": sample(chance)}
            self.judged(path, thing, good)
        self.all.both("DELETE", f"{DEFINITIONS}/{name}")

    def served(self, definition):
        """Where its objects are, once both take one."""
        self.all.both("POST", DEFINITIONS, definition)
        names = definition["spec"]["names"]
        path = f"/apis/rules.example.com/v1/{names['plural']}"
        empty = {"apiVersion": "rules.example.com/v1", "kind": names["kind"], "metadata": {"name": "first"}}
        for server in self.all.kube, self.all.ours:
            for _ in range(300):
                if server.ask("POST", path + "?dryRun=All", empty)[0] in (201, 422):
                    break
                time.sleep(0.1)
        return path

    def judged(self, path, thing, rules):
        answers = self.all.both("POST", path + "?dryRun=All", thing)
        causes = [[cause.get("message", "") for cause in (document.get("details") or {}).get("causes") or []]
                  for _, document, _ in answers]
        if len(causes[0]) != len(causes[1]) or not causes[0]:
            self.all.compare("rule judged", lambda: answers, json.dumps(thing["spec"]) + json.dumps(rules))
            return
        for theirs, ours in zip(*causes):
            self.all.compare("rule value", lambda theirs=theirs, ours=ours: (
                (200, {"said": theirs}, []), (200, {"said": ours}, [])), json.dumps(thing["spec"]))


def sample(chance):
    whole = lambda: chance.choice([0, 1, 2, -1, 3, 7, 100])
    text = lambda: chance.choice(["", "a", "abc", "Äö", "a,b", "1", "x-y", "10.0.0.1", "2h", "10.0.0.0/8", "1.2.3"])
    item = lambda name: {"name": name, "value": whole()} if chance.random() < 0.7 else {"name": name}
    part = lambda: {"x": whole(), "y": text(), "z": {"w": chance.choice([0.5, 2, -1.25])}}
    whole_thing = {
        "i": whole(), "j": whole(), "d": chance.choice([0, 1.5, -3, 1e21, 0.1]), "b": chance.random() < 0.5,
        "s": text(),
        "t": text(), "e": chance.choice(["one", "three", ""]), "bytes": chance.choice(["YWI=", "", "/w=="]),
        "wait": chance.choice(["1h", "90s", "-1m"]), "when": chance.choice(["2020-01-01T00:00:00Z",
                                                                            "2021-12-31T23:59:59.5+02:00"]),
        "day": "2020-02-29", "l": [whole() for _ in range(chance.randrange(5))],
        "texts": [text() for _ in range(chance.randrange(4))],
        "set": chance.sample(["a", "b", "abc", ""], chance.randrange(4)),
        "items": [item(name) for name in chance.sample(["a", "b", "abc"], chance.randrange(4))],
        "plain": [item(text()) for _ in range(chance.randrange(3))],
        "m": {name: whole() for name in "ab"[:chance.randrange(3)]},
        "n": {name: text() for name in "ak"[:chance.randrange(3)]}, "o": part(), "p": part(),
        "port": chance.choice([80, "http", 0]), "free": chance.choice([{}, {"a": 1}, {"a": {"b": [1, "x", None, 1.5]}},
                                                                       {"a": "x"}, {"a": None}, {"a": [1, 2]}]),
        "null": chance.choice([None, 5]), "nested": [[whole()], [whole(), whole()]][:chance.randrange(3)],
        "in": whole(), "a-b": text(), "a__b": text()}
    return {name: value for name, value in whole_thing.items() if chance.random() < 0.9}
