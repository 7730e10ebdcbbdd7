#include "controllers/scheduler/pod_writer.h"

#include "api/pods/conditions.h"

namespace skiff::scheduler {
namespace {

using core_v1::Pod;

// The patch fails when the name has gone to another pod.
Json PatchOf(const Pod& pod, Json status) {
  return {{"metadata", {{"uid", pod.metadata.uid}}}, {"status", std::move(status)}};
}

Json ConditionOf(const Pod& pod, const core_v1::PodCondition& wanted, TimePoint now) {
  const core_v1::PodCondition* present = FindCondition(pod.status.conditions, wanted.type);
  Json condition = {{"type", wanted.type},
                    {"status", wanted.status},
                    {"reason", wanted.reason},
                    {"message", wanted.message},
                    {"observedGeneration", pod.metadata.generation}};
  if (present == nullptr || present->status != wanted.status) {
    condition["lastTransitionTime"] = Time(now).Rfc3339();
  }
  return condition;
}

bool Says(const Pod& pod, const core_v1::PodCondition& wanted) {
  const core_v1::PodCondition* present = FindCondition(pod.status.conditions, wanted.type);
  return present != nullptr && present->status == wanted.status &&
         present->reason == wanted.reason && present->message == wanted.message &&
         present->observed_generation == pod.metadata.generation;
}

}  // namespace

std::string Shortened(std::string_view text, size_t bytes_max) {
  constexpr std::string_view kMore = " ...";
  if (text.size() <= bytes_max) return std::string(text);
  size_t end = bytes_max - kMore.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + std::string(kMore);
}

Json UnplacedPatch(const Pod& pod, const Unplaced& unplaced, TimePoint now) {
  core_v1::PodCondition wanted;
  wanted.type = "PodScheduled";
  wanted.status = "False";
  wanted.reason = unplaced.reason;
  wanted.message = unplaced.message;
  Json status = Json::object();
  if (!wanted.reason.empty() && !Says(pod, wanted)) {
    status["conditions"] = Json::array({ConditionOf(pod, wanted, now)});
  }
  if (unplaced.nominated_node) {
    const std::string& node = *unplaced.nominated_node;
    status["nominatedNodeName"] = node.empty() ? Json() : Json(node);
  }
  return status.empty() ? Json() : PatchOf(pod, std::move(status));
}

Json PreemptedPatch(const Pod& victim, const std::string& scheduler, TimePoint now) {
  core_v1::PodCondition wanted;
  wanted.type = "DisruptionTarget";
  wanted.status = "True";
  wanted.reason = "PreemptionByScheduler";
  wanted.message = scheduler + ": preempting to accommodate a higher priority pod";
  if (Says(victim, wanted)) return {};
  return PatchOf(victim, {{"conditions", Json::array({ConditionOf(victim, wanted, now)})}});
}

PodWriter::PodWriter(Manager& manager)
    : client_(manager.client()), clock_(manager.clock()), hands_(manager.hands()) {}

Result<> PodWriter::Patch(const Pod& pod, const Json& patch) {
  if (patch.is_null()) return {};
  TRY(client_.Patch(Pod::Info(), KeyOf(pod), PatchType::kStrategic, patch, "status"));
  return {};
}

void PodWriter::Write(const Pod& pod, const Unplaced& unplaced) {
  const auto written = Patch(pod, UnplacedPatch(pod, unplaced, clock_.Now()));
  if (!written && written.error().reason != Reason::kNotFound &&
      written.error().reason != Reason::kConflict) {
    log_.Info("pod condition not written", {{"error", written.error().message}});
  }
}

Result<> PodWriter::Evict(const PodInfo& preemptor, const Victims& victims,
                          EventRecorder& events) {
  std::vector<PodInfoPtr> staying;
  for (const PodInfoPtr& victim : victims.pods) {
    if (!victim->pod->metadata.deletion_timestamp) staying.push_back(victim);
  }
  if (staying.empty()) return {};
  std::vector<Result<>> results(staying.size());
  const auto evict = [&](int index) {
    results[index] = EvictOne(preemptor, *staying[index]->pod, victims.node, events);
  };
  // The last one goes last: its end is the event that lets the preemptor try, and then all others
  // have been told.
  const int last = static_cast<int>(staying.size()) - 1;
  hands_.Run(last, evict);
  evict(last);
  for (const auto& result : results) TRY(Result<>(result));
  return {};
}

Result<> PodWriter::EvictOne(const PodInfo& preemptor, const Pod& victim, const std::string& node,
                             EventRecorder& events) {
  const auto patch =
      PreemptedPatch(victim, preemptor.pod->spec.scheduler_name, clock_.Now());
  const auto marked = Patch(victim, patch);
  if (!marked && marked.error().reason == Reason::kNotFound) return {};
  if (!marked) return Fail(marked.error());
  const auto deleted = client_.Delete(victim);
  if (!deleted && deleted.error().reason == Reason::kNotFound) return {};
  if (!deleted) return Fail(deleted.error());
  events.Normal(victim, "Preempted",
                 "Preempted by pod " + preemptor.uid() + " on node " + node);
  return {};
}

}  // namespace skiff::scheduler
