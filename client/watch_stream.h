// The events of a watch, cut from the bytes of its stream.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/type.h"
#include "api/values.h"
#include "base/handed.h"
#include "http/stream.h"

namespace skiff {

struct WatchEvent {
  enum class Type : uint8_t { kAdded, kModified, kDeleted, kBookmark };
  Type type;
  RawJson object;
  // In place of `object`, from a server in this process: a struct of this reader alone.
  std::shared_ptr<void> handed = nullptr;
  const skiff::Type* handed_type = nullptr;
  std::string resource_version = "";  // Of `handed`.
};

// An event as a server in this process gives it to the one reader there is.
class HandedEvent final : public Handed {
 public:
  explicit HandedEvent(WatchEvent event) : event_(std::move(event)) {}
  // Once.
  WatchEvent Take() const { return std::move(event_); }
  const std::string& Text() const override;

 private:
  mutable WatchEvent event_;
};

// A line longer than this ends the watch with an error.
inline constexpr size_t kWatchLineBytesMax = 16u << 20;

// Passive; one thread at a time.
class WatchStream {
 public:
  explicit WatchStream(std::unique_ptr<http::StreamSource> source) : source_(std::move(source)) {}
  // Once, before the first Next. `waker` is called, on any thread, when there may be more.
  void Attach(http::Waker waker) { source_->Attach(std::move(waker)); }
  // Appends the events that are there and says what to expect: kIdle means wait for the waker, kEnd
  // that the server has closed the watch. ServiceUnavailable when it broke off. An ERROR event is
  // that Error: Expired or Gone mean that the resource version is too old and the watcher lists
  // again.
  Result<http::Pulled> Next(std::vector<WatchEvent>& out);
  // As in http::StreamSource.
  int PullEveryMs() const { return source_->PullEveryMs(); }

 private:
  Result<> TakeLines(std::vector<WatchEvent>& out);
  std::unique_ptr<http::StreamSource> source_;
  std::string partial_;  // The beginning of a line whose end has not come yet.
};

}  // namespace skiff
