// A DRA driver for tests: serves a kubelet's calls on a socket, in both versions, and keeps what it
// was asked.
#pragma once

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kubelet/proto/dra_v1.grpc.pb.h"
#include "kubelet/proto/dra_v1beta1.grpc.pb.h"

namespace skiff::kubelet::dra {

class FakeDraDriver {
 public:
  explicit FakeDraDriver(std::string socket) : socket_(std::move(socket)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + socket_, grpc::InsecureServerCredentials());
    builder.RegisterService(&current_);
    builder.RegisterService(&beta_);
    server_ = builder.BuildAndStart();
  }
  ~FakeDraDriver() {
    server_->Shutdown();
    unlink(socket_.c_str());
  }

  std::vector<std::string> calls;            // "v1 prepare c1", "v1beta1 unprepare c1", ...
  std::map<std::string, std::string> fails;  // By the uid of a claim.
  bool skips = false;                        // Answers of no claim.
  std::function<void()> unprepares;          // Called while it takes claims back.

 private:
  using PrepareRequest = k8s::io::kubelet::pkg::apis::dra::v1::NodePrepareResourcesRequest;
  using PrepareResponse = k8s::io::kubelet::pkg::apis::dra::v1::NodePrepareResourcesResponse;
  using UnprepareRequest = k8s::io::kubelet::pkg::apis::dra::v1::NodeUnprepareResourcesRequest;
  using UnprepareResponse = k8s::io::kubelet::pkg::apis::dra::v1::NodeUnprepareResourcesResponse;

  template <typename Base>
  class Service final : public Base {
   public:
    Service(FakeDraDriver& driver, std::string version)
        : driver_(driver), version_(std::move(version)) {}
    grpc::Status NodePrepareResources(grpc::ServerContext*, const PrepareRequest* request,
                                      PrepareResponse* answer) override {
      for (const auto& claim : request->claims()) {
        driver_.calls.push_back(version_ + " prepare " + claim.name());
        if (driver_.skips) continue;
        auto& result = (*answer->mutable_claims())[claim.uid()];
        result.set_error(driver_.fails[claim.uid()]);
        auto& device = *result.add_devices();
        device.set_pool_name("pool");
        device.set_device_name("dev-" + claim.name());
        device.add_request_names("req");
        device.add_cdi_device_ids("vendor.com/class=" + claim.name());
      }
      return grpc::Status::OK;
    }
    grpc::Status NodeUnprepareResources(grpc::ServerContext*, const UnprepareRequest* request,
                                        UnprepareResponse* answer) override {
      if (driver_.unprepares) driver_.unprepares();
      for (const auto& claim : request->claims()) {
        driver_.calls.push_back(version_ + " unprepare " + claim.name());
        (*answer->mutable_claims())[claim.uid()].set_error(driver_.fails[claim.uid()]);
      }
      return grpc::Status::OK;
    }

   private:
    FakeDraDriver& driver_;
    const std::string version_;
  };

  const std::string socket_;
  Service<k8s::io::kubelet::pkg::apis::dra::v1::DRAPlugin::Service> current_{*this, "v1"};
  Service<k8s::io::kubelet::pkg::apis::dra::v1beta1::DRAPlugin::Service> beta_{*this, "v1beta1"};
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace skiff::kubelet::dra
