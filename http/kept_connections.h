// Connections to other servers that wait for their next request. Internal to http/; see
// Upstream::kept.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "http/event_loop.h"

namespace skiff::http {

// Thread-safe. Holds none of them alive: that is their loop's.
class KeptConnections {
 public:
  struct Kept {
    Loop* loop;
    std::weak_ptr<void> connection;
  };

  // False: as many wait for that place already.
  bool Put(const std::string& place, Kept kept) {
    const MutexLock lock(mutex_);
    if (by_place_.size() >= kPlacesMax) Forget();
    std::vector<Kept>& list = by_place_[place];
    std::erase_if(list, IsGone);
    if (list.size() >= kPerPlaceMax) return false;
    list.push_back(std::move(kept));
    return true;
  }
  // The one that was used last: it is the least likely to have been closed meanwhile.
  std::optional<Kept> Take(const std::string& place) {
    const MutexLock lock(mutex_);
    const auto found = by_place_.find(place);
    if (found == by_place_.end()) return std::nullopt;
    std::erase_if(found->second, IsGone);
    if (found->second.empty()) {
      by_place_.erase(found);
      return std::nullopt;
    }
    Kept kept = std::move(found->second.back());
    found->second.pop_back();
    return kept;
  }

 private:
  static constexpr size_t kPerPlaceMax = 16;  // Further ones are closed.
  static constexpr size_t kPlacesMax = 256;   // Past it those without connections are forgotten.

  static bool IsGone(const Kept& kept) { return kept.connection.expired(); }
  void Forget() REQUIRES(mutex_) {
    std::erase_if(by_place_, [](auto& place) {
      return std::all_of(place.second.begin(), place.second.end(), IsGone);
    });
  }

  Mutex mutex_;
  std::map<std::string, std::vector<Kept>> by_place_ GUARDED_BY(mutex_);
};

}  // namespace skiff::http
