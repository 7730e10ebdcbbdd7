#include "apiserver/watches/prefix_bell.h"

namespace skiff {
namespace {

constexpr size_t kRungEventsPerTurn = 256;

}  // namespace

bool PrefixBell::HasRung() {
  bool any = false;
  std::vector<EventPtr> events;
  while (cursor_) {
    events.clear();
    if (!cursor_->Next(kRungEventsPerTurn, events)) cursor_.reset();
    any |= !events.empty();
    if (events.size() < kRungEventsPerTurn) break;
  }
  if (cursor_) return any;
  auto opened = store_.Watch(prefix_, store_.Current(), ring_);
  if (opened) cursor_ = std::move(*opened);
  events.clear();
  // A cursor wakes whoever has come to its end. Where there is none, nothing else would.
  if (!cursor_ || !cursor_->Next(kRungEventsPerTurn, events)) {
    cursor_.reset();
    ring_();
  }
  return true;
}

}  // namespace skiff
