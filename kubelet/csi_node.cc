#include "kubelet/csi_node.h"

#include <algorithm>

#include "api/gen/storage_v1.h"

namespace skiff::kubelet {
namespace {

constexpr char kMigratedAnnotation[] = "storage.alpha.kubernetes.io/migrated-plugins";
// In-tree plugins that this release serves by CSI drivers alone.
constexpr char kMigrated[] =
    "kubernetes.io/aws-ebs,kubernetes.io/azure-disk,kubernetes.io/azure-file,kubernetes.io/cinder,"
    "kubernetes.io/gce-pd,kubernetes.io/portworx-volume,kubernetes.io/vsphere-volume";

meta_v1::OwnerReference OwnedBy(const core_v1::Node& node) {
  meta_v1::OwnerReference owner;
  owner.api_version = "v1";
  owner.kind = "Node";
  owner.name = node.metadata.name;
  owner.uid = node.metadata.uid;
  return owner;
}

}  // namespace

Duration CsiNode::Step() {
  const auto ensured = Ensure();
  if (ensured) return kCheckPeriod;
  // Right after the start the node is not registered yet.
  if (ensured.error().reason != Reason::kNotFound) {
    log_.Info("CSINode not written", {{"error", ensured.error().message}});
  }
  return kRetry;
}

Result<> CsiNode::Ensure() {
  const auto node = TRY(client_.Get<core_v1::Node>({"", node_name_}));
  auto found = client_.Get<storage_v1::CSINode>({"", node_name_});
  if (!found && found.error().reason != Reason::kNotFound) return tl::unexpected(found.error());
  storage_v1::CSINode object;
  if (found) object = **found;
  auto& owners = object.metadata.owner_references;
  const bool is_owned =
      std::any_of(owners.begin(), owners.end(),
                  [&](const auto& owner) { return owner.uid == node->metadata.uid; });
  std::string& migrated = object.metadata.annotations[kMigratedAnnotation];
  if (found && is_owned && migrated == kMigrated) return {};
  migrated = kMigrated;
  if (!is_owned) {
    // A node of that name that is gone owns nothing any more.
    std::erase_if(owners, [&](const auto& owner) {
      return owner.kind == "Node" && owner.name == node_name_;
    });
    owners.push_back(OwnedBy(*node));
  }
  if (found) {
    TRY(client_.Update(object));
    return {};
  }
  object.metadata.name = node_name_;
  TRY(client_.Create(object));
  return {};
}

}  // namespace skiff::kubelet
