// What an update of a Job's status must fulfil. Rules that came later are applied only to the
// fields that an update changes, so that a status written before them can still be worked on.
#include <algorithm>
#include <set>

#include "api/gen/batch_v1.h"
#include "api/pods/conditions.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/go_struct.h"
#include "api/rules/workloads/job_indexes.h"
#include "api/rules/workloads/job_validation.h"

namespace skiff {
namespace {

using namespace batch_v1;

bool IsTrue(const JobStatus& status, std::string_view type) {
  const JobCondition* condition = FindCondition(status.conditions, type);
  return condition != nullptr && condition->status == "True";
}

bool IsFinished(const JobStatus& status) {
  return IsTrue(status, "Complete") || IsTrue(status, "Failed");
}

bool HasUncounted(const JobStatus& status) {
  return status.uncounted_terminated_pods &&
         (!status.uncounted_terminated_pods->succeeded.empty() ||
          !status.uncounted_terminated_pods->failed.empty());
}

class StatusCheck {
 public:
  StatusCheck(const Job& object, const Job& old, Violations& out)
      : spec_(object.spec), now_(object.status), old_(old.status), out_(out) {}

  void Run() {
    Counters();
    Conditions();
    CompletionTime();
    Prerequisites();
    Finished();
    Indexes();
    Pods();
    SuccessCriteria();
    AgainstOld();
  }

 private:
  FieldPath At(const char* field) const { return path_.Child(field); }
  void Refuse(const char* detail) { out_.Invalid(At("conditions"), Printed::Nothing(), detail); }
  bool NowTrue(const char* type) const { return IsTrue(now_, type); }
  // This update made the condition true.
  bool BecameTrue(const char* type) const { return IsTrue(now_, type) && !IsTrue(old_, type); }
  bool BecameFinished() const { return IsFinished(now_) && !IsFinished(old_); }

  void Counters() {
    ValidateNonNegative(now_.active, At("active"), out_);
    ValidateNonNegative(now_.succeeded, At("succeeded"), out_);
    ValidateNonNegative(now_.failed, At("failed"), out_);
    if (now_.ready) ValidateNonNegative(*now_.ready, At("ready"), out_);
    if (now_.terminating) ValidateNonNegative(*now_.terminating, At("terminating"), out_);
    if (!now_.uncounted_terminated_pods) return;
    std::set<std::string> seen;
    const auto each = [&](const std::vector<std::string>& uids, const char* field) {
      for (size_t i = 0; i < uids.size(); ++i) {
        const FieldPath at = At("uncountedTerminatedPods").Child(field).Index(i);
        if (uids[i].empty()) {
          out_.Invalid(at, uids[i], "must not be empty");
        } else if (!seen.insert(uids[i]).second) {
          out_.Duplicate(at, uids[i]);
        }
      }
    };
    each(now_.uncounted_terminated_pods->succeeded, "succeeded");
    each(now_.uncounted_terminated_pods->failed, "failed");
  }

  void Conditions() {
    if (!BecameTrue("Complete") && !BecameTrue("Failed") && !BecameTrue("FailureTarget")) return;
    if (NowTrue("Complete") && NowTrue("Failed")) {
      Refuse("cannot set Complete=True and Failed=true conditions");
    }
    if (NowTrue("Complete") && NowTrue("FailureTarget")) {
      Refuse("cannot set Complete=True and FailureTarget=true conditions");
    }
  }

  void CompletionTime() {
    const bool complete = NowTrue("Complete");
    const bool time_changed = now_.completion_time != old_.completion_time;
    if (complete != IsTrue(old_, "Complete") || time_changed) {
      if (now_.completion_time && !complete) {
        out_.Invalid(At("completionTime"), now_.completion_time->Rfc3339(),
                     "cannot set completionTime when there is no Complete=True condition");
      }
      if (complete && !now_.completion_time) {
        out_.Required(At("completionTime"), "completionTime is required for Complete jobs");
      }
    }
    if ((time_changed || now_.start_time != old_.start_time) && now_.completion_time &&
        now_.start_time && *now_.completion_time < *now_.start_time) {
      out_.Invalid(At("completionTime"), now_.completion_time->Rfc3339(),
                   "must be equal to or after `startTime`");
    }
  }

  void Prerequisites() {
    if (BecameTrue("Failed") && !NowTrue("FailureTarget")) {
      Refuse("cannot set Failed=True condition without the FailureTarget=true condition");
    }
    if (BecameTrue("Complete") && !NowTrue("SuccessCriteriaMet")) {
      Refuse("cannot set Complete=True condition without the SuccessCriteriaMet=true condition");
    }
  }

  void Finished() {
    if (!IsFinished(now_)) return;
    if ((BecameFinished() || now_.active != old_.active) && now_.active > 0) {
      out_.Invalid(At("active"), now_.active, "active>0 is invalid for finished job");
    }
    const bool needs_start = !spec_.suspend.value_or(false) || spec_.completions.value_or(1) != 0;
    if ((BecameFinished() || now_.start_time != old_.start_time) && !now_.start_time &&
        needs_start) {
      out_.Required(At("startTime"), "startTime is required for finished job");
    }
    const bool changed = !(now_.uncounted_terminated_pods == old_.uncounted_terminated_pods);
    if ((BecameFinished() || changed) && HasUncounted(now_)) {
      out_.Invalid(At("uncountedTerminatedPods"), GoStruct(*now_.uncounted_terminated_pods),
                   "must be empty for finished job");
    }
  }

  // What is wrong is told of what this update changed.
  IndexRanges Parse(const std::string& text, const char* field, bool changed) {
    const auto ranges = ParseIndexes(text, spec_.completions.value_or(0));
    if (ranges) return *ranges;
    if (changed) {
      out_.Invalid(At(field), text,
                   std::string("error parsing ") + field + ": " + ranges.error().message);
    }
    return {};
  }

  void Indexes() {
    const bool completed_changed = now_.completed_indexes != old_.completed_indexes;
    const bool failed_changed = now_.failed_indexes != old_.failed_indexes;
    const bool indexed = IsIndexedJob(spec_);
    IndexRanges completed;
    IndexRanges failed;
    if (spec_.completions) {
      completed = Parse(now_.completed_indexes, "completedIndexes", completed_changed);
    }
    if (spec_.completions && now_.failed_indexes && spec_.backoff_limit_per_index) {
      failed = Parse(*now_.failed_indexes, "failedIndexes", failed_changed);
    }
    if (completed_changed && !indexed && !now_.completed_indexes.empty()) {
      out_.Invalid(At("completedIndexes"), now_.completed_indexes,
                   "cannot set non-empty completedIndexes when non-indexed completion mode");
    }
    if (failed_changed && now_.failed_indexes && !spec_.backoff_limit_per_index) {
      out_.Invalid(At("failedIndexes"), *now_.failed_indexes,
                   "cannot set non-null failedIndexes when backoffLimitPerIndex is null");
    }
    if (completed_changed || failed_changed) Overlap(completed, failed);
  }

  // Both ascend, so that one walk finds the first place where they meet, however many there are.
  void Overlap(const IndexRanges& completed, const IndexRanges& failed) {
    auto done = completed.begin();
    auto lost = failed.begin();
    while (done != completed.end() && lost != failed.end()) {
      const int32_t index = std::max(done->first, lost->first);
      if (index <= std::min(done->second, lost->second)) {
        return out_.Invalid(
            At("failedIndexes"), *now_.failed_indexes,
            "failedIndexes and completedIndexes overlap at index: " + std::to_string(index));
      }
      done->first <= lost->first ? ++done : ++lost;
    }
  }

  void Pods() {
    if (IsFinished(now_) && (BecameFinished() || now_.terminating != old_.terminating) &&
        now_.terminating.value_or(0) > 0) {
      out_.Invalid(At("terminating"), *now_.terminating,
                   "terminating>0 is invalid for finished job");
    }
    if ((now_.ready != old_.ready || now_.active != old_.active) && now_.ready &&
        *now_.ready > now_.active) {
      out_.Invalid(At("ready"), *now_.ready, "cannot set more ready pods than active");
    }
  }

  void SuccessCriteria() {
    if (NowTrue("SuccessCriteriaMet") && NowTrue("Failed")) {
      Refuse("cannot set SuccessCriteriaMet=True and Failed=true conditions");
    }
    if (NowTrue("SuccessCriteriaMet") && NowTrue("FailureTarget")) {
      Refuse("cannot set SuccessCriteriaMet=True and FailureTarget=true conditions");
    }
    if (spec_.success_policy && NowTrue("Complete") && !NowTrue("SuccessCriteriaMet")) {
      Refuse("cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True");
    }
  }

  void AgainstOld() {
    for (const char* type : {"Failed", "Complete", "FailureTarget"}) {
      if (!IsTrue(old_, type) || NowTrue(type)) continue;
      Refuse((std::string("cannot disable the terminal ") + type + "=True condition").c_str());
    }
    if (now_.failed < old_.failed) {
      out_.Invalid(At("failed"), now_.failed, "cannot decrease the failed counter");
    }
    const bool resizable =
        IsIndexedJob(spec_) && spec_.completions && spec_.completions == spec_.parallelism;
    if (now_.succeeded < old_.succeeded && !resizable) {
      out_.Invalid(At("succeeded"), now_.succeeded, "cannot decrease the succeeded counter");
    }
    // That a complete Job has a time is looked at above.
    if (old_.completion_time && now_.completion_time &&
        now_.completion_time != old_.completion_time) {
      AddImmutable(now_.completion_time, At("completionTime"), out_);
    }
    if (old_.start_time && now_.start_time != old_.start_time && !spec_.suspend.value_or(false) &&
        !IsResuming()) {
      out_.Required(At("startTime"), "startTime cannot be removed for unsuspended job");
    }
    if (IsTrue(old_, "SuccessCriteriaMet") && !NowTrue("SuccessCriteriaMet")) {
      Refuse("cannot disable the SuccessCriteriaMet=True condition");
    }
    if (IsTrue(old_, "Complete") && BecameTrue("SuccessCriteriaMet")) {
      Refuse("cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions");
    }
  }

  // The controller starts the clock anew when a Job goes on.
  bool IsResuming() const {
    const JobCondition* suspended = FindCondition(now_.conditions, "Suspended");
    return IsTrue(old_, "Suspended") && suspended != nullptr && suspended->status == "False";
  }

  const FieldPath path_{"status"};
  const JobSpec& spec_;
  const JobStatus& now_;
  const JobStatus& old_;
  Violations& out_;
};

}  // namespace

void ValidateJobStatusUpdate(const Job& object, const Job& old, Violations& out) {
  StatusCheck(object, old, out).Run();
}

}  // namespace skiff
