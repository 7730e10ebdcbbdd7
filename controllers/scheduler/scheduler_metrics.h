// What a scheduler counts of its work, by the names of kube-scheduler's metrics.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "controllers/scheduler/cache.h"
#include "controllers/scheduler/evaluation_counts.h"
#include "controllers/scheduler/queue.h"

namespace skiff::scheduler {

// Thread-safe.
class SchedulerMetrics {
 public:
  // By the names of their schedulers.
  using Gated = std::function<std::map<std::string, size_t>()>;
  // `registry` outlives it, and whoever asks `registry` does not. `gated`: how many pods wait for
  // their gates; any thread.
  SchedulerMetrics(MetricRegistry& registry, Gated gated);
  // The search for a node is over, whatever came of it.
  void Searched(Duration took) { searches_.Observe({}, Seconds(took)); }
  // Of a pod's attempt, in the scheduler of that name.
  void Unschedulable(const std::string& profile, Duration took) {
    Attempted(profile, "unschedulable", took);
  }
  void Failed(const std::string& profile, Duration took) { Attempted(profile, "error", took); }
  // How long all rules took together at a point of a cycle or of a binding: extension_point,
  // status, profile.
  void AtPoint(LabelValues labels, Duration took) { points_.Observe(labels, Seconds(took)); }
  // How long one of them took: plugin, extension_point, status.
  void InRule(LabelValues labels, Duration took) { rules_.Observe(labels, Seconds(took)); }
  // For the thread that asks the rules of that profile, which outlives this.
  EvaluationCounts& EvaluationsOf(const Profile& profile);
  // How long a hint took, of some: by the rule, the event, and whether that may help.
  void Hinted(std::string_view rule, std::string_view event, bool helps, Duration took) {
    hints_.Observe({rule, event, helps ? "Queue" : "QueueSkip"}, Seconds(took));
  }
  // How long it took to find out whom an event may help.
  void Handled(std::string_view event, Duration took) { events_.Observe({event}, Seconds(took)); }
  void Scheduled(const std::string& profile, const QueuedPod& pod, Duration now);
  // Whether others could go for a pod was found out; so many were told to.
  void Preempts() { preemptions_.Add({}); }
  void Preempted(size_t victims) { victims_.Observe({}, static_cast<double>(victims)); }
  // A pod has come to a queue by an event (SchedulingQueue::Incoming).
  void Comes(std::string_view queue, std::string_view event) { incoming_.Add({queue, event}); }
  // A pod that rules refused waits for another attempt, or no longer.
  void Refused(const QueuedPod& pod, bool waits);
  // By now so many wait.
  void Waiting(const SchedulingQueue::Sizes& sizes);
  // By now the cache holds so much.
  void Cached(const Cache::Sizes& sizes);

 private:
  static double Seconds(Duration time) { return std::chrono::duration<double>(time).count(); }
  void Attempted(const std::string& profile, std::string_view result, Duration took);
  void AddPending(MetricRegistry& registry, Gated gated);
  void AddEvaluations(MetricRegistry& registry);

  CounterFamily& attempts_;
  HistogramFamily& durations_;
  HistogramFamily& searches_;
  HistogramFamily& tries_;
  HistogramFamily& waits_;
  CounterFamily& preemptions_;
  HistogramFamily& victims_;
  HistogramFamily& points_;
  HistogramFamily& rules_;
  HistogramFamily& hints_;
  HistogramFamily& events_;
  CounterFamily& incoming_;
  std::array<std::atomic<size_t>, 4> waiting_{};  // Active, in back-off, unschedulable, held.
  std::array<std::atomic<size_t>, 3> cached_{};   // Pods that are assumed, nodes, pods.
  Mutex mutex_;
  // Pods that wait, by the rule that refused them and the name of their scheduler.
  std::map<std::pair<std::string, std::string>, int64_t> refused_ GUARDED_BY(mutex_);
  std::map<std::string, EvaluationCounts> evaluations_ GUARDED_BY(mutex_);  // By profile.
};

}  // namespace skiff::scheduler
