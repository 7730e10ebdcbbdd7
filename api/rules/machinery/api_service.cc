// What the schema cannot say about an APIService.
#include "api/built_in_versions.h"
#include "api/gen/apiregistration_v1.h"
#include "api/registry.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/names.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/violations.h"

namespace skiff {
namespace {

using apiregistration_v1::APIService;

void SetDefaults(APIService& object) {
  if (object.spec.service) Default(object.spec.service->port, 443);
}

// Groups that this server answers itself are there from the start.
void Stamp(APIService& object, const APIService* old, TimePoint now) {
  if (old != nullptr || object.spec.service) return;
  auto& condition = object.status.conditions.emplace_back();
  condition.type = "Available";
  condition.status = "True";
  condition.last_transition_time = now;
  condition.reason = "Local";
  condition.message = "Local APIServices are always available";
}

constexpr int32_t kGroupPriorityMax = 20'000;
constexpr int32_t kVersionPriorityMax = 1'000;

void ValidateServiceReference(const APIService& object, const FieldPath& path, Violations& out) {
  const auto& service = object.spec.service;
  if (!service) {
    if (!object.spec.ca_bundle.empty()) {
      out.Invalid(path.Child("caBundle"), std::to_string(object.spec.ca_bundle.size()) + " bytes",
                  "local APIServices may not have a caBundle");
    }
    if (object.spec.insecure_skip_tls_verify) {
      out.Invalid(path.Child("insecureSkipTLSVerify"), true,
                  "local APIServices may not have insecureSkipTLSVerify");
    }
    return;
  }
  const FieldPath at = path.Child("service");
  Require(service->namespace_, at.Child("namespace"), out);
  Require(service->name, at.Child("name"), out);
  for (const auto& message : PortNumberErrors(service->port.value_or(0))) {
    out.Invalid(at.Child("port"), service->port.value_or(0), "port is not valid: " + message);
  }
  if (object.spec.insecure_skip_tls_verify && !object.spec.ca_bundle.empty()) {
    out.Invalid(path.Child("insecureSkipTLSVerify"), true,
                "may not be true if caBundle is present");
  }
}

// What is built in is answered here, whatever is said of it: without it there is no server. One
// that was kept with a service may be changed otherwise.
void ValidateIsElsewhere(const APIService& object, const APIService* old, Violations& out) {
  const auto& spec = object.spec;
  if (!spec.service || !IsBuiltInVersion(spec.group, spec.version)) return;
  if (old != nullptr && old->spec.service == spec.service) return;
  out.Forbidden(FieldPath("spec").Child("service"),
                "this version is built into the API server, and no other server can answer for it");
}

void ValidateObject(const APIService& object, Violations& out) {
  const auto& spec = object.spec;
  const FieldPath path("spec");
  const std::string required = spec.version + "." + spec.group;
  if (object.metadata.name != required) {
    out.Invalid(FieldPath("metadata").Child("name"), object.metadata.name,
                "must be `spec.version+\".\"+spec.group`: \"" + required + "\"");
  }
  if (spec.group.empty()) {
    if (spec.version != "v1") {
      out.Required(path.Child("group"),
                   "only v1 may have an empty group and it better be legacy kube");
    }
  } else {
    CheckFormat(Dns1123SubdomainErrors, spec.group, path.Child("group"), out);
  }
  CheckFormat(Dns1035LabelErrors, spec.version, path.Child("version"), out);
  const int32_t group_priority = spec.group_priority_minimum;
  if (group_priority <= 0 || group_priority > kGroupPriorityMax) {
    out.Invalid(path.Child("groupPriorityMinimum"), group_priority,
                "must be positive and less than 20000");
  }
  if (spec.version_priority <= 0 || spec.version_priority > kVersionPriorityMax) {
    out.Invalid(path.Child("versionPriority"), spec.version_priority,
                "must be positive and less than 1000");
  }
  ValidateServiceReference(object, path, out);
}

void Validate(const APIService& object, Violations& out) {
  ValidateObject(object, out);
  ValidateIsElsewhere(object, nullptr, out);
}

void ValidateUpdate(const APIService& object, const APIService& old, Violations& out) {
  ValidateObject(object, out);
  ValidateIsElsewhere(object, &old, out);
}

void ValidateStatusUpdate(const APIService& object, const APIService&, Violations& out) {
  const auto& conditions = object.status.conditions;
  for (size_t i = 0; i < conditions.size(); ++i) {
    CheckOneOf(conditions[i].status, {"True", "False", "Unknown"},
               FieldPath("status").Child("conditions").Index(i).Child("status"), out);
  }
}

}  // namespace

constexpr RulesOf<APIService> kTypedAPIServiceRules = {
    .set_defaults = SetDefaults,
    .prepare_create = ClearStatus<APIService>,
    .prepare_update = KeepStatus<APIService>,
    .prepare_status_update = KeepSpecAndMetadata<APIService>,
    .stamp = Stamp,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .validate_status_update = ValidateStatusUpdate,
    .validate_name = NameIsPathSegment,
    .allow_unconditional_update = false,
};
constinit const Rules kAPIServiceRules = Erase<kTypedAPIServiceRules>();

}  // namespace skiff
