// This machine as a node of a cluster whose server runs elsewhere: kubelet and proxy over HTTPS,
// with the identity that joining got.
#pragma once

#include <memory>

#include "skiff/cluster.h"
#include "skiff/node_certificates.h"

namespace skiff {

class JoinedNode {
 public:
  // Returns when the node is Ready. Of `options` the API server's own are not looked at; the CIDRs
  // are the cluster's.
  static Result<std::unique_ptr<JoinedNode>> Start(const ClusterOptions& options,
                                                   const NodeIdentity& identity,
                                                   const Progress& progress);
  // Containers, rules and files stay.
  ~JoinedNode();

 private:
  struct Parts;
  explicit JoinedNode(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace skiff
