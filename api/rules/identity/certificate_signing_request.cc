// What the schema cannot say about a CertificateSigningRequest. Who asks is the server's to fill
// in.
#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "api/gen/certificates_v1.h"
#include "api/rules/identity/certificate_signing_request_validation.h"
#include "api/rules/kinds.h"
#include "api/rules/names.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using certificates_v1::CertificateSigningRequest;
using Condition = certificates_v1::CertificateSigningRequestCondition;

// Only metadata can be changed on the object itself.
void Update(CertificateSigningRequest& object, const CertificateSigningRequest& old) {
  object.spec = old.spec;
  object.status = old.status;
}

// A signer neither approves nor denies: conditions it sent back altered are restored.
void UpdateStatus(CertificateSigningRequest& object, const CertificateSigningRequest& old) {
  object.spec = old.spec;
  for (const std::string_view type : {"Approved", "Denied"}) {
    const auto of_type = [&](const Condition& condition) { return condition.type == type; };
    auto& now = object.status.conditions;
    const auto& before = old.status.conditions;
    if (std::ranges::count_if(now, of_type) != std::ranges::count_if(before, of_type)) continue;
    auto next = before.begin();
    for (auto& condition : now) {
      if (!of_type(condition)) continue;
      next = std::find_if(next, before.end(), of_type);
      condition = *next++;
    }
  }
}

void Stamp(CertificateSigningRequest& object, const CertificateSigningRequest* old, TimePoint now) {
  if (old == nullptr) return;
  using Key = std::pair<std::string_view, std::string_view>;
  std::map<Key, Time> before;  // The last of several counts.
  for (const auto& condition : old->status.conditions) {
    before[{condition.type, condition.status}] = condition.last_transition_time;
  }
  for (auto& condition : object.status.conditions) {
    if (condition.last_update_time.IsZero()) condition.last_update_time = now;
    if (!condition.last_transition_time.IsZero()) continue;
    condition.last_transition_time = now;
    const auto same = before.find({condition.type, condition.status});
    if (same != before.end()) condition.last_transition_time = same->second;
  }
}

// Any name will do.
Messages NameIsAnything(std::string_view, bool) {
  return {};
}

}  // namespace

constexpr RulesOf<CertificateSigningRequest> kTypedCertificateSigningRequestRules = {
    .prepare_create = ClearStatus<CertificateSigningRequest>,
    .prepare_update = Update,
    .prepare_status_update = UpdateStatus,
    .stamp = Stamp,
    .validate = ValidateSigningRequest,
    .validate_status_update = ValidateSigningRequestStatus,
    .validate_name = NameIsAnything,
};
constinit const Rules kCertificateSigningRequestRules =
    Erase<kTypedCertificateSigningRequestRules>();

}  // namespace skiff
