// ResourceQuotas of a namespace: refuses what would go beyond them, and books what does not.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "api/patch/managed_fields.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/admission/resource_quota_usage.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

// Whoever loses the race this often in a row gives up with the conflict, as with any write.
constexpr int kBookingTriesMax = 64;

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

// What the write adds beyond what the old object counted for. What it takes away is given back by
// the controller that counts anew, never here.
QuotaUsage Growth(const QuotaUsage& now, const QuotaUsage& before) {
  QuotaUsage growth;
  for (const auto& [name, amount] : now) {
    const auto old = before.find(name);
    const Quantity more = old == before.end() ? amount : amount - old->second;
    if (Quantity() < more) growth[name] = more;
  }
  return growth;
}

// Whether the update moves a pod between the scopes Terminating and NotTerminating.
bool ChangesScope(const AdmissionRequest& request) {
  const auto* now = request.object->As<core_v1::Pod>();
  const auto* old = request.old_object ? request.old_object->As<core_v1::Pod>() : nullptr;
  return now != nullptr && old != nullptr &&
         now->spec.active_deadline_seconds.has_value() !=
             old->spec.active_deadline_seconds.has_value();
}

bool ConcernsUpdate(const AdmissionRequest& request) {
  return request.Is("", "services") || request.Is("", "persistentvolumeclaims") ||
         request.Is("", "persistentvolumeclaims", "status") || request.Is("", "pods", "resize") ||
         (request.Is("", "pods") && ChangesScope(request));
}

// A quota as it was read, and what the write adds to it.
struct Charge {
  RecordPtr record;
  core_v1::ResourceQuota quota;
  QuotaUsage growth = {};
};

class ResourceQuotaPlugin final : public AdmissionPlugin, public Validates {
 public:
  explicit ResourceQuotaPlugin(const AdmissionParts& parts)
      : store_(parts.store),
        caches_(parts.caches),
        clock_(parts.clock),
        settings_(parts.settings.resource_quota) {}
  std::string_view name() const override { return "ResourceQuota"; }

  Result<> Validate(const AdmissionRequest& request) override {
    if (request.object == nullptr || request.namespace_name.empty()) return {};
    if (request.kind.storage_key.empty()) return {};  // It is answered, not stored.
    const bool create = request.operation == Operation::kCreate && request.subresource.empty();
    const bool update = request.operation == Operation::kUpdate && ConcernsUpdate(request);
    if (!create && !update) return {};
    std::vector<std::string> names;
    bool is_whole = false;
    const std::string& space = request.namespace_name;
    for (const auto& quota : caches_.resource_quotas.InNamespace(space, &is_whole)) {
      names.push_back(quota->metadata.name);
    }
    if (!is_whole) return DenyUnready(request);
    return CheckAndBook(request, std::move(names));
  }

 private:
  // No quota is charged before all have room. Charging is a compare-and-swap: of those who come at
  // one time to the last place, one gets it. What was charged stays charged when another quota is
  // full by then, until the controller counts anew.
  Result<> CheckAndBook(const AdmissionRequest& request, std::vector<std::string> names) {
    bool is_covered = settings_.limited.empty();
    for (int tries = 0; tries < kBookingTriesMax && !(is_covered && names.empty()); ++tries) {
      const std::vector<Charge> charges = TRY(ChargesFor(request, names, is_covered));
      is_covered = true;  // Those that are tried again are not all that cover it.
      if (request.dry_run) return {};
      names.clear();
      for (const Charge& charge : charges) {
        const auto booked = Book(charge);
        if (booked && request.booked != nullptr) *request.booked = true;
        if (booked) continue;
        if (booked.error().reason != Reason::kConflict &&
            booked.error().reason != Reason::kNotFound) {
          return booked;
        }
        names.push_back(charge.quota.metadata.name);
      }
    }
    if (names.empty()) return {};
    return Fail(Reason::kConflict,
                "quota " + names[0] + " changes too fast to be charged; please try again");
  }

  // Of the quotas that are concerned. What one of them cannot judge is said before another has no
  // room for it.
  Result<std::vector<Charge>> ChargesFor(const AdmissionRequest& request,
                                         const std::vector<std::string>& names, bool is_covered) {
    std::vector<Charge> charges;
    for (const std::string& name : names) {
      auto quota = TRY(QuotaOf(request.namespace_name, name));
      if (quota && QuotaMatches(quota->quota, *request.object)) {
        TRY(CheckCanJudge(request, quota->quota));
      }
      if (quota) charges.push_back(std::move(*quota));
    }
    for (Charge& charge : charges) charge.growth = GrowthFor(request, charge.quota);
    if (!is_covered) TRY(CheckCovered(request, charges));
    for (const Charge& charge : charges) {
      // What has happened to a claim is charged, whether there is room for it or not.
      if (request.subresource != "status") TRY(Check(request, charge.quota, charge.growth));
    }
    std::erase_if(charges, [](const Charge& charge) { return charge.growth.empty(); });
    return charges;
  }

  // Whether there are quotas for what nobody may have without.
  Result<> CheckCovered(const AdmissionRequest& request, const std::vector<Charge>& charges) const {
    const QuotaObject object = QuotaObjectOf(*request.object);
    QuotaUsage before;
    if (request.old_object != nullptr) before = UsageOf(*request.old_object);
    const bool grows =
        !Growth(UsageOf(object), before).empty() ||
        std::ranges::any_of(charges, [](const Charge& charge) { return !charge.growth.empty(); });
    if (!grows) return {};
    std::set<std::string> names = settings_.LimitedNames(object);
    std::vector<QuotaScope> scopes = settings_.LimitedScopes(object);
    for (const Charge& charge : charges) {
      if (QuotaMatches(charge.quota, object)) {
        for (const auto& [name, limit] : charge.quota.status.hard) names.erase(name);
      }
      for (const QuotaScope& has : ScopesWith(QuotaScopesOf(charge.quota.spec), object)) {
        std::erase_if(scopes, [&](const auto& each) { return each.scope_name == has.scope_name; });
      }
    }
    if (!names.empty()) {
      return Deny(request, fmt::format("insufficient quota to consume: {}", fmt::join(names, ",")));
    }
    if (scopes.empty()) return {};
    std::vector<std::string> shown;
    for (const QuotaScope& each : scopes) {
      shown.push_back(fmt::format("{{{} {} [{}]}}", each.scope_name, each.operator_,
                                  fmt::join(each.values, " ")));
    }
    // In Kubernetes too it is no refusal.
    return Fail(PlainError(
        fmt::format("insufficient quota to match these scopes: [{}]", fmt::join(shown, " "))));
  }

  // nullopt: it is gone.
  Result<std::optional<Charge>> QuotaOf(const std::string& space, const std::string& name) {
    const KindInfo& kind = core_v1::ResourceQuota::Info();
    const auto record = store_.Get(KeyOf(kind, space, name));
    if (!record && record.error().reason == Reason::kNotFound) return std::nullopt;
    if (!record) return Fail(record.error());
    const Object object = TRY(ObjectOf(kind, **record));
    return Charge{.record = *record, .quota = *object.As<core_v1::ResourceQuota>()};
  }

  Result<> Book(const Charge& charge) {
    const KindInfo& kind = core_v1::ResourceQuota::Info();
    const Object before = TRY(ObjectOf(kind, *charge.record));
    Object after = before.Clone();
    auto& used = after.As<core_v1::ResourceQuota>()->status.used;
    for (const auto& [name, amount] : charge.growth) used[name] = used[name] + amount;
    UpdateManagedFields(
        *kind.type, before.raw(), after.raw(),
        {.manager = "kube-apiserver",
         .api_version = kind.api_version,
         .subresource = "status",
         .now = std::chrono::time_point_cast<std::chrono::seconds>(clock_.Now()),
         .reset = ResetFieldsOf(kind, "status")});
    StoredObject stored = TRY(EncodeForStore(after));
    TRY(store_.Apply({.key = charge.record->key,
                      .expect = {.kind = Precondition::Kind::kRevision,
                                 .revision = charge.record->modified},
                      .value = std::move(stored.value),
                      .revision_at = stored.revision_at}));
    return {};
  }

  static QuotaUsage GrowthFor(const AdmissionRequest& request,
                              const core_v1::ResourceQuota& quota) {
    const auto counted = [&](const Object* object) {
      if (object == nullptr || !QuotaMatches(quota, *object)) return QuotaUsage();
      return Only(UsageOf(*object), quota);
    };
    return Growth(counted(request.object), counted(request.old_object));
  }

  static Result<> CheckCanJudge(const AdmissionRequest& request,
                                const core_v1::ResourceQuota& quota) {
    const std::string missing = MissingAmounts(quota, *request.object);
    if (missing.empty()) return CheckIsCounted(request, quota);
    return Deny(request, "failed quota: " + quota.metadata.name + ": must specify " + missing);
  }

  // What a controller has not counted yet cannot be judged.
  static Result<> CheckIsCounted(const AdmissionRequest& request,
                                 const core_v1::ResourceQuota& quota) {
    std::string names;
    bool is_counted = true;
    for (const auto& [name, limit] : quota.status.hard) {
      if (!CountsFor(request.object->kind(), name)) continue;
      names += (names.empty() ? "" : ",") + name;
      if (!quota.status.used.contains(name)) is_counted = false;
    }
    if (is_counted) return {};
    return Deny(request,
                "status unknown for quota: " + quota.metadata.name + ", resources: " + names);
  }

  static Result<> Check(const AdmissionRequest& request, const core_v1::ResourceQuota& quota,
                        const QuotaUsage& growth) {
    QuotaUsage requested;
    QuotaUsage used_before;
    QuotaUsage limited;
    for (const auto& [name, amount] : growth) {
      const auto used = quota.status.used.find(name);
      const Quantity before = used == quota.status.used.end() ? Quantity() : used->second;
      const Quantity& hard = quota.status.hard.at(name);
      if (before + amount > hard) {
        requested[name] = amount;
        used_before[name] = before;
        limited[name] = hard;
      }
    }
    if (requested.empty()) return {};
    return Deny(request, "exceeded quota: " + quota.metadata.name +
                             ", requested: " + Text(requested) + ", used: " + Text(used_before) +
                             ", limited: " + Text(limited));
  }

  Store& store_;
  Caches& caches_;
  const Clock& clock_;
  const ResourceQuotaSettings settings_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeResourceQuota(const AdmissionParts& parts) {
  return std::make_unique<ResourceQuotaPlugin>(parts);
}

}  // namespace skiff
