#include "apiserver/services/service_families.h"

#include <algorithm>

#include "api/rules/core/ip.h"
#include "api/rules/core/service_validation.h"
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

// Without a policy a service keeps the one it had; a new one gets addresses of one family, unless
// it leads to what its user maintains.
void SettlePolicy(core_v1::ServiceSpec& spec, const core_v1::Service* old) {
  if (spec.ip_family_policy) return;
  if (old != nullptr && old->spec.ip_family_policy) {
    spec.ip_family_policy = old->spec.ip_family_policy;
  } else {
    spec.ip_family_policy =
        spec.cluster_ip == "None" && spec.selector.empty() ? kRequireDualStack : kSingleStack;
  }
}

// One family again: the second of what the client left as it was goes.
void TrimToOneFamily(core_v1::ServiceSpec& spec, const core_v1::ServiceSpec& before) {
  if (spec.ip_family_policy != kSingleStack || before.ip_family_policy == kSingleStack) return;
  if (spec.cluster_ips == before.cluster_ips && spec.cluster_ips.size() > 1) {
    spec.cluster_ips.resize(1);
  }
  if (spec.ip_families == before.ip_families && spec.ip_families.size() > 1) {
    spec.ip_families.resize(1);
  }
}

// Whether the policy allows as many addresses and families as there are.
void CheckPolicy(const core_v1::ServiceSpec& spec, const core_v1::Service* old, Violations& wrong) {
  const FieldPath path = FieldPath("spec").Child("ipFamilyPolicy");
  const std::string& policy = *spec.ip_family_policy;
  if (policy == kSingleStack) {
    if (spec.cluster_ips.size() == 2) {
      wrong.Invalid(path, policy,
                    "must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs "
                    "are specified");
    }
    if (spec.ip_families.size() == 2) {
      wrong.Invalid(path, policy,
                    "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families "
                    "are specified");
    }
  } else if (old != nullptr) {
    if (old->spec.cluster_ips.size() == 2 && spec.cluster_ips.size() == 1) {
      wrong.Invalid(path, policy, "must be 'SingleStack' to release the secondary cluster IP");
    }
    if (old->spec.ip_families.size() == 2 && spec.ip_families.size() == 1) {
      wrong.Invalid(path, policy, "must be 'SingleStack' to release the secondary IP family");
    }
  }
}

// The families that the given addresses have, in order, where none are given for them.
void InferFromAddresses(core_v1::ServiceSpec& spec, const std::vector<std::string>& cluster,
                        Violations& wrong) {
  for (size_t i = spec.ip_families.size(); i < spec.cluster_ips.size(); ++i) {
    const std::string family = FamilyOf(spec.cluster_ips[i]);
    if (family.empty()) return;  // "None".
    if (Has(cluster, family)) {
      spec.ip_families.push_back(family);
    } else {
      wrong.Invalid(FieldPath("spec").Child("clusterIPs").Index(i), Json(spec.cluster_ips),
                    family + " is not configured on this cluster");
    }
  }
}

// Whether the cluster has what is asked for.
void CheckCluster(const core_v1::ServiceSpec& spec, const std::vector<std::string>& cluster,
                  Violations& wrong) {
  const FieldPath path("spec");
  if (*spec.ip_family_policy == kRequireDualStack && cluster.size() < 2) {
    wrong.Invalid(path.Child("ipFamilyPolicy"), *spec.ip_family_policy,
                  "this cluster is not configured for dual-stack services");
  }
  for (size_t i = 0; i < spec.ip_families.size(); ++i) {
    if (Has(cluster, spec.ip_families[i])) continue;
    wrong.Invalid(path.Child("ipFamilies").Index(i), spec.ip_families[i],
                  "not configured on this cluster");
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
  SettlePolicy(spec, old);
  Violations wrong;
  const auto failed = [&] {
    return Fail(wrong.ToError("", "Service", service.metadata.name));
  };
  ValidateServiceClusterIps(service, wrong);
  if (!wrong.empty()) return failed();
  if (old != nullptr) TrimToOneFamily(spec, old->spec);
  CheckPolicy(spec, old, wrong);
  InferFromAddresses(spec, cluster, wrong);
  if (!wrong.empty()) return failed();
  const bool headless_selectorless = IsHeadless(spec) && spec.selector.empty();
  if (!headless_selectorless) CheckCluster(spec, cluster, wrong);
  if (!wrong.empty()) return failed();
  if (spec.ip_families.empty()) spec.ip_families.push_back(cluster[0]);
  const bool wants_two = *spec.ip_family_policy != kSingleStack;
  if (wants_two && spec.ip_families.size() == 1 && (cluster.size() > 1 || headless_selectorless)) {
    spec.ip_families.push_back(spec.ip_families[0] == "IPv4" ? "IPv6" : "IPv4");
  }
  return {};
}

}  // namespace skiff
