// What the schema cannot say about a Job.
#include "api/gen/batch_v1.h"
#include "api/rules/job_defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using batch_v1::Job;

// Labels the pods so that no other Job selects them, unless the client chose the selector.
void GenerateSelector(Job& object) {
  if (object.spec.manual_selector.value_or(false)) return;
  auto& labels = object.spec.template_.metadata.labels;
  for (const char* key : {"job-name", "batch.kubernetes.io/job-name"}) {
    labels.try_emplace(key, object.metadata.name);
  }
  for (const char* key : {"controller-uid", "batch.kubernetes.io/controller-uid"}) {
    labels.try_emplace(key, object.metadata.uid);
  }
  object.spec.selector.Ensure().match_labels.try_emplace("batch.kubernetes.io/controller-uid",
                                                         object.metadata.uid);
}

void Create(Job& object) {
  GenerateSelector(object);
  PrepareCreate(object);
}

}  // namespace

Rules JobRules() {
  return Erase<Job>({
      .set_defaults = DefaultJob,
      .prepare_create = Create,
      .prepare_update = PrepareUpdate<Job>,
      .prepare_status_update = KeepSpec<Job>,
  });
}

}  // namespace skiff
