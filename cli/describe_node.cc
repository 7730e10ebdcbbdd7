#include <fmt/format.h>

#include <algorithm>

#include "api/text/human_duration.h"
#include "base/seconds.h"
#include "cli/describe.h"
#include "cli/json_text.h"

namespace skiff::cli {
namespace {

// What the containers of a pod ask for or may use of one resource. Init containers run one after
// the other, so only the largest counts where it is more than the rest together.
int64_t PodMilli(const Json& pod, const char* field, const char* resource) {
  const auto milli = [&](const Json& container) -> int64_t {
    const auto amount = Quantity::Parse(PlainText(At(container, "resources", field, resource)));
    return amount ? amount->MilliValue() : 0;
  };
  int64_t sum = 0;
  for (const Json& container : At(pod, "spec", "containers")) sum += milli(container);
  for (const Json& container : At(pod, "spec", "initContainers")) {
    if (TextAt(container, "restartPolicy") == "Always") {
      sum += milli(container);
    } else {
      sum = std::max(sum, milli(container));
    }
  }
  return sum;
}

std::string AmountText(int64_t milli, const char* resource) {
  const bool cpu = std::string_view(resource) == "cpu";
  return cpu ? Quantity::FromMilli(milli).Text() : Quantity::FromValue(milli / 1000, true).Text();
}

struct Totals {
  int64_t allocatable = 0;
  int64_t requests = 0;
  int64_t limits = 0;
};

std::string WithPercent(int64_t milli, int64_t allocatable, const char* resource) {
  const int64_t percent = allocatable > 0 ? static_cast<int64_t>(static_cast<double>(milli) * 100 /
                                                                 static_cast<double>(allocatable))
                                          : 0;
  return fmt::format("{} ({}%)", AmountText(milli, resource), percent);
}

void WriteNodeConditions(DescribeWriter& out, const Json& node) {
  const Json& conditions = At(node, "status", "conditions");
  if (conditions.is_null() || conditions.empty()) return;
  out.Line(0,
           "Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage");
  out.Line(1, "----\t------\t-----------------\t------------------\t------\t-------");
  for (const Json& each : conditions) {
    out.Line(1, fmt::format("{} \t{} \t{} \t{} \t{} \t{}", TextAt(each, "type"),
                            TextAt(each, "status"), DescribeTime(TextAt(each, "lastHeartbeatTime")),
                            DescribeTime(TextAt(each, "lastTransitionTime")),
                            TextAt(each, "reason"), TextAt(each, "message")));
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
  if (!amounts.is_object()) return;
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

std::vector<Json> RunningPods(DescribeContext& context, const std::string& node) {
  const auto kind = context.session.kinds().Find("pods");
  if (!kind) return {};
  ListOptions options;
  options.field_selector =
      fmt::format("spec.nodeName={},status.phase!=Failed,status.phase!=Succeeded", node);
  options.limit = PageLimit(context.chunk_size);
  auto list = context.session.api().List(kind->resource, options);
  return list ? std::move(list->items) : std::vector<Json>();
}

void WritePods(DescribeWriter& out, DescribeContext& context, const Json& node) {
  constexpr const char* kResources[] = {"cpu", "memory", "ephemeral-storage"};
  Totals totals[std::size(kResources)];
  for (size_t i = 0; i < std::size(kResources); ++i) {
    const auto amount =
        Quantity::Parse(PlainText(At(node, "status", "allocatable", kResources[i])));
    if (amount) totals[i].allocatable = amount->MilliValue();
  }
  const auto pods = RunningPods(context, NameOf(node));
  out.Field(0, "Non-terminated Pods", fmt::format("({} in total)", pods.size()));
  out.Line(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge");
  out.Line(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---");
  for (const Json& pod : pods) {
    std::string line = fmt::format("{}\t{}\t", NamespaceOf(pod), NameOf(pod));
    for (size_t i = 0; i < std::size(kResources); ++i) {
      const int64_t requests = PodMilli(pod, "requests", kResources[i]);
      const int64_t limits = PodMilli(pod, "limits", kResources[i]);
      totals[i].requests += requests;
      totals[i].limits += limits;
      if (i == 2) continue;
      line += "\t" + WithPercent(requests, totals[i].allocatable, kResources[i]);
      line += "\t" + WithPercent(limits, totals[i].allocatable, kResources[i]);
    }
    const auto created = Time::Parse(TextAt(pod, "metadata", "creationTimestamp"));
    line += "\t" + (created ? HumanDuration(Between(created->point(), context.now)) : "<unknown>");
    out.Line(1, line);
  }
  out.Line(0,
           "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)");
  out.Line(1, "Resource\tRequests\tLimits");
  out.Line(1, "--------\t--------\t------");
  for (size_t i = 0; i < std::size(kResources); ++i) {
    out.Line(1, fmt::format("{}\t{}\t{}", kResources[i],
                            WithPercent(totals[i].requests, totals[i].allocatable, kResources[i]),
                            WithPercent(totals[i].limits, totals[i].allocatable, kResources[i])));
  }
}

std::string RolesText(const Json& labels) {
  const std::string prefix = "node-role.kubernetes.io/";
  std::vector<std::string> roles;
  if (labels.is_object()) {
    for (const auto& [key, value] : labels.items()) {
      if (key.starts_with(prefix)) roles.push_back(key.substr(prefix.size()));
      if (key == "kubernetes.io/role" && !TextOf(value).empty()) roles.push_back(TextOf(value));
    }
  }
  std::sort(roles.begin(), roles.end());
  return roles.empty() ? "<none>" : Join(roles, ",");
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
