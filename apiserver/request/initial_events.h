// Who wants to know when a watch has sent the events that it begins with.
#pragma once

namespace skiff {

// Thread-safe.
class InitialEvents {
 public:
  virtual ~InitialEvents() = default;
  // The answer is a stream that will say when, at the latest when it goes.
  virtual void Expect() = 0;
  // Any thread, any number of times; never waits.
  virtual void Sent() = 0;
};

}  // namespace skiff
