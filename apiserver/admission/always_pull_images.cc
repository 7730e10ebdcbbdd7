// Images are pulled for each pod anew, so that nobody runs by their name alone what lies on a node
// because others may have it.
#include <algorithm>
#include <set>

#include "api/gen/core_v1.h"
#include "api/rules/pods/pod_spec_validation.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

using core_v1::Pod;
using core_v1::PodSpec;

constexpr const char* kAlwaysPull = "Always";

std::set<std::string> ImagesOf(const PodSpec& spec) {
  std::set<std::string> images;
  ForEachContainer(spec, FieldPath("spec"), [&](const auto& container, const FieldPath&) {
    images.insert(container.image);
  });
  return images;
}

// One for each that is not pulled for each pod.
std::vector<std::string> Refusals(const AdmissionRequest& request) {
  std::vector<std::string> refusals;
  const auto check = [&](const FieldPath& path, const std::string& policy) {
    if (policy == kAlwaysPull) return;
    refusals.push_back(Deny(request, path.Text() + ": Unsupported value: " + Quoted(policy) +
                                         ": supported values: \"Always\"")
                           .value()
                           .message);
  };
  const PodSpec& spec = request.object->As<Pod>()->spec;
  ForEachContainer(spec, FieldPath("spec"), [&](const auto& container, const FieldPath& path) {
    check(path.Child("imagePullPolicy"), container.image_pull_policy);
  });
  for (size_t i = 0; i < spec.volumes.size(); ++i) {
    if (!spec.volumes[i].image) continue;
    const FieldPath path = FieldPath("spec").Child("volumes").Index(i);
    check(path.Child("image").Child("pullPolicy"), spec.volumes[i].image->pull_policy);
  }
  return refusals;
}

class AlwaysPullImages final : public AdmissionPlugin, public Admits, public Validates {
 public:
  std::string_view name() const override { return "AlwaysPullImages"; }

  Result<> Admit(AdmissionRequest& request) override {
    if (!Concerns(request)) return {};
    PodSpec& spec = request.object->As<Pod>()->spec;
    for (auto& container : spec.init_containers) container.image_pull_policy = kAlwaysPull;
    for (auto& container : spec.containers) container.image_pull_policy = kAlwaysPull;
    for (auto& container : spec.ephemeral_containers) container.image_pull_policy = kAlwaysPull;
    for (auto& volume : spec.volumes) {
      if (volume.image) volume.image->pull_policy = kAlwaysPull;
    }
    return {};
  }

  // What webhooks have made of it. Kubernetes joins its refusals, of which the sum is no refusal.
  Result<> Validate(const AdmissionRequest& request) override {
    if (!Concerns(request)) return {};
    const std::vector<std::string> refusals = Refusals(request);
    if (refusals.empty()) return {};
    return Fail(PlainError(JoinedErrors(refusals)));
  }

 private:
  // An update without a new image cannot change how the others are pulled.
  static bool Concerns(const AdmissionRequest& request) {
    if (!request.Is("", "pods") || request.object == nullptr) return false;
    if (request.operation == Operation::kCreate) return true;
    if (request.operation != Operation::kUpdate) return false;
    const auto now = ImagesOf(request.object->As<Pod>()->spec);
    const auto before = ImagesOf(request.old_object->As<Pod>()->spec);
    return !std::includes(before.begin(), before.end(), now.begin(), now.end());
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeAlwaysPullImages(const AdmissionParts&) {
  return std::make_unique<AlwaysPullImages>();
}

}  // namespace skiff
