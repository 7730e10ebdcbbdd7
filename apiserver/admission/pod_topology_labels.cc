// A pod carries the zone and region of its node, so that it can ask for them.
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "api/codec/document.h"
#include "api/gen/core_v1.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/storage/follower.h"
#include "apiserver/storage/keys.h"
#include "base/at_once.h"
#include "base/mutex.h"

namespace skiff {
namespace {

constexpr const char* kLabels[] = {"topology.kubernetes.io/zone", "topology.kubernetes.io/region"};

using Labels = std::map<std::string, std::string>;

Labels TopologyIn(const ObjectView& node) {
  Labels labels;
  for (const char* key : kLabels) {
    if (const auto value = node.label(key)) labels[key] = std::string(*value);
  }
  return labels;
}

// Those of all nodes that have any, as the store has them now: each pod that is bound asks for
// some, and of thousands of nodes few are in memory.
class LabelsOfNodes {
 public:
  explicit LabelsOfNodes(Store& store)
      : store_(store), follower_(store, StorePrefix(core_v1::Node::Info().storage_key)) {}

  Labels Of(const std::string& node) {
    if (node.empty()) return {};
    const std::string key = KeyOf(core_v1::Node::Info(), "", node);
    const std::optional<Labels> known = Known(key);
    return known ? *known : ReadOf(key);
  }

 private:
  // nullopt: the record has to be asked.
  std::optional<Labels> Known(const std::string& key) {
    const PatientLock lock(mutex_);
    if (!lock || !CatchUp() || unread_.contains(key)) return std::nullopt;
    const auto found = known_.find(key);
    return found == known_.end() ? Labels() : found->second;
  }

  bool CatchUp() REQUIRES(mutex_) {
    const Revision now = store_.Current();
    if (follower_.follows() && seen_ == now) return true;
    const auto tell = [this](const Event& event) REQUIRES(mutex_) {
      Take(event.record->key, event.kind == Event::Kind::kDelete ? nullptr : event.record.get());
    };
    if (follower_.Read(now, tell)) {
      seen_ = now;
      return true;
    }
    if (!MayWait()) return false;
    seen_ = Revision{0};
    return follower_.List(
        [this]() REQUIRES(mutex_) {
          known_.clear();
          unread_.clear();
        },
        [this](const Record& record) REQUIRES(mutex_) { Take(record.key, &record); });
  }

  // `record`: nullptr where it is gone.
  void Take(const std::string& key, const Record* record) REQUIRES(mutex_) {
    known_.erase(key);
    unread_.erase(key);
    if (record == nullptr) return;
    const auto view = ObjectView::Of(*record);
    if (!view) {
      unread_.insert(key);
    } else if (auto labels = TopologyIn(*view); !labels.empty()) {
      known_[key] = std::move(labels);
    }
  }

  Labels ReadOf(const std::string& key) {
    const auto record = store_.Get(key);
    if (!record) return {};
    const auto view = ObjectView::Of(**record);
    return view ? TopologyIn(*view) : Labels();
  }

  Store& store_;
  Mutex mutex_;
  Follower follower_ GUARDED_BY(mutex_);
  Revision seen_ GUARDED_BY(mutex_);
  std::unordered_map<std::string, Labels> known_ GUARDED_BY(mutex_);  // By the keys of records.
  // Those that could not be read when they were told of, which may be readable now.
  std::unordered_set<std::string> unread_ GUARDED_BY(mutex_);
};

class PodTopologyLabels final : public AdmissionPlugin {
 public:
  explicit PodTopologyLabels(Store& store) : labels_(store) {}
  std::string_view name() const override { return "PodTopologyLabels"; }

  Result<> Admit(AdmissionRequest& request) override {
    if (request.operation != Operation::kCreate) return {};
    if (request.Is("", "pods")) {
      core_v1::Pod& pod = *request.object->As<core_v1::Pod>();
      for (const auto& [key, value] : labels_.Of(pod.spec.node_name)) {
        pod.metadata.labels[key] = value;
      }
    } else if (request.Is("", "pods", "binding") && request.body != nullptr) {
      // A webhook may have made anything of it since it was decoded; it is decoded again after all.
      Json& binding = *request.body;
      const Labels labels = labels_.Of(TextAt(binding, "target.name"));
      if (labels.empty()) return {};
      Json& metadata = binding["metadata"];
      if (metadata.is_null()) metadata = Json::object();
      if (!metadata.is_object()) return {};
      Json& meant = metadata["labels"];
      if (meant.is_null()) meant = Json::object();
      if (!meant.is_object()) return {};
      for (const auto& [key, value] : labels) meant[key] = value;
    }
    return {};
  }

 private:
  LabelsOfNodes labels_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakePodTopologyLabels(const AdmissionParts& parts) {
  return std::make_unique<PodTopologyLabels>(parts.store);
}

}  // namespace skiff
