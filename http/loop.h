// The threads that own connections: epoll loops, shared by all servers and clients of a program.
#pragma once

#include <memory>

#include "base/clock.h"

namespace skiff::http {

class Loop;
class WorkerPool;

// Started at once; asleep while nothing happens. Outlives the servers, clients and streams on it.
class Loops {
 public:
  explicit Loops(int threads = 1);
  ~Loops();
  Loops(const Loops&) = delete;
  Loops& operator=(const Loops&) = delete;

  // The next one in turn, for a new connection. Any thread.
  Loop& Next();
  int size() const;
  // How long the busiest of them has been at what it does now, which should be milliseconds: one
  // that is stuck serves none of its connections. Any thread.
  Duration LongestRound() const;
  // Where names are looked up, which blocks; no thread until there is one.
  WorkerPool& resolvers();
  // Where who gives connections of his own making (Upstream::dial) makes them, which blocks, too,
  // as long as somebody far away likes: no name waits for that.
  WorkerPool& dialers();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skiff::http
