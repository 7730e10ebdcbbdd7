// What an estimate wants to know of a kind: how many objects of it are stored, and how many watches
// hear of a change. Watches are told apart by what they are for, all objects, those of a namespace,
// or one, so that whoever may watch in one namespace makes nothing dearer in others; those for the
// objects of one node are woken by few changes, and do not count.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "apiserver/flow_control/work_estimate.h"
#include "apiserver/request/request_info.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "http/message.h"

namespace skiff {
class RouteTable;
class Store;
}  // namespace skiff

namespace skiff::flow_control {

// 0 where there is no such kind.
int64_t CountObjects(Store& store, const RouteTable& routes, std::string_view group,
                     std::string_view resource);

// Thread-safe. Outlives the streams that it follows.
class KindFigures {
 public:
  // How many objects of that kind are stored; negative: unknown. To count takes its time.
  using Count = std::function<int64_t(std::string_view group, std::string_view resource)>;
  KindFigures(const Clock& clock, Count count) : clock_(clock), count_(std::move(count)) {}

  int64_t ObjectsOf(const RequestInfo& info);
  // How many hear of what is asked for.
  int64_t WatchersOf(const RequestInfo& info) const;
  // What is asked of `info`, which the facts refer to.
  KindFacts Facts(const RequestInfo& info) {
    return {[this, &info] { return ObjectsOf(info); }, [this, &info] { return WatchersOf(info); }};
  }
  // The stream of a watch counts until it ends.
  void Follow(const RequestInfo& info, http::Response& response);

 private:
  // A number need not be newer than this: an estimate is what it is for.
  static constexpr Duration kFreshFor = 10s;
  static constexpr size_t kKindsMax = 4096;  // Past it all is forgotten and counted anew.
  // Of places that are watched; past it those that no longer are are forgotten, when there are
  // twice as many as were left before.
  static constexpr size_t kPlacesMin = 4096;
  struct Counted {
    int64_t objects = 0;
    Duration at = Duration::zero();
  };
  using Watchers = std::shared_ptr<std::atomic<int64_t>>;

  const Clock& clock_;
  const Count count_;
  mutable Mutex mutex_;
  std::unordered_map<std::string, Counted> counted_ GUARDED_BY(mutex_);    // By kind.
  std::unordered_map<std::string, Watchers> watchers_ GUARDED_BY(mutex_);  // By place.
  size_t places_max_ GUARDED_BY(mutex_) = kPlacesMin;
};

}  // namespace skiff::flow_control
