#include "apiserver/flow_control/kind_figures.h"

#include <utility>

#include "apiserver/routes.h"
#include "apiserver/storage/keys.h"
#include "base/at_once.h"

namespace skiff::flow_control {
namespace {

uint64_t KindDigest(const RequestInfo& info) {
  const std::hash<std::string_view> hash;
  return hash(info.group) * 31 + hash(info.resource);
}

class CountedStream final : public http::StreamSource {
 public:
  CountedStream(std::unique_ptr<http::StreamSource> inner,
                std::shared_ptr<std::atomic<int64_t>> count)
      : inner_(std::move(inner)), count_(std::move(count)) {
    count_->fetch_add(1, std::memory_order_relaxed);
  }
  ~CountedStream() override { count_->fetch_sub(1, std::memory_order_relaxed); }
  void Attach(http::Waker waker) override { inner_->Attach(std::move(waker)); }
  http::Pulled Pull(size_t bytes_max, std::vector<http::SharedBytes>& out) override {
    return inner_->Pull(bytes_max, out);
  }
  int PullEveryMs() const override { return inner_->PullEveryMs(); }

 private:
  const std::unique_ptr<http::StreamSource> inner_;
  const std::shared_ptr<std::atomic<int64_t>> count_;
};

}  // namespace

int64_t CountObjects(Store& store, const RouteTable& routes, std::string_view group,
                     std::string_view resource) {
  for (const KindInfo* kind : routes.kinds()) {
    if (kind->group != group || kind->resource != resource || kind->storage_key.empty()) continue;
    const auto page =
        store.List({.prefix = StorePrefix(kind->storage_key), .limit = 1, .count_remaining = true});
    return page ? static_cast<int64_t>(page->records.size() + page->remaining) : -1;
  }
  return 0;
}

int64_t KindFigures::ObjectsOf(const RequestInfo& info) {
  const uint64_t digest = KindDigest(info);
  const Duration now = clock_.Monotonic();
  {
    const MutexLock lock(mutex_);
    const auto found = counted_.find(digest);
    if (found != counted_.end() && now - found->second.at < kFreshFor) {
      return found->second.objects;
    }
  }
  if (!MayWait()) return -1;
  const int64_t objects = count_(info.group, info.resource);
  const MutexLock lock(mutex_);
  if (counted_.size() >= kKindsMax) counted_.clear();
  counted_[digest] = {objects, now};
  return objects;
}

int64_t KindFigures::WatchersOf(const RequestInfo& info) const {
  const MutexLock lock(mutex_);
  const auto found = watchers_.find(KindDigest(info));
  return found == watchers_.end() ? 0 : found->second->load(std::memory_order_relaxed);
}

void KindFigures::Follow(const RequestInfo& info, http::Response& response) {
  if (!response.stream || info.verb != "watch") return;
  Watchers watchers;
  {
    const MutexLock lock(mutex_);
    if (watchers_.size() >= kKindsMax) {
      std::erase_if(watchers_, [](const auto& each) { return *each.second == 0; });
    }
    Watchers& entry = watchers_[KindDigest(info)];
    if (!entry) entry = std::make_shared<std::atomic<int64_t>>(0);
    watchers = entry;
  }
  response.stream = std::make_unique<CountedStream>(std::move(response.stream), watchers);
}

}  // namespace skiff::flow_control
