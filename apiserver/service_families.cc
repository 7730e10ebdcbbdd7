#include "apiserver/service_families.h"

#include <algorithm>

#include "api/rules/ip.h"
#include "api/violations.h"

namespace skiff {
namespace {

constexpr const char* kSingleStack = "SingleStack";
constexpr const char* kPreferDualStack = "PreferDualStack";
constexpr const char* kRequireDualStack = "RequireDualStack";

bool Has(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

std::string FamilyOf(const std::string& text) {
  const auto address = ParseIp(text);
  if (!address) return "";
  return address->v6 ? "IPv6" : "IPv4";
}

// What the client asked for that this cluster cannot give.
void CheckAsked(const core_v1::ServiceSpec& spec, const core_v1::Service* old,
                const std::vector<std::string>& cluster, Violations& wrong) {
  const FieldPath path("spec");
  const std::string policy = spec.ip_family_policy.value_or("");
  const bool is_update = old != nullptr;
  const bool headless_selectorless = IsHeadless(spec) && spec.selector.empty();
  if (policy == kSingleStack || (policy.empty() && !is_update)) {
    const Json shown = policy.empty() ? Json(nullptr) : Json(policy);
    if (spec.cluster_ips.size() > 1) {
      wrong.Invalid(path.Child("ipFamilyPolicy"), shown,
                    "must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs "
                    "are specified");
    }
    if (spec.ip_families.size() > 1) {
      wrong.Invalid(path.Child("ipFamilyPolicy"), shown,
                    "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families "
                    "are specified");
    }
  }
  if (is_update && policy != kSingleStack) {
    const auto& before = old->spec;
    if (before.cluster_ips.size() == 2 && spec.cluster_ips.size() == 1 && !policy.empty()) {
      wrong.Invalid(path.Child("ipFamilyPolicy"), policy,
                    "must be 'SingleStack' to release the secondary cluster IP");
    }
    if (before.ip_families.size() == 2 && spec.ip_families.size() == 1 && !policy.empty()) {
      wrong.Invalid(path.Child("ipFamilyPolicy"), policy,
                    "must be 'SingleStack' to release the secondary IP family");
    }
  }
  if (headless_selectorless) return;
  for (size_t i = 0; i < spec.cluster_ips.size(); ++i) {
    const std::string family = FamilyOf(spec.cluster_ips[i]);
    if (!family.empty() && !Has(cluster, family)) {
      wrong.Invalid(path.Child("clusterIPs").Index(i), Json(spec.cluster_ips),
                    family + " is not configured on this cluster");
    }
  }
  for (size_t i = 0; i < spec.ip_families.size(); ++i) {
    if (!Has(cluster, spec.ip_families[i])) {
      wrong.Invalid(path.Child("ipFamilies").Index(i), spec.ip_families[i],
                    "not configured on this cluster");
    }
  }
  if (policy == kRequireDualStack && cluster.size() < 2) {
    wrong.Invalid(path.Child("ipFamilyPolicy"), policy,
                  "this cluster is not configured for dual-stack services");
  }
}

// The families that the given addresses already have, in order.
void InferFromAddresses(core_v1::ServiceSpec& spec) {
  for (size_t i = 0; i < spec.cluster_ips.size(); ++i) {
    if (i < spec.ip_families.size()) continue;
    const std::string family = FamilyOf(spec.cluster_ips[i]);
    if (!family.empty() && !Has(spec.ip_families, family)) spec.ip_families.push_back(family);
  }
}

bool IsUntouchedPreferDualStack(const core_v1::Service& service, const core_v1::Service& old) {
  return service.spec.type == old.spec.type && service.spec.ip_family_policy == kPreferDualStack &&
         service.spec.ip_family_policy == old.spec.ip_family_policy &&
         service.spec.cluster_ips == old.spec.cluster_ips &&
         service.spec.ip_families == old.spec.ip_families;
}

}  // namespace

bool IsHeadless(const core_v1::ServiceSpec& spec) {
  return spec.cluster_ip == "None" || (!spec.cluster_ips.empty() && spec.cluster_ips[0] == "None");
}

Result<> SettleFamilies(core_v1::Service& service, const core_v1::Service* old,
                        const std::vector<std::string>& cluster) {
  core_v1::ServiceSpec& spec = service.spec;
  if (spec.type == "ExternalName") return {};
  if (old != nullptr && IsUntouchedPreferDualStack(service, *old)) return {};
  if (old != nullptr && spec.ip_family_policy == kSingleStack &&
      old->spec.ip_family_policy != kSingleStack) {
    if (spec.cluster_ips == old->spec.cluster_ips && spec.cluster_ips.size() > 1) {
      spec.cluster_ips.resize(1);
    }
    if (spec.ip_families == old->spec.ip_families && spec.ip_families.size() > 1) {
      spec.ip_families.resize(1);
    }
  }
  Violations wrong;
  CheckAsked(spec, old, cluster, wrong);
  if (!wrong.empty()) return Fail(wrong.ToError("", "Service", service.metadata.name));
  const bool headless_selectorless = IsHeadless(spec) && spec.selector.empty();
  if (!spec.ip_family_policy) {
    spec.ip_family_policy = headless_selectorless ? kRequireDualStack : kSingleStack;
  }
  InferFromAddresses(spec);
  if (spec.ip_families.empty()) spec.ip_families.push_back(cluster[0]);
  const bool wants_two = *spec.ip_family_policy != kSingleStack;
  if (wants_two && spec.ip_families.size() == 1 && (cluster.size() > 1 || headless_selectorless)) {
    spec.ip_families.push_back(spec.ip_families[0] == "IPv4" ? "IPv6" : "IPv4");
  }
  return {};
}

}  // namespace skiff
