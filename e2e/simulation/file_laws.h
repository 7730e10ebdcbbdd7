// What containers see of a ConfigMap, in files that their kubelet keeps in step with it: all that
// it says or all that it said, and that not for longer than a kubelet needs to see it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "e2e/simulation/laws.h"
#include "kubelet/cri.h"

namespace skiff {

// What the file shows at that path of the container; nullopt: there is none.
std::optional<std::string> ReadMounted(const std::vector<cri::Mount>& mounts,
                                       const std::string& path);

class FileLaws {
 public:
  FileLaws(const Clock& clock, Laws& laws) : clock_(clock), laws_(laws) {}

  // At any moment, for a container that runs, of a pod that is to stay. `connected_since`
  // (monotonic): its kubelet has reached the server from then on; nullopt: it does not.
  void Look(const cri::ContainerStatus& container, const std::string& pod,
            std::optional<Duration> connected_since);

 private:
  void CheckNews(const cri::ContainerStatus& container, const std::string& pod,
                 std::optional<Duration> connected_since);
  void CheckPart(const cri::ContainerStatus& container, const std::string& pod);

  const Clock& clock_;
  Laws& laws_;
  std::map<std::string, std::string> parts_;  // What was first seen, by container id.
};

}  // namespace skiff
