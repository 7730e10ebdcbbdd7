// Expressions in admission configuration, compiled to be judged: those of policies, and the match
// conditions that policies and webhooks share.
#pragma once

#include <string>
#include <vector>

#include "api/cel/admission_scope.h"
#include "api/select/field_path.h"

namespace skiff {

class Violations;

namespace admissionregistration_v1 {
struct MatchCondition;
}

// Nothing but white space.
bool IsBlank(const std::string& text);

// Reports why an expression was not taken. `shown` is the value that the message quotes.
void CheckCompiled(const cel::CompiledExpression& compiled, const std::string& shown,
                   const FieldPath& path, Violations& out);

// `params`: what the conditions belong to has parameters.
void ValidateMatchConditions(
    const std::vector<admissionregistration_v1::MatchCondition>& conditions, bool params,
    const FieldPath& path, Violations& out);

}  // namespace skiff
