// Which Kubernetes this is.
#pragma once

namespace skiff {

inline constexpr char kKubernetesRelease[] = "v1.35.6";
inline constexpr char kSkiffVersion[] = "0.1.0";

}  // namespace skiff
