// What a runtime costs and where it runs comes from its class into the pod.
#include <fmt/format.h>

#include <utility>

#include "api/gen/core_v1.h"
#include "api/rules/names.h"
#include "api/select/tolerations.h"
#include "api/text/go_text.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

class RuntimeClassPlugin final : public AdmissionPlugin, public Admits, public Validates {
 public:
  explicit RuntimeClassPlugin(Caches& caches) : caches_(caches) {}
  std::string_view name() const override { return "RuntimeClass"; }

  Result<> Admit(AdmissionRequest& request) override {
    if (request.operation != Operation::kCreate || !request.Is("", "pods")) return {};
    core_v1::PodSpec& spec = request.object->As<core_v1::Pod>()->spec;
    const auto found = TRY(ClassOf(request, spec));
    if (!found) return {};
    if (found->overhead) {
      if (!spec.overhead.empty() && spec.overhead != found->overhead->pod_fixed) {
        return Deny(request,
                    "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
      }
      spec.overhead = found->overhead->pod_fixed;
    }
    return found->scheduling ? Schedule(request, spec, *found) : Result<>{};
  }

  Result<> Validate(const AdmissionRequest& request) override {
    if (request.operation != Operation::kCreate || !request.Is("", "pods")) return {};
    const core_v1::PodSpec& spec = request.object->As<core_v1::Pod>()->spec;
    const auto found = TRY(ClassOf(request, spec));
    if (found && found->overhead) {
      if (spec.overhead == found->overhead->pod_fixed) return {};
      return Deny(request,
                  "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
    }
    if (!spec.overhead.empty()) {
      return Deny(request,
                  "pod rejected: Pod Overhead set without corresponding RuntimeClass defined "
                  "Overhead");
    }
    return {};
  }

 private:
  using ClassPtr = std::shared_ptr<const node_v1::RuntimeClass>;
  Result<ClassPtr> ClassOf(const AdmissionRequest& request, const core_v1::PodSpec& spec) {
    if (!spec.runtime_class_name) return nullptr;
    auto found = caches_.runtime_classes.Find("", *spec.runtime_class_name);
    if (found) return found;
    if (spec.runtime_class_name->empty()) {
      return Fail(PlainError("resource name may not be empty"));
    }
    // Who asks for it once more finds that no URL can name it.
    if (const auto wrong = PathSegmentErrors(*spec.runtime_class_name); !wrong.empty()) {
      return Fail(
          PlainError(fmt::format("invalid resource name {}: [{}]",
                                 GoQuote(*spec.runtime_class_name), fmt::join(wrong, " "))));
    }
    found = TRY(caches_.runtime_classes.FindOrRead("", *spec.runtime_class_name));
    if (found) return found;
    return Deny(request,
                "pod rejected: RuntimeClass " + Quoted(*spec.runtime_class_name) + " not found");
  }

  static Result<> Schedule(const AdmissionRequest& request, core_v1::PodSpec& spec,
                           const node_v1::RuntimeClass& from) {
    for (const auto& [key, value] : from.scheduling->node_selector) {
      const auto given = spec.node_selector.find(key);
      if (given != spec.node_selector.end() && given->second != value) {
        return Deny(request, "conflict: runtimeClass.scheduling.nodeSelector[" + key + "] = " +
                                 value + "; pod.spec.nodeSelector[" + key + "] = " + given->second);
      }
      spec.node_selector[key] = value;
    }
    spec.tolerations = MergeTolerations(std::move(spec.tolerations), from.scheduling->tolerations);
    return {};
  }

  Caches& caches_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeRuntimeClass(const AdmissionParts& parts) {
  return std::make_unique<RuntimeClassPlugin>(parts.caches);
}

}  // namespace skiff
