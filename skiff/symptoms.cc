#include "skiff/symptoms.h"

#include <algorithm>

#include "api/text/cron_schedule.h"
#include "api/text/time_zone.h"
#include "cli/why/explain.h"
#include "client/client.h"
#include "controllers/workloads/cron_job_plan.h"

namespace skiff {
namespace {

// The condition of that type and status, that has been so for long enough; nullptr.
template <typename Condition>
const Condition* Lasting(const std::vector<Condition>& conditions, std::string_view type,
                         std::string_view status, TimePoint now) {
  for (const Condition& each : conditions) {
    if (each.type != type || each.status != status) continue;
    return now - each.last_transition_time.point() < kSymptomPatience ? nullptr : &each;
  }
  return nullptr;
}

template <typename Condition>
std::string ReasonOf(const Condition& condition) {
  return condition.reason.empty() ? condition.type : condition.reason;
}

bool IsYoung(const meta_v1::ObjectMeta& meta, TimePoint now) {
  return now - meta.creation_timestamp.point() < kSymptomPatience;
}

// What makes pods itself tells by this condition that they were refused.
template <typename Condition>
std::string ReplicaFailure(const std::vector<Condition>& conditions) {
  for (const Condition& each : conditions) {
    if (each.type == "ReplicaFailure" && each.status == "True") return RefusalSymptom(each.message);
  }
  return "";
}

// That no controller has seen it yet, whatever the other conditions are.
template <typename K>
bool IsUnseen(const K& object, TimePoint now) {
  return object.status.observed_generation == 0 && object.metadata.generation > 0 &&
         !IsYoung(object.metadata, now);
}

constexpr char kUnseen[] = "seen by no controller";

}  // namespace

std::string RefusalSymptom(const std::string& message) {
  const cli::why::RefusalCause cause = cli::why::RefusalCauseOf(message);
  return cause.by.empty() ? "refused, as " + cause.because : "refused by " + cause.by;
}

std::string SymptomOf(const core_v1::Namespace& object, TimePoint now) {
  const auto& deleted = object.metadata.deletion_timestamp;
  return deleted && now - deleted->point() >= kSymptomPatience ? "Terminating" : "";
}

std::string SymptomOf(const core_v1::PersistentVolume& volume, TimePoint) {
  return volume.status.phase == "Failed" ? "Failed" : "";
}

std::string SymptomOf(const core_v1::ReplicationController& controller, TimePoint now) {
  if (IsUnseen(controller, now)) return kUnseen;
  return ReplicaFailure(controller.status.conditions);
}

std::string SymptomOf(const core_v1::Service& service, TimePoint now) {
  const bool waits = service.spec.type == "LoadBalancer" &&
                     service.status.load_balancer.ingress.empty() &&
                     !service.metadata.deletion_timestamp && !IsYoung(service.metadata, now);
  return waits ? "without address" : "";
}

std::string SymptomOf(const apps_v1::Deployment& deployment, TimePoint now) {
  if (IsUnseen(deployment, now)) return kUnseen;
  if (std::string refused = ReplicaFailure(deployment.status.conditions); !refused.empty()) {
    return refused;
  }
  for (const auto& each : deployment.status.conditions) {
    if (each.type == "Progressing" && each.status == "False") return ReasonOf(each);
  }
  return "";
}

std::string SymptomOf(const apps_v1::ReplicaSet& set, TimePoint now) {
  if (ControllerOf(set.metadata)) return "";
  return IsUnseen(set, now) ? kUnseen : ReplicaFailure(set.status.conditions);
}

std::string SymptomOf(const batch_v1::CronJob& cron_job, TimePoint now) {
  if (cron_job.spec.suspend.value_or(false) || cron_job.metadata.deletion_timestamp) return "";
  // It may wait for its Job on purpose.
  if (cron_job.spec.concurrency_policy == "Forbid" && !cron_job.status.active.empty()) return "";
  const auto schedule = CronSchedule::Parse(cron_job.spec.schedule);
  if (!schedule) return "with a schedule that cannot be read";
  if (schedule->every() == Duration(0)) {
    const std::chrono::local_time<std::chrono::minutes> minute(
        std::chrono::floor<std::chrono::minutes>(now.time_since_epoch()));
    if (schedule->Next(minute) == minute) return "of a day that never comes";
  }
  const auto zone = TimeZone::Load(cron_job.spec.time_zone.value_or(schedule->zone()));
  if (!zone) return "in a time zone that is not known";
  const auto missed = cron::MissedRuns(cron_job, *schedule, *zone, now - kSymptomPatience);
  return missed && missed->latest ? "not run when due" : "";
}

std::string SymptomOf(const batch_v1::Job& job, TimePoint) {
  for (const auto& each : job.status.conditions) {
    if (each.status != "True") continue;
    if (each.type == "Failed" || each.type == "FailureTarget") return ReasonOf(each);
    if (each.type == "Complete" || each.type == "SuccessCriteriaMet") return "";
  }
  const bool retries = job.status.failed > 0 && job.status.ready.value_or(0) == 0 &&
                       !job.spec.suspend.value_or(false) && !job.metadata.deletion_timestamp;
  return retries ? "whose pods fail" : "";
}

std::string SymptomOf(const autoscaling_v2::HorizontalPodAutoscaler& autoscaler, TimePoint now) {
  for (const char* type : {"AbleToScale", "ScalingActive"}) {
    const auto* condition = Lasting(autoscaler.status.conditions, type, "False", now);
    // That is how somebody switches it off: by no replicas.
    if (condition && condition->reason != "ScalingDisabled") return ReasonOf(*condition);
  }
  return "";
}

std::string SymptomOf(const policy_v1::PodDisruptionBudget& budget, TimePoint now) {
  const auto* condition = Lasting(budget.status.conditions, "DisruptionAllowed", "False", now);
  return condition && condition->reason == "SyncFailed" ? condition->reason : "";
}

std::string SymptomOf(const certificates_v1::CertificateSigningRequest& request, TimePoint now) {
  bool approved = false;
  for (const auto& each : request.status.conditions) {
    if (each.type == "Failed") return "Failed";
    if (each.type == "Denied") return "";
    approved = approved || each.type == "Approved";
  }
  if (IsYoung(request.metadata, now)) return "";
  if (!approved) return "Pending";
  return request.status.certificate.empty() ? "approved and not signed" : "";
}

std::string SymptomOf(const apiregistration_v1::APIService& service, TimePoint now) {
  const auto* condition = Lasting(service.status.conditions, "Available", "False", now);
  return condition ? ReasonOf(*condition) : "";
}

std::string SymptomOf(const apiextensions_v1::CustomResourceDefinition& definition, TimePoint now) {
  const auto& conditions = definition.status.conditions;
  if (const auto* wrong = Lasting(conditions, "NonStructuralSchema", "True", now)) {
    return wrong->type;
  }
  for (const char* type : {"NamesAccepted", "Established"}) {
    if (const auto* condition = Lasting(conditions, type, "False", now))
      return ReasonOf(*condition);
  }
  const auto& deleted = definition.metadata.deletion_timestamp;
  return deleted && now - deleted->point() >= kSymptomPatience ? "Terminating" : "";
}

bool LacksPods(const apps_v1::StatefulSet& set) {
  return !set.metadata.deletion_timestamp && set.status.replicas < set.spec.replicas.value_or(1);
}

bool LacksPods(const apps_v1::DaemonSet& set) {
  return !set.metadata.deletion_timestamp &&
         set.status.current_number_scheduled < set.status.desired_number_scheduled;
}

bool LacksPods(const batch_v1::Job& job) {
  const bool ended = !cron::EndOf(job).empty();
  const bool wanted =
      !ended && !job.spec.suspend.value_or(false) && !job.metadata.deletion_timestamp;
  return wanted && job.status.active == 0;
}

}  // namespace skiff
