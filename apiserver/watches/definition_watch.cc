#include "apiserver/watches/definition_watch.h"

#include <vector>

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
  const bool is_known = definition && (*definition)->modified.value <= *custom.defined_at;
  if (!is_known && !(definition && watch->Says(**definition))) watch->last_ = Revision{0};
  return watch;
}

void DefinitionWatch::Attach(WakeFunction wake) {
  auto cursor = store_.Watch({.prefix = key_, .after = known_, .previous = false}, std::move(wake));
  if (cursor) {
    cursor_ = std::move(*cursor);
  } else {
    last_ = Revision{0};  // Nobody can tell any more.
  }
}

std::optional<Revision> DefinitionWatch::Last() {
  std::vector<EventPtr> events;
  while (!last_ && cursor_ != nullptr) {
    events.clear();
    if (!cursor_->Next(kDefinitionsAtOnce, events)) last_ = known_;
    for (const EventPtr& event : events) {
      if (last_) break;
      if (event->record->key != key_) continue;  // It begins with the same letters.
      if (event->kind == Event::Kind::kDelete || !Says(*event->record)) last_ = event->revision;
      known_ = event->revision;
    }
    if (events.size() < kDefinitionsAtOnce) break;
  }
  return last_;
}

}  // namespace skiff
