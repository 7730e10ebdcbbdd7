// What the schema cannot say about a PodTemplate.
#include "api/gen/core_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
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

}  // namespace

Rules PodTemplateRules() {
  return Erase<PodTemplate>({
      .set_defaults = SetDefaults,
      .prepare_create = PrepareCreate<PodTemplate>,
      .prepare_update = Update,
  });
}

}  // namespace skiff
