// A CSI driver for tests: serves its node's calls and its registration on sockets, and keeps what
// it was asked.
#pragma once

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "kubelet/proto/csi_v1.grpc.pb.h"
#include "kubelet/proto/plugin_registration_v1.grpc.pb.h"

namespace skiff::kubelet::csi {

class FakeDriver final : public ::csi::v1::Node::Service,
                         public pluginregistration::Registration::Service {
 public:
  explicit FakeDriver(std::string socket, std::string type = "CSIPlugin")
      : socket_(std::move(socket)), type_(std::move(type)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + socket_, grpc::InsecureServerCredentials());
    builder.RegisterService(static_cast<::csi::v1::Node::Service*>(this));
    builder.RegisterService(static_cast<pluginregistration::Registration::Service*>(this));
    server_ = builder.BuildAndStart();
  }
  // As a driver that ends: its socket goes.
  ~FakeDriver() override {
    server_->Shutdown();
    unlink(socket_.c_str());
  }

  std::vector<std::string> calls;  // "stage v1", ...
  ::csi::v1::NodeStageVolumeRequest staged;
  ::csi::v1::NodePublishVolumeRequest published;
  pluginregistration::RegistrationStatus told;
  std::string problem;  // What publishing ends with; "": with nothing.
  grpc::StatusCode problem_code = grpc::StatusCode::INTERNAL;
  grpc::Status staging_problem, unstaging_problem;  // OK: none.
  grpc::Status expansion_problem, stats_problem;
  int64_t volumes_max = 5;
  ::csi::v1::NodeExpandVolumeRequest expanded;
  std::string device;  // What it publishes as a device.
  std::function<void()> asked;    // Called when it is asked of its node, before it answers.
  std::function<void()> on_told;  // Once it has been told whether it is registered.

 private:
  using Status = grpc::Status;
  using Context = grpc::ServerContext;
  Status GetInfo(Context*, const pluginregistration::InfoRequest*,
                 pluginregistration::PluginInfo* info) override {
    info->set_type(type_);
    info->set_name("fake.csi");
    info->set_endpoint(socket_);
    info->add_supported_versions("1.0.0");
    return Status::OK;
  }
  Status NotifyRegistrationStatus(Context*, const pluginregistration::RegistrationStatus* status,
                                  pluginregistration::RegistrationStatusResponse*) override {
    told = *status;
    if (on_told) on_told();
    return Status::OK;
  }
  Status NodeGetInfo(Context*, const ::csi::v1::NodeGetInfoRequest*,
                     ::csi::v1::NodeGetInfoResponse* info) override {
    if (asked) asked();
    info->set_node_id("id-of-n1");
    info->set_max_volumes_per_node(volumes_max);
    (*info->mutable_accessible_topology()->mutable_segments())["fake.csi/zone"] = "a";
    return Status::OK;
  }
  Status NodeGetCapabilities(Context*, const ::csi::v1::NodeGetCapabilitiesRequest*,
                             ::csi::v1::NodeGetCapabilitiesResponse* able) override {
    using Rpc = ::csi::v1::NodeServiceCapability::RPC;
    for (const auto type : {Rpc::STAGE_UNSTAGE_VOLUME, Rpc::SINGLE_NODE_MULTI_WRITER,
                            Rpc::EXPAND_VOLUME, Rpc::GET_VOLUME_STATS}) {
      able->add_capabilities()->mutable_rpc()->set_type(type);
    }
    return Status::OK;
  }
  Status NodeStageVolume(Context*, const ::csi::v1::NodeStageVolumeRequest* request,
                         ::csi::v1::NodeStageVolumeResponse*) override {
    calls.push_back("stage " + request->volume_id());
    staged = *request;
    return staging_problem;
  }
  Status NodePublishVolume(Context*, const ::csi::v1::NodePublishVolumeRequest* request,
                           ::csi::v1::NodePublishVolumeResponse*) override {
    calls.push_back("publish " + request->volume_id());
    published = *request;
    if (!problem.empty()) return {problem_code, problem};
    std::error_code error;
    if (request->volume_capability().has_block()) {
      std::filesystem::create_symlink(device, request->target_path(), error);
      return Status::OK;
    }
    std::filesystem::create_directory(request->target_path(), error);
    return Status::OK;
  }
  Status NodeUnpublishVolume(Context*, const ::csi::v1::NodeUnpublishVolumeRequest* request,
                             ::csi::v1::NodeUnpublishVolumeResponse*) override {
    calls.push_back("unpublish " + request->volume_id());
    std::filesystem::remove(request->target_path());
    return Status::OK;
  }
  Status NodeUnstageVolume(Context*, const ::csi::v1::NodeUnstageVolumeRequest* request,
                           ::csi::v1::NodeUnstageVolumeResponse*) override {
    calls.push_back("unstage " + request->volume_id());
    return unstaging_problem;
  }

  Status NodeExpandVolume(Context*, const ::csi::v1::NodeExpandVolumeRequest* request,
                          ::csi::v1::NodeExpandVolumeResponse*) override {
    calls.push_back("expand " + request->volume_id());
    expanded = *request;
    return expansion_problem;
  }
  Status NodeGetVolumeStats(Context*, const ::csi::v1::NodeGetVolumeStatsRequest* request,
                            ::csi::v1::NodeGetVolumeStatsResponse* answer) override {
    calls.push_back("stats " + request->volume_id() + " " + request->volume_path());
    auto* bytes = answer->add_usage();
    bytes->set_unit(::csi::v1::VolumeUsage::BYTES);
    bytes->set_total(100);
    bytes->set_used(30);
    bytes->set_available(70);
    return stats_problem;
  }

  const std::string socket_;
  const std::string type_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace skiff::kubelet::csi
