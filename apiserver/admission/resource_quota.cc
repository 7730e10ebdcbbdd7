// ResourceQuotas of a namespace: refuses what would go beyond them, and books what does not.
#include <algorithm>

#include "apiserver/admission/plugins.h"
#include "apiserver/admission/resource_quota_usage.h"
#include "apiserver/record_codec.h"

namespace skiff {
namespace {

constexpr int kBookingTriesMax = 16;

QuotaUsage Only(const QuotaUsage& usage, const core_v1::ResourceQuota& quota) {
  QuotaUsage kept;
  for (const auto& [name, amount] : usage) {
    if (quota.status.hard.contains(name)) kept[name] = amount;
  }
  return kept;
}

std::string Text(const QuotaUsage& usage) {
  std::string text;
  for (const auto& [name, amount] : usage) {
    if (!text.empty()) text += ",";
    text += name + "=" + amount.Text();
  }
  return text;
}

// What the write adds beyond what the old object counted for.
QuotaUsage Growth(const QuotaUsage& now, const QuotaUsage& before) {
  QuotaUsage growth;
  for (const auto& [name, amount] : now) {
    const auto old = before.find(name);
    growth[name] = old == before.end() ? amount : amount - old->second;
  }
  for (const auto& [name, amount] : before) {
    if (!now.contains(name)) growth[name] = -amount;
  }
  std::erase_if(growth, [](const auto& pair) { return pair.second.IsZero(); });
  return growth;
}

bool ConcernsUpdate(const AdmissionRequest& request) {
  return request.Is("", "services") || request.Is("", "persistentvolumeclaims") ||
         request.Is("", "persistentvolumeclaims", "status") || request.Is("", "pods") ||
         request.Is("", "pods", "resize");
}

class ResourceQuotaPlugin final : public AdmissionPlugin {
 public:
  ResourceQuotaPlugin(Store& store, Caches& caches) : store_(store), caches_(caches) {}
  std::string_view name() const override { return "ResourceQuota"; }

  Result<> Validate(const AdmissionRequest& request) override {
    if (request.object == nullptr || request.namespace_name.empty()) return {};
    const bool create = request.operation == Operation::kCreate && request.subresource.empty();
    const bool update = request.operation == Operation::kUpdate && ConcernsUpdate(request);
    if (!create && !update) return {};
    const auto quotas = caches_.resource_quotas.InNamespace(request.namespace_name);
    for (const auto& quota : quotas) TRY(CheckAndBook(request, quota->metadata.name));
    return {};
  }

 private:
  Result<> CheckAndBook(const AdmissionRequest& request, const std::string& quota_name) {
    for (int tries = 0; tries < kBookingTriesMax; ++tries) {
      const KindInfo& kind = core_v1::ResourceQuota::Info();
      const auto record = store_.Get(KeyOf(kind, request.namespace_name, quota_name));
      if (!record) return {};  // Deleted meanwhile.
      Object object = TRY(ObjectOf(kind, **record));
      auto& quota = *object.As<core_v1::ResourceQuota>();
      const QuotaUsage growth = TRY(GrowthFor(request, quota));
      if (growth.empty()) return {};
      TRY(Check(request, quota, growth));
      if (request.dry_run) return {};
      for (const auto& [name, amount] : growth) {
        const auto used = quota.status.used.find(name);
        quota.status.used[name] = used == quota.status.used.end() ? amount : used->second + amount;
      }
      StoredObject stored = TRY(EncodeForStore(kind, object.ToDocument()));
      const auto written = store_.Apply(
          {.key = (*record)->key,
           .expect = {.kind = Precondition::Kind::kRevision, .revision = (*record)->modified},
           .value = std::move(stored.value),
           .revision_at = stored.revision_at});
      if (written) return {};
      if (written.error().reason != Reason::kConflict) return Fail(written.error());
    }
    return Fail(Reason::kConflict,
                "quota " + quota_name + " changes too fast to be charged; please try again");
  }

  static Result<QuotaUsage> GrowthFor(const AdmissionRequest& request,
                                      const core_v1::ResourceQuota& quota) {
    const Object& object = *request.object;
    QuotaUsage before;
    const bool was_in = request.old_object != nullptr && QuotaMatches(quota, *request.old_object);
    if (was_in) before = Only(UsageOf(*request.old_object), quota);
    QuotaUsage now;
    if (QuotaMatches(quota, object)) {
      now = Only(UsageOf(object), quota);
      // An update may bring an object under a quota that did not concern it before.
      const std::string missing = was_in ? "" : MissingAmounts(quota, object);
      if (!missing.empty()) {
        return Deny(request, "failed quota: " + quota.metadata.name + ": must specify " + missing);
      }
    }
    return Growth(now, before);
  }

  static Result<> Check(const AdmissionRequest& request, const core_v1::ResourceQuota& quota,
                        const QuotaUsage& growth) {
    QuotaUsage requested;
    QuotaUsage used_before;
    QuotaUsage limited;
    std::vector<std::string> unknown;
    for (const auto& [name, amount] : growth) {
      if (amount < Quantity()) continue;
      const auto used = quota.status.used.find(name);
      if (used == quota.status.used.end()) {
        unknown.push_back(name);
        continue;
      }
      const Quantity& hard = quota.status.hard.at(name);
      if (used->second + amount > hard) {
        requested[name] = amount;
        used_before[name] = used->second;
        limited[name] = hard;
      }
    }
    if (!unknown.empty()) {
      std::string names;
      for (const std::string& name : unknown) names += (names.empty() ? "" : ",") + name;
      return Deny(request,
                  "status unknown for quota: " + quota.metadata.name + ", resources: " + names);
    }
    if (requested.empty()) return {};
    return Deny(request, "exceeded quota: " + quota.metadata.name +
                             ", requested: " + Text(requested) + ", used: " + Text(used_before) +
                             ", limited: " + Text(limited));
  }

  Store& store_;
  Caches& caches_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeResourceQuota(const AdmissionParts& parts) {
  return std::make_unique<ResourceQuotaPlugin>(parts.store, parts.caches);
}

}  // namespace skiff
