// What serves the cluster's network from a node deletes, of all volumes, those alone that it was
// told to reclaim: its role lets it delete any.
#include <fmt/format.h>

#include "api/pods/local_volumes.h"
#include "api/pods/node_services.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

class NodeServices final : public AdmissionPlugin, public Validates {
 public:
  std::string_view name() const override { return "NodeServices"; }

  Result<> Validate(const AdmissionRequest& request) override {
    if (!request.user.InGroup(kNodeServicesGroup) || request.operation != Operation::kDelete ||
        !request.Is("", "persistentvolumes")) {
      return {};
    }
    std::string_view node = request.user.name;
    if (node.starts_with(kNodeServicesPrefix)) {
      node.remove_prefix(kNodeServicesPrefix.size());
      const auto& labels = request.old_object->metadata().labels;
      const auto reclaimed_by = labels.find(kReclaimedBy);
      if (reclaimed_by != labels.end() && !node.empty() && reclaimed_by->second == node) return {};
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
