// Pods that show what a kubelet runs by itself, whoever asked for it there.
#pragma once

namespace skiff {

// The annotation that a pod is one by: which of what the kubelet runs it shows, as the annotation
// kubernetes.io/config.hash there says.
inline constexpr char kMirrorPodAnnotation[] = "kubernetes.io/config.mirror";

}  // namespace skiff
