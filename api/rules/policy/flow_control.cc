// What the schema cannot say about the kinds of API priority and fairness.
#include <string>
#include <utility>

#include "api/gen/flowcontrol_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/policy/flow_control_validation.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using flowcontrol_v1::FlowSchema;
using flowcontrol_v1::PriorityLevelConfiguration;

void DefaultFlowSchema(FlowSchema& object) {
  Default(object.spec.matching_precedence, 1000);
}

void DefaultPriorityLevel(PriorityLevelConfiguration& object) {
  if (auto& exempt = object.spec.exempt) {
    Default(exempt->nominal_concurrency_shares, 0);
    Default(exempt->lendable_percent, 0);
  }
  auto& limited = object.spec.limited;
  if (!limited) return;
  Default(limited->nominal_concurrency_shares, 30);
  Default(limited->lendable_percent, 0);
  if (auto& queuing = limited->limit_response.queuing) {
    Default(queuing->hand_size, 8);
    Default(queuing->queues, 64);
    Default(queuing->queue_length_limit, 50);
  }
}

void UpdateFlowSchema(const FlowSchema& object, const FlowSchema&, Violations& out) {
  ValidateFlowSchema(object, out);
}

void UpdateFlowSchemaStatus(const FlowSchema& object, const FlowSchema&, Violations& out) {
  ValidateFlowSchemaStatus(object, out);
}

void UpdatePriorityLevel(const PriorityLevelConfiguration& object,
                         const PriorityLevelConfiguration&, Violations& out) {
  ValidatePriorityLevel(object, out);
}

void UpdatePriorityLevelStatus(const PriorityLevelConfiguration& object,
                               const PriorityLevelConfiguration&, Violations& out) {
  ValidatePriorityLevelStatus(object, out);
}

// Its status alone is written, by whoever owns it.
template <Kind T>
void KeepAllButStatus(T& object, const T& old) {
  auto managed_fields = std::move(object.metadata.managed_fields);
  std::string version = std::move(object.metadata.resource_version);
  object.metadata = old.metadata;
  object.metadata.managed_fields = std::move(managed_fields);
  object.metadata.resource_version = std::move(version);
  object.spec = old.spec;
}

}  // namespace

constexpr RulesOf<FlowSchema> kTypedFlowSchemaRules = {
    .set_defaults = DefaultFlowSchema,
    .prepare_create = PrepareCreate<FlowSchema>,
    .prepare_update = PrepareUpdate<FlowSchema>,
    .prepare_status_update = KeepAllButStatus<FlowSchema>,
    .validate = ValidateFlowSchema,
    .validate_update = UpdateFlowSchema,
    .validate_status_update = UpdateFlowSchemaStatus,
};
constinit const Rules kFlowSchemaRules = Erase<kTypedFlowSchemaRules>();

constexpr RulesOf<PriorityLevelConfiguration> kTypedPriorityLevelConfigurationRules = {
    .set_defaults = DefaultPriorityLevel,
    .prepare_create = PrepareCreate<PriorityLevelConfiguration>,
    .prepare_update = PrepareUpdate<PriorityLevelConfiguration>,
    .prepare_status_update = KeepAllButStatus<PriorityLevelConfiguration>,
    .validate = ValidatePriorityLevel,
    .validate_update = UpdatePriorityLevel,
    .validate_status_update = UpdatePriorityLevelStatus,
};
constinit const Rules kPriorityLevelConfigurationRules =
    Erase<kTypedPriorityLevelConfigurationRules>();

}  // namespace skiff
