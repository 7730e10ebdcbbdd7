#include "kubelet/cgroup_driver.h"

#include <fmt/format.h>

namespace skiff::kubelet {

Result<> CgroupDriverCheck::Ensure() {
  if (is_good_) return {};
  const std::string said = TRY(runtime_.CgroupDriver());
  if (said.empty() || said == meant_) {
    is_good_ = true;
    return {};
  }
  if (!is_told_.exchange(true)) differs_(said);
  return Fail(Reason::kConflict,
              fmt::format("the runtime's cgroup driver is {}, and the kubelet's {}", said, meant_));
}

}  // namespace skiff::kubelet
