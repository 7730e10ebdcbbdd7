// A watch that has not sent all it begins with: until it has, it keeps its seats, as in
// kube-apiserver, and no worker. Internal to the entrance.
#pragma once

#include <map>
#include <memory>

#include "apiserver/flow_control/entrance.h"
#include "apiserver/request/initial_events.h"
#include "base/mutex.h"

namespace skiff::flow_control {

// Thread-safe. The watch's stream holds it, and says when it is over.
class Beginning final : public InitialEvents {
 public:
  explicit Beginning(Entrance& entrance) : entrance_(entrance) {}
  void Expect() override { entrance_.Expect(*this); }
  void Sent() override { entrance_.Over(*this); }

  // The entrance's, under its mutex:
  // kNew ─ Expect ─> kExpected ─ Hold ─> kHolds ─> kOver, to which all others lead, too.
  enum class State : uint8_t { kNew, kExpected, kHolds, kOver };
  State state = State::kNew;
  std::multimap<Duration, std::shared_ptr<Beginning>>::iterator place = {};  // Of kHolds.

  Pass pass;  // Of kHolds; whoever makes it kOver takes it.

 private:
  Entrance& entrance_;
};

}  // namespace skiff::flow_control
