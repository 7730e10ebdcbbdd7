// Which pods keep a claim from going. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/gen/core_v1.h"

namespace skiff {

// A pod that runs or ran somewhere and refers to the claim. Kubelets do not start one whose claim
// is being deleted. A claim that was made for the pod does not wait for the end of it: one would
// hold the other for ever, where something else holds the pod.
bool UsesClaim(const core_v1::Pod& pod, const core_v1::PersistentVolumeClaim& claim);

// The pods of a namespace as the server had them at a revision: one list for all claims that were
// to go by then, of which there may be as many as there are pods.
class ListedClaimUsers {
 public:
  ListedClaimUsers(std::string namespace_, uint64_t revision)
      : namespace_(std::move(namespace_)), revision_(revision) {}
  void Add(const core_v1::Pod& pod);
  // Whether no pod uses the claim, nor will: it was to go already, in that version of it.
  bool RuleOut(const core_v1::PersistentVolumeClaim& claim) const;

 private:
  const std::string namespace_;
  const uint64_t revision_;
  // By the claim's name; of each pod what UsesClaim asks for.
  std::map<std::string, std::vector<std::shared_ptr<const core_v1::Pod>>> users_;
};

}  // namespace skiff
