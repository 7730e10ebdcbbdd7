// The Node object of this machine: registers it, keeps its status true, renews its lease.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/control_loop.h"
#include "base/log.h"
#include "client/client.h"
#include "kubelet/cri.h"

namespace skiff::kubelet {

// What does not change while the kubelet runs.
struct NodeFacts {
  int64_t milli_cpu = 0;
  int64_t memory_bytes = 0;
  int64_t ephemeral_storage_bytes = 0;
  int pods_max = 110;
  std::string hostname;
  std::vector<std::string> ips;
  std::string machine_id, system_uuid, boot_id;
  std::string kernel_version, os_image, architecture;
  int port = 10250;
  std::map<std::string, std::string> labels;
  std::vector<core_v1::Taint> taints;

  std::map<std::string, Quantity> Capacity() const;
  // Capacity less the hard eviction thresholds: 100 MiB of memory, a tenth of the disk.
  std::map<std::string, Quantity> Allocatable() const;
};

// Of the machine this runs on. `disk_path` is on the file system that pods' data lie on.
NodeFacts ReadNodeFacts(const std::string& node_name, const std::string& disk_path);

class NodeStatusLoop final : public ControlLoop {
 public:
  static constexpr Duration kCheckPeriod = 10s;
  static constexpr Duration kReportPeriod = 300s;  // Without change.
  static constexpr int kLeaseSeconds = 40;
  static constexpr Duration kLeaseRenewal = 10s;
  static constexpr Duration kRetry = 1s;
  static constexpr size_t kImagesMax = 50;

  struct Dependencies {
    Client& client;
    const Clock& clock;
    ContainerRuntime& runtime;
  };
  NodeStatusLoop(std::string node_name, NodeFacts facts, Dependencies dependencies);
  // Registers the node if it has to, writes its status when that changed, renews the lease.
  Duration Step() override;

 private:
  Result<Ptr<core_v1::Node>> Register();
  Result<> Report(const core_v1::Node& node);
  Result<> RenewLease();
  core_v1::NodeStatus Compute(const core_v1::NodeStatus& before) const;
  std::vector<core_v1::ContainerImage> Images() const;

  const std::string node_name_;
  const NodeFacts facts_;
  const Dependencies dependencies_;
  const Log log_{"node"};
  Ptr<core_v1::Node> node_;
  Duration next_report_{};
  Duration next_lease_{};
};

}  // namespace skiff::kubelet
