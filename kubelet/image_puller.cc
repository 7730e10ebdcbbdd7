#include "kubelet/image_puller.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "api/rules/core/image_reference.h"

namespace skiff::kubelet {
namespace {

template <typename Containers>
bool HasName(const Containers& list, const std::string& name) {
  return std::any_of(list.begin(), list.end(), [&](const auto& each) { return each.name == name; });
}

// What kind of failure that is, nobody knows: the code says nothing.
std::string PullProblem(const Error& error) {
  return error.reason == Reason::kUnknown ? error.message : cri::RpcErrorText(error);
}

// As much of a pod as credentials of the node may be for.
core_v1::Pod PullAsker(const core_v1::Pod& pod) {
  core_v1::Pod asker;
  asker.metadata.name = pod.metadata.name;
  asker.metadata.namespace_ = pod.metadata.namespace_;
  asker.metadata.uid = pod.metadata.uid;
  asker.spec.service_account_name = pod.spec.service_account_name;
  return asker;
}

std::string Milliseconds(Duration duration) {
  return fmt::format("{:.3f}s", std::chrono::duration<double>(duration).count());
}

}  // namespace

core_v1::ObjectReference ContainerReference(const core_v1::Pod& pod, const std::string& container) {
  const char* list = HasName(pod.spec.init_containers, container)        ? "initContainers"
                     : HasName(pod.spec.ephemeral_containers, container) ? "ephemeralContainers"
                                                                         : "containers";
  core_v1::ObjectReference reference = ReferenceTo(core_v1::Pod::Info(), pod.metadata);
  reference.field_path = fmt::format("spec.{}{{{}}}", list, container);
  return reference;
}

std::optional<ImagePuller::Outcome> ImagePuller::Ensure(const core_v1::Pod& pod,
                                                        const core_v1::Container& container,
                                                        const cri::SandboxConfig& sandbox) {
  const std::string backoff_key = pod.metadata.uid + "_" + container.image;
  return EnsureIt({pod, container.image, container.image_pull_policy, sandbox,
                   ContainerReference(pod, container.name), backoff_key,
                   backoff_key + "_" + container.name});
}

std::optional<ImagePuller::Outcome> ImagePuller::Ensure(const core_v1::Pod& pod,
                                                        const core_v1::Volume& volume,
                                                        const cri::SandboxConfig& sandbox) {
  const core_v1::ImageVolumeSource& source = *volume.image;
  const std::string backoff_key = pod.metadata.uid + "_" + source.reference;
  // No container has such a name.
  return EnsureIt({pod, source.reference, source.pull_policy, sandbox,
                   ReferenceTo(core_v1::Pod::Info(), pod.metadata), backoff_key,
                   backoff_key + "_volume/" + volume.name});
}

std::optional<ImagePuller::Outcome> ImagePuller::EnsureIt(const Wish& wish) {
  const std::string& image = wish.image;
  const core_v1::ObjectReference& reference = wish.reference;
  const auto fail = [&](std::string reason, std::string message) {
    return Outcome(tl::unexpected(WaitingReason{std::move(reason), std::move(message)}));
  };
  EventRecorder& events = dependencies_.events;
  if (const auto name = ParseImageName(image); !name) {
    const std::string text =
        fmt::format("Failed to apply default image tag \"{0}\": couldn't parse image name "
                    "\"{0}\": {1}",
                    image, name.error().message);
    events.Report(reference, EventType::kWarning, "InspectFailed", text);
    return fail("InvalidImageName", text);
  }
  if (auto ended = TakeEnded(wish.key)) {
    return Conclude(wish.backoff_key, std::move(*ended), reference);
  }
  if (wish.policy == "Always") return PullIt(wish);
  auto present = dependencies_.runtime.ImageStatus(image);
  if (!present) {
    const std::string text = fmt::format("Failed to inspect image \"{}\": {}", image,
                                         cri::RpcErrorText(present.error()));
    events.Report(reference, EventType::kWarning, "InspectFailed", text);
    return fail("ImageInspectError", text);
  }
  const auto may = *present ? MayHave(wish, (*present)->id) : std::optional(false);
  if (!may) return std::nullopt;
  if (*may) {
    DropQueued(wish.key);  // Another container's pull brought it.
    events.Report(reference, EventType::kNormal, "Pulled",
                   fmt::format("Container image \"{}\" already present on machine and can be "
                               "accessed by the pod",
                               image));
    return Outcome(PulledImage{(*present)->id, **present});
  }
  if (wish.policy == "Never") {
    const std::string text =
        fmt::format("Container image \"{}\" is not present with pull policy of Never", image);
    events.Report(reference, EventType::kWarning, "ErrImageNeverPull", text);
    return fail("ErrImageNeverPull", text);
  }
  return PullIt(wish);
}

RegistryCredentials ImagePuller::CredentialsOf(const core_v1::Pod& pod, const std::string& key) {
  {
    MutexLock lock(mutex_);
    const auto found = pulls_.find(key);
    if (found != pulls_.end()) return found->second.credentials;
  }
  return dependencies_.credentials(pod);
}

std::optional<bool> ImagePuller::MayHave(const Wish& wish, const std::string& ref) {
  PulledImages* kept = dependencies_.pulled_images;
  if (kept == nullptr) return true;
  if (kept->NeedsRecovery()) {
    const auto images = dependencies_.runtime.ListImages("");
    if (images) kept->Recover(*images, dependencies_.clock.Now());  // Or at the next image.
  }
  bool depends = false;
  const bool must_pull = kept->MustPull(wish.image, ref, [&] {
    depends = true;
    std::vector<PullSecret> secrets;
    for (const TrackedAuth& auth : CredentialsOf(wish.pod, wish.key).For(wish.image)) {
      secrets.push_back(auth.secret);
    }
    return secrets;
  });
  if (!must_pull) return true;
  if (!depends || !dependencies_.of_node) return false;
  return MayHaveByNode(wish, ref);
}

std::optional<bool> ImagePuller::MayHaveByNode(const Wish& wish, const std::string& ref) {
  const Duration now = dependencies_.clock.Monotonic();
  {
    MutexLock lock(mutex_);
    const auto found = checks_.find(wish.key);
    if (found != checks_.end()) {
      const Check& check = found->second;
      if (!check.may) return std::nullopt;
      if (check.ref == ref && now - check.known_at < kCheckLifetime) return check.may;
    }
    Check& check = checks_[wish.key];
    check = {};
    check.pod_uid = wish.pod.metadata.uid;
    check.image = wish.image;
    check.ref = ref;
    check.asker = PullAsker(wish.pod);
    due_checks_.push_back(wish.key);
    if (checking_ >= kChecksAtOnce) return std::nullopt;
    ++checking_;
  }
  dependencies_.tasks.Run([this] { CheckAll(); });
  return std::nullopt;
}

void ImagePuller::CheckAll() {
  while (true) {
    std::string key;
    Check check;
    {
      MutexLock lock(mutex_);
      if (due_checks_.empty()) {
        --checking_;
        return;
      }
      key = std::move(due_checks_.front());
      due_checks_.pop_front();
      const auto found = checks_.find(key);
      if (found == checks_.end() || found->second.may) continue;
      check = found->second;
    }
    std::vector<PullSecret> secrets;
    for (const TrackedAuth& auth :
         dependencies_.of_node(check.asker, check.image, check.stop.get_token())) {
      if (!auth.is_for_all) secrets.push_back(auth.secret);
    }
    const bool may =
        !dependencies_.pulled_images->MustPull(check.image, check.ref, [&] { return secrets; });
    {
      MutexLock lock(mutex_);
      const auto found = checks_.find(key);
      // Nobody waits for it any more, or for that of another image that has the name by now.
      if (found == checks_.end() || found->second.stop != check.stop) continue;
      found->second.may = may;
      found->second.known_at = dependencies_.clock.Monotonic();
      found->second.asker = {};
    }
    dependencies_.pulled(check.pod_uid);
  }
}

tl::expected<std::string, std::string> ImagePuller::PullAndKeep(std::vector<TrackedAuth> attempts,
                                                                const Pull& pull) {
  const std::string& image = pull.image;
  PulledImages* kept = dependencies_.pulled_images;
  if (kept != nullptr) {
    if (const auto begun = kept->Begin(image); !begun) {
      return tl::unexpected(
          fmt::format("Failed to record image pull intent for container image "
                      "\"{}\": {}",
                      image, begun.error().message));
    }
  }
  const auto pulled = PullWith(std::move(attempts), pull);
  if (!pulled) {
    if (kept != nullptr) kept->End(image, std::nullopt, std::nullopt, dependencies_.clock.Now());
    return tl::unexpected(pulled.error());
  }
  if (kept != nullptr) {
    // It is by its id that it will be found here.
    const auto status = dependencies_.runtime.ImageStatus(pulled->ref);
    const std::string id = status && *status ? (*status)->id : pulled->ref;
    kept->End(image, id, pulled->secret, dependencies_.clock.Now());
  }
  return pulled->ref;
}

tl::expected<ImagePuller::Pulled, std::string> ImagePuller::PullWith(
    std::vector<TrackedAuth> attempts, const Pull& pull) {
  if (attempts.empty()) attempts.emplace_back().is_for_all = true;
  std::vector<std::string> problems;
  for (const TrackedAuth& auth : attempts) {
    const std::stop_token stop = pull.stop.get_token();
    if (stop.stop_requested()) return tl::unexpected(std::string("nobody waits for it any more"));
    auto pulled = dependencies_.runtime.PullImage(pull.image, auth, pull.sandbox, stop);
    if (pulled) {
      return Pulled{std::move(*pulled),
                    auth.is_for_all ? std::nullopt : std::optional(auth.secret)};
    }
    std::string problem = PullProblem(pulled.error());
    if (std::find(problems.begin(), problems.end(), problem) == problems.end()) {
      problems.push_back(std::move(problem));
    }
  }
  if (problems.size() == 1) return tl::unexpected(std::move(problems.front()));
  return tl::unexpected(fmt::format("[{}]", fmt::join(problems, ", ")));
}

std::optional<ImagePuller::Pull> ImagePuller::TakeEnded(const std::string& key) {
  MutexLock lock(mutex_);
  const auto found = pulls_.find(key);
  if (found == pulls_.end() || !found->second.outcome) return std::nullopt;
  Pull ended = std::move(found->second);
  pulls_.erase(found);
  checks_.erase(key);  // It may have brought the image.
  return ended;
}

bool ImagePuller::IsPulling(const std::string& key) {
  MutexLock lock(mutex_);
  return pulls_.contains(key);
}

void ImagePuller::DropQueued(const std::string& key) {
  std::stop_source unwanted;
  {
    MutexLock lock(mutex_);
    const auto found = pulls_.find(key);
    if (found == pulls_.end() || found->second.has_turn) return;
    unwanted = found->second.stop;
    std::erase(due_asks_, key);
    std::erase(due_, key);
    pulls_.erase(found);
  }
  unwanted.request_stop();
}

bool ImagePuller::TakePlace() {
  if (pulling_ >= dependencies_.pulls_max) return false;
  ++pulling_;
  return true;
}

std::optional<std::string> ImagePuller::BackOff(const std::string& key, const std::string& image,
                                                Duration now) {
  const auto failed = failures_.find(key);
  if (failed == failures_.end() || backoff_.Left(key, failed->second.at, now) <= 0ns) {
    return std::nullopt;
  }
  const std::string text = fmt::format("Back-off pulling image \"{}\"", image);
  const std::string& why = failed->second.why;
  return why.empty() ? text : text + ": ErrImagePull: " + why;
}

std::optional<ImagePuller::Outcome> ImagePuller::PullIt(const Wish& wish) {
  const Duration now = dependencies_.clock.Monotonic();
  if (IsPulling(wish.key)) return std::nullopt;
  const RegistryCredentials credentials = dependencies_.credentials(wish.pod);
  std::optional<std::string> back_off;
  bool asks = false, starts = false;
  {
    MutexLock lock(mutex_);
    if (pulls_.contains(wish.key)) return std::nullopt;
    back_off = BackOff(wish.backoff_key, wish.image, now);
    if (!back_off) {
      Pull& pull = pulls_[wish.key];
      pull.pod_uid = wish.pod.metadata.uid;
      pull.image = wish.image;
      pull.sandbox = wish.sandbox;
      pull.credentials = credentials;
      pull.asker = PullAsker(wish.pod);
      pull.asked_at = now;
      const bool has_more = static_cast<bool>(dependencies_.of_node);
      (has_more ? due_asks_ : due_).push_back(wish.key);
      asks = has_more && asking_ < kAsksAtOnce;
      if (asks) ++asking_;
      starts = !has_more && TakePlace();
    }
  }
  if (back_off) {
    dependencies_.events.Report(wish.reference, EventType::kNormal, "BackOff",
                                fmt::format("Back-off pulling image \"{}\"", wish.image));
    return Outcome(tl::unexpected(WaitingReason{"ImagePullBackOff", std::move(*back_off)}));
  }
  dependencies_.events.Report(wish.reference, EventType::kNormal, "Pulling",
                              fmt::format("Pulling image \"{}\"", wish.image));
  if (asks) dependencies_.tasks.Run([this] { AskAll(); });
  if (starts) dependencies_.tasks.Run([this] { PullAll(); });
  return std::nullopt;
}

void ImagePuller::AskAll() {
  while (true) {
    std::string key;
    Pull pull;
    {
      MutexLock lock(mutex_);
      if (due_asks_.empty()) {
        --asking_;
        return;
      }
      key = std::move(due_asks_.front());
      due_asks_.pop_front();
      const auto found = pulls_.find(key);
      if (found == pulls_.end()) continue;
      pull = found->second;
    }
    auto of_node = dependencies_.of_node(pull.asker, pull.image, pull.stop.get_token());
    bool starts = false;
    {
      MutexLock lock(mutex_);
      const auto found = pulls_.find(key);
      if (found == pulls_.end() || found->second.stop != pull.stop) continue;
      found->second.of_node = std::move(of_node);
      due_.push_back(key);
      starts = TakePlace();
    }
    if (starts) dependencies_.tasks.Run([this] { PullAll(); });
  }
}

void ImagePuller::PullAll() {
  while (true) {
    std::string key;
    Pull pull;
    {
      MutexLock lock(mutex_);
      if (due_.empty()) {
        --pulling_;
        return;
      }
      key = std::move(due_.front());
      due_.pop_front();
      const auto found = pulls_.find(key);
      if (found == pulls_.end()) continue;
      found->second.has_turn = true;
      found->second.started_at = dependencies_.clock.Monotonic();
      pull = found->second;
    }
    auto attempts = pull.credentials.For(pull.image);
    for (TrackedAuth& auth : pull.of_node) attempts.push_back(std::move(auth));
    auto outcome = PullAndKeep(std::move(attempts), pull);
    {
      MutexLock lock(mutex_);
      const auto found = pulls_.find(key);
      // Nobody waits for it any more, or a static pod that came back does for its own.
      if (found == pulls_.end() || found->second.stop != pull.stop) continue;
      found->second.outcome = std::move(outcome);
      found->second.ended_at = dependencies_.clock.Monotonic();
    }
    dependencies_.pulled(pull.pod_uid);
  }
}

ImagePuller::Outcome ImagePuller::Conclude(const std::string& backoff_key, Pull pull,
                                           const core_v1::ObjectReference& reference) {
  EventRecorder& events = dependencies_.events;
  const tl::expected<std::string, std::string>& pulled = *pull.outcome;
  if (!pulled) {
    const std::string& why = pulled.error();
    {
      MutexLock lock(mutex_);
      backoff_.Forget(pull.ended_at);
      std::erase_if(failures_, [&](const auto& failure) {
        return pull.ended_at - failure.second.at > RestartBackoff::kForgetAfter;
      });
      backoff_.Next(backoff_key, pull.ended_at, pull.ended_at);
      failures_[backoff_key] = {pull.ended_at, why};
    }
    events.Report(reference, EventType::kWarning, "Failed",
                  fmt::format("Failed to pull image \"{}\": {}", pull.image, why));
    return tl::unexpected(WaitingReason{"ErrImagePull", why});
  }
  auto status = dependencies_.runtime.ImageStatus(*pulled);
  PulledImage out{*pulled, status && *status ? **status : cri::Image{}};
  if (dependencies_.metrics != nullptr) {
    dependencies_.metrics->image_pull_seconds.Observe({ImageSizeClass(out.image.size_bytes)},
                                                      InSeconds(pull.ended_at - pull.started_at));
  }
  events.Report(reference, EventType::kNormal, "Pulled",
                fmt::format("Successfully pulled image \"{}\" in {} ({} including waiting). Image "
                            "size: {} bytes.",
                            pull.image, Milliseconds(pull.ended_at - pull.started_at),
                            Milliseconds(pull.ended_at - pull.asked_at), out.image.size_bytes));
  return out;
}

void ImagePuller::Forget(const std::string& pod_uid) {
  std::vector<std::stop_source> unwanted;
  {
    MutexLock lock(mutex_);
    std::erase_if(pulls_, [&](const auto& pull) {
      const bool is_its = pull.second.pod_uid == pod_uid;
      if (is_its) unwanted.push_back(pull.second.stop);
      return is_its;
    });
    std::erase_if(due_asks_, [&](const auto& key) { return !pulls_.contains(key); });
    std::erase_if(due_, [&](const auto& key) { return !pulls_.contains(key); });
    std::erase_if(checks_, [&](const auto& check) {
      const bool is_its = check.second.pod_uid == pod_uid;
      if (is_its) unwanted.push_back(check.second.stop);
      return is_its;
    });
    std::erase_if(due_checks_, [&](const auto& key) { return !checks_.contains(key); });
  }
  for (std::stop_source& stop : unwanted) stop.request_stop();
}

void ImagePuller::End() {
  std::map<std::string, Pull> pulls;
  std::map<std::string, Check> checks;
  {
    MutexLock lock(mutex_);
    due_asks_.clear();
    due_.clear();
    due_checks_.clear();
    pulls.swap(pulls_);
    checks.swap(checks_);
  }
  for (auto& [key, pull] : pulls) pull.stop.request_stop();
  for (auto& [key, check] : checks) check.stop.request_stop();
}

}  // namespace skiff::kubelet
