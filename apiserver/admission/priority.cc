// Pods get the number behind the name of their priority class.
#include <algorithm>

#include "api/gen/core_v1.h"
#include "apiserver/admission/plugins.h"

namespace skiff {
namespace {

constexpr const char* kPreemptLower = "PreemptLowerPriority";

struct Class {
  std::string name;
  int32_t value = 0;
  std::string preemption_policy = kPreemptLower;
};

class Priority final : public AdmissionPlugin, public Admits, public Validates {
 public:
  explicit Priority(Caches& caches) : caches_(caches) {}
  std::string_view name() const override { return "Priority"; }

  Result<> Admit(AdmissionRequest& request) override {
    if (!request.Is("", "pods") || request.object == nullptr) return {};
    core_v1::PodSpec& spec = request.object->As<core_v1::Pod>()->spec;
    if (request.operation == Operation::kUpdate) {
      const core_v1::PodSpec& old = request.old_object->As<core_v1::Pod>()->spec;
      if (!spec.priority) spec.priority = old.priority;
      if (!spec.preemption_policy) spec.preemption_policy = old.preemption_policy;
      return {};
    }
    const Class found = TRY(ClassOf(request, spec.priority_class_name));
    if (spec.priority && *spec.priority != found.value) {
      return Deny(request, "the integer value of priority (" + std::to_string(*spec.priority) +
                               ") must not be provided in pod spec; priority admission "
                               "controller computed " +
                               std::to_string(found.value) + " from the given PriorityClass name");
    }
    if (spec.preemption_policy && *spec.preemption_policy != found.preemption_policy) {
      return Deny(request, "the string value of PreemptionPolicy (" + *spec.preemption_policy +
                               ") must not be provided in pod spec; priority admission "
                               "controller computed " +
                               found.preemption_policy + " from the given PriorityClass name");
    }
    spec.priority_class_name = found.name;
    spec.priority = found.value;
    spec.preemption_policy = found.preemption_policy;
    return {};
  }

  Result<> Validate(const AdmissionRequest& request) override {
    if (!request.Is("scheduling.k8s.io", "priorityclasses") || request.object == nullptr) {
      return {};
    }
    const auto& made = *request.object->As<scheduling_v1::PriorityClass>();
    if (!made.global_default) return {};
    for (const auto& other : caches_.priority_classes.All()) {
      if (!other->global_default) continue;
      if (request.operation == Operation::kCreate || other->metadata.name != made.metadata.name) {
        return Deny(request, "PriorityClass " + other->metadata.name +
                                 " is already marked as default. Only one default can exist");
      }
    }
    return {};
  }

 private:
  static Class From(const scheduling_v1::PriorityClass& found) {
    return {found.metadata.name, found.value, found.preemption_policy.value_or(kPreemptLower)};
  }

  Result<Class> ClassOf(const AdmissionRequest& request, const std::string& name) {
    if (!name.empty()) {
      if (const auto found = caches_.priority_classes.Find("", name)) return From(*found);
      return Deny(request, "no PriorityClass with name " + name + " was found");
    }
    std::shared_ptr<const scheduling_v1::PriorityClass> chosen;
    bool is_whole = false;
    const auto candidates = caches_.priority_classes.All(&is_whole);
    if (!is_whole) return DenyUnready(request);
    for (const auto& candidate : candidates) {
      if (!candidate->global_default) continue;
      if (!chosen || candidate->value < chosen->value) chosen = candidate;
    }
    return chosen ? From(*chosen) : Class{};
  }

  Caches& caches_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakePriority(const AdmissionParts& parts) {
  return std::make_unique<Priority>(parts.caches);
}

}  // namespace skiff
