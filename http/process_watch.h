// Tells when a process ends that need not be a child of ours: a pidfd, read by one of the loops.
#pragma once

#include <functional>
#include <memory>

#include "base/error.h"
#include "base/process.h"
#include "http/loop.h"

namespace skiff::http {

class ProcessWatch {
 public:
  // `ended` is called once, on a loop's thread; it does not block and does not end the watch. Fails
  // with NotFound when that process has ended already.
  static Result<std::unique_ptr<ProcessWatch>> Open(Loops& loops, const ProcessId& process,
                                                    std::function<void()> ended);
  // On return `ended` does not run and never will.
  ~ProcessWatch();
  ProcessWatch(const ProcessWatch&) = delete;
  ProcessWatch& operator=(const ProcessWatch&) = delete;

 private:
  class Listener;
  ProcessWatch(Loop& loop, std::shared_ptr<Listener> listener);
  Loop& loop_;
  const std::shared_ptr<Listener> listener_;
};

}  // namespace skiff::http
