#include "controllers/autoscaling/autoscaler_figures.h"

namespace skiff::autoscaler {
namespace {

std::vector<double> FigureBounds() {
  constexpr int kCount = 15;
  std::vector<double> bounds;
  for (double bound = 0.001; bounds.size() < kCount; bound *= 2) bounds.push_back(bound);
  return bounds;
}

std::string FigureName(const char* name) {
  return std::string("horizontal_pod_autoscaler_controller_") + name;
}

std::string_view ActionOf(const Outcome& outcome) {
  if (outcome.wanted > outcome.current) return "scale_up";
  return outcome.wanted < outcome.current ? "scale_down" : "none";
}

std::string_view FailureText(Outcome::Failure failure) {
  switch (failure) {
    case Outcome::Failure::kSpec:
      return "spec";
    case Outcome::Failure::kInternal:
      return "internal";
    case Outcome::Failure::kNone:
      break;
  }
  return "none";
}

double InSeconds(Duration took) {
  return std::chrono::duration<double>(took).count();
}

}  // namespace

Figures::Figures(MetricRegistry* registry) {
  if (registry == nullptr) return;
  reconciled_ = &registry->AddCounter({FigureName("reconciliations_total"),
                                       "[ALPHA] How often autoscalers were looked at.",
                                       {"action", "error"}});
  reconciled_took_ = &registry->AddHistogram({FigureName("reconciliation_duration_seconds"),
                                              "[ALPHA] For how long.", {"action", "error"}},
                                             FigureBounds());
  computed_ = &registry->AddCounter({FigureName("metric_computation_total"),
                                     "[ALPHA] How often a metric was computed.",
                                     {"action", "error", "metric_type"}});
  computed_took_ = &registry->AddHistogram({FigureName("metric_computation_duration_seconds"),
                                            "[ALPHA] For how long.",
                                            {"action", "error", "metric_type"}},
                                           FigureBounds());
  registry->AddMeasured(
      {FigureName("num_horizontal_pod_autoscalers"), "[ALPHA] How many autoscalers there are."},
      [of = autoscalers_] { return CountOf(*of); });
  registry->AddMeasured({FigureName("desired_replicas"),
                         "[ALPHA] How many replicas an autoscaler wants.",
                         {"namespace", "hpa_name"}},
                        [of = autoscalers_] { return WantedBy(*of); });
}

std::vector<Sample> Figures::CountOf(Autoscalers& autoscalers) {
  const MutexLock lock(autoscalers.mutex);
  return std::vector<Sample>{{{}, static_cast<double>(autoscalers.wanted.size())}};
}

std::vector<Sample> Figures::WantedBy(Autoscalers& autoscalers) {
  std::vector<Sample> samples;
  const MutexLock lock(autoscalers.mutex);
  for (const auto& [key, replicas] : autoscalers.wanted) {
    if (!replicas) continue;
    samples.push_back({{key.namespace_, key.name}, static_cast<double>(*replicas)});
  }
  return samples;
}

void Figures::Knows(const ObjectKey& autoscaler) {
  const MutexLock lock(autoscalers_->mutex);
  autoscalers_->wanted.try_emplace(autoscaler);
}

void Figures::Wants(const ObjectKey& autoscaler, int32_t replicas) {
  const MutexLock lock(autoscalers_->mutex);
  autoscalers_->wanted[autoscaler] = replicas;
}

void Figures::Forgets(const ObjectKey& autoscaler) {
  const MutexLock lock(autoscalers_->mutex);
  autoscalers_->wanted.erase(autoscaler);
}

void Figures::Reconciled(const Outcome& outcome, Duration took) {
  if (reconciled_ == nullptr) return;
  const std::string_view action = ActionOf(outcome), failure = FailureText(outcome.failure);
  reconciled_->Add({action, failure});
  reconciled_took_->Observe({action, failure}, InSeconds(took));
}

void Figures::Computed(const Outcome& outcome, std::string_view type, Duration took) {
  if (computed_ == nullptr) return;
  const std::string_view action = ActionOf(outcome), failure = FailureText(outcome.failure);
  computed_->Add({action, failure, type});
  computed_took_->Observe({action, failure, type}, InSeconds(took));
}

}  // namespace skiff::autoscaler
