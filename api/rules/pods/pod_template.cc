// What the schema cannot say about a PodTemplate.
#include "api/gen/core_v1.h"
#include "api/rules/checks.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/pods/pod_validation.h"
#include "api/rules/pods/pod_warnings.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using core_v1::PodTemplate;

void SetDefaults(PodTemplate& object) {
  DefaultPodTemplate(object.template_);
}

void Update(PodTemplate& object, const PodTemplate& old) {
  MoveGeneration(object, old, !(object.template_ == old.template_));
}

void Validate(const PodTemplate& object, Violations& out) {
  ValidatePodTemplateSpec(object.template_, nullptr, FieldPath("template"), out);
}

void ValidateUpdate(const PodTemplate& object, const PodTemplate& old, Violations& out) {
  ValidatePodTemplateSpec(object.template_, &old.template_, FieldPath("template"), out);
}

void Warn(const PodTemplate& object, const PodTemplate* old, std::vector<std::string>& out) {
  if (old != nullptr && old->metadata.generation == object.metadata.generation) return;
  WarnOfPodTemplate(object.template_, FieldPath("template"), out);
}

}  // namespace

constexpr RulesOf<PodTemplate> kTypedPodTemplateRules = {
    .set_defaults = SetDefaults,
    .prepare_create = PrepareCreate<PodTemplate>,
    .prepare_update = Update,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .warnings = Warn,
};
constinit const Rules kPodTemplateRules = Erase<kTypedPodTemplateRules>();

}  // namespace skiff
