// Ends the containers of a simulated node that end by themselves, when their time has come.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/control_loop.h"
#include "base/mutex.h"
#include "client/client.h"
#include "client/recorder.h"
#include "kubelet/cri_fake.h"

namespace skiff::kubelet {

class ContainerLife final : public ControlLoop {
 public:
  struct Dependencies {
    cri::FakeRuntime& runtime;
    const Clock& clock;
    EventRecorder& events;
    // nullptr: there is none of that name.
    std::function<Ptr<core_v1::Pod>(const ObjectKey& key)> find_pod;
  };
  // `dependencies` outlive it.
  explicit ContainerLife(Dependencies dependencies);
  ~ContainerLife() override;
  Duration Step() override;

 private:
  struct End {
    std::string container_id;
    int exit_code = 0;
  };
  // How the life of a container that has just started goes.
  void Plan(const std::string& container_id);

  const Dependencies dependencies_;
  std::multimap<Duration, End> ends_;  // By when, monotonic. The loop's own.
  Mutex mutex_;
  std::vector<std::string> started_ GUARDED_BY(mutex_);  // And not planned for yet.
  std::unique_ptr<cri::Subscription> subscription_;
};

}  // namespace skiff::kubelet
