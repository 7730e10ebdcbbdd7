#include "apiserver/storage/event_ring.h"

#include <algorithm>

#include "apiserver/storage/name_term.h"
#include "apiserver/storage/record_cache.h"
#include "apiserver/storage/store_answers.h"
#include "base/at_once.h"

namespace skiff {
namespace {

// An event keeps its records alive, and watchers leave frames on it. Most kinds are watched in one
// form, whose frame is about as large as the record.
size_t EventBytes(const Event& event) {
  size_t bytes = sizeof(Event) + 2 * RecordBytes(*event.record);
  if (event.previous && event.previous != event.record) bytes += RecordBytes(*event.previous);
  return bytes;
}

// How many events a cursor looks at under one hold of the lock.
constexpr size_t kScanSlice = 1024;
// What an attempt (base/at_once.h) is given: whoever gets it decodes what is new, and lets go of
// what was there. The rest is for who may wait.
constexpr size_t kBytesAtOnce = 64 << 10;
constexpr size_t kNotIdle = std::string::npos;

size_t ValueBytes(const Event& event) {
  size_t bytes = event.record->value.size();
  if (event.previous && event.previous != event.record) bytes += event.previous->value.size();
  return bytes;
}

// What a record had before or has after.
struct EventTerms {
  bool known = true;  // Else it may have any.
  std::vector<IndexTerm> terms;

  void Add(const Record& record) {
    const auto more = IndexTermsOf(record.value);
    known = known && more;
    if (known) terms.insert(terms.end(), more->begin(), more->end());
  }
};

EventTerms TermsOf(const Event& event) {
  EventTerms terms;
  terms.Add(*event.record);
  if (event.previous && event.previous != event.record) terms.Add(*event.previous);
  if (!terms.known) terms.terms.clear();
  terms.terms.push_back(NameIndexTermOfKey(event.record->key));
  return terms;
}

Revision RevisionOf(const EventPtr& event) {
  return event->revision;
}

}  // namespace

// All cursors of one prefix.
struct EventRing::Topic {
  Subscriptions idle;  // Of those that want to see everything.
  // Of those that want a term; no list is empty.
  std::unordered_map<IndexTerm, Subscriptions> idle_by_term;
  size_t members = 0;
};

struct EventRing::Subscription {
  std::string prefix;
  std::optional<IndexTerm> term;
  bool previous = true;
  WakeFunction wake;
  // Where it stands in its list of the topic; kNotIdle: there may be events from first_pending on,
  // and their reader knows. These under EventRing::mutex_.
  size_t idle_at = kNotIdle;
  uint64_t first_pending = 0;
  bool stalled = false;  // It stands in EventRing::stalled_.
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
      if (step.history_through.value == 0) continue;
      if (!ring_.history_) {
        return Fail(WatchExpired());
      }
      const Revision before = position_;
      position_ = TRY(ring_.history_->ReadEvents({.prefix = subscription_->prefix,
                                                  .through = step.history_through,
                                                  .events_max = full - out.size(),
                                                  .previous = subscription_->previous},
                                                 position_, out));
      MutexLock lock(ring_.mutex_);
      subscription_->first_pending = position_.value + 1;
      // What could not be read a moment ago can be by now; nobody would tell.
      if (position_ == before && step.stalled_wakes != ring_.stalled_wakes_) continue;
      if (position_ == before && !subscription_->stalled) {
        subscription_->stalled = true;
        ring_.stalled_.push_back(subscription_);
      }
      if (position_ == before || out.size() >= full) return {};
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
    Revision history_through;
    uint64_t stalled_wakes = 0;  // As of this look.
  };

  Step ScanRing(size_t full, std::vector<EventPtr>& out) {
    MutexLock lock(ring_.mutex_);
    if (subscription_->idle_at != kNotIdle) {
      position_ = std::max(position_, ring_.current_);
      return {.done = true};
    }
    const uint64_t next = std::max(subscription_->first_pending, position_.value + 1);
    position_.value = next - 1;
    if (position_ < ring_.evicted_) {
      return {.history_through = ring_.evicted_, .stalled_wakes = ring_.stalled_wakes_};
    }
    auto at = std::ranges::upper_bound(ring_.ring_, position_, {}, &RevisionOf);
    size_t bytes = 0;
    for (const EventPtr& given : out) bytes += ValueBytes(*given);
    for (size_t looked = 0; at != ring_.ring_.end(); ++at, ++looked) {
      const Event& event = **at;
      const bool is_ours = event.record->key.starts_with(subscription_->prefix);
      if (is_ours) bytes += ValueBytes(event);
      // A revision is returned whole.
      if (event.revision > position_) {
        subscription_->first_pending = event.revision.value;
        if (out.size() >= full) return {.done = true};
        if (looked >= kScanSlice) return {};
        if (is_ours && bytes > kBytesAtOnce && !MayWait()) return {.done = true};
      }
      if (is_ours) out.push_back(*at);
      position_ = event.revision;
    }
    position_ = std::max(position_, ring_.current_);
    ring_.MakeIdle(subscription_);
    return {.done = true};
  }

  EventRing& ring_;
  const std::shared_ptr<Subscription> subscription_;
  Revision position_;  // All up to here was returned.
};

EventRing::EventRing(Revision current, Options options, EventHistory* history)
    : options_(options), history_(history), current_(current), evicted_(current) {}

EventRing::~EventRing() {
  MutexLock lock(mutex_);
  CHECK(topics_.empty());
}

void EventRing::Publish(std::span<const EventPtr> events, Revision current) {
  Subscriptions to_wake;
  std::vector<EventPtr> evicted;
  {
    MutexLock lock(mutex_);
    for (const EventPtr& event : events) {
      CHECK(event->revision > current_ && event->revision <= current);
      CHECK(ring_.empty() || event->revision >= ring_.back()->revision);
      ring_.push_back(event);
      bytes_ += EventBytes(*event);
      Notify(*event, to_wake);
    }
    current_ = std::max(current_, current);
    Evict(evicted);
  }
  Wake(to_wake);
}

void EventRing::Skip(Revision current) {
  Subscriptions to_wake;
  std::vector<EventPtr> evicted;
  {
    MutexLock lock(mutex_);
    const Revision next{current_.value + 1};
    for (auto& [prefix, topic] : topics_) {
      Rouse(topic->idle, next, to_wake);
      for (auto& [term, idle] : topic->idle_by_term) Rouse(idle, next, to_wake);
      topic->idle_by_term.clear();
    }
    while (!ring_.empty()) EvictOldest(evicted);
    current_ = std::max(current_, current);
    evicted_ = current_;
  }
  Wake(to_wake);
}

void EventRing::WakeStalled() {
  Subscriptions to_wake;
  {
    MutexLock lock(mutex_);
    ++stalled_wakes_;
    to_wake.swap(stalled_);
    for (const auto& subscription : to_wake) subscription->stalled = false;
  }
  Wake(to_wake);
}

void EventRing::Wake(const Subscriptions& subscriptions) {
  for (const auto& subscription : subscriptions) {
    MutexLock lock(subscription->wake_mutex);
    if (!subscription->closed && subscription->wake) subscription->wake();
  }
}

void EventRing::Rouse(Subscriptions& idle, Revision revision, Subscriptions& to_wake) {
  for (auto& subscription : idle) {
    subscription->idle_at = kNotIdle;
    subscription->first_pending = revision.value;
    to_wake.push_back(std::move(subscription));
  }
  idle.clear();
}

void EventRing::Notify(const Event& event, Subscriptions& to_wake) {
  const std::string_view key = event.record->key;
  std::optional<EventTerms> terms;
  for (const auto& [length, topics] : lengths_) {
    if (length > key.size()) break;
    const auto found = topics_.find(key.substr(0, length));
    if (found == topics_.end()) continue;
    Topic& topic = *found->second;
    Rouse(topic.idle, event.revision, to_wake);
    if (topic.idle_by_term.empty()) continue;
    if (!terms) terms = TermsOf(event);
    if (!terms->known) {
      for (auto& [term, idle] : topic.idle_by_term) Rouse(idle, event.revision, to_wake);
      topic.idle_by_term.clear();
    }
    for (const IndexTerm term : terms->terms) {
      const auto idle = topic.idle_by_term.find(term);
      if (idle == topic.idle_by_term.end()) continue;
      Rouse(idle->second, event.revision, to_wake);
      topic.idle_by_term.erase(idle);
    }
  }
}

void EventRing::EvictOldest(std::vector<EventPtr>& evicted) {
  bytes_ -= EventBytes(*ring_.front());
  evicted_ = ring_.front()->revision;
  evicted.push_back(std::move(ring_.front()));
  ring_.pop_front();
}

void EventRing::Evict(std::vector<EventPtr>& evicted) {
  while (!ring_.empty() && (ring_.size() > options_.events_max || bytes_ > options_.bytes_max ||
                            ring_.front()->revision == evicted_)) {
    EvictOldest(evicted);
  }
}

std::unique_ptr<WatchCursor> EventRing::Watch(WatchRequest request, WakeFunction wake) {
  // No event will ever follow the last number there is, nor the one before it.
  constexpr Revision kNeverReached{UINT64_MAX - 1};
  const Revision after = std::min(request.after, kNeverReached);
  auto subscription = std::make_shared<Subscription>();
  subscription->prefix = std::move(request.prefix);
  subscription->term = request.term;
  subscription->previous = request.previous;
  subscription->wake = std::move(wake);
  subscription->first_pending = after.value + 1;
  MutexLock lock(mutex_);
  auto& topic = topics_[subscription->prefix];
  if (!topic) {
    topic = std::make_unique<Topic>();
    ++lengths_[subscription->prefix.size()];
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
  Topic& topic = *topics_.find(subscription->prefix)->second;
  auto& idle = subscription->term ? topic.idle_by_term[*subscription->term] : topic.idle;
  subscription->idle_at = idle.size();
  idle.push_back(subscription);
}

void EventRing::Remove(const std::shared_ptr<Subscription>& subscription) {
  MutexLock lock(mutex_);
  if (subscription->stalled) std::erase(stalled_, subscription);
  const auto found = topics_.find(subscription->prefix);
  Topic& topic = *found->second;
  if (subscription->idle_at != kNotIdle) {
    auto& idle = subscription->term ? topic.idle_by_term[*subscription->term] : topic.idle;
    idle[subscription->idle_at] = std::move(idle.back());
    idle[subscription->idle_at]->idle_at = subscription->idle_at;
    idle.pop_back();
    if (subscription->term && idle.empty()) topic.idle_by_term.erase(*subscription->term);
  }
  if (--topic.members > 0) return;
  const auto length = lengths_.find(subscription->prefix.size());
  if (--length->second == 0) lengths_.erase(length);
  topics_.erase(found);
}

}  // namespace skiff
