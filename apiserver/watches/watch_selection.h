// Which objects of its prefix a watch is about.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/registry.h"
#include "apiserver/objects/packed_rules.h"
#include "apiserver/storage/store.h"

namespace skiff {

class ObjectView;

// What the client asked for. Any thread: it is asked on the loop and, for the state, aside.
struct WatchSelection {
  const RuntimeKindPtr held;
  const KindInfo& kind;                                // Built in, or held.
  const PackedRules labels, fields;                    // Kept for as long as the watch lasts.
  const std::string name;                              // Not empty: that object alone.
  const std::optional<IndexTerm> term = std::nullopt;  // What all of them have.

  bool TakesAll() const { return GoesByKey() && name.empty(); }
  // Whether all versions of an object are taken, or none.
  bool GoesByKey() const { return labels.empty() && fields.empty(); }
  bool Takes(const Record& record) const;

 private:
  bool TakesLabels(const ObjectView& view) const;
};

// The kind, for as long as that is held.
std::shared_ptr<const KindInfo> WatchedKind(const std::shared_ptr<const WatchSelection>& selection);

}  // namespace skiff
