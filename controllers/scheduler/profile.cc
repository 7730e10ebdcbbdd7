#include "controllers/scheduler/profile.h"

namespace skiff::scheduler {

Profile::Profile()
    : filters(DefaultFilters().begin(), DefaultFilters().end()),
      scores(DefaultScores().begin(), DefaultScores().end()) {}

const Profile& ProfileOf(const Snapshot& snapshot) {
  static const Profile kDefault;
  return snapshot.profile == nullptr ? kDefault : *snapshot.profile;
}

}  // namespace skiff::scheduler
