// Makes sure that an image is on the node, by its pull policy. Pulls run one at a time; an image
// that could not be pulled is left alone for a while.
#pragma once

#include <string>

#include "api/gen/core_v1.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "client/recorder.h"
#include "kubelet/cri.h"
#include "kubelet/pod_status.h"
#include "kubelet/restart_backoff.h"

namespace skiff::kubelet {

struct PulledImage {
  std::string ref;   // What containers are made from.
  cri::Image image;  // What is known of it.
};

// Thread-safe; blocks while it pulls.
class ImagePuller {
 public:
  ImagePuller(ContainerRuntime& runtime, const Clock& clock, EventRecorder& events)
      : runtime_(runtime), clock_(clock), events_(events) {}
  // On failure says why the container waits: ErrImagePull, ImagePullBackOff, ErrImageNeverPull,
  // InvalidImageName, ImageInspectError.
  tl::expected<PulledImage, WaitingReason> Ensure(const core_v1::Pod& pod,
                                                  const core_v1::Container& container,
                                                  const cri::SandboxConfig& sandbox);

 private:
  using Outcome = tl::expected<PulledImage, WaitingReason>;
  Outcome Pull(const core_v1::Pod& pod, const core_v1::Container& container,
               const cri::SandboxConfig& sandbox, const core_v1::ObjectReference& reference);
  ContainerRuntime& runtime_;
  const Clock& clock_;
  EventRecorder& events_;
  Mutex pulling_;  // One pull at a time.
  Mutex mutex_;    // Never held while pulling_ is waited for.
  RestartBackoff backoff_ GUARDED_BY(mutex_);
  std::map<std::string, Duration> failed_at_ GUARDED_BY(mutex_);
  std::map<std::string, std::string> last_error_ GUARDED_BY(mutex_);
};

// An event about one container of a pod.
core_v1::ObjectReference ContainerReference(const core_v1::Pod& pod, const std::string& container,
                                            bool is_init);

}  // namespace skiff::kubelet
