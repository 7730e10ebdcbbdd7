// networking.k8s.io, discovery.k8s.io and coordination.k8s.io.
#include <fmt/format.h>

#include "api/columns/cells.h"
#include "base/text.h"

namespace skiff::columns {
namespace {

constexpr size_t kShownMax = 3;

Json HostsCell(const CellInput& input) {
  std::vector<std::string> hosts;
  const Json& rules = ListAt(input.object, "spec.rules");
  for (const Json& rule : rules) {
    if (hosts.size() == kShownMax) {
      return fmt::format("{} + {} more...", Join(hosts), rules.size() - kShownMax);
    }
    const std::string host = TextAt(rule, "host");
    if (!host.empty()) hosts.push_back(host);
  }
  return OrElse(Join(hosts), "*");
}

Json AddressCell(const CellInput& input) {
  return LoadBalancerText(input.object);
}

Json IngressPortsCell(const CellInput& input) {
  return ListAt(input.object, "spec.tls").empty() ? "80" : "80, 443";
}

constexpr TableColumn kIngress[] = {
    kName,
    {"Class", Text<"spec.ingressClassName", "<none>">},
    {"Hosts", HostsCell},
    {"Address", AddressCell},
    {"Ports", IngressPortsCell},
    kAge,
};

Json ParametersCell(const CellInput& input) {
  const Json* parameters = FindPath(input.object, "spec.parameters");
  if (parameters == nullptr) return "<none>";
  std::string out = TextAt(*parameters, "kind");
  if (FindPath(*parameters, "apiGroup") != nullptr) out += "." + TextAt(*parameters, "apiGroup");
  return out + "/" + TextAt(*parameters, "name");
}

constexpr TableColumn kIngressClass[] = {
    kName, {"Controller", Text<"spec.controller">}, {"Parameters", ParametersCell}, kAge};

// A policy always has a selector; one that is left out is empty.
constexpr TableColumn kNetworkPolicy[] = {
    kName, {"Pod-Selector", Selector<"spec.podSelector">}, kAge};

Json CidrsCell(const CellInput& input) {
  return Join(Strings(ListAt(input.object, "spec.cidrs")));
}

constexpr TableColumn kServiceCidr[] = {kName, {"CIDRs", CidrsCell}, kAge};

Json ParentRefCell(const CellInput& input) {
  const Json* parent = FindPath(input.object, "spec.parentRef");
  if (parent == nullptr) return "<none>";
  std::string resource = TextAt(*parent, "resource");
  if (const std::string group = TextAt(*parent, "group"); !group.empty()) resource += "." + group;
  std::string out = Lower(resource);
  if (const std::string space = TextAt(*parent, "namespace"); !space.empty()) out += "/" + space;
  return out + "/" + TextAt(*parent, "name");
}

// The age comes without a column in Kubernetes too.
constexpr TableColumn kIpAddress[] = {
    kName, {"ParentRef", ParentRefCell}, {.name = "Age", .cell = Age<>, .hidden = true}};

Json SlicePortsCell(const CellInput& input) {
  std::vector<std::string> out;
  for (const Json& port : ListAt(input.object, "ports")) {
    const Json* number = FindPath(port, "port");
    out.push_back(number != nullptr ? number->dump() : OrElse(TextAt(port, "name"), "*"));
  }
  return OrElse(JoinFirst(out, kShownMax), "<unset>");
}

Json SliceEndpointsCell(const CellInput& input) {
  std::vector<std::string> out;
  for (const Json& endpoint : ListAt(input.object, "endpoints")) {
    for (std::string& address : Strings(ListAt(endpoint, "addresses"))) {
      out.push_back(std::move(address));
    }
  }
  return OrElse(JoinFirst(out, kShownMax), "<unset>");
}

constexpr TableColumn kEndpointSlice[] = {
    kName,
    {"AddressType", Text<"addressType">},
    {"Ports", SlicePortsCell},
    {"Endpoints", SliceEndpointsCell},
    kAge,
};

constexpr TableColumn kLease[] = {kName, {"Holder", Text<"spec.holderIdentity">}, kAge};

}  // namespace

constinit const TableFormat kIngressTable = {kIngress};
constinit const TableFormat kIngressClassTable = {kIngressClass};
constinit const TableFormat kNetworkPolicyTable = {kNetworkPolicy};
constinit const TableFormat kServiceCidrTable = {kServiceCidr};
constinit const TableFormat kIpAddressTable = {kIpAddress};
constinit const TableFormat kEndpointSliceTable = {kEndpointSlice};
constinit const TableFormat kLeaseTable = {kLease};

}  // namespace skiff::columns
