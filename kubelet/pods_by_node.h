// Many kubelets over one informer of all pods: each hears of the pods on its own node, not of the
// thousands on others.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "client/informer.h"

namespace skiff::kubelet {

class PodsByNode {
 public:
  using Handler = Informer<core_v1::Pod>::Handler;
  // The informer's handler points here: it stops before this dies.
  explicit PodsByNode(Informer<core_v1::Pod> pods);
  PodsByNode(const PodsByNode&) = delete;
  PodsByNode& operator=(const PodsByNode&) = delete;

  // Told of every change of a pod that is, or was, on that node. Before the informer starts.
  void Follow(const std::string& node, Handler handler);

 private:
  void Tell(const std::string& node, const Ptr<core_v1::Pod>& before,
            const Ptr<core_v1::Pod>& now) const;

  std::map<std::string, std::vector<Handler>> handlers_;
};

}  // namespace skiff::kubelet
