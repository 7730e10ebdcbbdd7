// The Node object of this machine: registers it and keeps its status true.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/control_loop.h"
#include "base/log.h"
#include "client/client.h"
#include "client/recorder.h"
#include "kubelet/cri.h"
#include "kubelet/runtime_health.h"

namespace skiff::kubelet {

// What does not change while the kubelet runs.
struct NodeFacts {
  int64_t milli_cpu = 0;
  int64_t memory_bytes = 0;
  int64_t swap_bytes = 0;
  int64_t ephemeral_storage_bytes = 0;
  std::map<std::string, int64_t> huge_pages;  // Bytes, by resource: "hugepages-2Mi".
  int pods_max = 110;
  std::string hostname;
  std::string machine_id, system_uuid, boot_id;
  std::string kernel_version, os_image, architecture;
  int port = 10250;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;  // Come back where somebody takes them away.
  std::vector<core_v1::Taint> taints;
  std::string provider_id;
  bool registers = true;  // Whether the Node object is made when there is none.

  // What pods do not get: the hard eviction thresholds, and what the system is left.
  int64_t reserved_milli_cpu = 0;
  int64_t reserved_memory_bytes = 100LL * 1024 * 1024;
  int64_t system_memory_bytes = 0;  // Of these, what the system is left.
  std::optional<int64_t> reserved_storage_bytes;  // Unset: a tenth.

  std::map<std::string, Quantity> Capacity() const;
  // Capacity less what is reserved.
  std::map<std::string, Quantity> Allocatable() const;
};

// Of the machine this runs on. `disk_path` is on the file system that pods' data lie on.
NodeFacts ReadNodeFacts(const std::string& node_name, const std::string& disk_path);

// Reads the Node of this machine. nullptr: whether there is one is not known yet.
using FindNode = std::function<Result<Ptr<core_v1::Node>>()>;

class NodeStatusLoop final : public ControlLoop {
 public:
  static constexpr Duration kRetry = 1s;
  static constexpr Duration kRuntimePatience = 2s;

  struct Settings {
    Duration check_period = 10s;
    Duration report_period = 300s;  // Without change.
    std::optional<size_t> images_max = 50;  // Unset: all.
  };
  // What it looks at and tells; all outlive it.
  struct Dependencies {
    Client& client;
    const Clock& clock;
    ContainerRuntime& runtime;
    const RuntimeHealth& health;
    EventRecorder& events;
    // "DiskPressure", ...
    std::function<std::set<std::string>()> pressures;
    // Its Node, perhaps as it was a moment ago; NotFound: there is none.
    FindNode find;
    // There is one now, made by this loop.
    std::function<void()> registered;
    // Of the status; empty: none are.
    std::function<std::vector<std::string>()> volumes_in_use = {};
    // The API has these of them; on the loop's thread.
    std::function<void(const std::vector<std::string>&)> volumes_reported = {};
    // What device plugins have, all of it and what is well; zeros of what they have no more.
    // Empty: there are none.
    std::function<std::map<std::string, std::pair<int64_t, int64_t>>()> devices = {};
    // Whether nobody knows which extended resources a kubelet before this one has told of for its
    // plugins: then all are told to be none, until somebody tells of them again. Empty: it is
    // known.
    std::function<bool()> forgets_devices = {};
    // The node's now, the primary one first. Empty: it has none.
    std::function<std::vector<std::string>()> addresses = {};
    // Whether the machine is about to shut down. Empty: nobody knows.
    std::function<bool()> is_shutting_down = {};
  };
  NodeStatusLoop(std::string node_name, NodeFacts facts, Settings settings,
                 Dependencies dependencies);
  // Registers the node if it has to, writes its status when that changed.
  Duration Step() override;
  // What it looks at has changed. Any thread.
  void Changed();

 private:
  using Written = Result<Ptr<core_v1::Node>>;
  // Looks, and sends what is to be written: then `check_at_` is kNever until that is answered.
  void Check();
  void CheckAgain(Duration delay) { check_at_ = dependencies_.clock.Monotonic() + delay; }
  // Of what is found and what was written last, the newer.
  Result<Ptr<core_v1::Node>> Current();
  void Register();
  void Registered(const Written& created);
  void Report(const Ptr<core_v1::Node>& node);
  void Reported(const core_v1::NodeStatus& before, const Written& written);
  void SetAmounts(core_v1::NodeStatus& status) const;
  void SetRuntime(core_v1::NodeStatus& status) const;
  core_v1::NodeStatus Compute(const core_v1::NodeStatus& before) const;
  std::vector<core_v1::NodeCondition> Conditions() const;
  // Why it is not ready; "": it is.
  std::string Problem() const;
  void TellVolumes(const core_v1::NodeStatus& status) const;
  void TellChanges(const core_v1::NodeStatus& before, const core_v1::NodeStatus& now);
  void TellSchedulable(const core_v1::Node& node);
  // A node that lost a label which pods choose it by gets it again, and so an annotation that its
  // program goes by.
  bool HasOwnMetadata(const core_v1::Node& node) const;
  std::map<std::string, std::string> SystemLabels() const;
  // Kubelets name themselves as the uid in events about their node.
  core_v1::Node Self() const;
  std::vector<core_v1::ContainerImage> Images() const;

  const std::string node_name_;
  const NodeFacts facts_;
  const Settings settings_;
  const Dependencies dependencies_;
  const Log log_{"node"};
  std::atomic<bool> changed_ = false;
  // The loop's own. Times are monotonic.
  bool has_reported_ = false;
  std::optional<Duration> started_at_;
  Duration check_at_{};
  Duration next_report_{};
  Ptr<core_v1::Node> written_;  // As last written; until it is found, or should have been.
  Duration written_at_{};
  bool is_unschedulable_ = false;  // As last told.
  Mailbox answers_;
};

}  // namespace skiff::kubelet
