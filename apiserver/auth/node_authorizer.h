// Mode Node: what a kubelet may do, by what is related to the pods on its node. Never denies.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/rbac_v1.h"
#include "apiserver/auth/authorizer.h"
#include "apiserver/auth/node_graph.h"
#include "apiserver/storage/store.h"

namespace skiff {

// The name of the node whose kubelet this is; "" when it is none.
std::string NodeNameOf(const User& user);

class NodeAuthorizer final : public Authorizer {
 public:
  explicit NodeAuthorizer(Store& store);
  Verdict Authorize(const User& user, const Access& access) override;
  void TellRules(const User& user, const std::string& namespace_name, const VisitRule& visit,
                 RulesTold& told) override;

 private:
  // The resources whose rules are not simply those of the role system:node.
  enum class Resource : uint8_t {
    kReadable,  // Secrets and config maps.
    kClaim,
    kGettable,  // Volumes, attachments and resource claims.
    kServiceAccount,
    kLease,
    kCsiNode,
    kSlice,
    kNode,
    kPod,
    kOther,
  };
  static Resource ResourceOf(const Access& access);

  Verdict Related(const std::string& node, const Access& access);
  Verdict Get(const std::string& node, const Access& access);
  Verdict Read(const std::string& node, const Access& access);
  Verdict ClaimAccess(const std::string& node, const Access& access);
  Verdict ServiceAccountAccess(const std::string& node, const Access& access);
  Verdict SliceAccess(const std::string& node, const Access& access);
  Verdict PodAccess(const std::string& node, const Access& access);
  Verdict ByStaticRules(const Access& access) const;

  // As Kubernetes ships them, whatever became of the role of that name.
  const std::vector<rbac_v1::PolicyRule> rules_;
  NodeGraph graph_;
};

}  // namespace skiff
