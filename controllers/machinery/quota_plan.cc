#include "controllers/machinery/quota_plan.h"

#include <algorithm>
#include <set>

namespace skiff {
namespace {

constexpr std::string_view kCount = "count/";
constexpr std::string_view kRequests = "requests.";
constexpr std::string_view kDevices = ".deviceclass.resource.k8s.io/devices";
constexpr std::string_view kStorageClass = ".storageclass.storage.k8s.io/";

bool IsPodAmount(const std::string& name) {
  static const std::set<std::string_view> kAmounts = {
      "cpu",          "memory",          "ephemeral-storage",          "requests.cpu",
      "limits.cpu",   "requests.memory", "requests.ephemeral-storage", "limits.memory",
      "pods",         "limits.ephemeral-storage"};
  if (kAmounts.contains(name)) return true;
  if (name.starts_with("hugepages-") || name.starts_with("requests.hugepages-")) return true;
  // Extended resources have a domain.
  return name.starts_with(kRequests) && name.find('/') != std::string::npos;
}

}  // namespace

std::optional<QuotaPart> PartOf(const std::string& name) {
  static const std::map<std::string_view, QuotaPart> kNames = {
      {"count/pods", QuotaPart::kPods},
      {"services", QuotaPart::kServices},
      {"services.nodeports", QuotaPart::kServices},
      {"services.loadbalancers", QuotaPart::kServices},
      {"count/services", QuotaPart::kServices},
      {"persistentvolumeclaims", QuotaPart::kClaims},
      {"requests.storage", QuotaPart::kClaims},
      {"count/persistentvolumeclaims", QuotaPart::kClaims},
      {"configmaps", QuotaPart::kNumbers},
      {"secrets", QuotaPart::kNumbers},
      {"resourcequotas", QuotaPart::kNumbers},
      {"replicationcontrollers", QuotaPart::kNumbers},
  };
  const auto found = kNames.find(name);
  if (found != kNames.end()) return found->second;
  if (name.ends_with(kDevices)) return QuotaPart::kDevices;
  if (name.find(kStorageClass) != std::string::npos) return QuotaPart::kClaims;
  if (name.starts_with(kCount)) return QuotaPart::kNumbers;
  if (IsPodAmount(name)) return QuotaPart::kPods;
  return std::nullopt;
}

CountedResource CountedBy(const std::string& name) {
  const std::string plain = name.starts_with(kCount) ? name.substr(kCount.size()) : name;
  const size_t dot = plain.find('.');
  if (dot == std::string::npos) return {plain, ""};
  return {plain.substr(0, dot), plain.substr(dot + 1)};
}

void QuotaSum::Measure(QuotaPart part) {
  for (const auto& [name, limit] : quota_.spec.hard) {
    if (PartOf(name) == part) usage_.try_emplace(name, Quantity::FromValue(0));
  }
}

void QuotaSum::Add(const QuotaObject& object) {
  if (!QuotaMatches(quota_, object)) return;
  for (const auto& [name, amount] : UsageOf(object)) {
    const auto found = usage_.find(name);
    if (found == usage_.end()) continue;
    // The first amount decides the format, as "0" has none.
    found->second = found->second.IsZero() ? amount : found->second + amount;
  }
}

void QuotaSum::Set(const std::string& name, int64_t number) {
  usage_[name] = Quantity::FromValue(number);
}

core_v1::ResourceQuotaStatus QuotaStatusOf(const core_v1::ResourceQuota& quota,
                                           const QuotaUsage& measured) {
  core_v1::ResourceQuotaStatus status;
  status.hard = quota.spec.hard;
  for (const auto& [name, limit] : quota.spec.hard) {
    const auto found = measured.find(name);
    const auto before = quota.status.used.find(name);
    if (found != measured.end()) {
      status.used[name] = found->second;
    } else if (before != quota.status.used.end()) {
      status.used[name] = before->second;
    }
  }
  return status;
}

bool Lowers(const core_v1::ResourceQuotaStatus& before, const core_v1::ResourceQuotaStatus& now) {
  return std::any_of(now.used.begin(), now.used.end(), [&](const auto& entry) {
    const auto used = before.used.find(entry.first);
    return used != before.used.end() && entry.second < used->second;
  });
}

bool IsOutOfDate(const core_v1::ResourceQuota& quota) {
  if (quota.status.hard != quota.spec.hard) return true;
  return std::any_of(quota.spec.hard.begin(), quota.spec.hard.end(), [&](const auto& entry) {
    return PartOf(entry.first) && !quota.status.used.contains(entry.first);
  });
}

}  // namespace skiff
