#include "kubelet/csi_node.h"

#include <algorithm>
#include <utility>

#include "api/gen/storage_v1.h"
#include "api/pods/migrated_volumes.h"

namespace skiff::kubelet {
namespace {

std::string NamesOfMigrated() {
  std::string names;
  for (const MigratedPlugin& plugin : MigratedPlugins()) {
    if (!names.empty()) names += ",";
    names += plugin.name;
  }
  return names;
}

meta_v1::OwnerReference OwnedBy(const core_v1::Node& node) {
  meta_v1::OwnerReference owner;
  owner.api_version = "v1";
  owner.kind = "Node";
  owner.name = node.metadata.name;
  owner.uid = node.metadata.uid;
  return owner;
}

}  // namespace

void CsiNode::NodeRegistered() {
  registered_ = true;
  Wake();
}

Duration CsiNode::Step() {
  answers_.Deliver();
  if (due_ != kNever && registered_.exchange(false)) {
    due_ = Duration::zero();
    missing_ = !ensured_;  // Until one of an earlier Node turns up.
  }
  if (due_ <= clock_.Monotonic()) {
    due_ = kNever;
    if (const auto sent = Ensure(); !sent) Ensured(sent);
    answers_.Deliver();
  }
  return due_ == kNever ? kNever : std::max(Duration::zero(), due_ - clock_.Monotonic());
}

void CsiNode::Ensured(const Result<>& done) {
  if (std::exchange(missing_, false) && !done && done.error().reason == Reason::kAlreadyExists) {
    due_ = clock_.Monotonic();
    return;
  }
  ensured_ = ensured_ || done;
  due_ = clock_.Monotonic() + (done ? kCheckPeriod : kRetry);
  // Right after the start the node is not registered yet.
  if (!done && done.error().reason != Reason::kNotFound) {
    log_.Info("CSINode not written", {{"error", done.error().message}});
  }
}

Result<> CsiNode::Ensure() {
  const auto node = TRY(find_());
  if (!node) return Fail(Reason::kNotFound, "the Node is not known yet");
  Ptr<storage_v1::CSINode> found;
  if (!missing_) {
    const auto kept = client_.Get<storage_v1::CSINode>({"", node_name_});
    if (!kept && kept.error().reason != Reason::kNotFound) return tl::unexpected(kept.error());
    found = kept.value_or(nullptr);
  }
  storage_v1::CSINode object;
  if (found) object = *found;
  auto& owners = object.metadata.owner_references;
  const bool is_owned =
      std::any_of(owners.begin(), owners.end(),
                  [&](const auto& owner) { return owner.uid == node->metadata.uid; });
  bool has_drivers = true;
  if (drivers_ != nullptr) {
    for (const auto& driver : drivers_->List()) has_drivers &= !csi::PutDriver(object, driver);
  }
  std::string& migrated = object.metadata.annotations[std::string(kMigratedPlugins)];
  const std::string names = NamesOfMigrated();
  if (found && is_owned && has_drivers && migrated == names) {
    Ensured({});
    return {};
  }
  migrated = names;
  if (!is_owned) {
    // A node of that name that is gone owns nothing any more.
    std::erase_if(owners, [&](const auto& owner) {
      return owner.kind == "Node" && owner.name == node_name_;
    });
    owners.push_back(OwnedBy(*node));
  }
  object.metadata.name = node_name_;
  const auto wanted = std::make_shared<const storage_v1::CSINode>(std::move(object));
  const auto then = [this](const Result<Ptr<storage_v1::CSINode>>& written) {
    Ensured(written ? Result<>() : Fail(written.error()));
  };
  if (found) {
    client_.UpdateLater<storage_v1::CSINode>(answers_, wanted, then);
  } else {
    client_.CreateLater<storage_v1::CSINode>(answers_, wanted, then);
  }
  return {};
}

}  // namespace skiff::kubelet
