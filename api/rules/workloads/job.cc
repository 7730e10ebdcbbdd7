// What the schema cannot say about a Job.
#include "api/gen/batch_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/names.h"
#include "api/rules/pods/pod_warnings.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/rules/workloads/job_defaults.h"
#include "api/rules/workloads/job_validation.h"

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

// A Job that is sent without labels gets those of its template as it is read, and those that are
// generated for its pods beside them, later: these are nobody's.
void ShowOwned(Job& copy) {
  Default(copy.metadata.labels, copy.spec.template_.metadata.labels);
}

void Create(Job& object) {
  const bool labelled = !object.spec.template_.metadata.labels.empty();
  GenerateSelector(object);
  PrepareCreate(object);
  // A Job without labels shows those of its pods. Where these are all generated, they are not
  // judged a second time as its own.
  if (labelled || LabelValueErrors(object.metadata.name).empty()) DefaultJob(object);
}

void Warn(const Job& object, const Job* old, std::vector<std::string>& out) {
  if (old == nullptr) WarnOfWorkloadName(object.metadata.name, out);
  if (old != nullptr && old->metadata.generation == object.metadata.generation) return;
  WarnOfJobSpec(object.spec, FieldPath("spec"), out);
}

}  // namespace

void WarnOfJobSpec(const batch_v1::JobSpec& spec, const FieldPath& path,
                   std::vector<std::string>& out) {
  constexpr int32_t kManyCompletions = 100'000;
  constexpr int32_t kMuchParallelism = 10'000;
  if (IsIndexedJob(spec) && spec.completions.value_or(0) > kManyCompletions &&
      spec.parallelism.value_or(0) > kMuchParallelism) {
    out.push_back(path.Text() +
                  ": In Indexed Jobs with a number of completions higher than 10^5 and a "
                  "parallelism higher than 10^4, Kubernetes might not be able to track "
                  "completedIndexes when a big number of indexes fail");
  }
  WarnOfPodTemplate(spec.template_, path.Child("template"), out);
}

constexpr RulesOf<Job> kTypedJobRules = {
    .set_defaults = DefaultJob,
    .show_owned = ShowOwned,
    .prepare_create = Create,
    .prepare_update = PrepareUpdate<Job>,
    .prepare_status_update = KeepSpec<Job>,
    .validate = ValidateJob,
    .validate_update = ValidateJobUpdate,
    .validate_status_update = ValidateJobStatusUpdate,
    .warnings = Warn,
};
constinit const Rules kJobRules = Erase<kTypedJobRules>();

}  // namespace skiff
