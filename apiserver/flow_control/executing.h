// The requests that are being worked on, for people to look at. Who comes and goes waits for hardly
// anybody: each thread has a list of its own, as far as there are lists.
#pragma once

#include <array>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "apiserver/flow_control/work_estimate.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace skiff::flow_control {

struct Configuration;
struct Target;

struct ExecutingRequest {
  std::shared_ptr<const Configuration> configuration;  // Keeps the target.
  const Target* target = nullptr;
  int queue = -1;
  Work work;
  Duration arrived = Duration::zero();
  Duration started = Duration::zero();
  std::string distinguisher;
  std::string user;
  std::string method;
  std::string path;
  std::string verb;
  std::string name;
};

// Thread-safe.
class ExecutingRequests {
 public:
  struct Place {
    size_t list = 0;
    std::list<ExecutingRequest>::iterator at;
  };
  Place Add(ExecutingRequest request);
  void Remove(const Place& place);
  std::vector<ExecutingRequest> All() const;

 private:
  static constexpr size_t kLists = 8;
  struct alignas(64) List {
    mutable Mutex mutex;
    std::list<ExecutingRequest> requests GUARDED_BY(mutex);
  };
  std::array<List, kLists> lists_;
};

}  // namespace skiff::flow_control
