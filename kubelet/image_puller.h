// Makes sure that an image is on the node, by its pull policy. Pulls run one at a time, or as many
// as they may, aside from the pods that wait for them; an image that could not be pulled is left
// alone for a while. What the node's programs have for an image is asked before its pull has its
// turn: one that hangs holds nobody else's.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>

#include "api/gen/core_v1.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "client/recorder.h"
#include "kubelet/cri.h"
#include "kubelet/kubelet_metrics.h"
#include "kubelet/pod_status.h"
#include "kubelet/pulled_images.h"
#include "kubelet/registry_credentials.h"
#include "kubelet/restart_backoff.h"
#include "kubelet/task_pool.h"

namespace skiff::kubelet {

struct PulledImage {
  std::string ref;   // What containers are made from.
  cri::Image image;  // What is known of it.
};

// Thread-safe; never waits for a pull, nor for a program of the node.
class ImagePuller {
 public:
  using Outcome = tl::expected<PulledImage, WaitingReason>;
  // All outlive it, which outlives what it gave to `tasks`.
  struct Dependencies {
    ContainerRuntime& runtime;
    const Clock& clock;
    EventRecorder& events;
    TaskPool& tasks;
    // What a pod's pull secrets hold, looked up before each pull.
    std::function<RegistryCredentials(const core_v1::Pod& pod)> credentials;
    // What this pod waits for has come to its end: a pull, or a check of its credentials. Called on
    // the thread of that.
    std::function<void(const std::string& pod_uid)> pulled;
    KubeletMetrics* metrics = nullptr;
    int pulls_max = 1;                      // At one time.
    PulledImages* pulled_images = nullptr;  // nullptr: whatever is there is for everybody.
    // What files and programs of the node have for an image. Waits for them until it is stopped; of
    // the pod only its name, uid and service account are known. Empty: nothing.
    std::function<std::vector<TrackedAuth>(const core_v1::Pod& pod, const std::string& image,
                                           const std::stop_token& stop)>
        of_node = {};
  };
  explicit ImagePuller(Dependencies dependencies) : dependencies_(std::move(dependencies)) {}
  // nullopt: it is being pulled, or its turn will come, or the node's credentials are asked for; to
  // be asked again when `pulled` says so. On failure says why the container waits: ErrImagePull,
  // ImagePullBackOff, ErrImageNeverPull, InvalidImageName, ImageInspectError.
  std::optional<Outcome> Ensure(const core_v1::Pod& pod, const core_v1::Container& container,
                                const cri::SandboxConfig& sandbox);
  // The image that an image volume shows. What its events concern is the pod.
  std::optional<Outcome> Ensure(const core_v1::Pod& pod, const core_v1::Volume& volume,
                                const cri::SandboxConfig& sandbox);
  // The pod starts no more containers: what it waits for need not be pulled, and its pulls that run
  // are ended, so that others have their turn.
  void Forget(const std::string& pod_uid);
  // The same of all pods: who ends its tasks waits for no pull and no program, and nobody asks
  // after.
  void End();

 private:
  struct Pull {
    std::string pod_uid;
    std::string image;
    cri::SandboxConfig sandbox;
    Duration asked_at{};
    Duration started_at{};
    Duration ended_at{};
    RegistryCredentials credentials;
    core_v1::Pod asker;  // As much of it as credentials of the node may be for.
    std::vector<TrackedAuth> of_node;
    bool has_turn = false;
    std::optional<tl::expected<std::string, std::string>> outcome;  // Unset: it has not ended.
    std::stop_source stop;
  };
  // Whether credentials of the node let a pod have an image that lies here.
  struct Check {
    std::string pod_uid;
    std::string image;
    std::string ref;
    core_v1::Pod asker;       // As that of a pull, until it is known.
    std::optional<bool> may;  // Unset: it is not known yet.
    Duration known_at{};
    std::stop_source stop;
  };
  // Programs of the node are asked again for the same container no sooner than that.
  static constexpr Duration kCheckLifetime = 1min;
  static constexpr int kChecksAtOnce = 4;  // More wait their turn: each holds a thread.
  static constexpr int kAsksAtOnce = 16;   // Likewise, of pulls that wait for the node's programs.
  struct Failure {
    Duration at{};
    std::string why;
  };
  struct Wish {
    const core_v1::Pod& pod;
    const std::string& image;
    const std::string& policy;
    const cri::SandboxConfig& sandbox;
    const core_v1::ObjectReference& reference;
    const std::string& backoff_key;  // Of the pod and the image.
    const std::string& key;          // Of the container or volume, too.
  };
  std::optional<Outcome> EnsureIt(const Wish& wish);
  std::optional<Outcome> PullIt(const Wish& wish);
  bool IsPulling(const std::string& key);
  std::optional<Pull> TakeEnded(const std::string& key);
  // A pull whose turn has not come is not needed any more.
  void DropQueued(const std::string& key);
  // Whether what is due now needs one more task that pulls.
  bool TakePlace() REQUIRES(mutex_);
  // The text of ImagePullBackOff while the image is left alone.
  std::optional<std::string> BackOff(const std::string& key, const std::string& image,
                                     Duration now) REQUIRES(mutex_);
  Outcome Conclude(const std::string& backoff_key, Pull pull,
                   const core_v1::ObjectReference& reference);
  struct Pulled {
    std::string ref;
    std::optional<PullSecret> secret;  // What it took.
  };
  // With each of the credentials for the image until one is taken; without any if there are none.
  // On failure says why none was. Once the pull is stopped no more are tried.
  tl::expected<Pulled, std::string> PullWith(std::vector<TrackedAuth> attempts, const Pull& pull);
  // The same, and it is kept who could.
  tl::expected<std::string, std::string> PullAndKeep(std::vector<TrackedAuth> attempts,
                                                     const Pull& pull);
  // nullopt: it is being found out.
  std::optional<bool> MayHave(const Wish& wish, const std::string& ref);
  // The same of a pod whose own secrets do not do.
  std::optional<bool> MayHaveByNode(const Wish& wish, const std::string& ref);
  // Finds out what is due, one after the other, until nothing is.
  void CheckAll();
  // Those of the pull of that key, if there is one: it may wait for long, and is asked about often.
  RegistryCredentials CredentialsOf(const core_v1::Pod& pod, const std::string& key);
  // Asks the node's programs for what pulls need, one after the other, and makes these due.
  void AskAll();
  // Pulls what is due, one after the other, until nothing is.
  void PullAll();

  const Dependencies dependencies_;
  Mutex mutex_;  // Never held while something is pulled.
  RestartBackoff backoff_ GUARDED_BY(mutex_);
  std::map<std::string, Failure> failures_ GUARDED_BY(mutex_);  // By pod and image.
  std::map<std::string, Pull> pulls_ GUARDED_BY(mutex_);  // By pod, image, and container or volume.
  std::deque<std::string> due_asks_ GUARDED_BY(mutex_);   // Keys of pulls, first come first asked.
  int asking_ GUARDED_BY(mutex_) = 0;                     // Tasks that ask.
  std::deque<std::string> due_ GUARDED_BY(mutex_);        // Keys of pulls, first come first pulled.
  int pulling_ GUARDED_BY(mutex_) = 0;                    // Tasks that pull.
  std::map<std::string, Check> checks_ GUARDED_BY(mutex_);  // By the same.
  std::deque<std::string> due_checks_ GUARDED_BY(mutex_);
  int checking_ GUARDED_BY(mutex_) = 0;  // Tasks that check.
};

// An event about one container of a pod, of whichever of its lists.
core_v1::ObjectReference ContainerReference(const core_v1::Pod& pod, const std::string& container);

}  // namespace skiff::kubelet
