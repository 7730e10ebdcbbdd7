#include "kubelet/pod_lookup.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "kubelet/last_words.h"

namespace skiff::kubelet {
namespace {

constexpr Duration kOrphanGrace = 1s;

std::string ValueOf(const cri::StringMap& map, const std::string& key) {
  const auto found = map.find(key);
  return found == map.end() ? "" : found->second;
}

ObservedContainer Observe(const cri::Container& listed, cri::ContainerStatus status) {
  ObservedContainer out;
  out.name = ValueOf(listed.labels, kContainerNameLabel);
  out.sandbox_id = listed.sandbox_id;
  out.attempt = listed.metadata.attempt;
  out.hash = ValueOf(listed.annotations, kContainerHashAnnotation);
  out.status = std::move(status);
  if (out.IsExited()) {
    out.message = out.status.message;
    const std::string words = LastWords(out.status);
    if (!words.empty()) out.message += (out.message.empty() ? "" : ": ") + words;
  }
  return out;
}

// As gRPC says it, on either end.
bool IsTooLong(const Result<std::vector<cri::Sandbox>>& listed) {
  return !listed && listed.error().reason == Reason::kTooManyRequests;
}

// One pod's are never more than an answer holds.
Result<std::vector<cri::Sandbox>> SandboxesPodByPod(ContainerRuntime& runtime) {
  std::set<std::string> uids;
  for (const cri::Container& container : TRY(runtime.ListContainers({}))) {
    uids.insert(ValueOf(container.labels, kPodUidLabel));
  }
  uids.erase("");
  std::vector<cri::Sandbox> all;
  const auto ready = runtime.ListPodSandboxes({.state = cri::SandboxState::kReady});
  if (!ready && !IsTooLong(ready)) return tl::unexpected(ready.error());
  if (ready) {
    std::copy_if(ready->begin(), ready->end(), std::back_inserter(all), [&](const auto& each) {
      return !uids.contains(ValueOf(each.labels, kPodUidLabel));
    });
  }
  for (const std::string& uid : uids) {
    auto own = TRY(runtime.ListPodSandboxes({.labels = {{kPodUidLabel, uid}}}));
    for (cri::Sandbox& sandbox : own) {
      sandbox.annotations.clear();
      all.push_back(std::move(sandbox));
    }
  }
  return all;
}

}  // namespace

Result<ObservedPod> ObservePod(ContainerRuntime& runtime, const std::string& pod_uid) {
  ObservedPod observed;
  const auto sandboxes = TRY(runtime.ListPodSandboxes({.labels = {{kPodUidLabel, pod_uid}}}));
  for (const cri::Sandbox& sandbox : sandboxes) {
    auto status = runtime.PodSandboxStatus(sandbox.id);
    if (status) {
      observed.sandboxes.push_back(std::move(*status));
    } else if (status.error().reason != Reason::kNotFound) {
      return tl::unexpected(status.error());
    }
  }
  std::sort(observed.sandboxes.begin(), observed.sandboxes.end(),
            [](const auto& a, const auto& b) { return IsLater(a, b); });
  const auto containers = TRY(runtime.ListContainers({.labels = {{kPodUidLabel, pod_uid}}}));
  for (const cri::Container& container : containers) {
    auto status = runtime.ContainerStatus(container.id);
    if (status) {
      ObservedContainer made = Observe(container, std::move(*status));
      observed.containers[made.name].push_back(std::move(made));
    } else if (status.error().reason != Reason::kNotFound) {
      return tl::unexpected(status.error());
    }
  }
  for (auto& [name, attempts] : observed.containers) {
    std::sort(attempts.begin(), attempts.end(), [](const auto& a, const auto& b) {
      return IsLater(a.status, b.status);
    });
  }
  return observed;
}

Result<> RemoveFromRuntime(ContainerRuntime& runtime, const std::string& pod_uid) {
  const auto containers = TRY(runtime.ListContainers({.labels = {{kPodUidLabel, pod_uid}}}));
  Result<> outcome;
  const auto note = [&](const Result<>& result) {
    if (!result && outcome) outcome = result;
  };
  for (const cri::Container& container : containers) {
    if (container.state == cri::ContainerState::kRunning) {
      note(runtime.StopContainer(container.id, kOrphanGrace));
    }
    note(runtime.RemoveContainer(container.id));
  }
  const auto sandboxes = TRY(runtime.ListPodSandboxes({.labels = {{kPodUidLabel, pod_uid}}}));
  for (const cri::Sandbox& sandbox : sandboxes) {
    note(runtime.StopPodSandbox(sandbox.id));
    note(runtime.RemovePodSandbox(sandbox.id));
  }
  return outcome;
}

Result<std::vector<cri::Sandbox>> AllSandboxes(ContainerRuntime& runtime) {
  auto listed = runtime.ListPodSandboxes({});
  auto all = IsTooLong(listed) ? SandboxesPodByPod(runtime) : std::move(listed);
  if (!all) return all;
  for (cri::Sandbox& sandbox : *all) sandbox.annotations.clear();
  return all;
}

Result<std::map<std::string, std::string>> RuntimePods(ContainerRuntime& runtime) {
  std::map<std::string, std::string> pods;
  const auto sandboxes = TRY(AllSandboxes(runtime));
  for (const cri::Sandbox& sandbox : sandboxes) {
    const std::string uid = ValueOf(sandbox.labels, kPodUidLabel);
    if (uid.empty()) continue;
    pods[uid] =
        ValueOf(sandbox.labels, kPodNamespaceLabel) + "/" + ValueOf(sandbox.labels, kPodNameLabel);
  }
  return pods;
}

std::string PodText(const core_v1::Pod& pod) {
  return fmt::format("{}_{}({})", pod.metadata.name, pod.metadata.namespace_, pod.metadata.uid);
}

}  // namespace skiff::kubelet
