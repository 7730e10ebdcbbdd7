// core/v1 besides Pods, and Events of both their groups.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/columns/cells.h"
#include "base/text.h"

namespace skiff::columns {
namespace {

Json ClusterIpCell(const CellInput& input) {
  const Json& ips = ListAt(input.object, "spec.clusterIPs");
  return ips.empty() || !ips.front().is_string() ? Json("<none>") : ips.front();
}

Json ExternalIpCell(const CellInput& input) {
  const std::string type = TextAt(input.object, "spec.type");
  std::string external = Join(Strings(ListAt(input.object, "spec.externalIPs")));
  if (type == "ClusterIP" || type == "NodePort") return OrElse(external, "<none>");
  if (type == "ExternalName") return TextAt(input.object, "spec.externalName");
  if (type != "LoadBalancer") return "<unknown>";
  std::string addresses = LoadBalancerText(input.object);
  if (!addresses.empty() && !external.empty()) addresses += ',';
  return OrElse(addresses + external, "<pending>");
}

Json ServicePortsCell(const CellInput& input) {
  std::vector<std::string> ports;
  for (const Json& port : ListAt(input.object, "spec.ports")) {
    const int64_t node_port = NumberAt(port, "nodePort");
    ports.push_back(fmt::format("{}{}/{}", NumberAt(port, "port"),
                                node_port > 0 ? fmt::format(":{}", node_port) : "",
                                TextAt(port, "protocol")));
  }
  return OrElse(Join(ports), "<none>");
}

constexpr TableColumn kService[] = {
    kName,
    {"Type", Text<"spec.type">},
    {"Cluster-IP", ClusterIpCell},
    {"External-IP", ExternalIpCell},
    {"Port(s)", ServicePortsCell},
    kAge,
    {"Selector", Labels<"spec.selector">, "string", 1},
};

Json NodeStatusCell(const CellInput& input) {
  const Json* ready = FindCondition(input.object, "Ready");
  std::string status = ready == nullptr                     ? "Unknown"
                       : TextAt(*ready, "status") == "True" ? "Ready"
                                                            : "NotReady";
  const Json* unschedulable = FindPath(input.object, "spec.unschedulable");
  if (unschedulable != nullptr && *unschedulable == true) status += ",SchedulingDisabled";
  return status;
}

Json NodeRolesCell(const CellInput& input) {
  constexpr std::string_view kPrefix = "node-role.kubernetes.io/";
  std::set<std::string> roles;
  for (const auto& [key, value] : ListAt(input.object, "metadata.labels").items()) {
    std::string role;
    if (key.starts_with(kPrefix)) role = key.substr(kPrefix.size());
    if (key == "kubernetes.io/role") role = ScalarText(value);
    if (!role.empty()) roles.insert(role);
  }
  return OrElse(fmt::format("{}", fmt::join(roles, ",")), "<none>");
}

template <Literal type>
Json NodeAddress(const CellInput& input) {
  for (const Json& address : ListAt(input.object, "status.addresses")) {
    if (TextAt(address, "type") == type.view()) return TextAt(address, "address");
  }
  return "<none>";
}

constexpr TableColumn kNode[] = {
    kName,
    {"Status", NodeStatusCell},
    {"Roles", NodeRolesCell},
    kAge,
    {"Version", Text<"status.nodeInfo.kubeletVersion">},
    {"Internal-IP", NodeAddress<"InternalIP">, "string", 1},
    {"External-IP", NodeAddress<"ExternalIP">, "string", 1},
    {"OS-Image", Text<"status.nodeInfo.osImage", "<unknown>">, "string", 1},
    {"Kernel-Version", Text<"status.nodeInfo.kernelVersion", "<unknown>">, "string", 1},
    {"Container-Runtime", Text<"status.nodeInfo.containerRuntimeVersion", "<unknown>">, "string",
     1},
};

constexpr TableColumn kNamespace[] = {kName, {"Status", Text<"status.phase">}, kAge};

// Events of core/v1 and of events.k8s.io/v1 differ in the names of a few fields.
std::string_view Named(const CellInput& input, std::string_view core, std::string_view newer) {
  return FindPath(input.object, core) != nullptr ? core : newer;
}

Json FirstSeenCell(const CellInput& input) {
  const std::string_view path = Named(input, "firstTimestamp", "deprecatedFirstTimestamp");
  return AgeText(input, FindPath(input.object, path) != nullptr ? path : "eventTime");
}

Json LastSeenCell(const CellInput& input) {
  if (FindPath(input.object, "series") != nullptr) {
    return AgeText(input, "series.lastObservedTime");
  }
  const std::string_view path = Named(input, "lastTimestamp", "deprecatedLastTimestamp");
  return FindPath(input.object, path) != nullptr ? Json(AgeText(input, path))
                                                 : FirstSeenCell(input);
}

const Json& Involved(const CellInput& input) {
  return ListAt(input.object, Named(input, "involvedObject", "regarding"));
}

Json EventObjectCell(const CellInput& input) {
  const std::string kind = Lower(TextAt(Involved(input), "kind"));
  const std::string name = TextAt(Involved(input), "name");
  return name.empty() ? kind : kind + "/" + name;
}

Json EventSubobjectCell(const CellInput& input) {
  return TextAt(Involved(input), "fieldPath");
}

Json EventSourceCell(const CellInput& input) {
  const Json& source = ListAt(input.object, Named(input, "source", "deprecatedSource"));
  const std::string controller =
      TextAt(input.object, Named(input, "reportingComponent", "reportingController"));
  const std::string component = OrElse(TextAt(source, "component"), controller);
  const std::string instance =
      OrElse(TextAt(source, "host"), TextAt(input.object, "reportingInstance"));
  return instance.empty() ? component : component + ", " + instance;
}

Json EventMessageCell(const CellInput& input) {
  const std::string text = TextAt(input.object, Named(input, "message", "note"));
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

Json EventCountCell(const CellInput& input) {
  if (FindPath(input.object, "series") != nullptr) return NumberAt(input.object, "series.count");
  const int64_t count = NumberAt(input.object, Named(input, "count", "deprecatedCount"));
  return count == 0 ? 1 : count;
}

constexpr TableColumn kEvent[] = {
    {"Last Seen", LastSeenCell},
    {"Type", Text<"type">},
    {"Reason", Text<"reason">},
    {"Object", EventObjectCell},
    {"Subobject", EventSubobjectCell, "string", 1},
    {"Source", EventSourceCell, "string", 1},
    {"Message", EventMessageCell},
    {"First Seen", FirstSeenCell, "string", 1},
    {"Count", EventCountCell, "string", 1},
    {.name = "Name", .cell = Text<"metadata.name">, .priority = 1, .format = "name"},
};

Json ConfigDataCell(const CellInput& input) {
  return ListAt(input.object, "data").size() + ListAt(input.object, "binaryData").size();
}

constexpr TableColumn kConfigMap[] = {kName, {"Data", ConfigDataCell}, kAge};
constexpr TableColumn kSecret[] = {kName, {"Type", Text<"type">}, {"Data", Count<"data">}, kAge};
constexpr TableColumn kServiceAccount[] = {kName, kAge};

// Ready addresses as host:port; a subset without ports shows the plain addresses. Those that are
// not shown are only counted: of a thousand ports and a thousand addresses there are a million.
Json EndpointsCell(const CellInput& input) {
  constexpr size_t kShownMax = 3;
  const Json& subsets = ListAt(input.object, "subsets");
  if (subsets.empty()) return "<none>";
  std::vector<std::string> shown;
  size_t all = 0;
  for (const Json& subset : subsets) {
    const Json& ports = ListAt(subset, "ports");
    const Json& addresses = ListAt(subset, "addresses");
    const size_t count = addresses.size() * std::max<size_t>(ports.size(), 1);
    for (size_t i = 0; i < count && shown.size() < kShownMax; ++i) {
      const std::string address = TextAt(addresses[i % addresses.size()], "ip");
      if (ports.empty()) {
        shown.push_back(address);
        continue;
      }
      const std::string_view form = address.find(':') == std::string::npos ? "{}:{}" : "[{}]:{}";
      shown.push_back(
          fmt::format(fmt::runtime(form), address, NumberAt(ports[i / addresses.size()], "port")));
    }
    all += count;
  }
  std::string text = fmt::format("{}", fmt::join(shown, ","));
  if (all > shown.size()) text += fmt::format(" + {} more...", all - shown.size());
  return text;
}

constexpr TableColumn kEndpoints[] = {kName, {"Endpoints", EndpointsCell}, kAge};

constexpr TableColumn kReplicationController[] = {
    kName,
    {"Desired", Number<"spec.replicas">, "integer"},
    {"Current", Number<"status.replicas">, "integer"},
    {"Ready", Number<"status.readyReplicas">, "integer"},
    kAge,
    {"Containers", Members<"spec.template.spec.containers", "name">, "string", 1},
    {"Images", Members<"spec.template.spec.containers", "image">, "string", 1},
    {"Selector", Labels<"spec.selector">, "string", 1},
};

constexpr TableColumn kPodTemplate[] = {
    kName,
    {"Containers", Members<"template.spec.containers", "name">},
    {"Images", Members<"template.spec.containers", "image">},
    {"Pod Labels", Labels<"template.metadata.labels">},
};

template <bool limits>
Json QuotaCell(const CellInput& input) {
  const Json& used = ListAt(input.object, "status.used");
  std::vector<std::string> out;
  for (const auto& [resource, hard] : ListAt(input.object, "status.hard").items()) {
    if (resource.starts_with("limits.") != limits) continue;
    const auto it = used.find(resource);
    const std::string amount = it == used.end() ? "0" : ScalarText(*it);
    out.push_back(fmt::format("{}: {}/{}", resource, amount, ScalarText(hard)));
  }
  return Join(out, ", ");
}

constexpr TableColumn kResourceQuota[] = {
    kName, {"Request", QuotaCell<false>}, {"Limit", QuotaCell<true>}, kAge};

const Json* HealthyCondition(const CellInput& input) {
  for (const Json& condition : ListAt(input.object, "conditions")) {
    if (TextAt(condition, "type") == "Healthy") return &condition;
  }
  return nullptr;
}

Json ComponentStatusCell(const CellInput& input) {
  const Json* healthy = HealthyCondition(input);
  if (healthy == nullptr) return "Unknown";
  return TextAt(*healthy, "status") == "True" ? "Healthy" : "Unhealthy";
}

template <Literal member>
Json ComponentText(const CellInput& input) {
  const Json* healthy = HealthyCondition(input);
  return healthy == nullptr ? "" : TextAt(*healthy, member.view());
}

constexpr TableColumn kComponentStatus[] = {
    kName,
    {"Status", ComponentStatusCell},
    {"Message", ComponentText<"message">},
    {"Error", ComponentText<"error">},
};

}  // namespace

constinit const TableFormat kServiceTable = {kService};
constinit const TableFormat kNodeTable = {kNode};
constinit const TableFormat kNamespaceTable = {kNamespace};
constinit const TableFormat kEventTable = {kEvent};
constinit const TableFormat kConfigMapTable = {kConfigMap};
constinit const TableFormat kSecretTable = {kSecret};
constinit const TableFormat kServiceAccountTable = {kServiceAccount};
constinit const TableFormat kEndpointsTable = {kEndpoints};
constinit const TableFormat kReplicationControllerTable = {kReplicationController};
constinit const TableFormat kPodTemplateTable = {kPodTemplate};
constinit const TableFormat kResourceQuotaTable = {kResourceQuota};
constinit const TableFormat kComponentStatusTable = {kComponentStatus};

}  // namespace skiff::columns
