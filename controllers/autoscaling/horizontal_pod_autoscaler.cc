// HorizontalPodAutoscaler: gives its target as many replicas as its metrics call for, every sync
// period. What they call for is decided in autoscaler_usage.cc, how much of that is done at once in
// autoscaler_limits.cc, what is said of it in horizontal_pod_autoscaler_plan.cc.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "api/gen/autoscaling_v1.h"
#include "api/select/selector.h"
#include "client/reconciler.h"
#include "controllers/autoscaling/autoscaler_figures.h"
#include "controllers/autoscaling/horizontal_pod_autoscaler_plan.h"
#include "controllers/autoscaling/metrics_api.h"
#include "controllers/machinery/kind_finder.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using autoscaler::Consensus;
using autoscaler::Finding;
using autoscaler::MetricsApi;
using autoscaler::Outcome;
using autoscaler::Unknown;
using autoscaler::Usage;
using autoscaler::Verdict;
using autoscaling_v1::Scale;
using autoscaling_v2::HorizontalPodAutoscaler;
using autoscaling_v2::HorizontalPodAutoscalerStatus;
using autoscaling_v2::MetricSpec;
using core_v1::Pod;

constexpr const char* kAbleToScale = "AbleToScale";
constexpr const char* kScalingActive = "ScalingActive";
constexpr const char* kScalingLimited = "ScalingLimited";
constexpr int kScaleWritesMax = 5;

// Which pods each autoscaler looks at: two that look at the same would pull both ways. Thread-safe.
class AutoscalerSelectors {
 public:
  // The autoscalers of the namespace that look at one of `pods`, `key` among them.
  std::vector<std::string> Put(const ObjectKey& key, const LabelSelector& selector,
                               const autoscaler::Pods& pods) {
    const MutexLock lock(mutex_);
    auto& there = selectors_[key.namespace_];
    there[key.name] = selector;
    std::vector<std::string> names;
    for (const auto& [name, each] : there) {
      const bool looks = std::any_of(pods.begin(), pods.end(), [&](const auto& pod) {
        return each.Matches(pod->metadata.labels);
      });
      if (looks) names.push_back(key.namespace_ + "/" + name);
    }
    return names;
  }
  void Forget(const ObjectKey& key) {
    const MutexLock lock(mutex_);
    const auto there = selectors_.find(key.namespace_);
    if (there == selectors_.end()) return;
    there->second.erase(key.name);
    if (there->second.empty()) selectors_.erase(there);
  }

 private:
  Mutex mutex_;
  std::map<std::string, std::map<std::string, LabelSelector>> selectors_ GUARDED_BY(mutex_);
};

// What is kept of an autoscaler. One worker at a time has it.
struct AutoscalerMemory {
  autoscaler::History history;
  std::optional<autoscaling_v2::HorizontalPodAutoscalerSpec> spec;  // As last acted upon.
  Duration due{};                                                   // Monotonic.
};

// Where its target is, and how many there are of it.
struct ScaledTarget {
  Resource resource;
  Scale scale;
};

class AutoscalerReconciler final : public Reconciler<HorizontalPodAutoscaler> {
 public:
  AutoscalerReconciler(Manager& manager, const AutoscalerOptions& options)
      : client_(manager.client()),
        clock_(manager.clock()),
        options_(options),
        pods_(manager.informer<Pod>()),
        metrics_(manager.client()),
        kinds_(manager.client(), manager.clock()),
        figures_(options.metrics),
        events_(manager.Recorder("horizontal-pod-autoscaler")) {}

  // Its status changes with every look, which is no reason to look again.
  Result<Requeue> Reconcile(const HorizontalPodAutoscaler& autoscaler) override {
    const auto memory = MemoryOf(KeyOf(autoscaler));
    const Duration now = clock_.Monotonic();
    if (memory->spec == autoscaler.spec && now < memory->due) {
      return Requeue::After(memory->due - now);
    }
    memory->spec = autoscaler.spec;
    memory->due = now + options_.sync_period;
    figures_.Knows(KeyOf(autoscaler));
    HorizontalPodAutoscaler changed = autoscaler;
    Outcome outcome = Look(changed, memory->history);
    const auto written = WriteStatus(autoscaler, changed.status);
    const bool is_gone = !written && written.error().reason == Reason::kNotFound;
    if (!written && !is_gone) {
      events_.Warning(autoscaler, "FailedUpdateStatus", written.error().message);
      outcome.failure = Outcome::Failure::kInternal;
    }
    figures_.Reconciled(outcome, clock_.Monotonic() - now);
    return is_gone ? Requeue::None() : Requeue::After(options_.sync_period);
  }

  void Forget(const ObjectKey& key) override {
    selectors_.Forget(key);
    figures_.Forgets(key);
    const MutexLock lock(mutex_);
    memories_.erase(key);
  }

 private:
  std::shared_ptr<AutoscalerMemory> MemoryOf(const ObjectKey& key) {
    const MutexLock lock(mutex_);
    auto& memory = memories_[key];
    if (!memory) memory = std::make_shared<AutoscalerMemory>();
    return memory;
  }

  Result<> WriteStatus(const HorizontalPodAutoscaler& before,
                       const HorizontalPodAutoscalerStatus& status) {
    TRY(client_.PatchStatus(before, [&](HorizontalPodAutoscaler& it) { it.status = status; },
                            {.if_unchanged = true}));
    return {};
  }

  void Say(HorizontalPodAutoscaler& it, const char* type, const Verdict& verdict) {
    autoscaler::SetCondition(it.status, type, verdict, clock_.Now());
  }

  // One look at the metrics and the target; `it.status` is what it said before, and says what was
  // found.
  Outcome Look(HorizontalPodAutoscaler& it, autoscaler::History& history) {
    auto target = FindTarget(it);
    if (!target) {
      const std::string& error = target.error().message;
      events_.Warning(it, "FailedGetScale", error);
      Say(it, kAbleToScale,
          {false, "FailedGetScale",
           "the HPA controller was unable to get the target's current scale: " + error});
      const bool is_misnamed = !GroupOfVersion(it.spec.scale_target_ref.api_version);
      return {.failure = is_misnamed ? Outcome::Failure::kSpec : Outcome::Failure::kInternal};
    }
    Say(it, kAbleToScale,
        {true, "SucceededGetScale",
         "the HPA controller was able to get the target's current scale"});
    const int32_t current = target->scale.spec.replicas;
    history.Begin(current, clock_.Monotonic());
    it.status.current_replicas = current;
    it.status.current_metrics.clear();
    int32_t wanted = current;
    auto failure = Outcome::Failure::kNone;
    std::string reason;
    if (const auto shortcut = autoscaler::WithoutMetrics(it.spec, current)) {
      wanted = shortcut->replicas;
      reason = shortcut->reason;
      if (reason.empty()) {
        Say(it, kScalingActive,
            {false, "ScalingDisabled",
             "scaling is disabled since the replica count of the target is zero"});
      }
    } else {
      const auto agreed = AskMetrics(it, target->scale);
      if (!agreed) return {.failure = Outcome::Failure::kInternal};
      // It goes by those metrics that are known.
      if (!agreed->error.empty()) failure = Outcome::Failure::kInternal;
      reason = autoscaler::RescaleReason(current, *agreed->replicas, agreed->name);
      const auto limited = history.Limit(it.spec, current, *agreed->replicas,
                                         options_.downscale_stabilization, clock_.Monotonic());
      Say(it, kAbleToScale, limited.able);
      Say(it, kScalingLimited, limited.limited);
      wanted = limited.replicas;
    }
    if (wanted != current && !Rescale(it, *target, wanted, reason)) {
      return {.failure = Outcome::Failure::kInternal};
    }
    if (wanted != current) history.Scaled(it.spec, current, wanted, clock_.Monotonic());
    it.status.desired_replicas = wanted;
    figures_.Wants(KeyOf(it), wanted);
    return {.current = current, .wanted = wanted, .failure = failure};
  }

  Result<ScaledTarget> FindTarget(const HorizontalPodAutoscaler& it) {
    const auto& reference = it.spec.scale_target_ref;
    const std::string group = TRY(GroupOfVersion(reference.api_version));
    ScaledTarget target;
    target.resource = TRY(kinds_.Find(group, reference.kind));
    target.scale = TRY(GetScale(it, target.resource));
    return target;
  }

  Result<Scale> GetScale(const HorizontalPodAutoscaler& it, const Resource& resource) {
    const ObjectKey key{it.metadata.namespace_, it.spec.scale_target_ref.name};
    const Json document = TRY(ScaleIn(client_, resource, key));
    return FromJson<Scale>(document);
  }

  // nullopt: too little is known, and the status says so.
  std::optional<Consensus> AskMetrics(HorizontalPodAutoscaler& it, const Scale& scale) {
    const auto usage = UsageOf(it, scale);
    if (!usage) {
      events_.Warning(it, "FailedComputeMetricsReplicas", usage.error().message);
      return std::nullopt;
    }
    std::vector<Finding> findings;
    for (const MetricSpec& metric : it.spec.metrics) {
      const Duration begin = clock_.Monotonic();
      findings.push_back(Find(it, metric, scale, *usage));
      figures_.Computed(autoscaler::OutcomeOf(findings.back(), scale.spec.replicas), metric.type,
                        clock_.Monotonic() - begin);
      const Unknown& unknown = findings.back().unknown;
      if (!findings.back().proposal) events_.Warning(it, unknown.reason, unknown.message);
    }
    Consensus agreed = autoscaler::Agree(findings, scale.spec.replicas);
    it.status.current_metrics = agreed.statuses;
    Say(it, kScalingActive, agreed.active);
    if (agreed.replicas) return agreed;
    events_.Warning(it, "FailedComputeMetricsReplicas", agreed.error);
    return std::nullopt;
  }

  // The pods of the target; those that nobody else may scale.
  Result<Usage> UsageOf(HorizontalPodAutoscaler& it, const Scale& scale) {
    const std::string& text = scale.status.selector;
    if (text.empty()) {
      return Refuse(it, "SelectorRequired", "selector is required",
                    {false, "InvalidSelector", "the HPA target's scale is missing a selector"});
    }
    const auto selector = LabelSelector::Parse(text);
    if (!selector) {
      const std::string error =
          "couldn't convert selector into a corresponding internal selector object: " +
          selector.error().message;
      return Refuse(it, "InvalidSelector", error, {false, "InvalidSelector", error});
    }
    Usage usage;
    usage.pods = pods_.ListIn(it.metadata.namespace_);
    std::erase_if(usage.pods,
                  [&](const auto& pod) { return !selector->Matches(pod->metadata.labels); });
    const auto who = selectors_.Put(KeyOf(it), *selector, usage.pods);
    if (who.size() > 1) {
      const std::string error =
          fmt::format("pods by selector {} are controlled by multiple HPAs: [{}]", text,
                      fmt::join(who, " "));
      return Refuse(it, "AmbiguousSelector", error, {false, "AmbiguousSelector", error});
    }
    usage.current = scale.spec.replicas;
    usage.tolerances = autoscaler::TolerancesOf(it.spec, options_.tolerance);
    usage.delays = {options_.cpu_initialization_period, options_.initial_readiness_delay};
    usage.now = clock_.Now();
    return usage;
  }

  tl::unexpected<Error> Refuse(HorizontalPodAutoscaler& it, const char* reason,
                               const std::string& error, const Verdict& active) {
    events_.Warning(it, reason, error);
    Say(it, kScalingActive, active);
    return Fail(Reason::kUnknown, error);
  }

  static Result<std::string> SelectorOf(const autoscaling_v2::MetricIdentifier& metric) {
    if (!metric.selector) return std::string();
    const auto selector = TRY(LabelSelector::From(*metric.selector));
    return selector.Text();
  }

  Finding Find(const HorizontalPodAutoscaler& it, const MetricSpec& metric, const Scale& scale,
               const Usage& usage) {
    const std::string& space = it.metadata.namespace_;
    const autoscaler::Target target{scale.spec.replicas, scale.status.replicas};
    if (metric.type == "Resource" && metric.resource) {
      return autoscaler::FindByResource(
          metric, WithResource(usage, it, scale, metric.resource->name, ""));
    }
    if (metric.type == "ContainerResource" && metric.container_resource) {
      const auto& source = *metric.container_resource;
      return autoscaler::FindByResource(
          metric, WithResource(usage, it, scale, source.name, source.container));
    }
    if (metric.type == "Pods" && metric.pods) {
      return autoscaler::FindByPods(metric, WithPods(usage, it, scale, metric.pods->metric));
    }
    if (metric.type == "Object" && metric.object) {
      return autoscaler::FindByObject(metric, usage, target, space, OfObject(space, metric));
    }
    if (metric.type == "External" && metric.external) {
      return autoscaler::FindByExternal(metric, usage, target, space, OfElsewhere(space, metric));
    }
    return autoscaler::FindNothing(metric);
  }

  Result<Usage> WithResource(Usage usage, const HorizontalPodAutoscaler& it, const Scale& scale,
                             const std::string& resource, const std::string& container) {
    usage.resource = resource;
    usage.container = container;
    usage.metrics = TRY(metrics_.OfResource(it.metadata.namespace_, scale.status.selector,
                                            resource, container));
    return usage;
  }

  Result<Usage> WithPods(Usage usage, const HorizontalPodAutoscaler& it, const Scale& scale,
                         const autoscaling_v2::MetricIdentifier& metric) {
    const std::string selector = TRY(SelectorOf(metric));
    usage.metrics = TRY(metrics_.OfPods(it.metadata.namespace_, scale.status.selector,
                                        {metric.name, selector}));
    return usage;
  }

  Result<int64_t> OfObject(const std::string& name_space, const MetricSpec& metric) {
    const auto& source = *metric.object;
    const std::string selector = TRY(SelectorOf(source.metric));
    const std::string group = TRY(GroupOfVersion(source.described_object.api_version));
    const Resource kind = TRY(kinds_.Find(group, source.described_object.kind));
    return metrics_.OfObject(name_space, kind, source.described_object.name,
                             {source.metric.name, selector});
  }

  Result<int64_t> OfElsewhere(const std::string& name_space, const MetricSpec& metric) {
    const std::string selector = TRY(SelectorOf(metric.external->metric));
    return metrics_.OfElsewhere(name_space, {metric.external->metric.name, selector});
  }

  // Whether the target is scaled.
  bool Rescale(HorizontalPodAutoscaler& it, ScaledTarget& target, int32_t wanted,
               const std::string& reason) {
    const auto written = WriteScale(it, target, wanted);
    const std::string what = fmt::format("New size: {}; reason: {}", wanted, reason);
    if (!written) {
      const std::string& error = written.error().message;
      events_.Warning(it, "FailedRescale", what + "; error: " + error);
      Say(it, kAbleToScale,
          {false, "FailedUpdateScale",
           "the HPA controller was unable to update the target scale: " + error});
      return false;
    }
    Say(it, kAbleToScale,
        {true, "SucceededRescale",
         fmt::format("the HPA controller was able to update the target scale to {}", wanted)});
    events_.Normal(it, "SuccessfulRescale", what);
    it.status.last_scale_time = Time(clock_.Now());
    return true;
  }

  // Others write the target all the time.
  Result<> WriteScale(const HorizontalPodAutoscaler& it, ScaledTarget& target, int32_t wanted) {
    for (int attempt = 1;; ++attempt) {
      target.scale.spec.replicas = wanted;
      Json document = ToJson(target.scale);
      document["apiVersion"] = "autoscaling/v1";
      document["kind"] = "Scale";
      const auto written = client_.Update(target.resource, document, "scale");
      if (written) return {};
      if (written.error().reason != Reason::kConflict || attempt == kScaleWritesMax) {
        return Fail(written.error());
      }
      target.scale = TRY(GetScale(it, target.resource));
    }
  }

  Client& client_;
  const Clock& clock_;
  const AutoscalerOptions options_;
  const Informer<Pod> pods_;
  MetricsApi metrics_;
  KindFinder kinds_;
  autoscaler::Figures figures_;
  EventRecorder& events_;
  AutoscalerSelectors selectors_;
  Mutex mutex_;
  std::map<ObjectKey, std::shared_ptr<AutoscalerMemory>> memories_ GUARDED_BY(mutex_);
};

}  // namespace

void AddHorizontalPodAutoscaler(Manager& manager, const AutoscalerOptions& options) {
  ControllerBuilder<HorizontalPodAutoscaler>(manager, "horizontal-pod-autoscaler-controller")
      // Waited for, and looked at when it is time.
      .Watches<Pod>([](const Pod&) { return std::vector<ObjectKey>(); })
      .Workers(options.workers)
      .Complete(std::make_unique<AutoscalerReconciler>(manager, options));
}

}  // namespace skiff
