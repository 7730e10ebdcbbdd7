#include "client/recorder.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "client/refusals.h"

namespace skiff {
namespace {

std::string ReferenceText(const core_v1::ObjectReference& object) {
  return fmt::format("{}/{}/{}/{}/{}", object.api_version, object.kind, object.namespace_,
                     object.name, object.uid);
}

std::string_view TypeText(EventType type) {
  return type == EventType::kNormal ? "Normal" : "Warning";
}

core_v1::Event NewEvent(const ReportedEvent& reported, const std::string& message) {
  core_v1::Event event;
  event.metadata.namespace_ =
      reported.object.namespace_.empty() ? "default" : reported.object.namespace_;
  event.metadata.name =
      fmt::format("{}.{:x}", reported.object.name, reported.at.time_since_epoch().count());
  event.involved_object = reported.object;
  event.reason = reported.reason;
  event.message = message;
  event.type = TypeText(reported.type);
  event.source.component = reported.component;
  event.source.host = reported.host;
  event.reporting_component = reported.component;
  event.first_timestamp = reported.at;
  event.last_timestamp = reported.at;
  event.count = 1;
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
  Entry& flood = Touch(fmt::format("flood|{}|{}|{}|{}", reported.component, reported.host,
                                   ReferenceText(reported.object), TypeText(reported.type)),
                       reported.at);
  const double refill = std::chrono::duration<double>(reported.at - flood.refilled) / kRefill;
  flood.tokens = std::min<double>(kBurst, flood.tokens + std::max(0.0, refill));
  flood.refilled = reported.at;
  if (flood.tokens < 1) return std::nullopt;
  flood.tokens -= 1;

  Entry& similar = Touch(KeyFor(reported, "") + "|similar", reported.at);
  if (reported.at - similar.window_start > kSimilarWindow) {
    similar.window_start = reported.at;
    similar.similar.clear();
  }
  similar.similar.insert(reported.message);
  const bool combined = similar.similar.size() >= kSimilarMax;
  if (combined) similar.similar.erase(std::prev(similar.similar.end()));  // Keeps the set bounded.
  const std::string message =
      combined ? "(combined from similar events): " + reported.message : reported.message;

  Entry& same = Touch(LastKey(reported, combined), reported.at);
  EventWrite write;
  write.key = LastKey(reported, combined);
  write.patch = same.last.has_value();
  write.event = write.patch ? *same.last : NewEvent(reported, message);
  if (write.patch) {
    write.event.count += 1;
    write.event.last_timestamp = reported.at;
    write.event.message = message;
  }
  return write;
}

void EventCorrelator::Wrote(const EventWrite& write, const core_v1::Event& written) {
  Touch(write.key, written.last_timestamp.point()).last = written;
}

void EventCorrelator::Lost(const EventWrite& write) {
  Touch(write.key, write.event.last_timestamp.point()).last.reset();
}

std::string EventCorrelator::KeyFor(const ReportedEvent& reported,
                                    const std::string& message) const {
  return fmt::format("{}|{}|{}|{}|{}|{}|{}", reported.component, reported.host,
                     ReferenceText(reported.object), reported.object.field_path,
                     TypeText(reported.type), reported.reason, message);
}

std::string EventCorrelator::LastKey(const ReportedEvent& reported, bool combined) const {
  return KeyFor(reported, combined ? "" : reported.message) + (combined ? "|combined" : "|last");
}

EventCorrelator::Entry& EventCorrelator::Touch(const std::string& key, TimePoint now) {
  const auto [entry, created] = entries_.try_emplace(key);
  if (created) {
    recent_.push_front(key);
    entry->second.recency = recent_.begin();
    entry->second.refilled = now;
    entry->second.window_start = now;
    if (entries_.size() > kKeysMax) {
      entries_.erase(recent_.back());
      recent_.pop_back();
    }
  } else {
    recent_.splice(recent_.begin(), recent_, entry->second.recency);
  }
  return entry->second;
}

void EventSink::Add(ReportedEvent event) {
  {
    const MutexLock lock(mutex_);
    if (queue_.size() >= kQueueMax) return;
    queue_.push_back(std::move(event));
  }
  Wake();
}

Duration EventSink::Step() {
  if (!pending_) {
    const MutexLock lock(mutex_);
    if (queue_.empty()) return kNever;
    pending_ = correlator_.Correlate(queue_.front());
    queue_.pop_front();
    attempts_ = 0;
  }
  if (pending_) {
    const Duration wait = not_before_ - clock_.Monotonic();
    if (wait > Duration(0)) return wait;
    const auto written = Write(*pending_);
    // A refusal will not become better; an unreachable server may.
    if (!written && written.error().http_code >= 500 && ++attempts_ < kAttemptsMax) {
      not_before_ = clock_.Monotonic() + kRetryDelay;
      return kRetryDelay;
    }
    if (!written) TellDropped(log_, *pending_, written.error());
    pending_.reset();
  }
  return Duration(0);
}

Result<> EventSink::Write(EventWrite& write) {
  if (write.patch) {
    const Json patch = {{"count", write.event.count},
                        {"message", write.event.message},
                        {"lastTimestamp", write.event.last_timestamp.Rfc3339()}};
    const auto patched =
        client_.Patch(core_v1::Event::Info(), KeyOf(write.event), PatchType::kMerge, patch);
    if (patched) {
      correlator_.Wrote(write, write.event);
      return {};
    }
    if (patched.error().reason != Reason::kNotFound) return Fail(patched.error());
    correlator_.Lost(write);
    write.patch = false;
    write.event.metadata.resource_version.clear();
    write.event.metadata.uid.clear();
    write.event.metadata.name =
        fmt::format("{}.{:x}", write.event.involved_object.name,
                    write.event.last_timestamp.point().time_since_epoch().count());
  }
  TRY(CreateNamed(write.event));
  correlator_.Wrote(write, write.event);
  return {};
}

Result<> EventSink::CreateNamed(core_v1::Event& event) {
  const int64_t stamp = event.last_timestamp.point().time_since_epoch().count();
  auto created = client_.Create(event);
  // Two events of one object can carry the same time; each needs a name.
  for (int more = 1;
       !created && created.error().reason == Reason::kAlreadyExists && more <= kNamesMax; ++more) {
    event.metadata.name = fmt::format("{}.{:x}", event.involved_object.name, stamp + more);
    created = client_.Create(event);
  }
  TRY(std::move(created));
  return {};
}

void EventRecorder::Report(core_v1::ObjectReference object, EventType type, std::string reason,
                           std::string message) {
  sink_.Add({std::move(object), type, std::move(reason), std::move(message), component_, host_,
             clock_.Now()});
}

}  // namespace skiff
