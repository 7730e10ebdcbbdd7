// Makes sure that an image is on the node, by its pull policy. Pulls run one at a time; an image
// that could not be pulled is left alone for a while.
#pragma once

#include <functional>
#include <string>

#include "api/gen/core_v1.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "client/recorder.h"
#include "kubelet/cri.h"
#include "kubelet/pod_status.h"
#include "kubelet/registry_credentials.h"
#include "kubelet/restart_backoff.h"

namespace skiff::kubelet {

struct PulledImage {
  std::string ref;   // What containers are made from.
  cri::Image image;  // What is known of it.
};

// Thread-safe; blocks while it pulls.
class ImagePuller {
 public:
  // `credentials` are those of a pod's pull secrets, looked up before each pull.
  using Credentials = std::function<RegistryCredentials(const core_v1::Pod& pod)>;
  ImagePuller(ContainerRuntime& runtime, const Clock& clock, EventRecorder& events,
              Credentials credentials)
      : runtime_(runtime),
        clock_(clock),
        events_(events),
        credentials_(std::move(credentials)) {}
  // On failure says why the container waits: ErrImagePull, ImagePullBackOff, ErrImageNeverPull,
  // InvalidImageName, ImageInspectError.
  tl::expected<PulledImage, WaitingReason> Ensure(const core_v1::Pod& pod,
                                                  const core_v1::Container& container,
                                                  const cri::SandboxConfig& sandbox);

 private:
  using Outcome = tl::expected<PulledImage, WaitingReason>;
  Outcome Pull(const core_v1::Pod& pod, const core_v1::Container& container,
               const cri::SandboxConfig& sandbox, const core_v1::ObjectReference& reference);
  // With each of the credentials for the image until one is taken; without any if there are none.
  tl::expected<std::string, std::string> PullWith(const RegistryCredentials& credentials,
                                                  const std::string& image,
                                                  const cri::SandboxConfig& sandbox);
  ContainerRuntime& runtime_;
  const Clock& clock_;
  EventRecorder& events_;
  const Credentials credentials_;
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
