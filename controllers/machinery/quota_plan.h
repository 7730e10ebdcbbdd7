// What a ResourceQuota has to say of its namespace. Pure.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "api/rules/core/quota_usage.h"

namespace skiff {

// The parts of a namespace's content that a quota can measure.
enum class QuotaPart { kPods, kServices, kClaims, kDevices, kNumbers };
// Which part a name in spec.hard measures: "cpu" is about pods, "count/secrets" about numbers.
// nullopt for names that nobody measures.
std::optional<QuotaPart> PartOf(const std::string& name);

// The kind whose objects a name of QuotaPart::kNumbers counts: {"deployments", "apps"}.
struct CountedResource {
  std::string resource;
  std::string group;
  auto operator<=>(const CountedResource&) const = default;
};
CountedResource CountedBy(const std::string& name);

// The sum of what the objects count for, of the names in `quota` alone; every name of these parts
// is there, if only with 0.
class QuotaSum {
 public:
  explicit QuotaSum(const core_v1::ResourceQuota& quota) : quota_(quota) {}
  void Measure(QuotaPart part);
  // An object whose scopes fit adds what it counts for.
  void Add(const QuotaObject& object);
  // So many of a kind.
  void Set(const std::string& name, int64_t number);
  const QuotaUsage& usage() const { return usage_; }

 private:
  const core_v1::ResourceQuota& quota_;
  QuotaUsage usage_;
};

// spec.hard, and what of it is used; what nobody measured stays as it was.
core_v1::ResourceQuotaStatus QuotaStatusOf(const core_v1::ResourceQuota& quota,
                                           const QuotaUsage& measured);
// Some name would have less used than now.
bool Lowers(const core_v1::ResourceQuotaStatus& before, const core_v1::ResourceQuotaStatus& now);
// Whether what it says is not yet about its spec.
bool IsOutOfDate(const core_v1::ResourceQuota& quota);

}  // namespace skiff
