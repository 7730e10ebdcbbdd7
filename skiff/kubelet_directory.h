// Where others look for a kubelet's files: manifests of CSI drivers, of agents and of monitors
// mount paths below it.
#pragma once

#include <string>

namespace skiff {

inline constexpr char kKubeletDirectory[] = "/var/lib/kubelet";

// Makes `known` a link to a kubelet's own directory where nothing is there, or a link that leads
// nowhere. Whether it leads there
// now: another kubelet may have the place.
bool LinkKubeletDirectory(const std::string& root, const std::string& known = kKubeletDirectory);
// Removes the link, if it leads there.
void UnlinkKubeletDirectory(const std::string& root, const std::string& known = kKubeletDirectory);

}  // namespace skiff
