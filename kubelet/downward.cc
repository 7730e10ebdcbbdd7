#include "kubelet/downward.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "api/text/go_text.h"

namespace skiff::kubelet {
namespace {

// One a line, values as Go quotes them: what reads the file undoes that.
std::string Lines(const std::map<std::string, std::string>& entries) {
  std::vector<std::string> lines;
  for (const auto& [key, value] : entries) lines.push_back(key + "=" + GoQuote(value));
  return fmt::format("{}", fmt::join(lines, "\n"));
}

// metadata.labels['key'] -> key; "" when it has not that form.
std::string Subscript(const std::string& path, const std::string& prefix) {
  if (!path.starts_with(prefix + "['") || !path.ends_with("']")) return "";
  return path.substr(prefix.size() + 2, path.size() - prefix.size() - 4);
}

std::string At(const std::map<std::string, std::string>& entries, const std::string& key) {
  const auto found = entries.find(key);
  return found == entries.end() ? "" : found->second;
}

template <typename Ip>
std::string Joined(const std::vector<Ip>& ips) {
  std::vector<std::string> texts;
  for (const auto& each : ips) texts.push_back(each.ip);
  return fmt::format("{}", fmt::join(texts, ","));
}

int64_t CeilDivide(int64_t value, int64_t divisor) {
  return divisor <= 0 ? value : (value + divisor - 1) / divisor;
}

// Of what nothing is said of the container: its pod's, else what the node can give.
Quantity LimitFromAround(const core_v1::Pod& pod, const std::string& name,
                         const std::map<std::string, Quantity>& node_allocatable) {
  const auto of_node = node_allocatable.find(name);
  if (of_node == node_allocatable.end() || name.starts_with("hugepages-")) return {};
  if (!pod.spec.resources) return of_node->second;
  const auto& limits = pod.spec.resources->limits;
  const auto of_pod = limits.find(name);
  return of_pod == limits.end() || of_pod->second.IsZero() ? of_node->second : of_pod->second;
}

}  // namespace

Result<std::string> FieldText(const core_v1::Pod& pod, const std::string& path) {
  const meta_v1::ObjectMeta& metadata = pod.metadata;
  if (path == "metadata.name") return metadata.name;
  if (path == "metadata.namespace") return metadata.namespace_;
  if (path == "metadata.uid") return metadata.uid;
  if (path == "metadata.labels") return Lines(metadata.labels);
  if (path == "metadata.annotations") return Lines(metadata.annotations);
  if (const auto key = Subscript(path, "metadata.labels"); !key.empty()) {
    return At(metadata.labels, key);
  }
  if (const auto key = Subscript(path, "metadata.annotations"); !key.empty()) {
    return At(metadata.annotations, key);
  }
  if (path == "spec.nodeName") return pod.spec.node_name;
  if (path == "spec.serviceAccountName") return pod.spec.service_account_name;
  if (path == "status.hostIP") return pod.status.host_ip;
  if (path == "status.podIP") return pod.status.pod_ip;
  if (path == "status.hostIPs") return Joined(pod.status.host_ips);
  if (path == "status.podIPs") return Joined(pod.status.pod_ips);
  return Fail(Reason::kInvalid, "unsupported fieldPath: " + path);
}

Result<std::string> ResourceText(const core_v1::Pod& pod,
                                 const core_v1::ResourceFieldSelector& selector,
                                 const std::string& default_container,
                                 const std::map<std::string, Quantity>& node_allocatable) {
  const std::string& wanted =
      selector.container_name.empty() ? default_container : selector.container_name;
  const core_v1::Container* container = nullptr;
  for (const auto* list : {&pod.spec.containers, &pod.spec.init_containers}) {
    for (const auto& each : *list) {
      if (each.name == wanted) container = &each;
    }
  }
  if (container == nullptr) return Fail(Reason::kInvalid, "container " + wanted + " not found");
  const auto dot = selector.resource.find('.');
  const std::string kind = selector.resource.substr(0, dot);
  const std::string name = dot == std::string::npos ? "" : selector.resource.substr(dot + 1);
  if (name.empty() || (kind != "limits" && kind != "requests")) {
    return Fail(Reason::kInvalid, "unsupported container resource : " + selector.resource);
  }
  const auto& amounts =
      kind == "limits" ? container->resources.limits : container->resources.requests;
  auto found = amounts.find(name);
  Quantity amount;
  if (found != amounts.end()) {
    amount = found->second;
  }
  if (kind == "limits" && amount.IsZero()) amount = LimitFromAround(pod, name, node_allocatable);
  const bool has_divisor = !selector.divisor.IsZero();
  if (name == "cpu") {
    return std::to_string(
        CeilDivide(amount.MilliValue(), has_divisor ? selector.divisor.MilliValue() : 1000));
  }
  return std::to_string(CeilDivide(amount.Value(), has_divisor ? selector.divisor.Value() : 1));
}

}  // namespace skiff::kubelet
