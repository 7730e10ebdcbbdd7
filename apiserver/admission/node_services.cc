// What serves the cluster's network from a node deletes, of all volumes, those alone that it was
// told to reclaim, and takes its finalizer from these: its role lets it delete any, and write the
// status of any.
#include <fmt/format.h>

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/pods/local_volumes.h"
#include "api/pods/node_services.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

// Whether nothing but our finalizer goes from the volume.
bool OnlyLetsGo(const Object& before, const Object& after) {
  const auto* old = before.As<core_v1::PersistentVolume>();
  const auto* now = after.As<core_v1::PersistentVolume>();
  if (old == nullptr || now == nullptr || !(old->status == now->status)) return false;
  meta_v1::ObjectMeta wanted = old->metadata;
  std::erase(wanted.finalizers, kLocalVolumeFinalizer);
  wanted.managed_fields = now->metadata.managed_fields;
  wanted.resource_version = now->metadata.resource_version;
  return wanted == now->metadata;
}

class NodeServices final : public AdmissionPlugin, public Validates {
 public:
  std::string_view name() const override { return "NodeServices"; }

  Result<> Validate(const AdmissionRequest& request) override {
    const bool is_status =
        request.operation == Operation::kUpdate && request.Is("", "persistentvolumes", "status");
    const bool is_deletion =
        request.operation == Operation::kDelete && request.Is("", "persistentvolumes");
    if (!request.user.InGroup(kNodeServicesGroup) || !(is_status || is_deletion)) return {};
    std::string_view node = request.user.name;
    if (node.starts_with(kNodeServicesPrefix)) {
      node.remove_prefix(kNodeServicesPrefix.size());
      const auto& labels = request.old_object->metadata().labels;
      const auto reclaimed_by = labels.find(kReclaimedBy);
      const bool is_told =
          reclaimed_by != labels.end() && !node.empty() && reclaimed_by->second == node;
      if (is_told && is_deletion) return {};
      if (is_told && OnlyLetsGo(*request.old_object, *request.object)) return {};
    }
    if (is_status) {
      return Deny(request, fmt::format("{} can only let go of volumes that its node is to reclaim",
                                       Quoted(request.user.name)));
    }
    return Deny(request, fmt::format("{} can only delete volumes that its node is to reclaim",
                                     Quoted(request.user.name)));
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeNodeServices(const AdmissionParts&) {
  return std::make_unique<NodeServices>();
}

}  // namespace skiff
