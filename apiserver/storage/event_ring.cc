#include "apiserver/storage/event_ring.h"

#include <algorithm>

#include "apiserver/storage/record_cache.h"

namespace skiff {
namespace {

// An event keeps its records alive, and watchers leave frames on it that are about as large as the
// record.
size_t EventBytes(const Event& event) {
  size_t bytes = sizeof(Event) + 2 * RecordBytes(*event.record);
  if (event.previous && event.previous != event.record) bytes += RecordBytes(*event.previous);
  return bytes;
}

// How many events a cursor looks at under one hold of the lock.
constexpr size_t kScanSlice = 1024;
constexpr size_t kNotIdle = std::string::npos;

}  // namespace

// All cursors of one prefix.
struct EventRing::Topic {
  std::vector<std::shared_ptr<Subscription>> idle;
  size_t members = 0;
};

struct EventRing::Subscription {
  std::string prefix;
  WakeFunction wake;
  // Where it stands in Topic::idle; kNotIdle: there may be events from first_pending on, and their
  // reader knows. Both under EventRing::mutex_.
  size_t idle_at = kNotIdle;
  uint64_t first_pending = 0;
  // Held while `wake` runs; never together with EventRing::mutex_.
  Mutex wake_mutex;
  bool closed GUARDED_BY(wake_mutex) = false;
};

class EventRing::Cursor final : public WatchCursor {
 public:
  Cursor(EventRing& ring, std::shared_ptr<Subscription> subscription, Revision after)
      : ring_(ring), subscription_(std::move(subscription)), position_(after) {}

  ~Cursor() override {
    {
      MutexLock lock(subscription_->wake_mutex);
      subscription_->closed = true;
    }
    ring_.Remove(subscription_);
  }

  Result<> Next(size_t events_max, std::vector<EventPtr>& out) override {
    const size_t full = out.size() + events_max;
    for (;;) {
      const Step step = ScanRing(full, out);
      if (step.done) return {};
      if (step.history_through == 0) continue;
      if (!ring_.history_) {
        return Fail(Reason::kExpired, "The resourceVersion for the provided watch is too old.");
      }
      position_ =
          TRY(ring_.history_->ReadEvents(subscription_->prefix, position_,
                                         Revision{step.history_through}, full - out.size(), out));
      if (out.size() == full) {
        MutexLock lock(ring_.mutex_);
        subscription_->first_pending = position_.value + 1;
        return {};
      }
    }
  }

  Revision position() const override {
    MutexLock lock(ring_.mutex_);
    if (subscription_->idle_at == kNotIdle) return position_;
    return std::max(position_, ring_.current_);
  }

 private:
  struct Step {
    bool done = false;
    // Not 0: the next event left the ring; what is up to here is history.
    uint64_t history_through = 0;
  };

  Step ScanRing(size_t full, std::vector<EventPtr>& out) {
    MutexLock lock(ring_.mutex_);
    if (subscription_->idle_at != kNotIdle) {
      position_ = std::max(position_, ring_.current_);
      return {.done = true};
    }
    uint64_t next = std::max(subscription_->first_pending, position_.value + 1);
    position_.value = next - 1;
    const uint64_t first = ring_.First();
    if (next < first) return {.history_through = first - 1};
    for (size_t looked = 0; next <= ring_.current_.value; ++next, ++looked) {
      if (out.size() == full) return {.done = true};
      if (looked == kScanSlice) return {};
      const EventPtr& event = ring_.ring_[next - first];
      if (event->record->key.starts_with(subscription_->prefix)) out.push_back(event);
      position_.value = next;
      subscription_->first_pending = next + 1;
    }
    ring_.MakeIdle(subscription_);
    return {.done = true};
  }

  EventRing& ring_;
  const std::shared_ptr<Subscription> subscription_;
  Revision position_;  // All up to here was returned.
};

EventRing::EventRing(Revision current, Options options, EventHistory* history)
    : options_(options), history_(history), current_(current) {}

EventRing::~EventRing() {
  MutexLock lock(mutex_);
  CHECK(topics_.empty());
}

void EventRing::Publish(std::span<const EventPtr> events) {
  std::vector<std::shared_ptr<Subscription>> to_wake;
  std::vector<EventPtr> evicted;
  {
    MutexLock lock(mutex_);
    for (const EventPtr& event : events) {
      CHECK(event->revision.value == current_.value + 1);
      current_ = event->revision;
      ring_.push_back(event);
      bytes_ += EventBytes(*event);
      Notify(*event, to_wake);
    }
    Evict(evicted);
  }
  for (const auto& subscription : to_wake) {
    MutexLock lock(subscription->wake_mutex);
    if (!subscription->closed && subscription->wake) subscription->wake();
  }
}

void EventRing::Notify(const Event& event, std::vector<std::shared_ptr<Subscription>>& to_wake) {
  const std::string_view key = event.record->key;
  for (const auto& [length, topics] : lengths_) {
    if (length > key.size()) break;
    const auto found = topics_.find(key.substr(0, length));
    if (found == topics_.end()) continue;
    for (auto& subscription : found->second->idle) {
      subscription->idle_at = kNotIdle;
      subscription->first_pending = event.revision.value;
      to_wake.push_back(std::move(subscription));
    }
    found->second->idle.clear();
  }
}

void EventRing::Evict(std::vector<EventPtr>& evicted) {
  while (ring_.size() > options_.events_max || (bytes_ > options_.bytes_max && !ring_.empty())) {
    bytes_ -= EventBytes(*ring_.front());
    evicted.push_back(std::move(ring_.front()));
    ring_.pop_front();
  }
}

std::unique_ptr<WatchCursor> EventRing::Watch(const std::string& prefix, Revision after,
                                              WakeFunction wake) {
  auto subscription = std::make_shared<Subscription>();
  subscription->prefix = prefix;
  subscription->wake = std::move(wake);
  subscription->first_pending = after.value + 1;
  MutexLock lock(mutex_);
  auto& topic = topics_[prefix];
  if (!topic) {
    topic = std::make_unique<Topic>();
    ++lengths_[prefix.size()];
  }
  ++topic->members;
  if (after >= current_) MakeIdle(subscription);
  return std::make_unique<Cursor>(*this, std::move(subscription), after);
}

Revision EventRing::Current() const {
  MutexLock lock(mutex_);
  return current_;
}

void EventRing::MakeIdle(const std::shared_ptr<Subscription>& subscription) {
  auto& idle = topics_.find(subscription->prefix)->second->idle;
  subscription->idle_at = idle.size();
  idle.push_back(subscription);
}

void EventRing::Remove(const std::shared_ptr<Subscription>& subscription) {
  MutexLock lock(mutex_);
  const auto found = topics_.find(subscription->prefix);
  Topic& topic = *found->second;
  if (subscription->idle_at != kNotIdle) {
    topic.idle[subscription->idle_at] = std::move(topic.idle.back());
    topic.idle[subscription->idle_at]->idle_at = subscription->idle_at;
    topic.idle.pop_back();
  }
  if (--topic.members > 0) return;
  const auto length = lengths_.find(subscription->prefix.size());
  if (--length->second == 0) lengths_.erase(length);
  topics_.erase(found);
}

}  // namespace skiff
