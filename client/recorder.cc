#include "client/recorder.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "api/rules/names.h"
#include "api/text/utf8.h"
#include "base/id.h"
#include "base/log.h"
#include "client/refusals.h"

namespace skiff {
namespace {

std::string_view TypeText(EventType type) {
  return type == EventType::kNormal ? "Normal" : "Warning";
}

// Parts, each with a bar behind it.
template <typename... Part>
void AppendParts(std::string& text, const Part&... parts) {
  (text.append(parts).append("|"), ...);
}

// Who says what sort of thing about which object.
std::string SourceKey(const ReportedEvent& reported) {
  const core_v1::ObjectReference& object = reported.object;
  std::string key;
  key.reserve(512);
  AppendParts(key, reported.component, reported.host, object.api_version, object.kind,
              object.namespace_, object.name, object.uid, TypeText(reported.type));
  return key;
}

// Of the event that happened then; `more`: for another one at that time. What is about an object
// whose name no Event can have, as "system:x", is called otherwise.
std::string NameAt(const core_v1::Event& event, int more) {
  std::string name = fmt::format("{}.{:x}", event.involved_object.name,
                                 event.last_timestamp.point().time_since_epoch().count() + more);
  if (Dns1123SubdomainErrors(name).empty()) return name;
  return SeededRandom(std::hash<std::string>()(name)).Uid();
}

core_v1::Event NewEvent(const ReportedEvent& reported) {
  core_v1::Event event;
  event.metadata.namespace_ =
      reported.object.namespace_.empty() ? "default" : reported.object.namespace_;
  event.involved_object = reported.object;
  event.reason = reported.reason;
  event.message = reported.message;
  event.type = TypeText(reported.type);
  event.source.component = reported.component;
  event.source.host = reported.host;
  event.reporting_component = reported.component;
  event.reporting_instance = reported.host;
  event.first_timestamp = reported.at;
  event.last_timestamp = reported.at;
  event.count = 1;
  event.metadata.name = NameAt(event, 0);
  event.metadata.annotations = reported.annotations;
  return event;
}

void TellDropped(const Log& log, const EventWrite& write, const Error& error) {
  // Where nothing is taken in any more, nobody is going to read it either.
  const bool expected = IsNamespaceTerminating(error) || error.reason == Reason::kNotFound;
  if (expected) {
    log.Debug("event dropped", {{"reason", write.event.reason}, {"error", error.message}});
  } else {
    log.Info("event dropped", {{"reason", write.event.reason}, {"error", error.message}});
  }
}

}  // namespace

core_v1::ObjectReference ReferenceTo(const KindInfo& info, const meta_v1::ObjectMeta& metadata) {
  core_v1::ObjectReference reference;
  reference.api_version = info.api_version;
  reference.kind = info.kind;
  reference.namespace_ = metadata.namespace_;
  reference.name = metadata.name;
  reference.uid = metadata.uid;
  reference.resource_version = metadata.resource_version;
  return reference;
}

std::optional<EventWrite> EventCorrelator::Correlate(const ReportedEvent& reported) {
  const std::string source = SourceKey(reported);
  // Also what is dropped is counted: the next that is written says how many there were.
  EventWrite write = Observe(reported, source);
  if (IsTooMuch(source, reported.at)) return std::nullopt;
  return write;
}

EventWrite EventCorrelator::Observe(const ReportedEvent& reported, std::string key) {
  AppendParts(key, reported.reason);
  const bool combined = AreManySimilar(key, reported);
  EventWrite write;
  write.event = NewEvent(reported);
  // The two entries before have fewer bars.
  if (combined) {
    AppendParts(key, "combined");
    write.event.message = "(combined from similar events): " + reported.message;
    write.event.metadata.annotations.clear();
    write.event.reporting_component.clear();
    write.event.reporting_instance.clear();
  } else {
    AppendParts(key, reported.object.field_path, "one");
    key += reported.message;
  }
  Entry& same = Touch(key, reported.at);
  if (same.count++ == 0) {
    same.first = write.event.first_timestamp;
    same.name = write.event.metadata.name;
  }
  write.event.count = same.count;
  write.event.first_timestamp = same.first;
  write.event.metadata.name = same.name;
  write.key = std::move(key);
  Renew(write);
  return write;
}

bool EventCorrelator::AreManySimilar(const std::string& key, const ReportedEvent& reported) {
  Entry& similar = Touch(key, reported.at);
  if (reported.at - similar.similar_at > kSimilarWindow) similar.similar.clear();
  similar.similar_at = reported.at;
  similar.similar.insert(reported.message);
  if (similar.similar.size() < kSimilarMax) return false;
  similar.similar.erase(std::prev(similar.similar.end()));  // Keeps the set bounded.
  return true;
}

bool EventCorrelator::IsTooMuch(const std::string& key, TimePoint now) {
  Entry& flood = Touch(key, now);
  const double refill = std::chrono::duration<double>(now - flood.refilled) / kRefill;
  flood.tokens = std::min<double>(kBurst, flood.tokens + std::max(0.0, refill));
  flood.refilled = now;
  if (flood.tokens < 1) return true;
  flood.tokens -= 1;
  return false;
}

void EventCorrelator::Renew(EventWrite& write) {
  const Entry& same = Touch(write.key, write.event.last_timestamp.point());
  if (!same.last) return;
  core_v1::Event event = *same.last;
  event.count = write.event.count;
  event.last_timestamp = write.event.last_timestamp;
  event.message = std::move(write.event.message);
  write.event = std::move(event);
  write.patch = true;
}

void EventCorrelator::Wrote(const std::string& key, Ptr<core_v1::Event> written) {
  const TimePoint at = written->last_timestamp.point();
  Touch(key, at).last = std::move(written);
}

void EventCorrelator::Lost(const EventWrite& write) {
  Touch(write.key, write.event.last_timestamp.point()).last.reset();
}

EventCorrelator::Entry& EventCorrelator::Touch(const std::string& key, TimePoint now) {
  const auto [entry, created] = entries_.try_emplace(key);
  if (created) {
    recent_.push_front(&entry->first);
    entry->second.recency = recent_.begin();
    entry->second.refilled = now;
    entry->second.similar_at = now;
    if (entries_.size() > kKeysMax) {
      entries_.erase(entries_.find(*recent_.back()));
      recent_.pop_back();
    }
  } else {
    recent_.splice(recent_.begin(), recent_, entry->second.recency);
  }
  return entry->second;
}

void EventSink::Add(ReportedEvent event) {
  CutUtf8(event.message, kMessageBytesMax);
  const Duration now = clock_.Monotonic();
  bool is_first_dropped = false, is_alone = false;
  {
    const MutexLock lock(mutex_);
    reported_at_ = now;
    is_alone = queue_.empty();
    if (queue_.size() < kQueueMax) {
      queue_.push_back(std::move(event));
    } else {
      is_first_dropped = dropped_++ == 0;
    }
  }
  if (is_first_dropped) {
    log_.Info("events are dropped until those that wait are written", {{"waiting", kQueueMax}});
  }
  // Who comes after others is seen with them: answers wake the loop as long as some wait.
  if (is_alone) Wake();
}

bool EventSink::TakeReported() {
  uint64_t dropped = 0;
  {
    const MutexLock lock(mutex_);
    if (queue_.empty()) return false;
    held_ = correlator_.Correlate(queue_.front());
    queue_.pop_front();
    if (queue_.empty()) dropped = std::exchange(dropped_, 0);
  }
  if (dropped > 0) log_.Info("events were dropped", {{"count", dropped}});
  return true;
}

size_t EventSink::AtOnceMax() {
  const Duration now = clock_.Monotonic();
  size_t waiting = 0;
  bool is_quiet = false;
  {
    const MutexLock lock(mutex_);
    waiting = queue_.size();
    is_quiet = now - reported_at_ >= kQuiet;
  }
  if (waiting == 0) flood_began_ = kNever;
  if (waiting >= kFloodWaiting && flood_began_ == kNever) flood_began_ = now;
  if (flood_began_ == kNever || is_quiet) return kAtOnceMax;
  return now - flood_began_ < kFloodSlowMax ? kAtOnceInFloodMax : kAtOnceMax;
}

std::optional<EventSink::Writing> EventSink::Next() {
  const size_t on_the_way = under_way_.size() - again_.size();
  if (on_the_way >= AtOnceMax()) return std::nullopt;
  if (!again_.empty()) {
    Writing writing = std::move(again_.front());
    again_.pop_front();
    return writing;
  }
  while (!held_) {
    if (!TakeReported()) return std::nullopt;
  }
  if (!under_way_.insert(held_->key).second) return std::nullopt;
  correlator_.Renew(*held_);
  Writing writing{.write = std::move(*held_)};
  held_.reset();
  return writing;
}

Duration EventSink::Step() {
  answers_.Deliver();
  const Duration wait = not_before_ - clock_.Monotonic();
  if (wait > Duration(0)) return wait;
  auto next = Next();
  if (!next) return kNever;
  Send(std::move(*next));
  answers_.Deliver();
  return Duration(0);
}

void EventSink::Send(Writing writing) {
  if (writing.write.patch) {
    const core_v1::Event& event = writing.write.event;
    const Json patch = {{"count", event.count},
                        {"message", event.message},
                        {"lastTimestamp", event.last_timestamp.Rfc3339()}};
    const ObjectKey key = KeyOf(event);
    client_.PatchLater(answers_, core_v1::Event::Info(), key, PatchType::kMerge, patch,
                       [this, writing = std::move(writing)](const Result<>& patched) mutable {
                         Patched(std::move(writing), patched);
                       });
    return;
  }
  const auto sent = std::make_shared<const core_v1::Event>(std::move(writing.write.event));
  writing.sent = sent;
  client_.CreateLater<core_v1::Event>(
      answers_, sent,
      [this, writing = std::move(writing)](const Result<Ptr<core_v1::Event>>& created) mutable {
        Created(std::move(writing), created);
      });
}

void EventSink::Patched(Writing writing, const Result<>& patched) {
  EventWrite& write = writing.write;
  if (patched) {
    return Written(write.key, std::make_shared<const core_v1::Event>(std::move(write.event)));
  }
  if (patched.error().reason != Reason::kNotFound) {
    return Failed(std::move(writing), patched.error());
  }
  correlator_.Lost(write);
  write.patch = false;
  write.event.metadata.resource_version.clear();
  write.event.metadata.uid.clear();
  Send(std::move(writing));
}

void EventSink::Created(Writing writing, const Result<Ptr<core_v1::Event>>& created) {
  if (created) return Written(writing.write.key, std::move(writing.sent));
  const bool is_taken = created.error().reason == Reason::kAlreadyExists;
  // The try before was done, and only its answer was lost.
  if (is_taken && writing.may_be_there) {
    return Written(writing.write.key, std::move(writing.sent));
  }
  writing.write.event = *std::exchange(writing.sent, nullptr);
  // Also where the next is only refused, as one too many.
  writing.may_be_there |= created.error().http_code >= 500;
  // Two events of one object can carry the same time; each needs a name.
  if (!is_taken || writing.names == kNamesMax) return Failed(std::move(writing), created.error());
  writing.write.event.metadata.name = NameAt(writing.write.event, ++writing.names);
  Send(std::move(writing));
}

void EventSink::Written(const std::string& key, Ptr<core_v1::Event> event) {
  correlator_.Wrote(key, std::move(event));
  under_way_.erase(key);
}

void EventSink::Failed(Writing writing, const Error& error) {
  // A refusal will not become better; an unreachable server may.
  if (error.http_code >= 500 && ++writing.attempts < kAttemptsMax) {
    not_before_ = clock_.Monotonic() + kRetryDelay;
    again_.push_back(std::move(writing));
    return;
  }
  TellDropped(log_, writing.write, error);
  under_way_.erase(writing.write.key);
}

void EventRecorder::Report(core_v1::ObjectReference object, EventType type, std::string reason,
                           std::string message, std::map<std::string, std::string> annotations) {
  sink_.Add({std::move(object), type, std::move(reason), std::move(message), component_, host_,
             clock_.Now(), std::move(annotations)});
}

}  // namespace skiff
