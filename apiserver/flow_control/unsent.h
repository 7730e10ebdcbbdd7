// An answer that its client has not taken yet. Internal to the entrance.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "apiserver/flow_control/entrance.h"
#include "base/mutex.h"
#include "http/stream.h"

namespace skiff::flow_control {

// Answers are counted in these, and those that are smaller not at all.
inline constexpr size_t kUnsentUnitBytes = 64 << 10;
inline int UnsentUnits(size_t bytes) {
  return static_cast<int>(bytes / kUnsentUnitBytes);
}

// The answer as it is, or what makes it as it is taken. Thread-safe.
class Unsent {
 public:
  explicit Unsent(http::Response& response);
  // What it holds, or may come to.
  size_t bytes() const { return bytes_; }
  bool is_made_as_taken() const { return stream_bytes_.has_value(); }
  // What was taken of one that is: for each byte there is more time.
  size_t taken_bytes() const { return is_made_as_taken() ? stream_bytes_->load() : 0; }

  void Attach(http::Waker waker);
  http::Pulled Pull(size_t bytes_max, std::vector<http::SharedBytes>& out);
  // Lets go of what is left: the client gets no more, and its connection is cut.
  void Drop();

  // The entrance's, under its mutex:
  std::shared_ptr<Level> level;
  uint64_t flow = 0;
  int units = 0;
  bool counts = false;
  Duration due = {};  // As it was at first.
  std::multimap<Duration, std::shared_ptr<Unsent>>::iterator place = {};  // Where it counts.

 private:
  http::Pulled PullStream(size_t bytes_max, std::vector<http::SharedBytes>& out) REQUIRES(mutex_);

  size_t bytes_ = 0;
  std::optional<std::atomic<size_t>> stream_bytes_;
  Mutex mutex_;
  std::string body_ GUARDED_BY(mutex_);
  size_t sent_ GUARDED_BY(mutex_) = 0;  // Of the body; the pieces come behind it.
  std::deque<http::SharedBytes> pieces_ GUARDED_BY(mutex_);
  std::unique_ptr<http::StreamSource> stream_ GUARDED_BY(mutex_);  // Or this makes it.
  bool dropped_ GUARDED_BY(mutex_) = false;
  http::Waker waker_ GUARDED_BY(mutex_);
};

}  // namespace skiff::flow_control
