#include "controllers/scheduler/scheduler_metrics.h"

#include <string_view>
#include <utility>
#include <vector>

namespace skiff::scheduler {
namespace {

std::vector<double> Growing(double first, double factor, int count) {
  std::vector<double> bounds;
  for (int i = 0; i < count; ++i, first *= factor) bounds.push_back(first);
  return bounds;
}

std::vector<double> TwiceEach(double first, int count) {
  return Growing(first, 2, count);
}

constexpr int kTriesTold = 15;  // More are one label.

}  // namespace

SchedulerMetrics::SchedulerMetrics(MetricRegistry& registry, Gated gated)
    : attempts_(registry.AddCounter({"scheduler_schedule_attempts_total",
                                     "[STABLE] Attempts to schedule pods, by what came of them.",
                                     {"profile", "result"}})),
      durations_(registry.AddHistogram({"scheduler_scheduling_attempt_duration_seconds",
                                        "[STABLE] How long attempts took, bindings included.",
                                        {"profile", "result"}},
                                       TwiceEach(0.001, 15))),
      searches_(registry.AddHistogram({"scheduler_scheduling_algorithm_duration_seconds",
                                       "[ALPHA] How long it took to find a node."},
                                      TwiceEach(0.001, 15))),
      tries_(registry.AddHistogram(
          {"scheduler_pod_scheduling_attempts", "[STABLE] Attempts until a pod was scheduled."},
          {1, 2, 4, 8, 16})),
      waits_(registry.AddHistogram(
          {"scheduler_pod_scheduling_sli_duration_seconds",
           "[BETA] Time until a pod was scheduled, since it could be tried first.",
           {"attempts"}},
          TwiceEach(0.01, 20))),
      preemptions_(registry.AddCounter({"scheduler_preemption_attempts_total",
                                        "[STABLE] Attempts to have less important pods go."})),
      victims_(registry.AddHistogram({"scheduler_preemption_victims",
                                      "[STABLE] Pods that were told to go for another, each time."},
                                     {1, 2, 4, 8, 16, 32, 64})),
      points_(registry.AddHistogram({"scheduler_framework_extension_point_duration_seconds",
                                     "[STABLE] How long all plugins of an extension point took.",
                                     {"extension_point", "status", "profile"}},
                                    TwiceEach(0.0001, 12))),
      rules_(registry.AddHistogram(
          {"scheduler_plugin_execution_duration_seconds",
           "[ALPHA] How long a plugin took at an extension point, in a tenth of all cycles.",
           {"plugin", "extension_point", "status"}},
          Growing(0.00001, 1.5, 20))),
      hints_(registry.AddHistogram({"scheduler_queueing_hint_execution_duration_seconds",
                                    "[ALPHA] How long it took to tell whether an event may help a "
                                    "pod that waits, of one in sixteen.",
                                    {"plugin", "event", "hint"}},
                                   Growing(0.00001, 1.5, 20))),
      events_(registry.AddHistogram({"scheduler_event_handling_duration_seconds",
                                     "[ALPHA] How long it took to find out whom an event may help.",
                                     {"event"}},
                                    TwiceEach(0.0001, 12))),
      incoming_(registry.AddCounter(
          {"scheduler_queue_incoming_pods_total",
           "[STABLE] Pods that came to a scheduling queue, by the event that brought them there.",
           {"queue", "event"}})) {
  AddPending(registry, std::move(gated));
  AddEvaluations(registry);
  registry.AddMeasured(
      {"scheduler_cache_size",
       "[ALPHA] Nodes, pods, and of these the assumed ones, that the scheduler keeps in mind.",
       {"type"}},
      [this] {
        const auto cached = [this](size_t i) { return static_cast<double>(cached_[i].load()); };
        return std::vector<Sample>{
            {{"assumed_pods"}, cached(0)}, {{"nodes"}, cached(1)}, {{"pods"}, cached(2)}};
      });
}

void SchedulerMetrics::AddPending(MetricRegistry& registry, Gated gated) {
  registry.AddMeasured(
      {"scheduler_pending_pods", "[STABLE] Pods that wait for a node, by what for.", {"queue"}},
      [this, gated] {
        const auto waiting = [this](size_t i) { return static_cast<double>(waiting_[i].load()); };
        size_t all_gated = waiting_[3].load();
        for (const auto& [profile, pods] : gated()) all_gated += pods;
        return std::vector<Sample>{{{"active"}, waiting(0)},
                                   {{"backoff"}, waiting(1)},
                                   {{"gated"}, static_cast<double>(all_gated)},
                                   {{"unschedulable"}, waiting(2)}};
      });
  registry.AddMeasured(
      {"scheduler_unschedulable_pods",
       "[ALPHA] Pods that wait as a plugin refused them; one counts for each plugin that did.",
       {"plugin", "profile"}},
      [this, gated = std::move(gated)] {
        std::vector<Sample> samples;
        for (const auto& [profile, pods] : gated()) {
          samples.push_back({{"SchedulingGates", profile}, static_cast<double>(pods)});
        }
        const MutexLock lock(mutex_);
        for (const auto& [of, pods] : refused_) {
          samples.push_back({{of.first, of.second}, static_cast<double>(pods)});
        }
        return samples;
      });
}

void SchedulerMetrics::AddEvaluations(MetricRegistry& registry) {
  registry.AddMeasured(
      {"scheduler_plugin_evaluation_total",
       "[ALPHA] How often plugins were asked, about pods and about nodes.",
       {"plugin", "extension_point", "profile"}},
      [this] {
        std::vector<Sample> samples;
        const MutexLock lock(mutex_);
        for (const auto& [profile, counts] : evaluations_) counts.AppendTo(samples);
        return samples;
      },
      MetricRegistry::MeasuredType::kCounter);
}

EvaluationCounts& SchedulerMetrics::EvaluationsOf(const Profile& profile) {
  const MutexLock lock(mutex_);
  return evaluations_.try_emplace(profile.name, profile).first->second;
}

void SchedulerMetrics::Refused(const QueuedPod& pod, bool waits) {
  const MutexLock lock(mutex_);
  for (const std::string& rule : pod.rejectors) {
    refused_[{rule, pod.info->pod->spec.scheduler_name}] += waits ? 1 : -1;
  }
}

void SchedulerMetrics::Scheduled(const std::string& profile, const QueuedPod& pod, Duration now) {
  Attempted(profile, "scheduled", now - pod.tried_at);
  tries_.Observe({}, pod.tries);
  const std::string tries = pod.tries < kTriesTold ? std::to_string(pod.tries) : "15+";
  waits_.Observe({tries}, Seconds(now - pod.first_active_at.value_or(pod.tried_at)));
}

void SchedulerMetrics::Attempted(const std::string& profile, std::string_view result,
                                 Duration took) {
  attempts_.Add({profile, result});
  durations_.Observe({profile, result}, Seconds(took));
}

void SchedulerMetrics::Waiting(const SchedulingQueue::Sizes& sizes) {
  waiting_[0] = sizes.active;
  waiting_[1] = sizes.backoff;
  waiting_[2] = sizes.unschedulable;
  waiting_[3] = sizes.held;
}

void SchedulerMetrics::Cached(const Cache::Sizes& sizes) {
  cached_[0] = sizes.assumed;
  cached_[1] = sizes.nodes;
  cached_[2] = sizes.pods;
}

}  // namespace skiff::scheduler
