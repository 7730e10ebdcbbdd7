// Why nobody answers behind a Service: its selector, its pods, its ports, its endpoints, its name.
#include <fmt/format.h>

#include <set>

#include "api/pods/pod_phase.h"
#include "api/rules/core/ip.h"
#include "base/edit_distance.h"
#include "cli/rollout.h"
#include "cli/why/explain.h"

namespace skiff::cli::why {
namespace {

constexpr char kServiceName[] = "kubernetes.io/service-name";

bool Lives(const Json& pod) {
  return !HasEnded(TextAt(pod, "status", "phase")) &&
         TextAt(pod, "metadata", "deletionTimestamp").empty();
}

bool IsReady(const Json& pod) {
  return TextAt(Condition(pod, "Ready"), "status") == "True";
}

// The pods that the selector takes.
struct Backends {
  std::vector<const Json*> ready;
  std::vector<Json> unready;
  std::vector<const Json*> all;
};

Backends BackendsOf(const Facts& facts, const Json& service) {
  Backends found;
  const Json& selector = At(service, "spec", "selector");
  for (const Json& pod : facts.Of("pods")) {
    if (NamespaceOf(pod) != NamespaceOf(service) || !Lives(pod)) continue;
    if (!Selects(selector, At(pod, "metadata", "labels"))) continue;
    found.all.push_back(&pod);
    if (IsReady(pod)) {
      found.ready.push_back(&pod);
    } else {
      found.unready.push_back(pod);
    }
  }
  return found;
}

// How many endpoints of its slices answer.
size_t ReadyEndpoints(const Facts& facts, const Json& service,
                      std::string_view slices = "endpointslices") {
  size_t count = 0;
  for (const Json& slice : facts.Of(slices)) {
    if (NamespaceOf(slice) != NamespaceOf(service) ||
        TextAt(slice, "metadata", "labels", kServiceName) != NameOf(service)) {
      continue;
    }
    for (const Json& endpoint : At(slice, "endpoints")) {
      const Json& ready = At(endpoint, "conditions", "ready");
      if (ready.is_null() || IsTrue(ready)) ++count;
    }
  }
  return count;
}

// How near labels come to a selector: a label that is right counts most, one of that key with
// another value the more, the less that value differs.
size_t Nearness(const Json& selector, const Json& labels) {
  constexpr size_t kRight = 100;
  constexpr size_t kKeyAlone = 10;
  size_t score = 0;
  for (const auto& [key, value] : selector.items()) {
    const Json& own = At(labels, key);
    if (!own.is_string()) continue;
    const std::string wanted = TextOf(value), given = TextOf(own);
    const size_t longer = std::max<size_t>(std::max(wanted.size(), given.size()), 1);
    const size_t alike = longer - EditDistance(wanted, given);
    score += wanted == given ? kRight : kKeyAlone + (kRight / 2 * alike) / longer;
  }
  return score;
}

// "has app=wbe", where the selector has another.
std::string Difference(const Json& selector, const Json& labels) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : selector.items()) {
    const Json& own = At(labels, key);
    if (TextOf(own) == TextOf(value) && own.is_string()) continue;
    parts.push_back(own.is_null() ? fmt::format("has no label {}", key)
                                  : fmt::format("has {}={}", key, TextOf(own)));
  }
  return Join(parts, ", ");
}

// The pod whose labels come nearest.
void AddNearest(const Facts& facts, const Json& service, Finding& finding) {
  const Json& selector = At(service, "spec", "selector");
  const Json* nearest = nullptr;
  size_t most = 0;
  for (const Json& pod : facts.Of("pods")) {
    if (NamespaceOf(pod) != NamespaceOf(service) || !Lives(pod)) continue;
    const size_t score = Nearness(selector, At(pod, "metadata", "labels"));
    if (score > most) {
      most = score;
      nearest = &pod;
    }
  }
  if (nearest) {
    finding.Saw(fmt::format("nearest is {}: it {}", Named(*nearest),
                            Difference(selector, At(*nearest, "metadata", "labels"))),
                "metadata.labels");
    finding.Try(CommandFor(service, "get pods --show-labels"));
  }
}

// What would make pods that it takes, and makes none or fails to.
const Json* MakerOf(const Facts& facts, const Json& service) {
  for (const char* resource : {"deployments", "statefulsets", "daemonsets", "replicasets"}) {
    for (const Json& each : facts.Of(resource)) {
      if (NamespaceOf(each) != NamespaceOf(service)) continue;
      if (Selects(At(service, "spec", "selector"),
                  At(each, "spec", "template", "metadata", "labels"))) {
        return &each;
      }
    }
  }
  return nullptr;
}

void ExplainNoPods(const Facts& facts, const Json& service, Findings& out) {
  Finding finding;
  finding.cause = "NoPods";
  finding.sentence =
      fmt::format("{} reaches nothing: no pod has the labels that it selects", Named(service));
  finding.Saw(SelectorText(At(service, "spec", "selector")), "spec.selector");
  if (const Json* maker = MakerOf(facts, service)) {
    const bool none =
        IntAt(*maker, "spec", "replicas") == 0 && At(*maker, "spec").contains("replicas");
    finding.sentence =
        none ? fmt::format("{} reaches nothing: {}, whose pods it selects, is scaled to 0",
                           Named(service), Named(*maker))
             : fmt::format("{} reaches nothing: {}, whose pods it selects, has none",
                           Named(service), Named(*maker));
    if (At(*maker, "spec").contains("replicas")) {
      finding.Saw(PlainText(At(*maker, "spec", "replicas")), Named(*maker) + " spec.replicas");
    }
    finding.Try(CommandFor(service, none ? fmt::format("scale {} --replicas=1", Named(*maker))
                                         : fmt::format("why {}", Named(*maker))));
  } else {
    AddNearest(facts, service, finding);
  }
  out.push_back(std::move(finding));
}

void ExplainNoneReady(const Json& service, const Backends& pods, Findings& out) {
  Finding finding;
  const auto symptoms = SymptomsOf(pods.unready);
  const bool starting = std::all_of(symptoms.begin(), symptoms.end(), [](const Symptom& each) {
    return each.word == "ContainerCreating" || each.word == "NotReady";
  });
  finding.weight = starting ? Weight::kWaits : Weight::kWrong;
  finding.cause = "NoReadyPods";
  finding.sentence = fmt::format("{} reaches nothing: of the {} that it selects none is ready",
                                 Named(service), Count(pods.all.size(), "pod"));
  for (size_t i = 0; i < std::min(symptoms.size(), kSymptomsMax); ++i) {
    const Symptom& symptom = symptoms[i];
    std::vector<std::string> names;
    for (const Json* pod : symptom.pods) names.push_back(NameOf(*pod));
    finding.Saw(fmt::format("{}: {}", symptom.word, Some(names)),
                "status of " + Count(names.size(), "pod"));
    finding.Try(CommandFor(service, fmt::format("why pod/{}", names[0])));
  }
  out.push_back(std::move(finding));
}

// The ports that the containers of a pod declare; names with them.
struct Declared {
  std::set<std::string> names;    // "http/TCP": a name is looked up among those of one protocol.
  std::set<std::string> numbers;  // "8080/TCP"
  std::string text;
};

std::string ProtocolOf(const Json& port) {
  const std::string protocol = TextAt(port, "protocol");
  return protocol.empty() ? "TCP" : protocol;
}

Declared PortsOf(const Json& pod) {
  Declared declared;
  std::vector<std::string> texts;
  const auto add = [&](const Json& container) {
    for (const Json& port : At(container, "ports")) {
      const std::string name = TextAt(port, "name");
      const std::string number = PlainText(At(port, "containerPort"));
      const std::string protocol = ProtocolOf(port);
      if (!name.empty()) declared.names.insert(name + "/" + protocol);
      declared.numbers.insert(number + "/" + protocol);
      const std::string text = protocol == "TCP" ? number : number + "/" + protocol;
      texts.push_back(name.empty() ? text : fmt::format("{} ({})", name, text));
    }
  };
  for (const Json& container : At(pod, "spec", "containers")) add(container);
  for (const Json& container : At(pod, "spec", "initContainers")) {
    if (TextAt(container, "restartPolicy") == "Always") add(container);
  }
  declared.text = texts.empty() ? "none" : Join(texts, ", ");
  return declared;
}

// A port name that the pods do not have leads nowhere. A number needs no declaration; but where
// others are declared and it is not, it is likely to be a slip.
void ExplainPorts(const Json& service, const Backends& pods, Findings& out) {
  if (pods.all.empty()) return;
  const Json& pod = *pods.all[0];
  const Declared declared = PortsOf(pod);
  size_t index = 0;
  for (const Json& port : At(service, "spec", "ports")) {
    const std::string path = fmt::format("spec.ports[{}].targetPort", index++);
    const Json& target =
        At(port, "targetPort").is_null() ? At(port, "port") : At(port, "targetPort");
    const std::string text = PlainText(target);
    const bool named = target.is_string();
    const std::string protocol = ProtocolOf(port);
    if ((named ? declared.names : declared.numbers).contains(text + "/" + protocol)) continue;
    if (!named && declared.numbers.empty()) continue;
    Finding finding;
    finding.weight = named ? Weight::kWrong : Weight::kNote;
    finding.cause = "TargetPort";
    finding.sentence =
        named ? fmt::format(
                    "{}: port {} leads nowhere, as no container of its pods names a port {}{}",
                    Named(service), IntAt(port, "port"), text,
                    protocol == "TCP" ? "" : " of " + protocol)
              : fmt::format(
                    "{}: port {} leads to {}, which no container of its pods declares: does "
                    "anything listen there?",
                    Named(service), IntAt(port, "port"),
                    protocol == "TCP" ? text : text + " of " + protocol);
    finding.Saw(text, path);
    finding.Saw(fmt::format("declared: {}", declared.text), Named(pod) + " spec.containers");
    finding.Try(CommandFor(service, fmt::format("edit {}", Named(service))));
    out.push_back(std::move(finding));
  }
}

// How it is found: by name within the cluster, from outside by its type.
void AddAddresses(const Facts& facts, const Json& service, Finding& finding) {
  const std::string cluster_ip = TextAt(service, "spec", "clusterIP");
  const std::string name =
      fmt::format("{}.{}.svc.cluster.local", NameOf(service), NamespaceOf(service));
  finding.Saw(cluster_ip == "None" ? fmt::format("DNS: {} is the addresses of its ready pods", name)
                                   : fmt::format("DNS: {} is {}", name, cluster_ip),
              "spec.clusterIP; cluster.local unless the cluster has another domain");
  if (facts.Has(kNameService) && facts.Of(kNameService).empty()) {
    finding.Saw("nobody answers names here, unless pods ask another DNS than the cluster's",
                "there is no service/kube-dns in kube-system");
  }
  std::vector<std::string> ports;
  for (const Json& port : At(service, "spec", "ports")) {
    const int64_t node_port = IntAt(port, "nodePort");
    ports.push_back(fmt::format("{}/{}{}", IntAt(port, "port"), ProtocolOf(port),
                                node_port > 0 ? fmt::format(" (on nodes: {})", node_port) : ""));
  }
  if (!ports.empty()) finding.Saw("ports: " + Join(ports, ", "), "spec.ports");
  std::vector<std::string> outside;
  for (const Json& each : At(service, "status", "loadBalancer", "ingress")) {
    const std::string ip = TextAt(each, "ip");
    outside.push_back(ip.empty() ? TextAt(each, "hostname") : ip);
  }
  if (!outside.empty()) {
    finding.Saw("from outside: " + Some(outside), "status.loadBalancer.ingress");
  }
}

// Why a provider of load balancers gives none, by its Event: "port 80/TCP of the nodes is in use by
// service default/other; ..."; "" of other Events.
std::string BalancerFailure(const Json& event) {
  if (TextAt(event, "reason") != "SyncLoadBalancerFailed") return "";
  constexpr std::string_view kBefore = "Error syncing load balancer: ";
  std::string message = OneLine(TextAt(event, "message"));
  if (message.starts_with(kBefore)) message.erase(0, kBefore.size());
  while (message.ends_with('.')) message.pop_back();
  return message;
}

void ExplainBalancer(const Facts& facts, const Json& service, Findings& out) {
  if (TextAt(service, "spec", "type") != "LoadBalancer" ||
      !At(service, "status", "loadBalancer", "ingress").empty()) {
    return;
  }
  Finding finding;
  finding.weight = Weight::kWaits;
  finding.cause = "NoLoadBalancer";
  const auto events = facts.EventsOf(service);
  const std::string failure = events.empty() ? "" : BalancerFailure(*events[0]);
  finding.sentence =
      fmt::format("{} has no address outside the cluster: {}", Named(service),
                  failure.empty() ? "nothing has given it a load balancer" : failure);
  finding.Saw("empty", "status.loadBalancer.ingress");
  if (!events.empty()) {
    finding.Saw(OneLine(TextAt(*events[0], "message")), EventSource(facts, *events[0]));
  }
  AddAddresses(facts, service, finding);
  finding.Try(CommandFor(service, fmt::format("port-forward {} 8080:{}", Named(service),
                                              IntAt(At(service, "spec", "ports").empty()
                                                        ? Json()
                                                        : At(service, "spec", "ports")[0],
                                                    "port"))));
  out.push_back(std::move(finding));
}

// What answers is not found where names are not: all of them, of whatever service.
void ExplainNames(const Facts& facts, const Json& service, Findings& out) {
  const std::vector<Json>& names = facts.Of(kNameService);
  if (names.empty() || !facts.Has(kNameSlices)) return;
  if (NamespaceOf(service) == "kube-system" && NameOf(service) == NameOf(names[0])) return;
  if (ReadyEndpoints(facts, names[0], kNameSlices) > 0) return;
  Finding finding;
  finding.cause = "NoNames";
  finding.sentence = fmt::format("{} is not found by its name: nobody answers at the cluster's DNS",
                                 Named(service));
  finding.Saw("none that is ready", "endpointslices of service/kube-dns in kube-system");
  AddAddresses(facts, service, finding);
  finding.Try("skiff why service/kube-dns -n kube-system");
  out.push_back(std::move(finding));
}

// Whether pods answer that are not ready, as the service may ask for.
bool AnswersUnready(const Facts& facts, const Json& service) {
  if (!IsTrue(At(service, "spec", "publishNotReadyAddresses"))) return false;
  return !facts.Has("endpointslices") || ReadyEndpoints(facts, service) > 0;
}

// Where its pods may not be looked at, endpoints tell whether anything answers, though not why.
void ExplainUnseenPods(const Facts& facts, const Json& service, Findings& out) {
  if (!facts.Has("endpointslices") || ReadyEndpoints(facts, service) > 0) return;
  Finding finding;
  finding.cause = "NoEndpoints";
  finding.sentence = fmt::format(
      "{} reaches nothing: it has no endpoint that is ready, and its "
      "pods cannot be looked at",
      Named(service));
  finding.Saw(SelectorText(At(service, "spec", "selector")), "spec.selector");
  finding.Saw("none that is ready", "endpointslices of the service");
  out.push_back(std::move(finding));
}

// The API server's own, whose endpoints that server writes.
bool IsOfTheServer(const Json& service) {
  return NamespaceOf(service) == "default" && NameOf(service) == "kubernetes";
}

// Whoever writes endpoints gives their ports the names of the service's: nothing else says which
// is for which.
void ExplainPortsByHand(const Facts& facts, const Json& service, Findings& out) {
  if (TextAt(service, "spec", "clusterIP") == "None") return;
  std::set<std::string> written;
  std::vector<std::string> texts;
  for (const Json& slice : facts.Of("endpointslices")) {
    if (NamespaceOf(slice) != NamespaceOf(service) ||
        TextAt(slice, "metadata", "labels", kServiceName) != NameOf(service)) {
      continue;
    }
    for (const Json& port : At(slice, "ports")) {
      const std::string name = TextAt(port, "name");
      if (!written.insert(name + "/" + ProtocolOf(port)).second) continue;
      texts.push_back(
          fmt::format("{} ({})", name.empty() ? "no name" : name, PlainText(At(port, "port"))));
    }
  }
  if (written.empty()) return;
  size_t index = 0;
  for (const Json& port : At(service, "spec", "ports")) {
    const size_t at = index++;
    const std::string name = TextAt(port, "name");
    if (written.contains(name + "/" + ProtocolOf(port))) continue;
    Finding finding;
    finding.cause = "EndpointPort";
    finding.sentence = fmt::format(
        "{}: port {} leads nowhere, as no endpoint has a port of its name{}", Named(service),
        IntAt(port, "port"), name.empty() ? ", which is none" : " " + name);
    finding.Saw(name.empty() ? "no name" : name, fmt::format("spec.ports[{}].name", at));
    finding.Saw("ports: " + Join(texts, ", "), "endpointslices of the service");
    finding.Try(CommandFor(service, fmt::format("edit {}", Named(service))));
    out.push_back(std::move(finding));
  }
}

// One whose endpoints somebody else writes.
void ExplainByHand(const Facts& facts, const Json& service, Findings& out) {
  if (!facts.Has("endpointslices")) return;
  if (ReadyEndpoints(facts, service) > 0) return ExplainPortsByHand(facts, service, out);
  Finding finding;
  finding.cause = "NoEndpoints";
  finding.sentence =
      fmt::format("{} reaches nothing: it selects no pods, and nobody has written endpoints for it",
                  Named(service));
  finding.Saw("empty", "spec.selector");
  finding.Saw("none that is ready", "endpointslices of the service");
  if (!IsOfTheServer(service)) {
    finding.Try(CommandFor(service, "get pods --show-labels"));
    finding.Try(CommandFor(service, fmt::format("set selector {} KEY=VALUE", Named(service))));
  } else {
    finding.sentence = fmt::format(
        "{} reaches nothing: the API server has written no endpoint of "
        "its own",
        Named(service));
    finding.Saw(
        "a server whose machine has no address but loopback ones writes none: endpoints "
        "may not name those, and pods do not reach them",
        "the server's --advertise-address");
    finding.Try("ip -br address   # on the server's machine; with one more, start it anew");
  }
  out.push_back(std::move(finding));
}

void ExplainSelected(const Facts& facts, const Json& service, Findings& out) {
  if (!facts.Has("pods")) return ExplainUnseenPods(facts, service, out);
  const Backends pods = BackendsOf(facts, service);
  if (pods.all.empty()) {
    ExplainNoPods(facts, service, out);
  } else if (pods.ready.empty() && !AnswersUnready(facts, service)) {
    ExplainNoneReady(service, pods, out);
  }
  ExplainPorts(service, pods, out);
  ExplainServicePolicies(facts, service, pods.ready, out);
  const bool stale = facts.Has("endpointslices") && !pods.ready.empty() && !AnyTrouble(out) &&
                     ReadyEndpoints(facts, service) == 0;
  if (!stale) return;
  Finding finding;
  finding.cause = "EndpointsBehind";
  finding.sentence = fmt::format("{} has {} but no endpoints: does the controller manager run?",
                                 Named(service), Count(pods.ready.size(), "ready pod"));
  finding.Saw("no endpoint that is ready", "endpointslices of the service");
  finding.Try("skiff get leases -n kube-system");
  out.push_back(std::move(finding));
}

void SayServiceFine(const Facts& facts, const Json& service, Findings& out) {
  const Backends pods = BackendsOf(facts, service);
  const size_t ready = ReadyEndpoints(facts, service);
  Finding finding;
  finding.weight = Weight::kFine;
  finding.cause = "Fine";
  finding.sentence = fmt::format("{} is answered by {}; nothing is wrong", Named(service),
                                 Count(ready, "ready endpoint"));
  if (!facts.Has("endpointslices")) {
    finding.sentence = fmt::format("{} selects {}; nothing is seen to be wrong", Named(service),
                                   Count(pods.ready.size(), "ready pod"));
  }
  if (!facts.Has("endpointslices") && pods.ready.empty()) {
    finding.weight = Weight::kNote;
    finding.cause = "Unseen";
    finding.sentence =
        fmt::format("{}: whether anything answers behind it cannot be seen", Named(service));
  }
  AddAddresses(facts, service, finding);
  if (!pods.unready.empty()) {
    finding.Saw(fmt::format("{} that it selects {} not ready", Count(pods.unready.size(), "pod"),
                            pods.unready.size() == 1 ? "is" : "are"),
                "pods");
    finding.Try(CommandFor(service, fmt::format("why {}", Named(pods.unready[0]))));
  }
  if (TextAt(service, "spec", "externalTrafficPolicy") == "Local") {
    finding.Saw("from outside only nodes with such a pod answer", "spec.externalTrafficPolicy");
  }
  out.insert(out.begin(), std::move(finding));
}

// Another name, which DNS looks up as one, also where it looks like an address.
void ExplainAlias(const Json& service, Findings& out) {
  const std::string name = TextAt(service, "spec", "externalName");
  Finding finding;
  finding.weight = Weight::kFine;
  finding.cause = "ExternalName";
  finding.sentence = fmt::format(
      "{} is another name for {}; whether that answers, only a pod can tell", Named(service), name);
  finding.Saw("ExternalName", "spec.type");
  if (ParseIp(name)) {
    finding.weight = Weight::kWrong;
    finding.sentence = fmt::format(
        "{} reaches nothing: its externalName {} is an address, and DNS takes it for a name",
        Named(service), name);
    finding.Saw("an address wants a Service without a selector, and an EndpointSlice with it",
                "spec.externalName");
    finding.Try(CommandFor(service, fmt::format("edit {}", Named(service))));
  }
  out.push_back(std::move(finding));
}

}  // namespace

std::string ServiceTrouble(const Facts& facts, const Json& service) {
  Findings found;
  ExplainService(facts, service, found);
  for (const Finding& each : found) {
    const bool outside = each.cause == "NoLoadBalancer" || each.cause == "NoNames";
    const bool inside = !outside && each.weight >= Weight::kWaits;
    if (inside) return each.sentence;
  }
  return "";
}

std::string TroubleAtPort(const Facts& facts, Json service, const Json& port) {
  const Json alone = Json::array({port});
  service["spec"]["ports"] = alone;
  return ServiceTrouble(facts, service);
}

void ExplainService(const Facts& facts, const Json& service, Findings& out) {
  if (TextAt(service, "spec", "type") == "ExternalName") return ExplainAlias(service, out);
  Findings own;
  const Json& selector = At(service, "spec", "selector");
  if (!selector.is_object() || selector.empty()) {
    ExplainByHand(facts, service, own);
  } else {
    ExplainSelected(facts, service, own);
  }
  ExplainBalancer(facts, service, own);
  ExplainNames(facts, service, own);
  if (!AnyTrouble(own)) SayServiceFine(facts, service, own);
  out.insert(out.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
}

}  // namespace skiff::cli::why
