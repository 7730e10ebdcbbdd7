// What claims ask for, made ready for the search: each request with its class and, where a node is
// known, with how many devices it takes. Pure.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/cel/program.h"
#include "api/gen/resource_v1.h"
#include "base/error.h"

namespace skiff::scheduler {

using DeviceClaimPtr = std::shared_ptr<const resource_v1::ResourceClaim>;
using DeviceClassPtr = std::shared_ptr<const resource_v1::DeviceClass>;
using FindDeviceClass = std::function<DeviceClassPtr(const std::string& name)>;

// "default/gpus"
std::string NameOf(const resource_v1::ResourceClaim& claim);

// A request, or one of the alternatives of one (firstAvailable). Points into its claim.
struct DeviceWish {
  const std::string& name;
  const std::string* parent = nullptr;  // Of an alternative: the request's name.
  const std::string& class_name;
  const std::vector<resource_v1::DeviceSelector>& selectors;
  const std::vector<resource_v1::DeviceToleration>& tolerations;
  const std::string& mode;
  int64_t count = 0;
  bool is_admin = false;
  DeviceClassPtr device_class = nullptr;

  // As allocations and constraints name it: "gpu", "gpu/large".
  std::string Reference() const { return parent == nullptr ? name : *parent + "/" + name; }
  // Whether a list of names of requests is about it; an empty one is about all.
  bool IsAmong(const std::vector<std::string>& requests) const;
};

struct DeviceRequestWishes {
  std::vector<DeviceWish> wishes;  // One, or the alternatives in order of preference.
  bool has_alternatives = false;
};

DeviceRequestWishes WishesOf(const resource_v1::DeviceRequest& request);

// Compiled expressions by their text. One thread.
class DeviceSelectors {
 public:
  // More, and all are compiled anew when they are asked for again.
  static constexpr size_t kProgramsMax = 256;
  using Program = Result<std::shared_ptr<const cel::Program>>;
  const Program& Of(const std::string& expression);

 private:
  std::unordered_map<std::string, Program> programs_;
};

// Whether the selectors of the class and of the wish take the device; an error says which of them
// failed. Without looking at who holds the device.
Result<bool> IsSelected(const resource_v1::ResourceClaim& claim, const DeviceWish& wish,
                        std::string_view driver, const resource_v1::Device& device,
                        DeviceSelectors& selectors);

}  // namespace skiff::scheduler
