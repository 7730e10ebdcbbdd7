#include "api/pods/pod_resources.h"

#include <algorithm>
#include <limits>

#include "api/rules/pods/pod_resources.h"

namespace skiff {
namespace {

constexpr int64_t kDefaultMilliCpu = 100;
constexpr int64_t kDefaultMemory = 200LL * 1024 * 1024;

using ResourceList = std::map<std::string, Quantity>;

Resources ContainerRequests(const core_v1::Container& container, bool non_zero) {
  const ResourceList& requests = container.resources.requests;
  Resources out = Resources::From(requests);
  if (non_zero && !requests.contains("cpu")) out.milli_cpu = kDefaultMilliCpu;
  if (non_zero && !requests.contains("memory")) out.memory = kDefaultMemory;
  return out;
}

// Pod-level CPU, memory and hugepages replace the sum over the containers.
void ReplaceByPodLevel(const ResourceList& whole, Resources& total) {
  const Resources pod = Resources::From(whole);
  for (const auto& [name, quantity] : whole) {
    if (name == "cpu") total.milli_cpu = pod.milli_cpu;
    if (name == "memory") total.memory = pod.memory;
    if (name.starts_with("hugepages-")) total.scalar[name] = pod.scalar.at(name);
  }
}

// What a container and the sidecars before it take together; of scalars what it names itself, as of
// the others they take no more than before it. A pod may name ten thousands.
Resources BesideSidecars(const Resources& sidecars, Resources own) {
  own.milli_cpu = SaturatedSum(own.milli_cpu, sidecars.milli_cpu);
  own.memory = SaturatedSum(own.memory, sidecars.memory);
  own.ephemeral_storage = SaturatedSum(own.ephemeral_storage, sidecars.ephemeral_storage);
  for (auto& [name, amount] : own.scalar) {
    const auto found = sidecars.scalar.find(name);
    if (found != sidecars.scalar.end()) amount = SaturatedSum(amount, found->second);
  }
  return own;
}

// `of`: what a container takes.
template <typename AmountsOf>
Resources SumOver(const core_v1::PodSpec& spec, const AmountsOf& of) {
  Resources total;
  for (const auto& container : spec.containers) total.Add(of(container));
  Resources sidecars;
  Resources largest_init;
  for (const auto& container : spec.init_containers) {
    const Resources own = of(container);
    largest_init.RaiseTo(BesideSidecars(sidecars, own));
    if (!IsRestartableInitContainer(container)) continue;
    total.Add(own);
    sidecars.Add(own);
  }
  total.RaiseTo(largest_init);
  return total;
}

Resources SumOfRequests(const core_v1::PodSpec& spec, bool non_zero) {
  return SumOver(spec, [non_zero](const core_v1::Container& container) {
    return ContainerRequests(container, non_zero);
  });
}

Resources WithPodLevel(const core_v1::PodSpec& spec, Resources total) {
  if (spec.resources) ReplaceByPodLevel(spec.resources->requests, total);
  total.Add(Resources::From(spec.overhead));
  return total;
}

}  // namespace

int64_t SaturatedSum(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

int64_t SaturatedDifference(int64_t a, int64_t b) {
  int64_t difference = 0;
  if (!__builtin_sub_overflow(a, b, &difference)) return difference;
  return a < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

Resources Resources::From(const ResourceList& list) {
  Resources out;
  for (const auto& [name, quantity] : list) {
    if (name == "cpu") {
      out.milli_cpu = quantity.MilliValue();
    } else if (name == "memory") {
      out.memory = quantity.Value();
    } else if (name == "ephemeral-storage") {
      out.ephemeral_storage = quantity.Value();
    } else if (name != "pods") {
      out.scalar[name] = quantity.Value();
    }
  }
  return out;
}

void Resources::Add(const Resources& other) {
  milli_cpu = SaturatedSum(milli_cpu, other.milli_cpu);
  memory = SaturatedSum(memory, other.memory);
  ephemeral_storage = SaturatedSum(ephemeral_storage, other.ephemeral_storage);
  for (const auto& [name, amount] : other.scalar) {
    int64_t& own = scalar[name];
    own = SaturatedSum(own, amount);
  }
}

void Resources::Subtract(const Resources& other) {
  milli_cpu = SaturatedDifference(milli_cpu, other.milli_cpu);
  memory = SaturatedDifference(memory, other.memory);
  ephemeral_storage = SaturatedDifference(ephemeral_storage, other.ephemeral_storage);
  for (const auto& [name, amount] : other.scalar) {
    int64_t& own = scalar[name];
    own = SaturatedDifference(own, amount);
  }
}

bool Resources::IsAtLimit() const {
  constexpr int64_t kLimit = std::numeric_limits<int64_t>::max();
  return milli_cpu == kLimit || memory == kLimit || ephemeral_storage == kLimit ||
         std::any_of(scalar.begin(), scalar.end(),
                     [](const auto& entry) { return entry.second == kLimit; });
}

void Resources::RaiseTo(const Resources& other) {
  milli_cpu = std::max(milli_cpu, other.milli_cpu);
  memory = std::max(memory, other.memory);
  ephemeral_storage = std::max(ephemeral_storage, other.ephemeral_storage);
  for (const auto& [name, amount] : other.scalar) {
    scalar[name] = std::max(scalar[name], amount);
  }
}

bool Resources::IsZero() const {
  return milli_cpu == 0 && memory == 0 && ephemeral_storage == 0 &&
         std::all_of(scalar.begin(), scalar.end(),
                     [](const auto& entry) { return entry.second == 0; });
}

Resources PodRequests(const core_v1::PodSpec& spec) {
  return WithPodLevel(spec, SumOfRequests(spec, false));
}

Resources NonZeroPodRequests(const core_v1::PodSpec& spec) {
  return WithPodLevel(spec, SumOfRequests(spec, true));
}

Resources NonZeroContainersRequests(const core_v1::PodSpec& spec) {
  Resources total = SumOfRequests(spec, true);
  total.Add(Resources::From(spec.overhead));
  return total;
}

Resources PodLimits(const core_v1::PodSpec& spec) {
  Resources total = SumOver(spec, [](const core_v1::Container& container) {
    return Resources::From(container.resources.limits);
  });
  if (spec.resources) ReplaceByPodLevel(spec.resources->limits, total);
  const Resources overhead = Resources::From(spec.overhead);
  const auto add = [](int64_t& to, int64_t amount) {
    if (to != 0) to = SaturatedSum(to, amount);
  };
  add(total.milli_cpu, overhead.milli_cpu);
  add(total.memory, overhead.memory);
  add(total.ephemeral_storage, overhead.ephemeral_storage);
  for (auto& [name, amount] : total.scalar) {
    const auto found = overhead.scalar.find(name);
    if (found != overhead.scalar.end()) add(amount, found->second);
  }
  return total;
}

std::optional<int64_t> PodLimit(const core_v1::PodSpec& spec, const std::string& name) {
  const auto limit = [&](const core_v1::ResourceRequirements& amounts) -> std::optional<int64_t> {
    const auto found = amounts.limits.find(name);
    if (found == amounts.limits.end() || found->second.IsZero()) return std::nullopt;
    return name == "cpu" ? found->second.MilliValue() : found->second.Value();
  };
  if (spec.resources) {
    if (const auto whole = limit(*spec.resources)) return whole;
  }
  int64_t sum = 0, sidecars = 0, largest_init = 0;
  for (const auto& container : spec.containers) {
    const auto own = limit(container.resources);
    if (!own) return std::nullopt;
    sum = SaturatedSum(sum, *own);
  }
  for (const auto& container : spec.init_containers) {
    const auto own = limit(container.resources);
    if (!own) return std::nullopt;
    const int64_t together = SaturatedSum(sidecars, *own);
    if (IsRestartableInitContainer(container)) sidecars = together;
    largest_init = std::max(largest_init, together);
  }
  return std::max(SaturatedSum(sum, sidecars), largest_init);
}

}  // namespace skiff
