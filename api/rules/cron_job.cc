// What the schema cannot say about a CronJob.
#include "api/gen/batch_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/job_defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using batch_v1::CronJob;

// The rest of the Job's defaults come when a Job is made from the template.
void SetDefaults(CronJob& object) {
  auto& spec = object.spec;
  Default(spec.concurrency_policy, "Allow");
  Default(spec.suspend, false);
  Default(spec.successful_jobs_history_limit, 3);
  Default(spec.failed_jobs_history_limit, 1);
  DefaultPodFailurePolicy(spec.job_template.spec);
  DefaultPodTemplate(spec.job_template.spec.template_);
}

}  // namespace

Rules CronJobRules() {
  return Erase<CronJob>({
      .set_defaults = SetDefaults,
      .prepare_create = PrepareCreate<CronJob>,
      .prepare_update = PrepareUpdate<CronJob>,
      .prepare_status_update = KeepSpec<CronJob>,
  });
}

}  // namespace skiff
