// The CSI drivers that are registered with this kubelet.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/storage_v1.h"
#include "base/error.h"
#include "base/mutex.h"

namespace skiff::kubelet::csi {

struct Driver {
  std::string name;
  std::string endpoint;  // The path of its socket.
  std::string node_id;   // What it calls this node.
  std::map<std::string, std::string> topology;
  int64_t volumes_max = 0;  // 0: no limit.
};

// Thread-safe.
class Drivers {
 public:
  void Put(Driver driver);
  void Remove(const std::string& name);
  // Of the driver that is still the one at the endpoint; false: it is not.
  bool SetVolumesMax(const std::string& name, const std::string& endpoint, int64_t volumes_max);
  // Fails in the kubelet's words.
  Result<std::string> Endpoint(const std::string& name) const;
  bool Has(const std::string& name) const;
  std::vector<Driver> List() const;

 private:
  mutable Mutex mutex_;
  std::map<std::string, Driver> drivers_ GUARDED_BY(mutex_);
};

// Pure. What the API is told of a driver, and what is taken back when it goes; its labels stay.
// False: it is there, or gone, already.
bool PutDriver(storage_v1::CSINode& node, const Driver& driver);
// The same of volumes_max alone, where it calls the node by the same id.
bool PutVolumesMax(storage_v1::CSINode& node, const Driver& driver);
bool RemoveDriver(storage_v1::CSINode& node, const std::string& name);
// Fails when the node has another value for one of the driver's labels.
Result<> PutDriver(core_v1::Node& node, const Driver& driver);
void RemoveDriver(core_v1::Node& node, const std::string& name);

// Why plugins of these versions cannot be registered, in the kubelet's words; "": they can.
std::string RefusalOf(const std::string& driver, const std::vector<std::string>& versions);

}  // namespace skiff::kubelet::csi
