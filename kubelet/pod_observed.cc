#include "kubelet/pod_observed.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/rules/pods/pod_resources.h"
#include "base/hash.h"

namespace skiff::kubelet {
namespace {

bool Allows(const std::string& policy, int exit_code) {
  if (policy == "Never") return false;
  return policy != "OnFailure" || exit_code != 0;
}

}  // namespace

const ObservedContainer* ObservedPod::Newest(const std::string& name) const {
  const auto found = containers.find(name);
  return found == containers.end() || found->second.empty() ? nullptr : &found->second.front();
}

const ObservedContainer* ObservedPod::Previous(const std::string& name,
                                               const core_v1::PodStatus& status) const {
  const auto found = containers.find(name);
  if (found == containers.end()) return nullptr;
  const std::vector<ObservedContainer>& attempts = found->second;
  for (const auto* statuses : {&status.container_statuses, &status.init_container_statuses,
                               &status.ephemeral_container_statuses}) {
    for (const auto& container : *statuses) {
      if (container.name != name || !container.last_state.terminated) continue;
      const std::string& id = container.last_state.terminated->container_id;
      const auto last = std::find_if(attempts.begin(), attempts.end(), [&](const auto& attempt) {
        return id.ends_with("://" + attempt.status.id);
      });
      if (last != attempts.end()) return &*last;
    }
  }
  return attempts.size() < 2 ? nullptr : &attempts[1];
}

bool ObservedPod::AnyRunning() const {
  return std::any_of(containers.begin(), containers.end(), [](const auto& entry) {
    return std::any_of(entry.second.begin(), entry.second.end(),
                       [](const auto& container) { return container.IsRunning(); });
  });
}

std::string ContainerHash(const core_v1::Container& container) {
  return fmt::format("{:x}", Fnv1a32(container.name + '\0' + container.image));
}

bool IsSidecar(const core_v1::Container& init_container) {
  return IsRestartableInitContainer(init_container);
}

bool RestartsAfter(const core_v1::Container& container, const core_v1::PodSpec& spec,
                   int exit_code) {
  if (!container.restart_policy) return Allows(spec.restart_policy, exit_code);
  for (const auto& rule : container.restart_policy_rules) {
    if (rule.action != "Restart" || !rule.exit_codes) continue;
    const auto& values = rule.exit_codes->values;
    const bool listed = std::find(values.begin(), values.end(), exit_code) != values.end();
    if (listed == (rule.exit_codes->operator_ == "In")) return true;
  }
  return Allows(*container.restart_policy, exit_code);
}

}  // namespace skiff::kubelet
