// Where a store stood at a moment of the past.
#pragma once

#include <functional>
#include <optional>

#include "apiserver/storage/store.h"
#include "base/clock.h"
#include "base/error.h"

namespace skiff {

struct StoreMoment {
  Revision revision;  // The newest one then.
  // The moment lies before what can be read: this is the oldest revision that can be ...
  bool is_oldest = false;
  std::optional<TimePoint> at;  // ... and since when it was the newest, where that is known.
  // Others have written later revisions, and nothing tells when: of these some may have been there
  // at the moment, but none at this time, up to which the answer is sure. nullopt: it is.
  std::optional<TimePoint> sure_until;
};

using FindMoment = std::function<Result<StoreMoment>(TimePoint)>;

}  // namespace skiff
