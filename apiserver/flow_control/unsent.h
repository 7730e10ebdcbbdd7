// An answer that its client has not taken yet. Internal to the entrance.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
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

// Thread-safe.
class Unsent {
 public:
  explicit Unsent(http::Response& response);
  size_t bytes() const { return bytes_; }

  void Attach(http::Waker waker);
  http::Pulled Pull(size_t bytes_max, std::vector<http::SharedBytes>& out);
  // Lets go of what is left: the client gets no more, and its connection is cut.
  void Drop();

  // The entrance's, under its mutex:
  std::shared_ptr<Level> level;
  uint64_t flow = 0;
  int units = 0;
  bool counts = false;
  std::multimap<Duration, std::shared_ptr<Unsent>>::iterator place = {};  // Where it counts.

 private:
  size_t bytes_ = 0;
  Mutex mutex_;
  std::string body_ GUARDED_BY(mutex_);
  size_t sent_ GUARDED_BY(mutex_) = 0;  // Of the body; the pieces come behind it.
  std::deque<http::SharedBytes> pieces_ GUARDED_BY(mutex_);
  bool dropped_ GUARDED_BY(mutex_) = false;
  http::Waker waker_ GUARDED_BY(mutex_);
};

}  // namespace skiff::flow_control
