// How services are reached: Services by name, published ports, and who may reach whom.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "cli/compose/parts.h"
#include "cli/compose/scalars.h"
#include "cli/compose/short_forms.h"
#include "cli/json_text.h"

namespace skiff::cli::compose {
namespace {

// More ports of one service are noted, not opened.
constexpr size_t kPortsMax = 256;
constexpr char kInternalLabel[] = "compose.skiff.io/internal";

std::string ProtocolOf(const std::string& text) {
  const std::string lower = Lower(text);
  return lower == "udp" ? "UDP" : lower == "sctp" ? "SCTP" : "TCP";
}

bool IsWithoutNetwork(const Node& service) {
  return service["network_mode"].Text() == "none";
}

// Why what the port publishes is not published; "" when it is.
std::string WhyUnpublished(const Node& port) {
  const std::string host = port["host_ip"].Text();
  const std::string target = port["target"].Text();
  if (!port["published"].Says()) {
    return fmt::format("Docker would choose a port; publish one, or skiff port-forward {}", target);
  }
  if (host.empty() || host == "0.0.0.0" || host == "::") return "";
  return fmt::format(
      "published at {} alone, where a load balancer would be at more: skiff port-forward {}:{}",
      host, port["published"].Text(), target);
}

// Else it is noted, and none of the range is taken.
bool HasRoomFor(const PortRange& range, const Scope& scope, const Node& node,
                const std::string& key, bool noting, const std::vector<ServicePort>& ports) {
  if (ports.size() + static_cast<size_t>(range.count()) <= kPortsMax) return true;
  if (noting) {
    scope.Note(node, key, fmt::format("a Service has at most {} ports here", kPortsMax));
  }
  return false;
}

void AddPortRange(const Scope& scope, const Node& node, const std::string& key, bool noting,
                  std::vector<ServicePort>& ports) {
  const auto inside = ParsePortRange(node["target"].Text());
  if (!inside) {
    return scope.wrong.Add(Wrong(node, "invalid target port: " + node["target"].Text()));
  }
  const Node& published = node["published"];
  const auto outside = ParsePortRange(published.Text());
  if (published.Says() && !outside) {
    return scope.wrong.Add(Wrong(node, "invalid published port: " + published.Text()));
  }
  if (!HasRoomFor(*inside, scope, node, key, noting, ports)) return;
  const bool of_host = node["mode"].Text() == "host";
  const std::string why = IsOnHostNetwork(scope.node)    ? "the pods have their node's own ports"
                          : IsWithoutNetwork(scope.node) ? "network_mode: none: nobody reaches it"
                          : of_host                      ? ""
                                                         : WhyUnpublished(node);
  if (noting && !why.empty()) scope.Note(node, key, why);
  if (noting && outside && outside->count() > inside->count()) {
    scope.Note(node, key, fmt::format("of the range {} is published", outside->first));
  }
  for (int i = 0; i < inside->count(); ++i) {
    ServicePort port;
    port.target = inside->first + i;
    if (why.empty() && outside) port.published = outside->first + i;
    port.protocol = ProtocolOf(node["protocol"].Text());
    port.name = inside->count() == 1 ? ObjectName(node["name"].Text()) : "";
    if (!node["name"].Says()) port.name.clear();
    port.app_protocol = node["app_protocol"].Text();
    port.of_host = of_host;
    port.place = node.place;
    ports.push_back(std::move(port));
  }
}

std::string PlainPortName(const ServicePort& port, int number) {
  return fmt::format("{}-{}", Lower(port.protocol), number);
}

// What the ports of a Service are called: no two the same, and as the file says where it does.
class PortNames {
 public:
  explicit PortNames(const std::vector<ServicePort>& ports) {
    for (const ServicePort& port : ports) {
      if (IsUsable(port.name)) said_.insert(port.name);
    }
  }
  std::string NameOf(const ServicePort& port, int number) {
    if (IsUsable(port.name) && taken_.insert(port.name).second) return port.name;
    const std::string plain = PlainPortName(port, number);
    std::string name = plain;
    for (int i = 2; said_.contains(name) || !taken_.insert(name).second; ++i) {
      name = fmt::format("{}-{}", plain, i);
    }
    return name;
  }

 private:
  // A port's name has 15 characters at most, and a letter.
  static bool IsUsable(const std::string& name) { return !name.empty() && name.size() <= 15; }
  std::set<std::string> said_;
  std::set<std::string> taken_;
};

Json PortEntry(const ServicePort& port, int number, const std::string& name) {
  Json entry = {
      {"name", name}, {"port", number}, {"protocol", port.protocol}, {"targetPort", port.target}};
  if (!port.app_protocol.empty()) entry["appProtocol"] = port.app_protocol;
  return entry;
}

// Other names of the service, and where they are said.
std::vector<std::pair<std::string, const Node*>> AliasesOf(const Scope& scope) {
  std::vector<std::pair<std::string, const Node*>> aliases;
  for (const Member& network : scope.node["networks"].members) {
    for (const Node& alias : network.node["aliases"].items) {
      aliases.emplace_back(alias.Text(), &alias);
    }
  }
  const Node& container = scope.node["container_name"];
  if (container.Says()) aliases.emplace_back(container.Text(), &container);
  for (const Member& other : scope.project.root["services"].members) {
    for (const Node& link : other.node["links"].items) {
      const std::string text = link.Text();
      const size_t colon = text.find(':');
      if (colon == text.npos || text.substr(0, colon) != scope.service) continue;
      aliases.emplace_back(text.substr(colon + 1), &link);
    }
  }
  return aliases;
}

std::set<std::string> NamesOf(const Scope& scope) {
  std::set<std::string> names = {scope.service, scope.name};
  for (const auto& [alias, node] : AliasesOf(scope)) names.insert(alias);
  return names;
}

// How other services reach one.
struct Reached {
  std::vector<ServicePort> ports;
  bool before_healthy = false;
};

// Leads to the pods of the scope's service, under `name`.
Json InnerService(const Scope& scope, const std::string& name, const Reached& reached) {
  Json object = ObjectOf(scope.project, "v1", "Service", name, scope.service);
  Json& spec = object["spec"];
  spec["selector"] = LabelsOf(scope.project, scope.service);
  std::set<std::pair<int, std::string>> given;
  PortNames names(reached.ports);
  for (const ServicePort& port : reached.ports) {
    if (!given.emplace(port.target, port.protocol).second) continue;
    spec["ports"].push_back(PortEntry(port, port.target, names.NameOf(port, port.target)));
  }
  if (given.empty() || scope.node["deploy"]["endpoint_mode"].Text() == "dnsrr") {
    spec["clusterIP"] = "None";
    spec["publishNotReadyAddresses"] = true;
  }
  if (reached.before_healthy) spec["publishNotReadyAddresses"] = true;
  return object;
}

void AddPublished(const Scope& scope, const std::vector<ServicePort>& ports) {
  Json object =
      ObjectOf(scope.project, "v1", "Service", scope.name + kPublished, scope.service);
  Json& spec = object["spec"];
  spec["type"] = "LoadBalancer";
  spec["selector"] = LabelsOf(scope.project, scope.service);
  std::set<std::pair<int, std::string>> given;
  for (const ServicePort& port : ports) {
    if (port.published == 0 || port.of_host) continue;
    if (!given.emplace(port.published, port.protocol).second) continue;
    spec["ports"].push_back(PortEntry(port, port.published, PlainPortName(port, port.published)));
  }
  if (!given.empty()) AddShared(scope.out, std::move(object));
}

// What the service does not say, and others ask for all the same.
void AddNamedPorts(const Scope& scope, const std::set<std::string>& names,
                   std::vector<ServicePort>& ports) {
  std::set<int> known;
  for (const ServicePort& port : ports) {
    if (port.protocol == "TCP") known.insert(port.target);
  }
  for (const std::string& name : names) {
    const auto named = scope.out.named_ports.find(name);
    if (named == scope.out.named_ports.end()) continue;
    for (const int port : named->second) {
      if (ports.size() < kPortsMax && known.insert(port).second) ports.push_back({.target = port});
    }
  }
}

void AddAliases(const Scope& scope, const Reached& reached) {
  std::set<std::string> given = {scope.name};
  for (const auto& [alias, node] : AliasesOf(scope)) {
    if (alias == scope.service) continue;
    const std::string name = ServiceName(alias);
    // That pods have names of their own is noted already.
    const bool own = node == &scope.node["container_name"];
    if (name != alias && own) continue;
    if (name != alias) {
      scope.Note(*node, "aliases",
                 fmt::format("{} is no name of a Service: lower case letters, digits and dashes, "
                             "a letter first", alias));
      continue;
    }
    const bool taken = scope.project.root["services"].Find(alias) != nullptr;
    if (taken) {
      scope.Note(*node, "aliases", fmt::format("{} is another service", alias));
    } else if (given.insert(name).second &&
               !AddShared(scope.out, InnerService(scope, name, reached))) {
      scope.Note(*node, "aliases",
                 fmt::format("{} is a name of another service already, and leads to that alone",
                             alias));
    }
  }
}

// What a network is called on the labels of pods.
std::string NetworkName(const Project& project, const std::string& key) {
  return LabelValue(ResourceName(project, project.root["networks"][key], key));
}

std::set<std::string> NetworksOf(const Node& service) {
  std::set<std::string> names;
  for (const Member& member : service["networks"].members) names.insert(member.key);
  if (names.empty() && !IsWithoutNetwork(service)) names.insert("default");
  return names;
}

bool IsInternal(const Project& project, const std::string& key) {
  return project.root["networks"][key]["internal"].IsTrue();
}

bool IsExternal(const Project& project, const std::string& key) {
  return project.root["networks"][key]["external"].IsTrue();
}

// Whether anybody is kept from anybody.
bool AreApart(const Project& project) {
  std::optional<std::set<std::string>> first;
  for (const Member& member : project.root["services"].members) {
    if (IsOnHostNetwork(member.node)) continue;
    const std::set<std::string> networks = NetworksOf(member.node);
    if (!first) first = networks;
    if (networks != *first) return true;
    for (const std::string& key : networks) {
      if (IsInternal(project, key)) return true;
    }
  }
  return false;
}

Json Labelled(const std::string& label) {
  return {{"matchLabels", {{label, "true"}}}};
}

// Where the pods are that serve names, unless the nodes do: those are always reached by their own.
Json OfSystem() {
  return {{"matchLabels", {{"kubernetes.io/metadata.name", "kube-system"}}}};
}

Json PolicyOf(const Project& project, const std::string& name, Json selector) {
  Json policy = ObjectOf(project, "networking.k8s.io/v1", "NetworkPolicy", name);
  policy["spec"]["podSelector"] = std::move(selector);
  return policy;
}

// The pods that are in a network. One that is external is of several projects, which may have
// namespaces of their own.
Json PeersIn(const Project& project, const std::string& key) {
  Json peers = {{"podSelector", Labelled(kNetworkLabelPrefix + NetworkName(project, key))}};
  if (IsExternal(project, key)) peers["namespaceSelector"] = Json::object();
  return Json::array({std::move(peers)});
}

// Those of this project: who may reach another one's is for that to say.
Json OwnIn(const Project& project, const std::string& key) {
  Json selector = Labelled(kNetworkLabelPrefix + NetworkName(project, key));
  if (IsExternal(project, key)) selector["matchLabels"].update(LabelsOf(project));
  return selector;
}

void AddNetworkPolicy(const Project& project, const std::string& key, Conversion& out) {
  Json policy = PolicyOf(project, OwnName(project, "network-" + key), OwnIn(project, key));
  policy["spec"]["policyTypes"] = {"Ingress"};
  policy["spec"]["ingress"] = Json::array({{{"from", PeersIn(project, key)}}});
  AddShared(out, std::move(policy));
  if (!IsInternal(project, key)) return;
  // Pods that are in internal networks alone reach who is in them, and ask the cluster for names.
  Json selector = OwnIn(project, key);
  selector["matchLabels"][kInternalLabel] = "true";
  Json outward =
      PolicyOf(project, OwnName(project, "network-" + key + "-internal"), std::move(selector));
  outward["spec"]["policyTypes"] = {"Egress"};
  const Json names = Json::array({{{"protocol", "UDP"}, {"port", 53}},
                                  {{"protocol", "TCP"}, {"port", 53}}});
  outward["spec"]["egress"] =
      Json::array({{{"to", PeersIn(project, key)}},
                   {{"to", Json::array({{{"namespaceSelector", OfSystem()}}})}, {"ports", names}}});
  AddShared(out, std::move(outward));
}

bool HasPlacement(const Node& service) {
  return !service["deploy"]["placement"]["constraints"].items.empty();
}

// What is published is open to all.
void AddPublishedPolicy(const Scope& scope, const std::vector<ServicePort>& ports) {
  Json open = Json::array();
  std::set<std::pair<int, std::string>> given;  // One may be published at several ports.
  for (const ServicePort& port : ports) {
    if (port.published == 0 || !given.emplace(port.target, port.protocol).second) continue;
    open.push_back({{"protocol", port.protocol}, {"port", port.target}});
  }
  if (open.empty()) return;
  Json policy = PolicyOf(scope.project, OwnName(scope.project, scope.name + kPublished),
                         {{"matchLabels", LabelsOf(scope.project, scope.service)}});
  policy["spec"]["policyTypes"] = {"Ingress"};
  policy["spec"]["ingress"] = Json::array({{{"ports", std::move(open)}}});
  AddShared(scope.out, std::move(policy));
}

}  // namespace

bool IsOnHostNetwork(const Node& service) {
  return service["network_mode"].Text() == "host";
}

std::vector<ServicePort> PortsOf(const Scope& scope, bool noting) {
  std::vector<ServicePort> ports;
  const Node& list = scope.node["ports"];
  for (size_t i = 0; i < list.items.size(); ++i) {
    AddPortRange(scope, list.items[i], fmt::format("ports[{}]", i), noting, ports);
  }
  for (const Node& item : scope.node["expose"].items) {
    const std::string text = item.Text();
    const size_t slash = text.find('/');
    const auto range = ParsePortRange(text.substr(0, slash));
    const std::string word = slash == text.npos ? "tcp" : text.substr(slash + 1);
    if (!range || !IsPortProtocol(word)) {
      scope.wrong.Add(Wrong(item, "invalid port: " + text));
      continue;
    }
    const std::string protocol = ProtocolOf(word);
    if (HasRoomFor(*range, scope, item, "expose", noting, ports)) {
      for (int port = range->first; port <= range->last; ++port) {
        ports.push_back({.target = port, .protocol = protocol});
      }
    }
  }
  return ports;
}

void AddServices(const Scope& scope) {
  const auto ports = PortsOf(scope, /*noting=*/true);
  // Nobody is led to a task that offers nothing.
  if (scope.is_task && ports.empty()) return;
  const std::set<std::string> names = NamesOf(scope);
  Reached reached{.ports = ports, .before_healthy = AsksItself(scope.node, names)};
  // Without any, all of them are reached.
  if (!ports.empty()) AddNamedPorts(scope, names, reached.ports);
  AddShared(scope.out, InnerService(scope, scope.name, reached));
  AddAliases(scope, reached);
  if (!IsOnHostNetwork(scope.node)) AddPublished(scope, ports);
  if (AreApart(scope.project)) AddPublishedPolicy(scope, ports);
}

void CheckPublished(const Project& project, const Files& files, Conversion& out,
                    Mistakes& wrong) {
  struct Owner {
    std::string service;
    Place place;
    int target;
  };
  // Those of nodes are apart: a Service is at an address of its own.
  std::map<std::tuple<int, std::string, bool>, Owner> taken;
  std::map<std::string, std::string> names;  // Services of the file, by what they are called.
  for (const Member& each : project.root["services"].members) {
    names[ServiceName(each.key)] = each.key;
  }
  std::set<std::string> told;  // Whose name is another's.
  for (const auto& [service, node] : project.root["services"].members) {
    // What does not run takes no port, as in docker compose.
    if (IsOnHostNetwork(node) || ReplicasNode(node).Text() == "0") continue;
    const Scope scope{project, files, out, wrong, service, node, ServiceName(service)};
    for (const ServicePort& port : PortsOf(scope, /*noting=*/false)) {
      // Whoever says where pods go may keep them apart.
      if (port.published == 0 || (port.of_host && HasPlacement(node))) continue;
      const auto same = names.find(scope.name + kPublished);
      if (!port.of_host && same != names.end() && told.insert(service).second) {
        wrong.Add(Wrong(port.place,
                        fmt::format("services.{}.ports: the Service for them would be called {}, "
                                    "as that of service {} is",
                                    service, same->first, same->second)));
      }
      const auto [at, is_first] = taken.try_emplace({port.published, port.protocol, port.of_host},
                                                    Owner{service, port.place, port.target});
      const Owner& owner = at->second;
      if (is_first) continue;
      const bool is_own = owner.service == service;
      // Said twice, it is one.
      if (is_own && owner.target == port.target) continue;
      wrong.Add(
          Wrong(port.place,
                fmt::format("services.{}.ports: {}/{} is published by services.{} ({}) already{}; "
                            "publish another port",
                            service, port.published, Lower(port.protocol), owner.service,
                            owner.place.Text(),
                            is_own ? fmt::format(", for port {}", owner.target) : "")));
    }
  }
}

Json NetworkLabels(const Project& project, const Node& service) {
  Json labels = Json::object();
  if (IsOnHostNetwork(service)) return labels;
  const bool apart = AreApart(project);
  bool internal = apart;
  for (const std::string& key : NetworksOf(service)) {
    internal = internal && IsInternal(project, key);
    // By the label of an external network other projects know whom they let in.
    if (!apart && !IsExternal(project, key)) continue;
    labels[kNetworkLabelPrefix + NetworkName(project, key)] = "true";
  }
  if (internal && !labels.empty()) labels[kInternalLabel] = "true";
  return labels;
}

void AddNetworkPolicies(const Project& project, Conversion& out) {
  std::set<std::string> used;
  for (const auto& [name, service] : project.root["services"].members) {
    if (IsWithoutNetwork(service)) {
      Json policy = PolicyOf(project, OwnName(project, name + "-none"),
                             {{"matchLabels", LabelsOf(project, name)}});
      policy["spec"]["policyTypes"] = {"Ingress", "Egress"};
      AddShared(out, std::move(policy));
    }
    if (!IsOnHostNetwork(service)) used.merge(NetworksOf(service));
  }
  for (const std::string& key : used) {
    if (!IsExternal(project, key)) continue;
    out.notes.push_back({project.root["networks"][key]["external"].place,
                         fmt::format("networks.{}.external", key),
                         "who is in it in another namespace is found as SERVICE.NAMESPACE"});
  }
  if (!AreApart(project)) return;
  for (const std::string& key : used) AddNetworkPolicy(project, key, out);
}

}  // namespace skiff::cli::compose
