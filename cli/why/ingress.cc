// Why what an Ingress promises is not reached: its class, and each backend that it names.
#include <fmt/format.h>

#include <set>

#include "api/rules/identity/x509.h"
#include "base/certificates.h"
#include "base/hash.h"
#include "base/text.h"
#include "cli/why/explain.h"

namespace skiff::cli::why {
namespace {

constexpr char kDefaultIngressClass[] = "ingressclass.kubernetes.io/is-default-class";
constexpr char kClassAnnotation[] = "kubernetes.io/ingress.class";
constexpr char kOwnController[] = "skiff.io/ingress";
constexpr char kOwnClass[] = "skiff";
// As `skiff up` does when it starts.
constexpr char kMakeOwnClass[] =
    "echo '{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"IngressClass\",\"metadata\":"
    "{\"name\":\"skiff\"},\"spec\":{\"controller\":\"skiff.io/ingress\"}}' | skiff apply -f -";

// The default one, or ours, whose controller needs no such mark, only no word against it.
bool TakesClassless(const Json& ingress_class) {
  const std::string said = TextAt(ingress_class, "metadata", "annotations", kDefaultIngressClass);
  const bool is_own = TextAt(ingress_class, "spec", "controller") == kOwnController;
  return said == "true" || (is_own && said != "false");
}

// Whether our controller serves it.
bool IsOurs(const Facts& facts, const Json& ingress) {
  std::string name = TextAt(ingress, "spec", "ingressClassName");
  if (name.empty()) name = TextAt(ingress, "metadata", "annotations", kClassAnnotation);
  const auto& classes = facts.Of("ingressclasses");
  return std::any_of(classes.begin(), classes.end(), [&](const Json& each) {
    return TextAt(each, "spec", "controller") == kOwnController &&
           (name.empty() ? TakesClassless(each) : NameOf(each) == name);
  });
}

// Where all nodes are simulated no controller can run, ours neither: what mends it elsewhere helps
// nothing. Whether that is told.
bool ExplainSimulated(const Facts& facts, const Json& ingress, Findings& out) {
  const auto& nodes = facts.Of("nodes");
  const bool is_served = !At(ingress, "status", "loadBalancer", "ingress").empty();
  if (is_served || nodes.empty() || !std::all_of(nodes.begin(), nodes.end(), &IsSimulatedNode)) {
    return false;
  }
  Finding finding;
  finding.cause = "SimulatedNodes";
  finding.sentence = fmt::format(
      "{} is served by nobody: all nodes are simulated, where no ingress controller can run; no "
      "class changes that",
      Named(ingress));
  finding.Saw(TextAt(nodes[0], "status", "nodeInfo", "containerRuntimeVersion"),
              Named(nodes[0]) + " status.nodeInfo.containerRuntimeVersion");
  finding.Saw(
      "it can be served in a cluster whose nodes run containers: `skiff up` without --nodes, as "
      "root, or `skiff up --docker`",
      "docs/simulated.md");
  out.push_back(std::move(finding));
  return true;
}

void ExplainIngressClass(const Facts& facts, const Json& ingress, Findings& out) {
  std::string name = TextAt(ingress, "spec", "ingressClassName");
  // The old way to name one has no IngressClass behind it.
  const std::string old = TextAt(ingress, "metadata", "annotations", kClassAnnotation);
  if (!facts.Has("ingressclasses") || (name.empty() && !old.empty())) return;
  std::vector<std::string> known;
  const Json* found = nullptr;
  for (const Json& each : facts.Of("ingressclasses")) {
    known.push_back(NameOf(each));
    if (name.empty() ? TakesClassless(each) : NameOf(each) == name) found = &each;
  }
  if (found) return;
  Finding finding;
  finding.cause = name.empty() ? "NoClass" : "NoSuchClass";
  finding.sentence =
      name.empty()
          ? fmt::format("{} is served by nobody: it names no class, and none is the default",
                        Named(ingress))
          : fmt::format("{} is served by nobody: there is no ingress class {}, which it names",
                        Named(ingress), name);
  const bool wants_own = name == kOwnClass || (name.empty() && known.empty());
  finding.Saw(!known.empty() ? "there are: " + Some(known)
              : wants_own    ? "the cluster has none"
                             : "the cluster has none: no ingress controller is installed",
              "ingressclasses");
  if (wants_own) {
    finding.Saw(fmt::format("the class {} of the controller that `skiff up` brings along is "
                            "missing: it is made only when that starts, without --ingress=false",
                            kOwnClass),
                "ingressclasses");
    finding.Try(kMakeOwnClass);
  }
  if (known.size() == 1) {
    finding.Try(CommandFor(
        ingress,
        fmt::format(
            "patch ingress {} --type=merge -p '{{\"spec\":{{\"ingressClassName\":\"{}\"}}}}'",
            NameOf(ingress), known[0])));
  } else if (!wants_own) {
    finding.Try("skiff get ingressclasses");
  }
  out.push_back(std::move(finding));
}

// What its controller says when it cannot serve, or not everywhere.
bool IsAboutServing(const std::string& reason) {
  return reason == "NotServed" || reason == "PortTaken";
}

// A class, but nobody has said where it is served.
void ExplainUnserved(const Facts& facts, const Json& ingress, Findings& out) {
  if (!At(ingress, "status", "loadBalancer", "ingress").empty() || AnyTrouble(out)) return;
  Finding finding;
  finding.weight = Weight::kWaits;
  finding.cause = "NotTaken";
  finding.sentence = fmt::format(
      "{} has no address: no ingress controller has said that it serves it", Named(ingress));
  finding.Saw("empty", "status.loadBalancer.ingress");
  // Its controller has tried, and told what is in its way.
  for (const char* reason : {"NotServed", "PortTaken"}) {
    const Json* event = facts.Event(ingress, reason);
    if (event == nullptr) continue;
    const std::string why = OneLine(TextAt(*event, "message"));
    finding.weight = Weight::kWrong;
    finding.cause = reason;
    finding.sentence = fmt::format("{} is not served: {}", Named(ingress), why);
    finding.Saw(why, EventSource(facts, *event));
    finding.Try("skiff doctor");
    out.push_back(std::move(finding));
    return;
  }
  const Json* ingress_class =
      facts.Find("ingressclasses", "", TextAt(ingress, "spec", "ingressClassName"));
  if (ingress_class) {
    finding.Saw(fmt::format("its controller is {}", TextAt(*ingress_class, "spec", "controller")),
                Named(*ingress_class) + " spec.controller");
  }
  const auto events = facts.EventsOf(ingress);
  if (!events.empty()) {
    finding.Saw(OneLine(TextAt(*events[0], "message")), EventSource(facts, *events[0]));
  }
  finding.Try("skiff get pods -A");
  out.push_back(std::move(finding));
}

// A backend, and where in the ingress it stands: "host/path".
struct Route {
  std::string name;
  std::string path;  // "spec.rules[0].http.paths[0].backend"
  const Json& backend;
};

std::vector<Route> RoutesOf(const Json& ingress) {
  std::vector<Route> routes;
  if (const Json& fallback = At(ingress, "spec", "defaultBackend"); fallback.is_object()) {
    routes.push_back({"everything else", "spec.defaultBackend", fallback});
  }
  size_t rule_index = 0;
  for (const Json& rule : At(ingress, "spec", "rules")) {
    const std::string host = TextAt(rule, "host");
    size_t index = 0;
    for (const Json& path : At(rule, "http", "paths")) {
      routes.push_back({(host.empty() ? "*" : host) + TextAt(path, "path"),
                        fmt::format("spec.rules[{}].http.paths[{}].backend", rule_index, index++),
                        At(path, "backend")});
    }
    ++rule_index;
  }
  return routes;
}

// Hosts for which nothing is said, where nothing is for everything else either.
void ExplainEmptyRules(const Json& ingress, Findings& out) {
  if (At(ingress, "spec", "defaultBackend").is_object()) return;
  size_t rule_index = 0;
  for (const Json& rule : At(ingress, "spec", "rules")) {
    const size_t index = rule_index++;
    if (!At(rule, "http", "paths").empty()) continue;
    const std::string host = TextAt(rule, "host");
    Finding finding;
    finding.cause = "NoBackend";
    finding.sentence = fmt::format(
        "{}: {} leads nowhere, as its rule has no paths and there is no default backend",
        Named(ingress), host.empty() ? "*" : host);
    finding.Saw("no http.paths", fmt::format("spec.rules[{}]", index));
    finding.Saw("none", "spec.defaultBackend");
    finding.Try(CommandFor(ingress, fmt::format("edit {}", Named(ingress))));
    out.push_back(std::move(finding));
  }
}

std::string PortText(const Json& port) {
  const Json& number = At(port, "number");
  return number.is_null() ? TextAt(port, "name") : PlainText(number);
}

// One of TCP, which is all that controllers lead requests to; nullptr: it has none.
const Json* PortOf(const Json& service, const Json& wanted) {
  for (const Json& each : At(service, "spec", "ports")) {
    const std::string protocol = TextAt(each, "protocol");
    if (!protocol.empty() && protocol != "TCP") continue;
    const Json& number = At(wanted, "number");
    if (number.is_null() ? TextAt(each, "name") == TextAt(wanted, "name")
                         : At(each, "port") == number) {
      return &each;
    }
  }
  return nullptr;
}

std::string PortsText(const Json& service) {
  std::vector<std::string> texts;
  for (const Json& port : At(service, "spec", "ports")) {
    const std::string name = TextAt(port, "name");
    const std::string protocol = TextAt(port, "protocol");
    texts.push_back(fmt::format("{}{}{}", IntAt(port, "port"),
                                protocol.empty() || protocol == "TCP" ? "" : "/" + protocol,
                                name.empty() ? "" : " (" + name + ")"));
  }
  return Join(texts, ", ");
}

void ExplainRoute(const Facts& facts, const Json& ingress, const Route& route,
                  std::set<std::string>& told, Findings& out) {
  const Json& wanted = At(route.backend, "service");
  if (!wanted.is_object() || !facts.Has("services")) return;
  const std::string name = TextAt(wanted, "name");
  const std::string port = PortText(At(wanted, "port"));
  // Many paths may lead to one service.
  if (!told.insert(name + ":" + port).second) return;
  const Json* service = facts.Find("services", NamespaceOf(ingress), name);
  Finding finding;
  if (!service) {
    finding.cause = "NoSuchService";
    finding.sentence = fmt::format("{}: {} leads to the service {}, which does not exist",
                                   Named(ingress), route.name, name);
    finding.Saw(fmt::format("{}:{}", name, port), route.path);
    finding.Try(CommandFor(ingress, "get services"));
    out.push_back(std::move(finding));
    return;
  }
  if (TextAt(*service, "spec", "type") == "ExternalName") {
    // It says no ports, as a rule; whether it is served, and how, is up to the controller.
    if (!IsOurs(facts, ingress)) return;
    finding.cause = "UnsupportedBackend";
    finding.sentence = fmt::format(
        "{}: {} leads to the service {}, which is of type ExternalName, and that skiff's "
        "controller does not serve: who asks gets 503",
        Named(ingress), route.name, name);
    finding.Saw(fmt::format("{}:{}", name, port), route.path);
    finding.Saw(TextAt(*service, "spec", "externalName"), Named(*service) + " spec.externalName");
    finding.Try(CommandFor(ingress, fmt::format("edit {}", Named(ingress))));
    out.push_back(std::move(finding));
    return;
  }
  const Json* service_port = PortOf(*service, At(wanted, "port"));
  if (!service_port) {
    finding.cause = "NoSuchPort";
    finding.sentence =
        fmt::format("{}: {} leads to port {} of the service {}, which has no such port of TCP",
                    Named(ingress), route.name, port, name);
    finding.Saw(fmt::format("{}:{}", name, port), route.path);
    finding.Saw(PortsText(*service), Named(*service) + " spec.ports");
    finding.Try(CommandFor(ingress, fmt::format("edit {}", Named(ingress))));
    out.push_back(std::move(finding));
    return;
  }
  const std::string trouble = TroubleAtPort(facts, *service, *service_port);
  if (trouble.empty()) return;
  finding.cause = "Backend";
  finding.sentence =
      fmt::format("{}: nobody answers behind {}, as {}", Named(ingress), route.name, trouble);
  finding.Saw(fmt::format("{}:{}", name, port), route.path);
  finding.Try(CommandFor(ingress, fmt::format("why {}", Named(*service))));
  out.push_back(std::move(finding));
}

bool IsFor(const std::vector<std::string>& names, const std::string& host) {
  const size_t dot = host.find('.');
  return std::any_of(names.begin(), names.end(), [&](const std::string& each) {
    const std::string name = Lower(each);
    return name == Lower(host) || (dot != host.npos && name == "*" + Lower(host.substr(dot)));
  });
}

// What is wrong with a certificate that is there, and what of it shows that; "": nothing.
std::pair<std::string, std::string> CertificateTrouble(const Facts& facts, const Json& secret,
                                                       const Json& tls) {
  const auto certificate = FromBase64(TextAt(secret, "data", "tls.crt"));
  const auto key = FromBase64(TextAt(secret, "data", "tls.key"));
  if (!certificate || !key) return {"is no text in base64", "data"};
  const std::string fault = KeyPairFault(*certificate, *key);
  if (fault.find("does not match") != fault.npos) {
    return {"has a certificate and a key that do not fit", fault};
  }
  if (!fault.empty()) return {"cannot be read", fault};
  const auto names = NamesOfCertificate(*certificate);
  const auto validity = ValidityOf(*certificate);
  if (!names || !validity) return {};
  const std::string until = Time(validity->not_after).Rfc3339();
  if (validity->not_after < facts.now) return {"is over", "it was valid until " + until};
  std::vector<std::string> known = names->dns_names;
  if (known.empty() && !names->common_name.empty()) known = {names->common_name};
  for (const std::string& host : TextsAt(tls, "hosts")) {
    if (!IsFor(known, host)) return {"does not name " + host, "it is for " + Some(known)};
  }
  return {};
}

void ExplainSecrets(const Facts& facts, const Json& ingress, Findings& out) {
  if (!facts.Has("secrets")) return;
  for (const Json& tls : At(ingress, "spec", "tls")) {
    const std::string name = TextAt(tls, "secretName");
    if (name.empty()) continue;
    const Json* secret = facts.Find("secrets", NamespaceOf(ingress), name);
    const Json& data = secret ? At(*secret, "data") : Json();
    const bool whole = data.is_object() && data.contains("tls.crt") && data.contains("tls.key");
    const auto [trouble, seen] = whole ? CertificateTrouble(facts, *secret, tls)
                                       : std::pair<std::string, std::string>();
    if (whole && trouble.empty()) continue;
    Finding finding;
    finding.cause = "TlsSecret";
    finding.sentence =
        whole ? fmt::format("{}: the certificate in the secret {} {}", Named(ingress), name,
                            trouble)
              : fmt::format("{}: its certificate is to be in the secret {}, which {}",
                            Named(ingress), name,
                            secret ? "has no tls.crt and tls.key" : "does not exist");
    if (whole) finding.Saw(seen, "secret/" + name);
    finding.Saw(Some(TextsAt(tls, "hosts")), "spec.tls");
    finding.Try(
        CommandFor(ingress, fmt::format("create secret tls {} --cert=FILE --key=FILE{}",
                                        ShellWord(name),
                                        secret ? " --dry-run=client -o yaml | skiff replace -f -"
                                               : "")));
    out.push_back(std::move(finding));
  }
}

// Whether the Secret that the Event names has not changed since: what is wrong with its certificate
// may be seen by who serves it alone.
bool IsStillOfSecret(const Facts& facts, const Json& ingress, const Json& event) {
  constexpr std::string_view kNames = "secret \"";
  const std::string message = TextAt(event, "message");
  if (!message.starts_with(kNames)) return false;
  const std::string name =
      message.substr(kNames.size(), message.find('"', kNames.size()) - kNames.size());
  const Json* secret = facts.Find("secrets", NamespaceOf(ingress), name);
  if (!secret) return false;
  std::string changed = TextAt(*secret, "metadata", "creationTimestamp");
  for (const Json& manager : At(*secret, "metadata", "managedFields")) {
    changed = std::max(changed, TextAt(manager, "time"));
  }
  return TextAt(event, "lastTimestamp") >= changed;
}

// What its controller alone knows: that another Ingress has a path, that an annotation says
// nothing.
Findings WarningsOf(const Facts& facts, const Json& ingress, const Findings& told) {
  constexpr size_t kWarningsMax = 20;
  Findings warnings;
  const bool is_certificate_told = std::any_of(
      told.begin(), told.end(), [](const Finding& each) { return each.cause == "TlsSecret"; });
  for (const Json* event : facts.EventsOf(ingress)) {
    const std::string reason = TextAt(*event, "reason");
    const bool is_looked_at = !reason.starts_with("TooMany") &&
                              (reason.starts_with("Service") || reason.starts_with("Secret") ||
                               reason.find("Certificate") != reason.npos) &&
                              !(reason == "InvalidCertificate" && !is_certificate_told &&
                                IsStillOfSecret(facts, ingress, *event));
    const bool is_over = IsAboutServing(reason) && SymptomOfIngress(ingress, *event).empty();
    // That nobody serves it is no word of its controller, and told by its class.
    const bool is_told = reason == "NotImplemented" ||
                         std::any_of(told.begin(), told.end(),
                                     [&](const Finding& each) { return each.cause == reason; });
    if (TextAt(*event, "type") != "Warning" || is_looked_at || is_over || is_told) continue;
    const std::string message = OneLine(TextAt(*event, "message"));
    Finding finding;
    finding.weight = Weight::kNote;
    finding.cause = reason;
    finding.sentence =
        reason == "PortTaken"
            ? fmt::format("{} is served, but not on every port: {}", Named(ingress), message)
            : fmt::format("{}: its controller warns: {}", Named(ingress), message);
    finding.Saw(message, EventSource(facts, *event));
    warnings.push_back(std::move(finding));
    if (warnings.size() == kWarningsMax) break;
  }
  return warnings;
}

// The gravest of the warnings becomes its sentence.
void SayIngressFine(const Facts& facts, const Json& ingress, Findings& warnings, Findings& out) {
  Finding finding;
  finding.weight = Weight::kFine;
  finding.cause = "Fine";
  const auto routes = RoutesOf(ingress);
  finding.sentence = fmt::format("{} is served, and something answers behind {}; nothing is wrong",
                                 Named(ingress), Count(routes.size(), "route"));
  std::vector<std::string> addresses;
  for (const Json& each : At(ingress, "status", "loadBalancer", "ingress")) {
    const std::string ip = TextAt(each, "ip");
    addresses.push_back(ip.empty() ? TextAt(each, "hostname") : ip);
  }
  finding.Saw("at " + Some(addresses), "status.loadBalancer.ingress");
  if (!warnings.empty()) {
    finding.weight = Weight::kNote;
    finding.sentence =
        fmt::format("{} is served; its controller warns of a part of it", Named(ingress));
  }
  const auto gravest = std::find_if(warnings.begin(), warnings.end(),
                                    [](const Finding& each) { return each.cause == "PortTaken"; });
  if (gravest != warnings.end()) {
    finding.sentence = gravest->sentence;
    std::move(gravest->evidence.begin(), gravest->evidence.end(),
              std::back_inserter(finding.evidence));
    warnings.erase(gravest);
  }
  constexpr size_t kShownMax = 8;
  for (size_t i = 0; i < std::min(routes.size(), kShownMax); ++i) {
    const Json& service = At(routes[i].backend, "service");
    if (!service.is_object()) continue;
    finding.Saw(fmt::format("{} is service {}, port {}", routes[i].name, TextAt(service, "name"),
                            PortText(At(service, "port"))),
                routes[i].path);
  }
  if (!facts.Has("services")) {
    finding.sentence =
        fmt::format("{} is served; its services could not be looked at", Named(ingress));
  }
  out.insert(out.begin(), std::move(finding));
}

}  // namespace

std::string SymptomOfIngress(const Json& ingress, const Json& event) {
  const std::string reason = TextAt(event, "reason");
  if (!IsAboutServing(reason)) return "";
  const Json& addresses = At(ingress, "status", "loadBalancer", "ingress");
  if (addresses.empty()) return "not served";
  if (reason == "NotServed") return "";
  const std::string message = TextAt(event, "message");
  for (const Json& address : addresses) {
    for (const Json& served : At(address, "ports")) {
      // It is served since.
      const auto port = fmt::format("port {} ", PlainText(At(served, "port")));
      if (message.starts_with(port)) return "";
    }
  }
  return "not served on every port";
}

void ExplainIngress(const Facts& facts, const Json& ingress, Findings& out) {
  Findings own;
  if (!ExplainSimulated(facts, ingress, own)) {
    ExplainIngressClass(facts, ingress, own);
    ExplainUnserved(facts, ingress, own);
  }
  ExplainEmptyRules(ingress, own);
  std::set<std::string> told;
  for (const Route& route : RoutesOf(ingress)) ExplainRoute(facts, ingress, route, told, own);
  ExplainSecrets(facts, ingress, own);
  Findings warnings = WarningsOf(facts, ingress, own);
  if (!AnyTrouble(own)) SayIngressFine(facts, ingress, warnings, own);
  std::move(warnings.begin(), warnings.end(), std::back_inserter(own));
  out.insert(out.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
}

}  // namespace skiff::cli::why
