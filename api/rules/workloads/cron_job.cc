// What the schema cannot say about a CronJob.
#include <strings.h>

#include <algorithm>

#include "api/gen/batch_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/pods/pod_warnings.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/rules/workloads/job_defaults.h"
#include "api/rules/workloads/job_validation.h"
#include "api/text/cron_schedule.h"
#include "api/violations.h"

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

using batch_v1::CronJobSpec;

// Names of its Jobs end in eleven more characters.
constexpr size_t kNameBytesMax = 52;

// A part of a zone's name: "Europe", "St_Johns", "GMT+3".
bool IsZonePart(std::string_view part) {
  constexpr size_t kBytesMax = 14;
  if (part.empty() || part.size() > kBytesMax || part == "." || part == ".." || part[0] == '-') {
    return false;
  }
  return std::ranges::all_of(part, [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '-' || c == '_' || c == '+';
  });
}

void ValidateTimeZone(const std::string& zone, const FieldPath& path, Violations& out) {
  if (zone.empty()) return out.Invalid(path, zone, "timeZone must be nil or non-empty string");
  for (size_t begin = 0; begin <= zone.size();) {
    const size_t end = std::min(zone.find('/', begin), zone.size());
    if (!IsZonePart(std::string_view(zone).substr(begin, end - begin))) {
      return out.Invalid(path, zone, "unknown time zone " + zone);
    }
    begin = end + 1;
  }
  const bool local = zone.size() == 5 && strcasecmp(zone.c_str(), "Local") == 0;
  if (local) {
    out.Invalid(path, zone,
                "timeZone must be an explicit time zone as defined in "
                "https://www.iana.org/time-zones");
  }
  if (zone != "Local" && !IsKnownTimeZone(zone))
    out.Invalid(path, zone, "unknown time zone " + zone);
}

bool MentionsZone(const std::string& schedule) {
  return schedule.find("TZ") != std::string::npos;
}

void ValidateSchedule(const CronJobSpec& spec, const CronJobSpec* old, const FieldPath& path,
                      Violations& out) {
  if (spec.schedule.empty()) return out.Required(path);
  if (const auto schedule = CronSchedule::Parse(spec.schedule); !schedule) {
    out.Invalid(path, spec.schedule, schedule.error().message);
  }
  if (!MentionsZone(spec.schedule)) return;
  if (old == nullptr || !MentionsZone(old->schedule)) {
    out.Invalid(path, spec.schedule,
                "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
  } else if (spec.time_zone) {
    out.Invalid(path, spec.schedule,
                "cannot use both timeZone field and TZ or CRON_TZ in schedule");
  }
}

void ValidateJobTemplate(const batch_v1::JobSpec& spec, const batch_v1::JobSpec* old,
                         const FieldPath& path, Violations& out) {
  ValidateJobSpecBody(spec, old, path, out);
  if (spec.selector) {
    out.Invalid(path.Child("selector"), Printed(*spec.selector),
                "`selector` will be auto-generated");
  }
  if (spec.manual_selector.value_or(false)) {
    out.NotSupported(path.Child("manualSelector"), true, {"nil", "false"});
  }
}

void ValidateSpec(const CronJobSpec& spec, const CronJobSpec* old, Violations& out) {
  const FieldPath path("spec");
  ValidateSchedule(spec, old, path.Child("schedule"), out);
  if (spec.starting_deadline_seconds) {
    ValidateNonNegative(*spec.starting_deadline_seconds, path.Child("startingDeadlineSeconds"),
                        out);
  }
  if (spec.time_zone && (old == nullptr || old->time_zone != spec.time_zone)) {
    ValidateTimeZone(*spec.time_zone, path.Child("timeZone"), out);
  }
  RequireOneOf(spec.concurrency_policy, {"Allow", "Forbid", "Replace"},
               path.Child("concurrencyPolicy"), out);
  ValidateJobTemplate(spec.job_template.spec, old ? &old->job_template.spec : nullptr,
                      path.Child("jobTemplate").Child("spec"), out);
  const auto limit = [&](const std::optional<int32_t>& value, const char* field) {
    if (value) ValidateNonNegative(*value, path.Child(field), out);
  };
  limit(spec.successful_jobs_history_limit, "successfulJobsHistoryLimit");
  limit(spec.failed_jobs_history_limit, "failedJobsHistoryLimit");
}

void Validate(const CronJob& object, Violations& out) {
  ValidateSpec(object.spec, nullptr, out);
  const std::string& name = object.metadata.name;
  if (name.size() > kNameBytesMax) {
    out.Invalid(FieldPath("metadata").Child("name"), name, LengthMessage(kNameBytesMax));
  }
}

void ValidateUpdate(const CronJob& object, const CronJob& old, Violations& out) {
  ValidateSpec(object.spec, &old.spec, out);
}

void Warn(const CronJob& object, const CronJob* old, std::vector<std::string>& out) {
  if (old == nullptr) WarnOfWorkloadName(object.metadata.name, out);
  const bool changed = old == nullptr || old->metadata.generation != object.metadata.generation;
  if (changed) {
    WarnOfJobSpec(object.spec.job_template.spec,
                  FieldPath("spec").Child("jobTemplate").Child("spec"), out);
  }
  if (old == nullptr || !MentionsZone(object.spec.schedule)) return;
  out.emplace_back(
      "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see "
      "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details");
}

}  // namespace

constexpr RulesOf<CronJob> kTypedCronJobRules = {
    .set_defaults = SetDefaults,
    .prepare_create = PrepareCreate<CronJob>,
    .prepare_update = PrepareUpdate<CronJob>,
    .prepare_status_update = KeepSpec<CronJob>,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .warnings = Warn,
};
constinit const Rules kCronJobRules = Erase<kTypedCronJobRules>();

}  // namespace skiff
