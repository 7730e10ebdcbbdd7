// A pod carries the zone and region of its node, so that it can ask for them.
#include "api/codec/document.h"
#include "api/gen/core_v1.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/objects/record_codec.h"

namespace skiff {
namespace {

constexpr const char* kLabels[] = {"topology.kubernetes.io/zone", "topology.kubernetes.io/region"};

class PodTopologyLabels final : public AdmissionPlugin, public Admits {
 public:
  explicit PodTopologyLabels(Store& store) : store_(store) {}
  std::string_view name() const override { return "PodTopologyLabels"; }

  Result<> Admit(AdmissionRequest& request) override {
    if (request.operation != Operation::kCreate) return {};
    if (request.Is("", "pods")) {
      core_v1::Pod& pod = *request.object->As<core_v1::Pod>();
      const auto labels = TRY(LabelsOfNode(pod.spec.node_name));
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
    const auto labels = TRY(LabelsOfNode(binding.target.name));
    for (const auto& [key, value] : labels) binding.metadata.labels[key] = value;
    return {};
  }

  // A webhook may have made anything of it since it was decoded; it is decoded again after all.
  Result<> LabelDocument(Json& binding) {
    if (TextAt(binding, "target.kind") != "Node") return {};
    const auto labels = TRY(LabelsOfNode(TextAt(binding, "target.name")));
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

  // None of a node that is not there; any other error is told, lest a pod be without its zone.
  Result<std::map<std::string, std::string>> LabelsOfNode(const std::string& node) {
    std::map<std::string, std::string> labels;
    if (node.empty()) return labels;
    const auto record = store_.Get(KeyOf(core_v1::Node::Info(), "", node));
    if (!record && record.error().reason == Reason::kNotFound) return labels;
    if (!record) return Fail(record.error());
    const ObjectView view = TRY(ObjectView::Of(**record));
    for (const char* key : kLabels) {
      if (const auto value = view.label(key)) labels[key] = std::string(*value);
    }
    return labels;
  }

  Store& store_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakePodTopologyLabels(const AdmissionParts& parts) {
  return std::make_unique<PodTopologyLabels>(parts.store);
}

}  // namespace skiff
