// Events in another version than their objects are kept in, where a webhook makes that of them: for
// all who watch the version one question, whoever comes first, and none on a loop of connections.
//
//   const EventInVersionPtr shown = converter.Of(events)[0];     // On the loop; asks aside.
//   const auto event = shown->EventOr(waker);                    // nullopt: the waker is called.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "api/type.h"
#include "apiserver/storage/store.h"
#include "base/mutex.h"
#include "http/stream.h"

namespace skiff {

// One event in one version. Thread-safe.
class EventInVersion {
 public:
  // nullopt while it is being made; `waker` is called, on any thread, once that is done.
  std::optional<Result<EventPtr>> EventOr(const http::Waker& waker);
  // Once.
  void Set(Result<EventPtr> event);

 private:
  Mutex mutex_;
  std::optional<Result<EventPtr>> event_ GUARDED_BY(mutex_);
  std::vector<http::Waker> waiting_ GUARDED_BY(mutex_);
};
using EventInVersionPtr = std::shared_ptr<EventInVersion>;

// Of one watcher.
class EventConverter {
 public:
  // Runs jobs that wait for webhooks; false: there is no room. Empty: they are run at once.
  using Aside = std::function<bool(std::function<void()> job)>;
  // `kind` is kept for as long as a job needs it.
  EventConverter(std::shared_ptr<const KindInfo> kind, Aside aside)
      : kind_(std::move(kind)), aside_(std::move(aside)) {}

  // In the order of `events`; those that are in the version already are there at once.
  std::vector<EventInVersionPtr> Of(const std::vector<EventPtr>& events);

 private:
  struct Open;
  static void Convert(const KindInfo& kind, const std::vector<Open>& open);

  const std::shared_ptr<const KindInfo> kind_;
  const Aside aside_;
};

}  // namespace skiff
