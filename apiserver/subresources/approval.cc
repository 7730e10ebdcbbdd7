// certificatesigningrequests/approval: the conditions Approved, Denied and their like.
#include "api/gen/certificates_v1.h"
#include "api/rules/rules.h"
#include "apiserver/crud.h"
#include "apiserver/subresources/subresources.h"

namespace skiff {
namespace {

using certificates_v1::CertificateSigningRequest;

}  // namespace

Result<http::Response> HandleApproval(Core& core, ApiRequest& request) {
  const Time now(std::chrono::time_point_cast<std::chrono::seconds>(core.clock.Now()));
  UpdateMode mode{.subresource = "approval"};
  mode.prepare = [now](Object& object, const Object& old) {
    auto& csr = *object.As<CertificateSigningRequest>();
    const auto& before = *old.As<CertificateSigningRequest>();
    auto conditions = std::move(csr.status.conditions);
    csr.spec = before.spec;
    csr.status = before.status;
    csr.status.conditions = std::move(conditions);
    for (auto& condition : csr.status.conditions) {
      if (condition.last_update_time.IsZero()) condition.last_update_time = now;
      if (!condition.last_transition_time.IsZero()) continue;
      condition.last_transition_time = now;
      for (const auto& earlier : before.status.conditions) {
        if (earlier.type == condition.type && earlier.status == condition.status) {
          condition.last_transition_time = earlier.last_transition_time;
        }
      }
    }
  };
  mode.validate = [](const Object& object, const Object& old, Violations& out) {
    const Rules* rules = FindRules(object.kind());
    if (rules && rules->validate_update) rules->validate_update(object.raw(), old.raw(), out);
  };
  return HandleWholeObject(core, request, mode);
}

}  // namespace skiff
