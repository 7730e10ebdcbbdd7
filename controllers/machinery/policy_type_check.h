// What a ValidatingAdmissionPolicy's expressions get wrong about the kinds that it names: warnings
// of its status, which change nothing that it does. Pure.
#pragma once

#include <string>
#include <vector>

#include "api/cel/type.h"
#include "api/gen/admissionregistration_v1.h"

namespace skiff {

struct DeclaredKind {
  std::string name;  // "apps/v1, Kind=Deployment"
  cel::TypeRef type;
};

// A resource that a rule names in full: no star, no subresource.
struct NamedResource {
  std::string group;
  std::string version;
  std::string resource;
  auto operator<=>(const NamedResource&) const = default;
};

// Each once, sorted; as many as are looked at.
std::vector<NamedResource> ResourcesToCheck(
    const admissionregistration_v1::ValidatingAdmissionPolicySpec& spec);

// `kinds` in the order of their warnings; `params` is null where nothing is known of them.
std::vector<admissionregistration_v1::ExpressionWarning> CheckPolicyTypes(
    const admissionregistration_v1::ValidatingAdmissionPolicySpec& spec,
    const std::vector<DeclaredKind>& kinds, const cel::TypeRef& params);

}  // namespace skiff
