// The threads that own connections: epoll loops, shared by all servers and clients of a program.
#pragma once

#include <memory>

namespace skiff::http {

class Loop;

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

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skiff::http
