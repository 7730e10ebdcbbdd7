// What is asked about an access, as a SubjectAccessReview says it, and the matchConditions of
// authorization webhooks over that: CEL over `request`. Pure.
//
//   const auto spec = ReviewSpecOf(user, access);
//   const bool wanted = TRY(AccessConditionsHold(webhook.conditions, spec));
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/cel/program.h"
#include "api/gen/authorization_v1.h"
#include "apiserver/auth/authorizer.h"
#include "base/error.h"

namespace skiff {

struct AccessCondition {
  std::string expression;
  std::shared_ptr<const cel::Program> program = nullptr;
  bool operator==(const AccessCondition& other) const { return expression == other.expression; }
};

// Fails with "compilation failed: ..." or "must evaluate to bool but got ...".
Result<std::shared_ptr<const cel::Program>> CompileAccessCondition(std::string_view expression);

// Selectors as far as they can be read: they only narrow what is asked for.
authorization_v1::SubjectAccessReviewSpec ReviewSpecOf(const User& user, const Access& access);

// One that is false decides; else the errors of those that could not be told are the error.
Result<bool> AccessConditionsHold(const std::vector<AccessCondition>& conditions,
                                  const authorization_v1::SubjectAccessReviewSpec& spec);

// The SubjectAccessReview of that version that is sent, and what an answer says. `spec`: the JSON
// of one of v1.
std::string AccessReviewText(const std::string& version, const std::string& spec);
Result<Verdict> ReadAccessReview(std::string_view body, const std::string& version);

}  // namespace skiff
