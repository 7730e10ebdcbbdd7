// What the schema cannot say about a StatefulSet.
#include "api/gen/apps_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using apps_v1::StatefulSet;

void SetDefaults(StatefulSet& object) {
  auto& spec = object.spec;
  Default(spec.pod_management_policy, "OrderedReady");
  auto& strategy = spec.update_strategy;
  if (strategy.type.empty()) {
    strategy.type = "RollingUpdate";
    if (!strategy.rolling_update) strategy.rolling_update.emplace();
  }
  if (strategy.type == "RollingUpdate" && strategy.rolling_update) {
    Default(strategy.rolling_update->partition, 0);
  }
  auto& retention = spec.persistent_volume_claim_retention_policy.Ensure();
  Default(retention.when_deleted, "Retain");
  Default(retention.when_scaled, "Retain");
  Default(spec.replicas, 1);
  Default(spec.revision_history_limit, 10);
  DefaultPodTemplate(spec.template_);
  for (auto& claim : spec.volume_claim_templates) DefaultPersistentVolumeClaim(claim);
}

// maxUnavailable is behind a feature gate that is off.
void DropMaxUnavailable(StatefulSet& object) {
  auto& rolling_update = object.spec.update_strategy.rolling_update;
  if (rolling_update) rolling_update->max_unavailable.reset();
}

void Create(StatefulSet& object) {
  PrepareCreate(object);
  DropMaxUnavailable(object);
}

void Update(StatefulSet& object, const StatefulSet& old) {
  const auto& rolling_update = old.spec.update_strategy.rolling_update;
  if (!rolling_update || !rolling_update->max_unavailable) DropMaxUnavailable(object);
  PrepareUpdate(object, old);
}

}  // namespace

Rules StatefulSetRules() {
  return Erase<StatefulSet>({
      .set_defaults = SetDefaults,
      .prepare_create = Create,
      .prepare_update = Update,
      .prepare_status_update = KeepSpec<StatefulSet>,
  });
}

}  // namespace skiff
