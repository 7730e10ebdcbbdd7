#include "kubelet/simulation/script.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/codec/struct_fields.h"
#include "base/flags.h"
#include "kubelet/pod_admission.h"
#include "kubelet/pod_observed.h"

namespace skiff::kubelet {
namespace {

using Annotations = std::map<std::string, std::string>;

constexpr Duration kRunOnceEndsAfter = 1s;
constexpr Duration kSpanMax = 24h * 3650;  // So that sums with times of today do not overflow.
constexpr int kExitCodeMax = 255;
constexpr int64_t kIdleNanoCores = 5'000'000;
constexpr int64_t kIdleMemoryBytes = 16LL << 20;
// What one container may use: a million cores and a pebibyte. Those of many are still numbers.
constexpr int64_t kMilliCoresMax = 1'000'000'000;
constexpr int64_t kMemoryBytesMax = int64_t{1} << 50;

enum class Type : uint8_t { kDuration, kExitCode, kSwitch, kQuantity };
// Whose annotations it is read from; of a pod's, some may be about one container.
enum Owner : uint8_t { kPod = 1, kContainer = 2, kNode = 4 };
struct Word {
  std::string_view name;
  Type type;
  int owners;  // Owner's bits.
};
constexpr Word kWords[] = {{"start-delay", Type::kDuration, kPod},
                           {"exit-after", Type::kDuration, kPod | kContainer},
                           {"crash-after", Type::kDuration, kPod | kContainer},
                           {"exit-code", Type::kExitCode, kPod | kContainer},
                           {"fail-image-pull", Type::kSwitch, kPod},
                           {"ready-after", Type::kDuration, kPod | kContainer},
                           {"not-ready-after", Type::kDuration, kPod | kContainer | kNode},
                           {"heartbeat-stops-after", Type::kDuration, kNode},
                           {"cpu-usage", Type::kQuantity, kPod | kContainer},
                           {"memory-usage", Type::kQuantity, kPod | kContainer}};

std::optional<Duration> DurationOf(const std::string& text) {
  const auto parsed = ParseGoDuration(text);
  if (!parsed || *parsed < 0ns) return std::nullopt;
  return std::min(*parsed, kSpanMax);
}

std::optional<int> ExitCodeOf(const std::string& text) {
  int code = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), code);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  if (!whole || code < 0 || code > kExitCodeMax) return std::nullopt;
  return code;
}

bool IsSwitch(const std::string& text) {
  return text == "true" || text == "false";
}

std::string WhyUnreadable(Type type, const std::string& text) {
  switch (type) {
    case Type::kDuration:
      return DurationOf(text) ? "" : "it is no duration such as 10s or 1m30s";
    case Type::kExitCode:
      return ExitCodeOf(text) ? "" : "it is no exit code, 0 to 255";
    case Type::kSwitch:
      return IsSwitch(text) ? "" : "it is neither true nor false";
    case Type::kQuantity:
      return Quantity::Parse(text) ? "" : "it is no quantity such as 100m or 64Mi";
  }
  return "";
}

// "": not given.
std::string Lookup(const Annotations& annotations, std::string_view word,
                   const std::string& container = "") {
  const std::string key = std::string(kSimulationPrefix).append(word);
  if (!container.empty()) {
    const auto own = annotations.find(key + "." + container);
    if (own != annotations.end()) return own->second;
  }
  const auto found = annotations.find(key);
  return found == annotations.end() ? "" : found->second;
}

const core_v1::Container* Find(const std::vector<core_v1::Container>& containers,
                               const std::string& name) {
  const auto found = std::find_if(containers.begin(), containers.end(),
                                  [&](const auto& each) { return each.name == name; });
  return found == containers.end() ? nullptr : &*found;
}

Duration SpanOf(const Annotations& annotations, std::string_view word, Duration otherwise,
                const std::string& container = "") {
  return DurationOf(Lookup(annotations, word, container)).value_or(otherwise);
}

bool HasContainer(const core_v1::PodSpec& spec, const std::string& name) {
  const auto& ephemeral = spec.ephemeral_containers;
  return Find(spec.containers, name) != nullptr || Find(spec.init_containers, name) != nullptr ||
         std::any_of(ephemeral.begin(), ephemeral.end(),
                     [&](const auto& each) { return each.name == name; });
}

// Why an annotation, without the prefix, has no effect; "": it has one. No pod: it is a node's.
std::string WhyWithoutEffect(const std::string& key, const std::string& value,
                             const core_v1::Pod* pod) {
  const size_t dot = key.find('.');
  const std::string name = key.substr(0, dot);
  const auto word = std::find_if(std::begin(kWords), std::end(kWords),
                                 [&](const Word& each) { return each.name == name; });
  if (word == std::end(kWords)) return "there is no such annotation";
  if ((word->owners & (pod != nullptr ? kPod : kNode)) == 0) {
    return fmt::format("it is an annotation of {}", pod != nullptr ? "nodes" : "pods");
  }
  if (dot == std::string::npos) return WhyUnreadable(word->type, value);
  const std::string container = key.substr(dot + 1);
  if (pod == nullptr) return "nodes have no containers";
  if ((word->owners & kContainer) == 0) return "it is about the pod, not about one container";
  if (!HasContainer(pod->spec, container)) {
    return fmt::format("the pod has no container \"{}\"", container);
  }
  return WhyUnreadable(word->type, value);
}

std::vector<std::string> ProblemsOf(const Annotations& annotations, const core_v1::Pod* pod) {
  std::vector<std::string> problems;
  for (const auto& [key, value] : annotations) {
    if (!key.starts_with(kSimulationPrefix)) continue;
    const std::string why = WhyWithoutEffect(key.substr(sizeof kSimulationPrefix - 1), value, pod);
    if (why.empty()) continue;
    problems.push_back(fmt::format("annotation {}: \"{}\" has no effect: {}", key, value, why));
  }
  return problems;
}

// Volumes that are made from objects, or are nothing but an empty directory; hostPath's are said to
// be there once for all, in the documentation: every node has them.
bool IsSimulated(std::string_view source) {
  constexpr std::string_view kSimulated[] = {"configMap", "secret",    "downwardAPI",
                                             "projected", "emptyDir",  "hostPath",
                                             "ephemeral", "persistentVolumeClaim"};
  return std::find(std::begin(kSimulated), std::end(kSimulated), source) != std::end(kSimulated);
}

void AddProfiles(const core_v1::Pod& pod, const core_v1::Container& container,
                 std::vector<std::string>& out) {
  const auto add = [&](const char* kind, const std::string& profile) {
    out.push_back(fmt::format("the {} profile {} of container {} is taken to be there", kind,
                              profile, container.name));
  };
  const auto app_armor = AppArmorProfileOf(pod, container);
  if (app_armor && app_armor->localhost_profile) add("AppArmor", *app_armor->localhost_profile);
  const core_v1::SeccompProfile* seccomp = nullptr;
  if (pod.spec.security_context && pod.spec.security_context->seccomp_profile) {
    seccomp = &*pod.spec.security_context->seccomp_profile;
  }
  if (container.security_context && container.security_context->seccomp_profile) {
    seccomp = &*container.security_context->seccomp_profile;
  }
  if (seccomp != nullptr && seccomp->localhost_profile) {
    add("seccomp", *seccomp->localhost_profile);
  }
}

int64_t NanoCoresOf(const Quantity& cpu) {
  constexpr int64_t kNanoPerMilli = 1'000'000;
  return std::clamp<int64_t>(cpu.MilliValue(), 0, kMilliCoresMax) * kNanoPerMilli;
}

int64_t MemoryBytesOf(const Quantity& memory) {
  return std::clamp<int64_t>(memory.Value(), 0, kMemoryBytesMax);
}

const Quantity* Request(const core_v1::Container* container, const std::string& resource) {
  if (container == nullptr) return nullptr;
  const auto found = container->resources.requests.find(resource);
  return found == container->resources.requests.end() ? nullptr : &found->second;
}

}  // namespace

std::optional<SimulatedEnd> EndOf(const core_v1::Pod& pod, const std::string& container) {
  const auto& annotations = pod.metadata.annotations;
  const core_v1::Container* init = Find(pod.spec.init_containers, container);
  const core_v1::Container* regular = Find(pod.spec.containers, container);
  const auto code = ExitCodeOf(Lookup(annotations, "exit-code", container));
  const auto crash = DurationOf(Lookup(annotations, "crash-after", container));
  const auto exit = DurationOf(Lookup(annotations, "exit-after", container));
  if (init != nullptr) {
    // The pod's own words are about what the pod is for; these must name the container.
    const auto own = ExitCodeOf(Lookup(annotations, "exit-code." + container));
    if (const auto after = DurationOf(Lookup(annotations, "crash-after." + container))) {
      return SimulatedEnd{*after, own.value_or(1)};
    }
    if (IsSidecar(*init)) {
      const auto after = DurationOf(Lookup(annotations, "exit-after." + container));
      if (!after && !own) return std::nullopt;
      return SimulatedEnd{after.value_or(kRunOnceEndsAfter), own.value_or(0)};
    }
    return SimulatedEnd{SpanOf(annotations, "exit-after." + container, 0ns), own.value_or(0)};
  }
  if (regular == nullptr) return std::nullopt;  // Ephemeral: until whoever came to look has left.
  if (crash) return SimulatedEnd{*crash, code.value_or(1)};
  if (exit) return SimulatedEnd{*exit, code.value_or(0)};
  const std::string policy = regular->restart_policy.value_or(pod.spec.restart_policy);
  if (policy != "Always" || code) return SimulatedEnd{kRunOnceEndsAfter, code.value_or(0)};
  return std::nullopt;
}

ReadySpan ReadySpanOf(const core_v1::Pod& pod, const std::string& container) {
  const auto& annotations = pod.metadata.annotations;
  return {SpanOf(annotations, "ready-after", 0ns, container),
          SpanOf(annotations, "not-ready-after", kNever, container)};
}

Duration StartDelayOf(const core_v1::Pod& pod) {
  return SpanOf(pod.metadata.annotations, "start-delay", 0ns);
}

bool FailsImagePull(const core_v1::Pod& pod) {
  return Lookup(pod.metadata.annotations, "fail-image-pull") == "true";
}

SimulatedUsage UsageOf(const core_v1::Pod& pod, const std::string& container) {
  const auto& annotations = pod.metadata.annotations;
  const core_v1::Container* regular = Find(pod.spec.containers, container);
  SimulatedUsage usage{kIdleNanoCores, kIdleMemoryBytes};
  if (const Quantity* cpu = Request(regular, "cpu")) usage.nano_cores = NanoCoresOf(*cpu) / 2;
  if (const Quantity* memory = Request(regular, "memory")) {
    usage.memory_bytes = MemoryBytesOf(*memory) / 2;
  }
  if (const auto cpu = Quantity::Parse(Lookup(annotations, "cpu-usage", container))) {
    usage.nano_cores = NanoCoresOf(*cpu);
  }
  if (const auto memory = Quantity::Parse(Lookup(annotations, "memory-usage", container))) {
    usage.memory_bytes = MemoryBytesOf(*memory);
  }
  return usage;
}

NodeScript NodeScriptOf(const core_v1::Node& node) {
  const auto& annotations = node.metadata.annotations;
  return {SpanOf(annotations, "not-ready-after", kNever),
          SpanOf(annotations, "heartbeat-stops-after", kNever)};
}

std::vector<std::string> ScriptProblems(const core_v1::Pod& pod) {
  return ProblemsOf(pod.metadata.annotations, &pod);
}

std::vector<std::string> ScriptProblems(const core_v1::Node& node) {
  return ProblemsOf(node.metadata.annotations, nullptr);
}

std::vector<std::string> Unsimulated(const core_v1::Pod& pod) {
  std::vector<std::string> out;
  for (const auto& volume : pod.spec.volumes) {
    // Whatever it is made from is a pointer, and the one that is there.
    for (const Field& source : core_v1::Volume::Describe().fields) {
      if (!source.pointer || source.pointer_ops->get(MemberOf(&volume, source)) == nullptr)
        continue;
      if (IsSimulated(source.name)) continue;
      out.push_back(fmt::format("volume {} ({}) is taken to be there", volume.name, source.name));
    }
  }
  for (const auto* list : {&pod.spec.init_containers, &pod.spec.containers}) {
    for (const auto& container : *list) AddProfiles(pod, container, out);
  }
  return out;
}

}  // namespace skiff::kubelet
