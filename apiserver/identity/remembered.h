// What was found out about tokens and about requests, for a while: to find out took a signature or
// another program. Holds neither, but digests of them. What is remembered is bounded in number and
// in bytes; what came first goes first.
//
//   Remembered<Verdict> remembered;
//   remembered.Keep(TokenDigest(token, audiences), verdict, bytes, now + 2min);
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mutex.h"

namespace skiff {

// Of a token, and of those whom it is to be good for. Each text is told with its length, so that no
// two of them make the same.
inline std::string TokenDigest(std::string_view token, const std::vector<std::string>& audiences) {
  std::string text;
  const auto add = [&](std::string_view part) {
    text += std::to_string(part.size()) + ":";
    text += part;
  };
  add(token);
  for (const std::string& audience : audiences) add(audience);
  return Sha256(text);
}

// Thread-safe.
template <typename Verdict>
class Remembered {
 public:
  static constexpr size_t kEntriesMax = 16384;
  static constexpr size_t kBytesMax = size_t{16} << 20;
  static constexpr size_t kEntryBytes = 256;  // Beside what a verdict says.

  // nullopt: not known, or not any more.
  std::optional<Verdict> Find(const std::string& digest, Duration now) const {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(digest);
    if (found == entries_.end() || found->second.until <= now) return std::nullopt;
    return found->second.verdict;
  }
  void Keep(const std::string& digest, Verdict verdict, size_t bytes, Duration until) {
    bytes += kEntryBytes;
    const MutexLock lock(mutex_);
    const auto found = entries_.find(digest);
    if (found != entries_.end()) {
      bytes_ += bytes - found->second.bytes;
      found->second = {std::move(verdict), bytes, until};
    } else {
      bytes_ += bytes;
      entries_.emplace(digest, Entry{std::move(verdict), bytes, until});
      order_.push_back(digest);
    }
    while (entries_.size() > kEntriesMax || bytes_ > kBytesMax) {
      const auto oldest = entries_.find(order_.front());
      bytes_ -= oldest->second.bytes;
      entries_.erase(oldest);
      order_.pop_front();
    }
  }
  void Clear() {
    const MutexLock lock(mutex_);
    entries_.clear();
    order_.clear();
    bytes_ = 0;
  }
  size_t size() const {
    const MutexLock lock(mutex_);
    return entries_.size();
  }

 private:
  struct Entry {
    Verdict verdict;
    size_t bytes = 0;
    Duration until = Duration::zero();  // Of the clock that only goes on.
  };
  mutable Mutex mutex_;
  std::unordered_map<std::string, Entry> entries_ GUARDED_BY(mutex_);
  std::deque<std::string> order_ GUARDED_BY(mutex_);
  size_t bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace skiff
