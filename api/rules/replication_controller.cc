// What the schema cannot say about a ReplicationController.
#include "api/gen/core_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using core_v1::ReplicationController;

void SetDefaults(ReplicationController& object) {
  if (object.spec.template_) {
    const auto& labels = object.spec.template_->metadata.labels;
    Default(object.spec.selector, labels);
    Default(object.metadata.labels, labels);
  }
  Default(object.spec.replicas, 1);
  if (object.spec.template_) DefaultPodTemplate(*object.spec.template_);
}

}  // namespace

Rules ReplicationControllerRules() {
  return Erase<ReplicationController>({
      .set_defaults = SetDefaults,
      .prepare_create = PrepareCreate<ReplicationController>,
      .prepare_update = PrepareUpdate<ReplicationController>,
      .prepare_status_update = KeepSpec<ReplicationController>,
  });
}

}  // namespace skiff
