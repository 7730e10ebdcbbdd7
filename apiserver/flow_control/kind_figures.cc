#include "apiserver/flow_control/kind_figures.h"

#include <algorithm>
#include <utility>

#include "api/select/selector.h"
#include "apiserver/request/followed_stream.h"
#include "apiserver/request/routes.h"
#include "apiserver/storage/keys.h"
#include "base/at_once.h"

namespace skiff::flow_control {
namespace {

// Whoever asks for more is not counted: nothing has such names but what people ask for.
constexpr size_t kKeyBytesMax = 1024;

// Segments of a path, none of which has a slash. As they are: of a digest everybody could find
// another name that has it, too.
std::string KindKey(const RequestInfo& info) {
  return info.group + '/' + info.resource;
}

// Of what a watch is for, or a write may change: all objects, those of a namespace, or one.
std::string PlaceKey(const RequestInfo& info, std::string_view namespace_name,
                     std::string_view name) {
  return KindKey(info).append(1, '/').append(namespace_name).append(1, '/').append(name);
}

bool FitsKey(const RequestInfo& info) {
  return info.group.size() + info.resource.size() + info.namespace_name.size() +
             info.name.size() <= kKeyBytesMax;
}

bool IsOfOneNode(const RequestInfo& info) {
  if (info.field_selector.empty()) return false;
  const auto selector = FieldSelector::Parse(info.field_selector);
  return selector && !selector->Exact("spec.nodeName").value_or("").empty();
}

}  // namespace

int64_t CountObjects(Store& store, const RouteTable& routes, std::string_view group,
                     std::string_view resource) {
  for (const KindInfo* kind : routes.kinds()) {
    if (kind->group != group || kind->resource != resource || kind->storage_key.empty()) continue;
    // About as many will do, and nobody's turn waits for a store that keeps silent.
    const auto count = store.CountAny(StorePrefix(kind->storage_key));
    return count ? static_cast<int64_t>(*count) : -1;
  }
  return 0;
}

int64_t KindFigures::ObjectsOf(const RequestInfo& info) {
  if (!FitsKey(info)) return 0;
  const std::string key = KindKey(info);
  const Duration now = clock_.Monotonic();
  {
    const MutexLock lock(mutex_);
    const auto found = counted_.find(key);
    if (found != counted_.end() && now - found->second.at < kFreshFor) {
      return found->second.objects;
    }
  }
  if (!MayWait()) return -1;
  const int64_t objects = count_(info.group, info.resource);
  const MutexLock lock(mutex_);
  if (counted_.size() >= kKindsMax) counted_.clear();
  counted_[key] = {objects, now};
  return objects;
}

int64_t KindFigures::WatchersOf(const RequestInfo& info) const {
  const std::string_view space = info.namespace_name;
  const std::string_view name = info.name;
  int64_t sum = 0;
  if (!FitsKey(info)) return sum;
  const MutexLock lock(mutex_);
  const auto add = [&](std::string_view in, std::string_view of) REQUIRES(mutex_) {
    const auto found = watchers_.find(PlaceKey(info, in, of));
    if (found != watchers_.end()) sum += found->second->load(std::memory_order_relaxed);
  };
  add("", "");
  if (!space.empty()) add(space, "");
  if (!name.empty()) add(space, name);
  return sum;
}

void KindFigures::Follow(const RequestInfo& info, http::Response& response) {
  if (!response.stream || info.verb != "watch" || !FitsKey(info) || IsOfOneNode(info)) return;
  Watchers watchers;
  {
    const MutexLock lock(mutex_);
    if (watchers_.size() >= places_max_) {
      std::erase_if(watchers_, [](const auto& each) { return *each.second == 0; });
      places_max_ = std::max(kPlacesMin, 2 * watchers_.size());
    }
    Watchers& entry = watchers_[PlaceKey(info, info.namespace_name, info.name)];
    if (!entry) entry = std::make_shared<std::atomic<int64_t>>(0);
    watchers = entry;
  }
  watchers->fetch_add(1, std::memory_order_relaxed);
  response.stream = std::make_unique<FollowedStream>(std::move(response.stream), [watchers] {
    watchers->fetch_sub(1, std::memory_order_relaxed);
  });
}

}  // namespace skiff::flow_control
