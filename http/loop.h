// The threads that own connections: epoll loops, shared by all servers and clients of a program.
#pragma once

#include <memory>

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
  // Where names are looked up, which blocks; no thread until there is one.
  WorkerPool& resolvers();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skiff::http
