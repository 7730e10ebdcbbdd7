// What one thread of the server waits for: descriptors and moments. Sleeps when there is nothing.
// Everything but Stop belongs to the thread that runs it.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace skiff::dns {

// Hears of a descriptor or of its time. A listener that is done with both is handed to
// Poller::Dispose, since an event for it may be in the round that runs.
class Pollable {
 public:
  virtual ~Pollable() = default;
  virtual void OnReady(uint32_t /*epoll_events*/) {}
  virtual void OnDue() {}

 private:
  friend class Poller;
  Duration due_ = kNever;
};

class Poller {
 public:
  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Level-triggered.
  void Watch(int fd, uint32_t events, Pollable& listener);
  void Change(int fd, uint32_t events, Pollable& listener);
  // Forgets and closes.
  void Close(int fd);
  // Monotonic; kNever: not any more. One moment a listener.
  void SetDue(Pollable& listener, Duration due);
  // Its descriptors are closed. It dies after this round.
  void Dispose(std::shared_ptr<Pollable> listener);
  // Taken once a round.
  Duration now() const { return now_; }

  // Until Stop.
  void Run();
  // Any thread.
  void Stop();

 private:
  static constexpr int kEventsPerRound = 128;
  int WaitMs() const;

  SystemClock clock_;
  int epoll_fd_ = -1;
  int stop_fd_ = -1;
  Duration now_{};
  std::set<std::pair<Duration, Pollable*>> due_;
  std::vector<std::shared_ptr<Pollable>> disposed_;
};

}  // namespace skiff::dns
