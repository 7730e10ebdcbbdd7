#include "apiserver/watches/definition_watch.h"

#include <algorithm>
#include <iterator>

#include "api/crd/custom_kind.h"
#include "apiserver/objects/grounds.h"
#include "apiserver/storage/record_header.h"

namespace skiff {
namespace {

constexpr size_t kDefinitionsAtOnce = 16;

}  // namespace

bool DefinitionWatch::Says(const Record& definition) const {
  const auto view = ObjectView::Of(definition);
  return view && mark_->IsOf(definition.modified.value, view->body());
}

Result<std::unique_ptr<DefinitionWatch>> DefinitionWatch::Of(Store& store, const KindInfo& kind) {
  auto key = DefinitionKeyOf(kind);
  if (!key) return nullptr;
  const crd::CustomKind& custom = *RuntimeKindOf(kind)->custom;
  std::unique_ptr<DefinitionWatch> watch(new DefinitionWatch(store, *std::move(key), custom.mark));
  watch->known_ = store.Current();
  const auto definition = store.GetAny(watch->key_);
  if (!definition && definition.error().reason != Reason::kNotFound) {
    return Fail(definition.error());
  }
  // What was written since then comes as an event.
  if (definition && (*definition)->modified > watch->known_) return watch;
  const bool is_known = definition && (*definition)->modified.value <= *custom.defined_at;
  if (is_known || (definition && watch->Says(**definition))) return watch;
  watch->known_ = {};
  watch->is_other_ = true;
  return watch;
}

void DefinitionWatch::Attach(WakeFunction wake) {
  if (is_other_) return;
  auto cursor = store_.Watch({.prefix = key_, .after = known_, .previous = false}, std::move(wake));
  if (cursor) {
    cursor_ = std::move(*cursor);
  } else {
    is_other_ = true;  // Nobody can tell any more.
  }
}

void DefinitionWatch::ReadOn() {
  std::vector<EventPtr> events;
  while (!is_other_ && cursor_ != nullptr) {
    events.clear();
    if (!cursor_->Next(kDefinitionsAtOnce, events)) {
      is_other_ = true;  // Nobody can tell any more.
      return;
    }
    for (const EventPtr& event : events) {
      if (event->record->key != key_) continue;  // It begins with the same letters.
      is_other_ = event->kind == Event::Kind::kDelete || !Says(*event->record);
      known_ = event->revision;
      if (is_other_) return;
    }
    if (events.size() >= kDefinitionsAtOnce) continue;
    known_ = std::max(known_, cursor_->position());
    return;
  }
}

bool DefinitionWatch::EndsBefore(Revision revision) {
  ReadOn();
  return is_other_ && revision > known_;
}

Result<> DefinitionWatch::Next(WatchCursor& objects, size_t events_max,
                               std::vector<EventPtr>& out) {
  const size_t full = out.size() + events_max;
  for (bool drained = false; !drained && out.size() < full;) {
    if (held_.empty()) {
      const size_t wanted = full - out.size();
      TRY(objects.Next(wanted, held_));
      drained = held_.size() < wanted;
    }
    // Read after the objects, or there might be more of them.
    ReadOn();
    const auto unknown = std::ranges::upper_bound(
        held_, known_, {}, [](const EventPtr& event) { return event->revision; });
    out.insert(out.end(), std::make_move_iterator(held_.begin()), std::make_move_iterator(unknown));
    const bool is_end = unknown != held_.end();
    held_.erase(held_.begin(), is_other_ ? held_.end() : unknown);
    if (is_end) return {};
  }
  if (held_.empty()) held_.shrink_to_fit();
  return {};
}

Revision DefinitionWatch::PositionOf(const WatchCursor& objects) const {
  return held_.empty() ? objects.position() : Revision{held_.front()->revision.value - 1};
}

bool DefinitionWatch::IsOver(const WatchCursor& objects) {
  ReadOn();
  return is_other_ && held_.empty() && objects.position() >= known_;
}

}  // namespace skiff
