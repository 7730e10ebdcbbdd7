// What the schema cannot say about a Pod.
#include "api/gen/core_v1.h"
#include "api/rules/kinds.h"
#include "api/rules/pods/pod_defaults.h"
#include "api/rules/pods/pod_prepare.h"
#include "api/rules/pods/pod_validation.h"
#include "api/rules/pods/pod_warnings.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {

constexpr RulesOf<core_v1::Pod> kTypedPodRules = {
    .set_defaults = DefaultPod,
    .prepare_create = PreparePodCreate,
    .prepare_update = PrepareUpdate<core_v1::Pod>,
    .prepare_status_update = PreparePodStatusUpdate,
    .stamp = StampPod,
    .validate = ValidatePodCreate,
    .validate_update = ValidatePodUpdate,
    .validate_status_update = ValidatePodStatusUpdate,
    .warnings = WarnOfPod,
    .status_warnings = WarnOfPodStatus,
};
constinit const Rules kPodRules = Erase<kTypedPodRules>();

}  // namespace skiff
