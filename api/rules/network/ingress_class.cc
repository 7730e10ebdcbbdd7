// What the schema cannot say about an IngressClass.
#include "api/gen/networking_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/violations.h"

namespace skiff {
namespace {

using networking_v1::IngressClass;

void SetDefaults(IngressClass& object) {
  if (object.spec.parameters) Default(object.spec.parameters->scope, "Cluster");
}

constexpr size_t kControllerBytesMax = 250;

void ValidateParameters(const networking_v1::IngressClassParametersReference& parameters,
                        const FieldPath& path, Violations& out) {
  if (parameters.api_group) {
    CheckFormat(Dns1123SubdomainErrors, *parameters.api_group, path.Child("apiGroup"), out);
  }
  RequireFormat(PathSegmentErrors, parameters.kind, path.Child("kind"), out);
  RequireFormat(PathSegmentErrors, parameters.name, path.Child("name"), out);
  if (!parameters.scope) return out.Required(path.Child("scope"));
  CheckOneOf(*parameters.scope, {"Cluster", "Namespace"}, path.Child("scope"), out);
  const FieldPath at = path.Child("namespace");
  if (*parameters.scope == "Namespace") {
    if (!parameters.namespace_) {
      out.Required(at, "`parameters.scope` is set to 'Namespace'");
    } else {
      CheckFormat(Dns1123LabelErrors, *parameters.namespace_, at, out);
    }
  }
  if (*parameters.scope == "Cluster" && parameters.namespace_) {
    out.Forbidden(at, "`parameters.scope` is set to 'Cluster'");
  }
}

void Validate(const IngressClass& object, Violations& out) {
  const FieldPath path("spec");
  if (object.spec.controller.size() > kControllerBytesMax) {
    out.TooLong(path.Child("controller"), kControllerBytesMax);
  }
  ValidateDomainPrefixedPath(object.spec.controller, path.Child("controller"), out);
  if (object.spec.parameters) {
    ValidateParameters(*object.spec.parameters, path.Child("parameters"), out);
  }
}

void ValidateUpdate(const IngressClass& object, const IngressClass& old, Violations& out) {
  ValidateImmutable(object.spec.controller, old.spec.controller,
                    FieldPath("spec").Child("controller"), out);
  Validate(object, out);
}

}  // namespace

constexpr RulesOf<IngressClass> kTypedIngressClassRules = {
    .set_defaults = SetDefaults,
    .prepare_create = PrepareCreate<IngressClass>,
    .prepare_update = PrepareUpdate<IngressClass>,
    .validate = Validate,
    .validate_update = ValidateUpdate,
};
constinit const Rules kIngressClassRules = Erase<kTypedIngressClassRules>();

}  // namespace skiff
