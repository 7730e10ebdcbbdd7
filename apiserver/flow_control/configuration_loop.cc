#include "apiserver/flow_control/configuration_loop.h"

#include <algorithm>
#include <utility>

#include "apiserver/storage/keys.h"

namespace skiff::flow_control {
namespace {

constexpr size_t kFlowEventsPerTurn = 256;
// When the store could not be read.
constexpr Duration kFlowRetry = 1s;

template <typename T>
std::string PrefixOf() {
  return StorePrefix(T::Info().storage_key);
}

}  // namespace

ConfigurationLoop::ConfigurationLoop(Store& store, Entrance& entrance)
    : store_(store), entrance_(entrance), schemas_(store), levels_(store) {
  watched_[0].prefix = PrefixOf<flowcontrol_v1::FlowSchema>();
  watched_[1].prefix = PrefixOf<flowcontrol_v1::PriorityLevelConfiguration>();
  entrance_.WakeBy([this] { Wake(); });
  (void)Follow();  // Else the first step does.
}

Result<bool> ConfigurationLoop::TakeEvents() {
  bool any = false;
  for (Watched& watched : watched_) {
    std::vector<EventPtr> events;
    while (watched.cursor) {
      events.clear();
      if (!watched.cursor->Next(kFlowEventsPerTurn, events)) watched.cursor.reset();
      any |= !events.empty();
      if (events.size() < kFlowEventsPerTurn) break;
    }
    if (watched.cursor) continue;
    watched.cursor = TRY(store_.Watch(watched.prefix, store_.Current(), [this] { Wake(); }));
    events.clear();
    TRY(watched.cursor->Next(kFlowEventsPerTurn, events));
    any = true;
  }
  return any;
}

bool ConfigurationLoop::Follow() {
  const auto changed = TakeEvents();
  if (!changed) return false;
  if (*changed) entrance_.Configure(schemas_.All(), levels_.All());
  return true;
}

Duration ConfigurationLoop::Step() {
  const bool followed = Follow();
  const Duration due = entrance_.Step();
  return followed ? due : std::min(due, kFlowRetry);
}

}  // namespace skiff::flow_control
