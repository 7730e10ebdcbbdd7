#include "kubelet/image_puller.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace skiff::kubelet {
namespace {

bool IsInit(const core_v1::Pod& pod, const std::string& name) {
  const auto& list = pod.spec.init_containers;
  return std::any_of(list.begin(), list.end(), [&](const auto& each) { return each.name == name; });
}

// Repository names are lower case; the rest is for the runtime to judge.
bool HasUpperCaseRepository(const std::string& image) {
  const auto slash = image.rfind('/');
  const size_t name_start = slash == std::string::npos ? 0 : slash + 1;
  const auto end = image.find_first_of(":@", name_start);
  const std::string path = image.substr(0, end);
  const auto host_end = path.find('/');
  const bool has_host = host_end != std::string::npos &&
                        path.substr(0, host_end).find_first_of(".:") != std::string::npos;
  const std::string repository = has_host ? path.substr(host_end + 1) : path;
  return std::any_of(repository.begin(), repository.end(),
                     [](unsigned char c) { return std::isupper(c) != 0; });
}

std::string Milliseconds(Duration duration) {
  return fmt::format("{:.3f}s", std::chrono::duration<double>(duration).count());
}

}  // namespace

core_v1::ObjectReference ContainerReference(const core_v1::Pod& pod, const std::string& container,
                                            bool is_init) {
  core_v1::ObjectReference reference = ReferenceTo(core_v1::Pod::Info(), pod.metadata);
  reference.field_path =
      fmt::format("spec.{}{{{}}}", is_init ? "initContainers" : "containers", container);
  return reference;
}

tl::expected<PulledImage, WaitingReason> ImagePuller::Ensure(const core_v1::Pod& pod,
                                                             const core_v1::Container& container,
                                                             const cri::SandboxConfig& sandbox) {
  const std::string& image = container.image;
  const auto reference = ContainerReference(pod, container.name, IsInit(pod, container.name));
  const auto fail = [&](std::string reason, std::string message) {
    return tl::unexpected(WaitingReason{std::move(reason), std::move(message)});
  };
  if (image.empty() || HasUpperCaseRepository(image)) {
    const std::string text = fmt::format(
        "Failed to apply default image tag \"{0}\": couldn't parse image name \"{0}\": invalid "
        "reference format{1}",
        image, image.empty() ? "" : ": repository name must be lowercase");
    events_.Report(reference, EventType::kWarning, "InspectFailed", text);
    return fail("InvalidImageName", text);
  }
  if (container.image_pull_policy == "Always") return Pull(pod, container, sandbox, reference);
  auto present = runtime_.ImageStatus(image);
  if (!present) {
    const std::string text = fmt::format("Failed to inspect image \"{}\": {}", image,
                                         cri::RpcErrorText(present.error()));
    events_.Report(reference, EventType::kWarning, "InspectFailed", text);
    return fail("ImageInspectError", text);
  }
  if (*present) {
    events_.Report(reference, EventType::kNormal, "Pulled",
                   fmt::format("Container image \"{}\" already present on machine and can be "
                               "accessed by the pod",
                               image));
    return PulledImage{(*present)->id, **present};
  }
  if (container.image_pull_policy == "Never") {
    const std::string text =
        fmt::format("Container image \"{}\" is not present with pull policy of Never", image);
    events_.Report(reference, EventType::kWarning, "ErrImageNeverPull", text);
    return fail("ErrImageNeverPull", text);
  }
  return Pull(pod, container, sandbox, reference);
}

tl::expected<std::string, std::string> ImagePuller::PullWith(
    const RegistryCredentials& credentials, const std::string& image,
    const cri::SandboxConfig& sandbox) {
  auto attempts = credentials.For(image);
  if (attempts.empty()) attempts.emplace_back();
  std::vector<std::string> problems;
  for (const cri::RegistryAuth& auth : attempts) {
    auto pulled = runtime_.PullImage(image, auth, sandbox);
    if (pulled) return std::move(*pulled);
    std::string problem = cri::RpcErrorText(pulled.error());
    if (std::find(problems.begin(), problems.end(), problem) == problems.end()) {
      problems.push_back(std::move(problem));
    }
  }
  if (problems.size() == 1) return tl::unexpected(std::move(problems.front()));
  return tl::unexpected(fmt::format("[{}]", fmt::join(problems, ", ")));
}

ImagePuller::Outcome ImagePuller::Pull(const core_v1::Pod& pod, const core_v1::Container& container,
                                       const cri::SandboxConfig& sandbox,
                                       const core_v1::ObjectReference& reference) {
  const std::string& image = container.image;
  const std::string key = pod.metadata.uid + "_" + image;
  const Duration asked_at = clock_.Monotonic();
  {
    MutexLock lock(mutex_);
    const auto failed = failed_at_.find(key);
    if (failed != failed_at_.end() && backoff_.Left(key, failed->second, asked_at) > 0ns) {
      const std::string text = fmt::format("Back-off pulling image \"{}\"", image);
      const std::string why = last_error_[key];
      lock.unlock();
      events_.Report(reference, EventType::kNormal, "BackOff", text);
      return tl::unexpected(
          WaitingReason{"ImagePullBackOff", why.empty() ? text : text + ": ErrImagePull: " + why});
    }
  }
  events_.Report(reference, EventType::kNormal, "Pulling",
                 fmt::format("Pulling image \"{}\"", image));
  const RegistryCredentials credentials = credentials_(pod);
  tl::expected<std::string, std::string> pulled;
  Duration started_at{};
  {
    MutexLock lock(pulling_);
    started_at = clock_.Monotonic();
    pulled = PullWith(credentials, image, sandbox);
  }
  const Duration now = clock_.Monotonic();
  if (!pulled) {
    const std::string& why = pulled.error();
    {
      MutexLock lock(mutex_);
      backoff_.Forget(now);
      backoff_.Next(key, now);
      failed_at_[key] = now;
      last_error_[key] = why;
    }
    events_.Report(reference, EventType::kWarning, "Failed",
                   fmt::format("Failed to pull image \"{}\": {}", image, why));
    return tl::unexpected(WaitingReason{"ErrImagePull", why});
  }
  auto status = runtime_.ImageStatus(*pulled);
  PulledImage out{*pulled, status && *status ? **status : cri::Image{}};
  events_.Report(reference, EventType::kNormal, "Pulled",
                 fmt::format("Successfully pulled image \"{}\" in {} ({} including waiting). Image "
                             "size: {} bytes.",
                             image, Milliseconds(now - started_at), Milliseconds(now - asked_at),
                             out.image.size_bytes));
  return out;
}

}  // namespace skiff::kubelet
