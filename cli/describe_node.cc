#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "api/text/human_duration.h"
#include "base/seconds.h"
#include "cli/describe.h"
#include "cli/json_text.h"

namespace skiff::cli {
namespace {

using NodeAmounts = std::map<std::string, Quantity>;  // By resource.

NodeAmounts AmountsOf(const Json& list) {
  NodeAmounts amounts;
  if (!list.is_object()) return amounts;
  for (const auto& [name, text] : list.items()) {
    if (const auto amount = Quantity::Parse(PlainText(text))) amounts.emplace(name, *amount);
  }
  return amounts;
}

void AddAmounts(NodeAmounts& to, const NodeAmounts& more) {
  for (const auto& [name, amount] : more) {
    Quantity& sum = to[name];
    sum = sum.IsZero() ? amount : sum + amount;
  }
}

void RaiseAmounts(NodeAmounts& to, const NodeAmounts& others) {
  for (const auto& [name, amount] : others) {
    Quantity& most = to.try_emplace(name, amount).first->second;
    if (most < amount) most = amount;
  }
}

// What a container that goes on running asks for: while it is given another size, the most of what
// it has, what it was granted and what it is to have, unless that cannot be.
NodeAmounts ContainerRequests(const Json& pod, const Json& container) {
  NodeAmounts wanted = AmountsOf(At(container, "resources", "requests"));
  bool is_infeasible = false;
  for (const Json& condition : At(pod, "status", "conditions")) {
    if (TextAt(condition, "type") != "PodResizePending") continue;
    is_infeasible = TextAt(condition, "reason") == "Infeasible";
  }
  for (const char* list : {"containerStatuses", "initContainerStatuses"}) {
    for (const Json& status : At(pod, "status", list)) {
      const bool is_its = TextAt(status, "name") == TextAt(container, "name");
      if (!is_its || !At(status, "resources").is_object()) continue;
      if (is_infeasible) wanted.clear();
      RaiseAmounts(wanted, AmountsOf(At(status, "resources", "requests")));
      RaiseAmounts(wanted, AmountsOf(At(status, "allocatedResources")));
    }
  }
  return wanted;
}

// What a pod asks for ("requests") or may use ("limits"). Init containers run one after the other,
// beside those sidecars that were started before them.
NodeAmounts PodAmounts(const Json& pod, const std::string& field) {
  const bool asks = field == "requests";
  const auto own = [&](const Json& container) {
    return asks ? ContainerRequests(pod, container) : AmountsOf(At(container, "resources", field));
  };
  NodeAmounts all, sidecars, most;
  for (const Json& container : At(pod, "spec", "containers")) AddAmounts(all, own(container));
  for (const Json& container : At(pod, "spec", "initContainers")) {
    if (TextAt(container, "restartPolicy") == "Always") {
      AddAmounts(all, own(container));
      AddAmounts(sidecars, own(container));
      RaiseAmounts(most, sidecars);
    } else {
      NodeAmounts with_sidecars = AmountsOf(At(container, "resources", field));
      AddAmounts(with_sidecars, sidecars);
      RaiseAmounts(most, with_sidecars);
    }
  }
  RaiseAmounts(all, most);
  for (const auto& [name, amount] : AmountsOf(At(pod, "spec", "overhead"))) {
    const auto found = all.find(name);
    const bool is_limited = found != all.end() && !found->second.IsZero();
    if (asks || is_limited) AddAmounts(all, {{name, amount}});
  }
  return all;
}

const Quantity& AmountOf(const NodeAmounts& amounts, const std::string& resource) {
  static const Quantity kNone;
  const auto found = amounts.find(resource);
  return found == amounts.end() ? kNone : found->second;
}

// "260m (26%)"
std::string ShareText(const NodeAmounts& amounts, const NodeAmounts& allocatable,
                      const std::string& resource) {
  const Quantity& amount = AmountOf(amounts, resource);
  const Quantity& whole = AmountOf(allocatable, resource);
  const auto in_units = [&](const Quantity& quantity) {
    return static_cast<double>(resource == "cpu" ? quantity.MilliValue() : quantity.Value());
  };
  // Rounded as kubectl's.
  const auto percent =
      whole.IsZero() ? 0 : static_cast<int64_t>(in_units(amount) / in_units(whole) * 100);
  return fmt::format("{} ({}%)", amount.Text(), percent);
}

void WriteNodeConditions(DescribeWriter& out, const Json& node) {
  const Json& conditions = At(node, "status", "conditions");
  if (conditions.is_null() || conditions.empty()) return;
  out.Line(0,
           "Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage");
  out.Line(1, "----\t------\t-----------------\t------------------\t------\t-------");
  for (const Json& each : conditions) {
    out.Line(
        1, fmt::format("{} \t{} \t{} \t{} \t{} \t{}", TextAt(each, "type"), TextAt(each, "status"),
                       DescribeMoment(TextAt(each, "lastHeartbeatTime")),
                       DescribeMoment(TextAt(each, "lastTransitionTime")), TextAt(each, "reason"),
                       TextAt(each, "message")));
  }
}

void WriteLease(DescribeWriter& out, DescribeContext& context, const std::string& name) {
  const auto kind = context.session.kinds().Find("leases");
  const auto lease = kind ? context.session.api().Get(kind->resource, {"kube-node-lease", name})
                          : Result<Json>(Fail(kind.error()));
  if (!lease) {
    out.Field(0, "Lease", "Failed to get lease: " + lease.error().message);
    return;
  }
  const auto or_unset = [](const std::string& text) { return text.empty() ? "<unset>" : text; };
  out.Line(0, "Lease:");
  out.Field(1, "HolderIdentity", or_unset(TextAt(*lease, "spec", "holderIdentity")));
  out.Field(1, "AcquireTime", or_unset(DescribeTime(TextAt(*lease, "spec", "acquireTime"))));
  out.Field(1, "RenewTime", or_unset(DescribeTime(TextAt(*lease, "spec", "renewTime"))));
}

void WriteAmounts(DescribeWriter& out, const std::string& title, const Json& amounts) {
  if (!amounts.is_object() || amounts.empty()) return;
  out.Line(0, title + ":");
  for (const auto& [name, amount] : amounts.items()) out.Field(1, name, PlainText(amount));
}

void WriteSystem(DescribeWriter& out, const Json& info) {
  out.Line(0, "System Info:");
  constexpr std::pair<const char*, const char*> kRows[] = {
      {"Machine ID", "machineID"},
      {"System UUID", "systemUUID"},
      {"Boot ID", "bootID"},
      {"Kernel Version", "kernelVersion"},
      {"OS Image", "osImage"},
      {"Operating System", "operatingSystem"},
      {"Architecture", "architecture"},
      {"Container Runtime Version", "containerRuntimeVersion"},
      {"Kubelet Version", "kubeletVersion"}};
  for (const auto& [title, field] : kRows) out.Field(1, title, TextAt(info, field));
  out.Field(1, "Kube-Proxy Version", TextAt(info, "kubeProxyVersion"));
}

Result<std::vector<Json>> RunningPods(DescribeContext& context, const std::string& node) {
  const ServedKind kind = TRY(context.session.kinds().Find("pods"));
  ListOptions options;
  options.field_selector =
      fmt::format("spec.nodeName={},status.phase!=Failed,status.phase!=Succeeded", node);
  options.limit = PageLimit(context.chunk_size);
  JsonList list = TRY(context.session.api().List(kind.resource, options));
  return std::move(list.items);
}

// What all pods together take of each resource that the node has.
void WriteAllocated(DescribeWriter& out, const NodeAmounts& requests, const NodeAmounts& limits,
                    const NodeAmounts& allocatable) {
  out.Line(0,
           "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)");
  out.Line(1, "Resource\tRequests\tLimits");
  out.Line(1, "--------\t--------\t------");
  const std::vector<std::string> always = {"cpu", "memory", "ephemeral-storage"};
  std::vector<std::string> shared = always, counted;
  for (const auto& [name, amount] : allocatable) {
    if (name.starts_with("hugepages-")) {
      shared.push_back(name);
    } else if (name != "pods" && std::find(always.begin(), always.end(), name) == always.end()) {
      counted.push_back(name);
    }
  }
  for (const std::string& name : shared) {
    out.Line(1, fmt::format("{}\t{}\t{}", name, ShareText(requests, allocatable, name),
                            ShareText(limits, allocatable, name)));
  }
  for (const std::string& name : counted) {
    out.Line(1, fmt::format("{}\t{}\t{}", name, AmountOf(requests, name).Text(),
                            AmountOf(limits, name).Text()));
  }
}

void WritePods(DescribeWriter& out, DescribeContext& context, const Json& node) {
  const auto pods = RunningPods(context, NameOf(node));
  if (!pods) {
    if (pods.error().reason != Reason::kForbidden) context.failure = pods.error();
    return out.Field(0, "Pods", "not authorized");
  }
  NodeAmounts allocatable = AmountsOf(At(node, "status", "allocatable"));
  if (allocatable.empty()) allocatable = AmountsOf(At(node, "status", "capacity"));
  NodeAmounts all_requests, all_limits;
  out.Field(0, "Non-terminated Pods", fmt::format("({} in total)", pods->size()));
  out.Line(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge");
  out.Line(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---");
  for (const Json& pod : *pods) {
    const NodeAmounts requests = PodAmounts(pod, "requests");
    const NodeAmounts limits = PodAmounts(pod, "limits");
    AddAmounts(all_requests, requests);
    AddAmounts(all_limits, limits);
    std::string line = fmt::format("{}\t{}\t", NamespaceOf(pod), NameOf(pod));
    for (const char* resource : {"cpu", "memory"}) {
      line += "\t" + ShareText(requests, allocatable, resource);
      line += "\t" + ShareText(limits, allocatable, resource);
    }
    const auto created = Time::Parse(TextAt(pod, "metadata", "creationTimestamp"));
    line += "\t" + (created ? HumanDuration(Between(created->point(), context.now)) : "<unknown>");
    out.Line(1, line);
  }
  WriteAllocated(out, all_requests, all_limits, allocatable);
}

std::string RolesText(const Json& labels) {
  const std::string prefix = "node-role.kubernetes.io/";
  std::set<std::string> roles;
  if (labels.is_object()) {
    for (const auto& [key, value] : labels.items()) {
      if (key.starts_with(prefix)) roles.insert(key.substr(prefix.size()));
      if (key == "kubernetes.io/role") roles.insert(TextOf(value));
    }
  }
  roles.erase("");
  return roles.empty() ? "<none>" : Join({roles.begin(), roles.end()}, ",");
}

}  // namespace

void DescribeNode(DescribeWriter& out, DescribeContext& context, const Json& object) {
  const Json& spec = At(object, "spec");
  const Json& status = At(object, "status");
  out.Field(0, "Name", NameOf(object));
  out.Field(0, "Roles", RolesText(At(object, "metadata", "labels")));
  out.Labels("Labels", At(object, "metadata", "labels"));
  out.Annotations(At(object, "metadata", "annotations"));
  out.Field(0, "CreationTimestamp", DescribeTime(TextAt(object, "metadata", "creationTimestamp")));
  std::vector<std::string> taints;
  std::vector<Json> sorted;
  for (const Json& taint : At(spec, "taints")) sorted.push_back(taint);
  std::stable_sort(sorted.begin(), sorted.end(), [](const Json& a, const Json& b) {
    return std::pair(TextAt(a, "effect"), TextAt(a, "key")) <
           std::pair(TextAt(b, "effect"), TextAt(b, "key"));
  });
  for (const Json& taint : sorted) {
    const std::string value = TextAt(taint, "value");
    taints.push_back(TextAt(taint, "key") + (value.empty() ? "" : "=" + value) + ":" +
                     TextAt(taint, "effect"));
  }
  out.Field(0, "Taints", taints.empty() ? "<none>" : taints[0]);
  for (size_t i = 1; i < taints.size(); ++i) out.Line(0, "\t" + taints[i]);
  out.Field(0, "Unschedulable", IsTrue(At(spec, "unschedulable")) ? "true" : "false");
  WriteLease(out, context, NameOf(object));
  WriteNodeConditions(out, object);
  out.Line(0, "Addresses:");
  for (const Json& address : At(status, "addresses")) {
    out.Field(1, TextAt(address, "type"), TextAt(address, "address"));
  }
  WriteAmounts(out, "Capacity", At(status, "capacity"));
  WriteAmounts(out, "Allocatable", At(status, "allocatable"));
  WriteSystem(out, At(status, "nodeInfo"));
  out.FieldIf(0, "PodCIDR", TextAt(spec, "podCIDR"));
  out.FieldIf(0, "PodCIDRs", Join(TextsAt(spec, "podCIDRs"), ","));
  out.FieldIf(0, "ProviderID", TextAt(spec, "providerID"));
  WritePods(out, context, object);
}

}  // namespace skiff::cli
