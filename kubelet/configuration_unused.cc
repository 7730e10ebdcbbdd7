#include "kubelet/configuration_unused.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/feature_gates.h"

namespace skiff::kubelet {
namespace {

struct Restriction {
  std::string_view path;
  std::string_view why;
  std::vector<Json> same;  // Values that ask for what is done here anyway.
};

const std::vector<Restriction>& Restrictions() {
  static const std::vector<Restriction> kRestrictions = {
      {"readOnlyPort", "whoever asks has to say who they are", {0}},
      {"cpuManagerPolicy", "no CPU is kept for a pod", {"", "none"}},
      {"memoryManagerPolicy", "no memory is kept for a pod", {"", "None"}},
      {"topologyManagerPolicy", "no topology is looked at", {"", "none"}},
      {"topologyManagerScope", "no topology is looked at", {"", "container"}},
      {"topologyManagerPolicyOptions", "no topology is looked at", {}},
      {"cpuManagerPolicyOptions", "no CPU is kept for a pod", {}},
      {"reservedSystemCPUs", "no CPU is kept for anybody", {""}},
      {"reservedMemory", "no memory is kept for a pod", {}},
      {"qosReserved", "no memory is kept for a class of pods", {}},
      {"systemReservedCgroup", "reserved amounts are kept from pods alone", {""}},
      {"kubeReservedCgroup", "reserved amounts are kept from pods alone", {""}},
      {"staticPodURL", "static pods are files", {""}},
      {"cpuCFSQuotaPeriod", "it requires feature gate CustomCPUCFSQuotaPeriod", {"0s", "100ms"}},
      {"enableSystemLogQuery", "it requires feature gate NodeLogQuery", {false}},
      {"memorySwap.swapBehavior", "no swap is given to pods", {"", "NoSwap"}}};
  return kRestrictions;
}

// Generated files say "nothing" in many ways.
bool SaysNothing(const Json& value) {
  return value.is_null() || value == "" || value == "0s" || value == 0 || value == false ||
         ((value.is_object() || value.is_array()) && value.empty());
}

// As those of --feature-gates.
Result<> CheckGates(const Json& gates) {
  for (const auto& [name, value] : gates.items()) {
    std::string why = WhyNotFeatureGates(fmt::format("{}={}", name, value == true));
    if (!why.empty()) return Fail(Reason::kInvalid, std::move(why));
  }
  return {};
}

Result<> Walk(const Json& at, const std::string& prefix, const std::set<std::string>& read,
              std::vector<std::string>& unused) {
  for (const auto& [name, value] : at.items()) {
    const std::string path = prefix + name;
    if (read.contains(path) || path == "kind" || path == "apiVersion") continue;
    const auto& all = Restrictions();
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const Restriction& each) { return each.path == path; });
    if (found != all.end()) {
      const auto& same = found->same;
      const bool is_empty = value.is_null() || (value.is_structured() && value.empty());
      if (is_empty || std::find(same.begin(), same.end(), value) != same.end()) continue;
      return Fail(Reason::kInvalid,
                  fmt::format("{}: {} cannot be had here, and must not be ignored: {}", path,
                              value.dump(), found->why));
    }
    if (SaysNothing(value)) continue;
    if (path == "featureGates") TRY(CheckGates(value));
    if (value.is_object()) {
      TRY(Walk(value, path + ".", read, unused));
    } else {
      unused.push_back(fmt::format("{} of the configuration file has no effect", path));
    }
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> UnusedFields(const Json& document,
                                              const std::set<std::string>& read) {
  std::vector<std::string> unused;
  TRY(Walk(document, "", read, unused));
  return unused;
}

}  // namespace skiff::kubelet
