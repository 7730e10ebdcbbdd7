// What a ValidatingAdmissionPolicy's expressions get wrong about the kinds that it names: warnings
// of its status, which change nothing that it does. Pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/cel/type.h"
#include "api/gen/admissionregistration_v1.h"
#include "base/error.h"

namespace skiff {

struct DeclaredKind {
  std::string group;
  std::string version;
  std::string kind;
  cel::TypeRef type;  // Null where nothing is known of it.

  // As Go prints it: "apps/v1, Kind=Deployment", "/v1, Kind=Pod".
  std::string Name() const;
};

// A resource that a rule names without a star; no subresource. Without a group it is that of each
// group that has it in this version.
struct NamedResource {
  std::string group;
  std::string version;
  std::string resource;
  auto operator<=>(const NamedResource&) const = default;
};

// The kinds whose types the expressions are checked against, each once, sorted. No more are looked
// for once `kinds_of` has named ten for one rule, or was asked for a hundred resources, each of
// them once. Where it fails, that is the answer.
Result<std::vector<DeclaredKind>> KindsToCheck(
    const admissionregistration_v1::ValidatingAdmissionPolicySpec& spec,
    const std::function<Result<std::vector<DeclaredKind>>(const NamedResource&)>& kinds_of);

// `kinds` in the order of their warnings; `params` is null where nothing is known of them.
std::vector<admissionregistration_v1::ExpressionWarning> CheckPolicyTypes(
    const admissionregistration_v1::ValidatingAdmissionPolicySpec& spec,
    const std::vector<DeclaredKind>& kinds, const cel::TypeRef& params);

}  // namespace skiff
