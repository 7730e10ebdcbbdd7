// What CSI drivers say they can still make of one storage class, in order of the places that they
// speak of: there may be one CSIStorageCapacity for each node, and each of thousands of nodes asks.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/gen/storage_v1.h"

namespace skiff::scheduler {

class ClassCapacities {
 public:
  using Capacity = std::shared_ptr<const storage_v1::CSIStorageCapacity>;
  using Labels = std::map<std::string, std::string>;
  ClassCapacities() = default;
  explicit ClassCapacities(const std::vector<Capacity>& capacities);
  // Whether a volume of so many bytes can be made for a node with these labels.
  bool HaveRoom(const Labels& node, int64_t wanted) const;

 private:
  // By the first label that a capacity wants of a node: its key, then its value.
  std::map<std::string, std::map<std::string, std::vector<Capacity>>> by_label_;
  std::vector<Capacity> others_;  // They want no certain label.
};
using ClassCapacitiesPtr = std::shared_ptr<const ClassCapacities>;

// Whether a larger volume can be made than before (nullptr: the driver said nothing).
bool RaisesCapacity(const storage_v1::CSIStorageCapacity* before,
                    const storage_v1::CSIStorageCapacity& now);

}  // namespace skiff::scheduler
