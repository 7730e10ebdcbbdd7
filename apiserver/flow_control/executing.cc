#include "apiserver/flow_control/executing.h"

#include <atomic>
#include <utility>

namespace skiff::flow_control {

ExecutingRequests::Place ExecutingRequests::Add(ExecutingRequest request) {
  static std::atomic<size_t> next_thread = 0;
  thread_local const size_t number = next_thread++;
  Place place{.list = number % kLists, .at = {}};
  // What takes memory is done before the lock.
  std::list<ExecutingRequest> own;
  own.push_front(std::move(request));
  place.at = own.begin();
  List& list = lists_[place.list];
  const MutexLock lock(list.mutex);
  list.requests.splice(list.requests.end(), own);
  return place;
}

void ExecutingRequests::Remove(const Place& place) {
  std::list<ExecutingRequest> gone;
  List& list = lists_[place.list];
  const MutexLock lock(list.mutex);
  gone.splice(gone.end(), list.requests, place.at);
}

std::vector<ExecutingRequest> ExecutingRequests::All() const {
  std::vector<ExecutingRequest> all;
  for (const List& list : lists_) {
    const MutexLock lock(list.mutex);
    all.insert(all.end(), list.requests.begin(), list.requests.end());
  }
  return all;
}

}  // namespace skiff::flow_control
