// CEL over what a token says: expressions over `claims` (mappings and rules of an issuer), and over
// `user`, who came of them. Pure.
//
//   const auto program = CompileClaims("claims.?team.orValue('none')", ClaimResult::kAny);
//   const cel::Outcome outcome = EvaluateClaims(*program, ClaimsForCel(claims), budget);
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/cel/program.h"
#include "api/values.h"
#include "apiserver/auth/user.h"
#include "base/error.h"

namespace skiff {

using ClaimProgram = std::shared_ptr<const cel::Program>;

enum class ClaimResult : uint8_t { kAny, kBool };

// Fails with "compilation failed: ..." or "must evaluate to bool".
Result<ClaimProgram> CompileClaims(std::string_view expression, ClaimResult wanted);
Result<ClaimProgram> CompileUser(std::string_view expression);
// Whether it names claims.NAME, or claims.?NAME.
bool UsesClaim(const cel::Program& program, std::string_view name);

// Numbers of a token are doubles to expressions, as Go's decoder has them.
Json ClaimsForCel(const Json& claims);
Json UserForCel(const User& user);

// What one token's expressions may cost in all; each takes from what is left. kube-apiserver sets
// no bound.
struct ClaimBudget {
  uint64_t left = cel::kObjectCostMax;
};
// Of `input`, made by one of the two above; the value may look into it. Fails with
// "expression '...' resulted in error: ...".
Result<cel::Value> EvaluateClaims(const cel::Program& program, const std::string& expression,
                                  const Json& input, ClaimBudget& budget);
Result<cel::Value> EvaluateUser(const cel::Program& program, const std::string& expression,
                                const Json& input, ClaimBudget& budget);

// A text, or a list of texts; what is empty, or null, is none. Fails with "expression must return
// a string or a list of strings".
Result<std::vector<std::string>> TextsOfValue(const cel::Value& value);

}  // namespace skiff
