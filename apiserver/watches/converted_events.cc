#include "apiserver/watches/converted_events.h"

#include "api/registry.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/watches/shared_frames.h"

namespace skiff {
namespace {

bool EventNeedsConversion(const KindInfo& kind, const Event& event) {
  return NeedsConversion(kind, *event.record) ||
         (event.previous != nullptr && NeedsConversion(kind, *event.previous));
}

uint64_t SerialOf(const KindInfo& kind) {
  const RuntimeKind* runtime = RuntimeKindOf(kind);
  return runtime == nullptr ? 0 : runtime->serial;
}

}  // namespace

std::optional<Result<EventPtr>> EventInVersion::EventOr(const http::Waker& waker) {
  const MutexLock lock(mutex_);
  if (!event_) waiting_.push_back(waker);
  return event_;
}

void EventInVersion::Set(Result<EventPtr> event) {
  std::vector<http::Waker> waiting;
  {
    const MutexLock lock(mutex_);
    event_ = std::move(event);
    waiting.swap(waiting_);
  }
  for (const http::Waker& wake : waiting) {
    if (wake) wake();
  }
}

// An event that this watcher was the first to ask for.
struct EventConverter::Open {
  EventPtr event;
  EventInVersionPtr shown;
};

std::vector<EventInVersionPtr> EventConverter::Of(const std::vector<EventPtr>& events) {
  std::vector<EventInVersionPtr> shown;
  std::vector<Open> open;
  for (const EventPtr& event : events) {
    if (!EventNeedsConversion(*kind_, *event)) {
      shown.push_back(std::make_shared<EventInVersion>());
      shown.back()->Set(event);
      continue;
    }
    auto [found, is_new] = EventFrames::Of(*event).FindVersion(SerialOf(*kind_));
    if (is_new) open.push_back({event, found});
    shown.push_back(std::move(found));
  }
  if (open.empty()) return shown;
  auto convert = [kind = kind_, open] { Convert(*kind, open); };
  if (!aside_) {
    convert();
  } else if (!aside_(std::move(convert))) {
    for (const Open& each : open) {
      EventFrames::Of(*each.event).DropVersion(each.shown);
      each.shown->Set(Fail(Reason::kTooManyRequests, "Too many requests, please try again later."));
    }
  }
  return shown;
}

void EventConverter::Convert(const KindInfo& kind, const std::vector<Open>& open) {
  std::vector<RecordPtr> records;
  for (const Open& each : open) {
    records.push_back(each.event->record);
    if (each.event->previous != nullptr) records.push_back(each.event->previous);
  }
  const auto converted = InVersion(kind, std::move(records));
  size_t next = 0;
  for (const Open& each : open) {
    if (!converted) {
      // Who comes later asks again: a webhook may have recovered.
      EventFrames::Of(*each.event).DropVersion(each.shown);
      each.shown->Set(Fail(converted.error()));
      continue;
    }
    auto event = std::make_shared<Event>();
    event->kind = each.event->kind;
    event->revision = each.event->revision;
    event->existed = each.event->existed;
    event->record = (*converted)[next++];
    if (each.event->previous != nullptr) event->previous = (*converted)[next++];
    EventFrames::Of(*each.event).KeepVersion(each.shown, *event);
    each.shown->Set(EventPtr(std::move(event)));
  }
}

}  // namespace skiff
