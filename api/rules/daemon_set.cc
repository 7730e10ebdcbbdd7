// What the schema cannot say about a DaemonSet.
#include <charconv>
#include <string>

#include "api/gen/apps_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using apps_v1::DaemonSet;

// Counts the changes of the template. It was a field before apps/v1; today only this shows it.
constexpr const char* kTemplateGeneration = "deprecated.daemonset.template.generation";

void SetDefaults(DaemonSet& object) {
  auto& strategy = object.spec.update_strategy;
  Default(strategy.type, "RollingUpdate");
  if (strategy.type == "RollingUpdate") {
    auto& rolling_update = strategy.rolling_update.Ensure();
    Default(rolling_update.max_unavailable, IntOrString(1));
    Default(rolling_update.max_surge, IntOrString(0));
  }
  Default(object.spec.revision_history_limit, 10);
  DefaultPodTemplate(object.spec.template_);
}

int64_t TemplateGeneration(const DaemonSet& object) {
  int64_t generation = 0;
  const auto found = object.metadata.annotations.find(kTemplateGeneration);
  if (found == object.metadata.annotations.end()) return generation;
  const std::string& text = found->second;
  std::from_chars(text.data(), text.data() + text.size(), generation);
  return generation;
}

void SetTemplateGeneration(DaemonSet& object, int64_t generation) {
  object.metadata.annotations[kTemplateGeneration] = std::to_string(generation);
}

void Create(DaemonSet& object) {
  PrepareCreate(object);
  SetTemplateGeneration(object, std::max<int64_t>(1, TemplateGeneration(object)));
}

void Update(DaemonSet& object, const DaemonSet& old) {
  PrepareUpdate(object, old);
  const bool changed = !(object.spec.template_ == old.spec.template_);
  SetTemplateGeneration(object, TemplateGeneration(old) + (changed ? 1 : 0));
}

void UpdateStatus(DaemonSet& object, const DaemonSet& old) {
  KeepSpec(object, old);
  SetTemplateGeneration(object, TemplateGeneration(old));
}

}  // namespace

Rules DaemonSetRules() {
  return Erase<DaemonSet>({
      .set_defaults = SetDefaults,
      .prepare_create = Create,
      .prepare_update = Update,
      .prepare_status_update = UpdateStatus,
  });
}

}  // namespace skiff
