// What the schema cannot say about a StatefulSet.
#include "api/gen/apps_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/names.h"
#include "api/rules/pods/pod_warnings.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/rules/workloads/stateful_set_validation.h"
#include "base/feature_gates.h"

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
    if (IsOn(SharedGate::kMaxUnavailableStatefulSet)) {
      Default(strategy.rolling_update->max_unavailable, IntOrString(1));
    }
  }
  auto& retention = spec.persistent_volume_claim_retention_policy.Ensure();
  Default(retention.when_deleted, "Retain");
  Default(retention.when_scaled, "Retain");
  Default(spec.replicas, 1);
  Default(spec.revision_history_limit, 10);
  DefaultPodTemplate(spec.template_);
  for (auto& claim : spec.volume_claim_templates) DefaultPersistentVolumeClaim(claim);
}

void DropMaxUnavailable(StatefulSet& object) {
  if (IsOn(SharedGate::kMaxUnavailableStatefulSet)) return;
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

void Warn(const StatefulSet& object, const StatefulSet* old, std::vector<std::string>& out) {
  WarnOfTemplate(object, old, FieldPath("spec").Child("template"), out);
  const auto& claims = object.spec.volume_claim_templates;
  for (size_t i = 0; i < claims.size(); ++i) {
    const FieldPath at = FieldPath("spec").Child("volumeClaimTemplates").Index(i);
    // So Kubernetes names their fields.
    WarnOfClaimSpec(claims[i].spec, old == nullptr ? at : at.Child("Spec"), out);
  }
  if (object.spec.revision_history_limit.value_or(0) < 0) {
    out.emplace_back(
        "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= "
        "0 "
        "is recommended");
  }
}

}  // namespace

constexpr RulesOf<StatefulSet> kTypedStatefulSetRules = {
    .set_defaults = SetDefaults,
    .prepare_create = Create,
    .prepare_update = Update,
    .prepare_status_update = KeepSpec<StatefulSet>,
    .validate = ValidateStatefulSet,
    .validate_update = ValidateStatefulSetUpdate,
    .validate_status_update = ValidateStatefulSetStatus,
    .warnings = Warn,
    .validate_name = NameIsDnsLabel,
};
constinit const Rules kStatefulSetRules = Erase<kTypedStatefulSetRules>();

}  // namespace skiff
