// Keeps containers' logs short: one that has grown too long is moved aside and its container goes
// on in a new file; what was moved aside before is packed, and the oldest removed.
//
//   0.log                          written now
//   0.log.20261120-130501          the one before, plain, so that followers can finish it
//   0.log.20261120-125500.gz ...   older ones
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/control_loop.h"
#include "base/log.h"
#include "kubelet/cri.h"

namespace skiff::kubelet {

struct LogRotationSettings {
  std::string log_root = "/var/log/pods";
  int64_t bytes_max = 10 << 20;
  int files_max = 5;  // With the one that is written; at least 2.
  Duration period = 10s;
};

// What to do with the files beside a log before it is moved aside. Names without directory.
struct RotationPlan {
  std::vector<std::string> remove;
  std::vector<std::string> pack;
  bool operator==(const RotationPlan&) const = default;
};
// `names`: all in the log's directory. Pure.
RotationPlan PlanRotation(const std::string& log_name, std::vector<std::string> names,
                          int files_max);

// LOG_ROOT/NAMESPACE_POD_UID/CONTAINER/ATTEMPT.log, from the labels of a container.
std::string ContainerLogPath(const std::string& log_root, const cri::Container& container);

class LogRotation final : public ControlLoop {
 public:
  LogRotation(LogRotationSettings settings, ContainerRuntime& runtime, const Clock& clock)
      : settings_(std::move(settings)), runtime_(runtime), clock_(clock) {}
  // Looks at the logs of all running containers.
  Duration Step() override;

 private:
  Result<> Rotate(const cri::Container& container, const std::string& path);

  const LogRotationSettings settings_;
  ContainerRuntime& runtime_;
  const Clock& clock_;
  const Log log_{"logs"};
};

// Packs a file into PATH.gz and removes it. A half-packed file never has that name.
Result<> PackFile(const std::string& path);

}  // namespace skiff::kubelet
