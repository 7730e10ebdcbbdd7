// What the schema cannot say about a PodDisruptionBudget.
#include "api/gen/policy_v1.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using policy_v1::PodDisruptionBudget;

}  // namespace

Rules PodDisruptionBudgetRules() {
  return Erase<PodDisruptionBudget>({
      .prepare_create = PrepareCreate<PodDisruptionBudget>,
      .prepare_update = PrepareUpdate<PodDisruptionBudget>,
      .prepare_status_update = KeepSpec<PodDisruptionBudget>,
      .allow_unconditional_update = false,
  });
}

}  // namespace skiff
