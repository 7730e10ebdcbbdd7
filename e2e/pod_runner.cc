#include "e2e/pod_runner.h"

#include <fmt/format.h>

#include "client/reconciler.h"

namespace skiff {
namespace {

using core_v1::Pod;

class PodRunner final : public Reconciler<Pod> {
 public:
  PodRunner(Manager& manager, PodRunnerOptions options)
      : client_(manager.client()), clock_(manager.clock()), options_(std::move(options)) {}

  Result<Requeue> Reconcile(const Pod& pod) override {
    if (pod.metadata.deletion_timestamp) {
      const auto deleted = client_.Delete(pod, {.grace_period_s = 0});
      if (!deleted && deleted.error().reason != Reason::kNotFound) return Fail(deleted.error());
      return Requeue::None();
    }
    if (pod.spec.node_name.empty()) {
      TRY(client_.Bind(pod, options_.node));
      return Requeue::None();
    }
    if (pod.status.phase != "Pending" || (options_.runs && !options_.runs(pod))) {
      return Requeue::None();
    }
    const std::string address = fmt::format("10.1.{}.{}", next_ / 250, next_ % 250 + 1);
    ++next_;
    TRY(client_.PatchStatus(pod, [&](Pod& it) {
      // Pods that are made to end do so at once.
      it.status.phase = it.spec.restart_policy == "Always" ? "Running" : "Succeeded";
      it.status.start_time = clock_.Now();
      it.status.pod_ip = address;
      it.status.pod_ips.clear();
      it.status.pod_ips.emplace_back().ip = address;
      std::erase_if(it.status.conditions, [](const auto& its) { return its.type == "Ready"; });
      auto& ready = it.status.conditions.emplace_back();
      ready.type = "Ready";
      ready.status = "True";
      ready.last_transition_time = clock_.Now();
    }));
    return Requeue::None();
  }

 private:
  Client& client_;
  const Clock& clock_;
  const PodRunnerOptions options_;
  int next_ = 0;
};

class NodeReporter final : public ControlLoop {
 public:
  NodeReporter(Manager& manager, PodRunnerOptions options)
      : client_(manager.client()),
        clock_(manager.clock()),
        nodes_(manager.informer<core_v1::Node>()),
        options_(std::move(options)) {}

  Duration Step() override {
    for (const auto& node : nodes_.List()) {
      if (options_.reports && !options_.reports(node->metadata.name)) continue;
      // One that fails is made up for by the next.
      (void)client_.PatchStatus(*node, [&](core_v1::Node& it) {
        for (auto& condition : it.status.conditions) condition.last_heartbeat_time = clock_.Now();
      });
    }
    return 10s;
  }

 private:
  Client& client_;
  const Clock& clock_;
  const Informer<core_v1::Node> nodes_;
  const PodRunnerOptions options_;
};

}  // namespace

void AddPodRunner(Manager& manager, PodRunnerOptions options) {
  manager.AddLoop(std::make_unique<NodeReporter>(manager, options));
  ControllerBuilder<Pod>(manager, "pod-runner")
      .Workers(1)
      .Complete(std::make_unique<PodRunner>(manager, std::move(options)));
}

}  // namespace skiff
