// Images are pulled for each pod anew, so that nobody runs by their name alone what lies on a node
// because others may have it.
#include <algorithm>
#include <set>

#include "api/gen/core_v1.h"
#include "api/rules/pods/pod_spec_validation.h"
#include "apiserver/admission/plugins.h"

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
  for (const auto& volume : spec.volumes) {
    if (volume.image) images.insert(volume.image->reference);
  }
  return images;
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

  // What webhooks have made of it.
  Result<> Validate(const AdmissionRequest& request) override {
    if (!Concerns(request)) return {};
    Result<> verdict;
    ForEachContainer(
        request.object->As<Pod>()->spec, FieldPath("spec"),
        [&](const auto& container, const FieldPath& path) {
          if (!verdict || container.image_pull_policy == kAlwaysPull) return;
          verdict =
              Deny(request, path.Child("imagePullPolicy").Text() + ": Unsupported value: \"" +
                                container.image_pull_policy + "\": supported values: \"Always\"");
        });
    return verdict;
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
