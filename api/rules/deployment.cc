// What the schema cannot say about a Deployment.
#include "api/gen/apps_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using apps_v1::Deployment;

void SetDefaults(Deployment& object) {
  auto& spec = object.spec;
  Default(spec.replicas, 1);
  Default(spec.strategy.type, "RollingUpdate");
  if (spec.strategy.type == "RollingUpdate") {
    auto& rolling_update = spec.strategy.rolling_update.Ensure();
    Default(rolling_update.max_unavailable, IntOrString("25%"));
    Default(rolling_update.max_surge, IntOrString("25%"));
  }
  Default(spec.revision_history_limit, 10);
  Default(spec.progress_deadline_seconds, 600);
  DefaultPodTemplate(spec.template_);
}

// Annotations count as spec: the controller copies them to the ReplicaSets.
void Update(Deployment& object, const Deployment& old) {
  object.status = old.status;
  MoveGeneration(
      object, old,
      !(object.spec == old.spec && object.metadata.annotations == old.metadata.annotations));
}

void UpdateStatus(Deployment& object, const Deployment& old) {
  KeepSpec(object, old);
  object.metadata.labels = old.metadata.labels;
}

}  // namespace

Rules DeploymentRules() {
  return Erase<Deployment>({
      .set_defaults = SetDefaults,
      .prepare_create = PrepareCreate<Deployment>,
      .prepare_update = Update,
      .prepare_status_update = UpdateStatus,
  });
}

}  // namespace skiff
