// What the schema cannot say about a CSIDriver.
#include <set>

#include "api/gen/storage_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/violations.h"

namespace skiff {
namespace {

using storage_v1::CSIDriver;

void SetDefaults(CSIDriver& object) {
  auto& spec = object.spec;
  Default(spec.attach_required, true);
  Default(spec.pod_info_on_mount, false);
  Default(spec.storage_capacity, false);
  Default(spec.fs_group_policy, "ReadWriteOnceWithFSType");
  Default(spec.volume_lifecycle_modes, std::vector<std::string>{"Persistent"});
  Default(spec.requires_republish, false);
  Default(spec.se_linux_mount, false);
}

constexpr int64_t kTokenSecondsMin = 600;
constexpr int64_t kTokenSecondsMax = int64_t{1} << 32;

void ValidateTokenRequests(const storage_v1::CSIDriverSpec& spec, const FieldPath& path,
                           Violations& out) {
  std::set<std::string_view> audiences;
  for (size_t i = 0; i < spec.token_requests.size(); ++i) {
    const auto& request = spec.token_requests[i];
    if (!audiences.insert(request.audience).second) {
      out.Duplicate(path.Index(i).Child("audience"), request.audience);
      continue;
    }
    if (!request.expiration_seconds) continue;
    const FieldPath at = path.Index(i).Child("expirationSeconds");
    if (*request.expiration_seconds < kTokenSecondsMin) {
      out.Invalid(at, *request.expiration_seconds,
                  "may not specify a duration less than 10 minutes");
    }
    if (*request.expiration_seconds > kTokenSecondsMax) {
      out.Invalid(at, *request.expiration_seconds,
                  "may not specify a duration larger than 2^32 seconds");
    }
  }
}

void Validate(const CSIDriver& object, Violations& out) {
  const auto& spec = object.spec;
  const FieldPath path("spec");
  if (spec.fs_group_policy) {
    CheckOneOf(*spec.fs_group_policy, {"File", "None", "ReadWriteOnceWithFSType"},
               path.Child("fsGroupPolicy"), out);
  }
  ValidateTokenRequests(spec, path.Child("tokenRequests"), out);
  for (const std::string& mode : spec.volume_lifecycle_modes) {
    CheckOneOf(mode, {"Persistent", "Ephemeral"}, path.Child("volumeLifecycleModes"), out);
  }
  const auto& period = spec.node_allocatable_update_period_seconds;
  if (period && *period < 10) {
    out.Invalid(path.Child("nodeAllocatableUpdatePeriodSeconds"), *period,
                "must be greater than or equal to 10 seconds");
  }
  if (spec.service_account_token_in_secrets && spec.token_requests.empty()) {
    out.Invalid(path.Child("serviceAccountTokenInSecrets"), *spec.service_account_token_in_secrets,
                "serviceAccountTokenInSecrets is set but no tokenRequests are specified");
  }
}

void ValidateUpdate(const CSIDriver& object, const CSIDriver& old, Violations& out) {
  Validate(object, out);
  const FieldPath path("spec");
  ValidateImmutable(object.spec.attach_required, old.spec.attach_required,
                    path.Child("attachedRequired"), out);
  ValidateImmutable(object.spec.volume_lifecycle_modes, old.spec.volume_lifecycle_modes,
                    path.Child("volumeLifecycleModes"), out);
}

void Warn(const CSIDriver& object, const CSIDriver* old, std::vector<std::string>& out) {
  const auto& spec = object.spec;
  if (spec.token_requests.empty() || spec.service_account_token_in_secrets) return;
  if (old != nullptr && old->spec.token_requests == spec.token_requests) return;
  out.emplace_back(
      "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to "
      "prevent possible logging of tokens in volume attributes");
}

}  // namespace

// The generation of a CSIDriver starts at 0.
constexpr RulesOf<CSIDriver> kTypedCSIDriverRules = {
    .set_defaults = SetDefaults,
    .prepare_update = PrepareUpdate<CSIDriver>,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .warnings = Warn,
    .allow_unconditional_update = false,
};
constinit const Rules kCSIDriverRules = Erase<kTypedCSIDriverRules>();

}  // namespace skiff
