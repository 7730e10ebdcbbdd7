// A pod carries the zone and region of its node, so that it can ask for them.
#include "api/codec/document.h"
#include "api/codec/struct_text.h"
#include "api/gen/core_v1.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/objects/object_cache.h"

namespace skiff {
namespace {

constexpr const char* kLabels[] = {"topology.kubernetes.io/zone", "topology.kubernetes.io/region"};

// Of all nodes, as little as a pod is given of them: each pod that is bound asks.
class NodePlaces final : public ObjectCacheBase {
 public:
  using Labels = std::map<std::string, std::string>;
  explicit NodePlaces(Store& store) : ObjectCacheBase(store, core_v1::Node::Info()) {}

  // None of a node that is not there; any other error is told, lest a pod be without its zone.
  Result<Labels> Of(const std::string& node) {
    if (node.empty()) return Labels();
    const Erased found = TRY(FindOrReadErased("", node));
    return found ? *std::static_pointer_cast<const Labels>(found) : Labels();
  }

 private:
  Erased Decode(std::string_view body) const override {
    meta_v1::PartialObjectMetadata node;
    if (!DecodeStruct(meta_v1::PartialObjectMetadata::Describe(), body, FieldValidation::kIgnore,
                      &node)) {
      return nullptr;
    }
    const auto places = std::make_shared<Labels>();
    for (const char* key : kLabels) {
      const auto found = node.metadata.labels.find(key);
      if (found != node.metadata.labels.end()) places->insert(*found);
    }
    return places;
  }
};

class PodTopologyLabels final : public AdmissionPlugin, public Admits {
 public:
  explicit PodTopologyLabels(Store& store) : places_(store) {}
  std::string_view name() const override { return "PodTopologyLabels"; }

  Result<> Admit(AdmissionRequest& request) override {
    if (request.operation != Operation::kCreate) return {};
    if (request.Is("", "pods")) {
      core_v1::Pod& pod = *request.object->As<core_v1::Pod>();
      const auto labels = TRY(places_.Of(pod.spec.node_name));
      for (const auto& [key, value] : labels) pod.metadata.labels[key] = value;
    } else if (request.Is("", "pods", "binding") && request.body != nullptr) {
      if (auto* binding = request.body.As<core_v1::Binding>()) return LabelBinding(*binding);
      return LabelDocument(*request.body);
    }
    return {};
  }

 private:
  Result<> LabelBinding(core_v1::Binding& binding) {
    if (binding.target.kind != "Node") return {};
    const auto labels = TRY(places_.Of(binding.target.name));
    for (const auto& [key, value] : labels) binding.metadata.labels[key] = value;
    return {};
  }

  // A webhook may have made anything of it since it was decoded; it is decoded again after all.
  Result<> LabelDocument(Json& binding) {
    if (TextAt(binding, "target.kind") != "Node") return {};
    const auto labels = TRY(places_.Of(TextAt(binding, "target.name")));
    if (labels.empty()) return {};
    Json& metadata = binding["metadata"];
    if (metadata.is_null()) metadata = Json::object();
    if (!metadata.is_object()) return {};
    Json& meant = metadata["labels"];
    if (meant.is_null()) meant = Json::object();
    if (!meant.is_object()) return {};
    for (const auto& [key, value] : labels) meant[key] = value;
    return {};
  }

  NodePlaces places_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakePodTopologyLabels(const AdmissionParts& parts) {
  return std::make_unique<PodTopologyLabels>(parts.store);
}

}  // namespace skiff
