// A request as expressions of policies see it: documents of what is admitted, of the request, of
// its namespace, and an authorizer that remembers what it answered. Made when a policy matches, not
// before.
#pragma once

#include <map>
#include <string>

#include "api/cel/admission_activation.h"
#include "apiserver/admission/rule_match.h"
#include "apiserver/auth/authorizer.h"

namespace skiff {

// What the user of a request may do; each question is asked once.
class RequestAuthorizer final : public cel::Authorizer {
 public:
  // Both outlive it.
  RequestAuthorizer(skiff::Authorizer& authorizer, const User& user)
      : authorizer_(authorizer), user_(user) {}
  cel::AccessAnswer Check(const cel::AccessQuestion& question) const override;

 private:
  skiff::Authorizer& authorizer_;
  const User& user_;
  mutable std::map<std::string, cel::AccessAnswer> answers_;
};

// `request` put as one for `kind`.
struct RequestView {
  Json object;      // Null: there is none.
  Json old_object;  // Likewise.
  Json request;
  cel::AccessQuestion resource;
};
Result<RequestView> ViewOf(const AdmissionRequest& request, const KindInfo& kind);

// The part of a namespace that expressions see.
Json NamespaceView(const core_v1::Namespace& space);

}  // namespace skiff
