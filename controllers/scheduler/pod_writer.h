// What the scheduler writes into pods apart from their node: why they have none, which one they
// wait for, and the end of those that have to go for others.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/core_v1.h"
#include "client/manager.h"
#include "controllers/scheduler/preemption.h"

namespace skiff::scheduler {

// Longer texts are cut: of conditions, and of events as the API wants them.
inline constexpr size_t kConditionBytesMax = 32 << 10;
inline constexpr size_t kEventBytesMax = 1024;
// Cut at a whole character, " ..." behind; no longer than that.
std::string Shortened(std::string_view text, size_t bytes_max);
inline std::string EventText(std::string_view text) {
  return Shortened(text, kEventBytesMax);
}

struct Unplaced {
  // "Unschedulable", or "SchedulerError" when it is not the pod's fault; "" leaves the condition.
  std::string_view reason;
  std::string message;
  // The node it waits for from now on, "" for none; nullopt leaves what the status says.
  std::optional<std::string> nominated_node;
};

// The strategic merge patch of a status, without what `pod` says already; null when that is all.
// Pure. By condition: the kubelet and others own the rest of the list.
Json UnplacedPatch(const core_v1::Pod& pod, const Unplaced& unplaced, TimePoint now);
Json PreemptedPatch(const core_v1::Pod& victim, const std::string& scheduler, TimePoint now);

// Thread-safe.
class PodWriter {
 public:
  explicit PodWriter(Manager& manager);
  // A pod that is gone or bound by now is left alone in silence.
  void Write(const core_v1::Pod& pod, const Unplaced& unplaced);
  // Marks and deletes the victims that are not leaving already, and tells it to `events`. Fails
  // when one of them could not be deleted.
  Result<> Evict(const PodInfo& preemptor, const Victims& victims, EventRecorder& events);

 private:
  Result<> EvictOne(const PodInfo& preemptor, const core_v1::Pod& victim, const std::string& node,
                    EventRecorder& events);
  Result<> Patch(const core_v1::Pod& pod, const Json& patch);

  Client& client_;
  const Clock& clock_;
  Hands& hands_;
  const Log log_{"scheduler"};
};

}  // namespace skiff::scheduler
