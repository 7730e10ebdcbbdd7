// An admission request as those see it who judge by expressions or from outside: AdmissionRequest
// of admission.k8s.io/v1 as a document, and an authorizer that answers for its user.
#pragma once

#include <map>
#include <string>

#include "api/cel/authorizer.h"
#include "apiserver/admission/rule_match.h"
#include "apiserver/auth/authorizer.h"

namespace skiff {

// `request` put as one for `kind`. Its uid and objects are there, and empty: expressions have them
// elsewhere, and to compare the whole costs by its fields.
Json RequestDocument(const AdmissionRequest& request, const KindInfo& kind);

// What the request asks of, for `authorizer.requestResource`.
cel::AccessQuestion RequestedAccess(const AdmissionRequest& request);

// What the user of a request may do; each question is asked once. Of one thread.
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

}  // namespace skiff
