// What requests to one other API server hold: so many wait for the head of an answer, with so many
// bytes, and so many answers are under way. Nobody may have more than is left for others: who sends
// what the server there never answers, or watches without end, takes his own half alone.
//
//   const auto load = std::make_shared<ForwardLoad>(limits);
//   auto waiting = load->TakeWaiting("alice", body.size());     // nullptr: told 429.
//   ... the head comes: auto answering = load->TakeAnswering("alice"); waiting = nullptr; ...
#pragma once

#include <map>
#include <memory>
#include <string>

#include "apiserver/aggregation/forward_limits.h"
#include "base/mutex.h"

namespace skiff {

// Thread-safe. A place is given back when it is dropped, and keeps this alive until then.
class ForwardLoad final : public std::enable_shared_from_this<ForwardLoad> {
 public:
  using Place = std::shared_ptr<void>;
  explicit ForwardLoad(const ForwardLimits& limits) : limits_(limits) {}

  // Among those that wait; nullptr: there is none for him.
  Place TakeWaiting(const std::string& user, size_t bytes);
  // Among the answers, for one that had a place among those that wait.
  Place TakeAnswering(const std::string& user);

 private:
  struct Held {
    int waiting = 0;
    size_t bytes = 0;
    int answering = 0;
    void Add(const Held& more);
    void Take(const Held& less);
    bool empty() const { return waiting == 0 && answering == 0; }
  };
  bool HasRoom(const Held& his, size_t bytes) const REQUIRES(mutex_);
  Place Hold(const std::string& user, const Held& held) REQUIRES(mutex_);

  const ForwardLimits limits_;
  Mutex mutex_;
  Held all_ GUARDED_BY(mutex_);
  std::map<std::string, Held> by_user_ GUARDED_BY(mutex_);  // Those who hold anything.
};

}  // namespace skiff
