#include "kubelet/csi_grpc.h"

#include "kubelet/plugins/plugin_call.h"
#include "kubelet/proto/csi_v1.grpc.pb.h"

namespace skiff::kubelet::csi {
namespace {

namespace v1 = ::csi::v1;

using plugins::Call;

v1::VolumeCapability::AccessMode::Mode ModeOf(const std::string& mode, const Capabilities& able) {
  using AccessMode = v1::VolumeCapability::AccessMode;
  if (mode == "ReadOnlyMany") return AccessMode::MULTI_NODE_READER_ONLY;
  if (mode == "ReadWriteMany") return AccessMode::MULTI_NODE_MULTI_WRITER;
  if (!able.single_node_multi_writer) return AccessMode::SINGLE_NODE_WRITER;
  return mode == "ReadWriteOncePod" ? AccessMode::SINGLE_NODE_SINGLE_WRITER
                                    : AccessMode::SINGLE_NODE_MULTI_WRITER;
}

void FillCapability(const VolumeCall& call, const Capabilities& able,
                    v1::VolumeCapability& capability) {
  capability.mutable_access_mode()->set_mode(ModeOf(call.access_mode, able));
  if (call.is_block) {
    capability.mutable_block();
    return;
  }
  v1::VolumeCapability::MountVolume& mount = *capability.mutable_mount();
  mount.set_fs_type(call.fs_type);
  for (const auto& flag : call.mount_flags) mount.add_mount_flags(flag);
  mount.set_volume_mount_group(call.mount_group);
}

// What both calls that hand a volume out have.
template <typename Request>
Request RequestOf(const VolumeCall& call, const Capabilities& able) {
  Request request;
  request.set_volume_id(call.volume_id);
  request.mutable_publish_context()->insert(call.publish_context.begin(),
                                            call.publish_context.end());
  request.set_staging_target_path(call.staging_path);
  FillCapability(call, able, *request.mutable_volume_capability());
  request.mutable_secrets()->insert(call.secrets.begin(), call.secrets.end());
  request.mutable_volume_context()->insert(call.context.begin(), call.context.end());
  return request;
}

}  // namespace

Result<NodeInfo> NodeClient::GetInfo(Duration timeout) const {
  v1::NodeGetInfoResponse answer;
  TRY(Call<v1::Node>(endpoint_, timeout, &v1::Node::Stub::NodeGetInfo, v1::NodeGetInfoRequest(),
                     answer));
  NodeInfo info{answer.node_id(), answer.max_volumes_per_node(), {}};
  const auto& segments = answer.accessible_topology().segments();
  info.topology.insert(segments.begin(), segments.end());
  return info;
}

Result<Capabilities> NodeClient::GetCapabilities(Duration timeout) const {
  v1::NodeGetCapabilitiesResponse answer;
  TRY(Call<v1::Node>(endpoint_, timeout, &v1::Node::Stub::NodeGetCapabilities,
                     v1::NodeGetCapabilitiesRequest(), answer));
  Capabilities able;
  for (const auto& each : answer.capabilities()) {
    using Rpc = v1::NodeServiceCapability::RPC;
    able.stages |= each.rpc().type() == Rpc::STAGE_UNSTAGE_VOLUME;
    able.single_node_multi_writer |= each.rpc().type() == Rpc::SINGLE_NODE_MULTI_WRITER;
    able.mount_group |= each.rpc().type() == Rpc::VOLUME_MOUNT_GROUP;
    able.volume_stats |= each.rpc().type() == Rpc::GET_VOLUME_STATS;
    able.expands |= each.rpc().type() == Rpc::EXPAND_VOLUME;
  }
  return able;
}

Result<> NodeClient::Stage(const VolumeCall& call, const Capabilities& able) const {
  v1::NodeStageVolumeResponse answer;
  return Call<v1::Node>(endpoint_, kTimeout, &v1::Node::Stub::NodeStageVolume,
                        RequestOf<v1::NodeStageVolumeRequest>(call, able), answer);
}

Result<> NodeClient::Publish(const VolumeCall& call, const Capabilities& able) const {
  auto request = RequestOf<v1::NodePublishVolumeRequest>(call, able);
  request.set_target_path(call.target_path);
  request.set_readonly(call.is_read_only);
  v1::NodePublishVolumeResponse answer;
  return Call<v1::Node>(endpoint_, kTimeout, &v1::Node::Stub::NodePublishVolume, request, answer);
}

Result<> NodeClient::Unpublish(const std::string& volume_id, const std::string& target_path) const {
  v1::NodeUnpublishVolumeRequest request;
  request.set_volume_id(volume_id);
  request.set_target_path(target_path);
  v1::NodeUnpublishVolumeResponse answer;
  return Call<v1::Node>(endpoint_, kTimeout, &v1::Node::Stub::NodeUnpublishVolume, request, answer);
}

Result<> NodeClient::Unstage(const std::string& volume_id, const std::string& staging_path) const {
  v1::NodeUnstageVolumeRequest request;
  request.set_volume_id(volume_id);
  request.set_staging_target_path(staging_path);
  v1::NodeUnstageVolumeResponse answer;
  return Call<v1::Node>(endpoint_, kTimeout, &v1::Node::Stub::NodeUnstageVolume, request, answer);
}

Result<> NodeClient::Expand(const VolumeCall& call, int64_t bytes, const Capabilities& able) const {
  v1::NodeExpandVolumeRequest request;
  request.set_volume_id(call.volume_id);
  request.set_volume_path(call.target_path);
  request.set_staging_target_path(call.staging_path);
  request.mutable_capacity_range()->set_required_bytes(bytes);
  FillCapability(call, able, *request.mutable_volume_capability());
  request.mutable_secrets()->insert(call.secrets.begin(), call.secrets.end());
  v1::NodeExpandVolumeResponse answer;
  return Call<v1::Node>(endpoint_, kTimeout, &v1::Node::Stub::NodeExpandVolume, request, answer);
}

Result<VolumeUse> NodeClient::Stats(const std::string& volume_id, const std::string& path) const {
  v1::NodeGetVolumeStatsRequest request;
  request.set_volume_id(volume_id);
  request.set_volume_path(path);
  v1::NodeGetVolumeStatsResponse answer;
  TRY(Call<v1::Node>(endpoint_, kStatsTimeout, &v1::Node::Stub::NodeGetVolumeStats, request,
                     answer));
  VolumeUse use;
  const auto positive = [](int64_t value) {
    return static_cast<uint64_t>(std::max<int64_t>(0, value));
  };
  for (const auto& each : answer.usage()) {
    auto& amount = each.unit() == v1::VolumeUsage::INODES ? use.inodes : use.bytes;
    if (each.unit() == v1::VolumeUsage::UNKNOWN) continue;
    amount = VolumeUse::Amount{positive(each.available()), positive(each.total()),
                               positive(each.used())};
  }
  if (answer.usage().empty()) {
    return Fail(Reason::kInvalid, "failed to get usage from response. usage is nil");
  }
  return use;
}

}  // namespace skiff::kubelet::csi
