// Mode Node: what a kubelet may do, by what is related to the pods on its node. Never denies.
#pragma once

#include "apiserver/auth/authorizer.h"
#include "apiserver/caches.h"
#include "apiserver/storage/store.h"

namespace skiff {

// The name of the node whose kubelet this is; "" when it is none.
std::string NodeNameOf(const User& user);

// Looks the relation up when it is asked: a kubelet asks about its own few pods.
class NodeAuthorizer final : public Authorizer {
 public:
  NodeAuthorizer(Store& store, Caches& caches) : store_(store), caches_(caches) {}
  Verdict Authorize(const User& user, const Access& access) override;

 private:
  Verdict Related(const std::string& node, const Access& access, std::string_view verbs_text,
                  std::initializer_list<std::string_view> verbs);
  bool HasPath(const std::string& node, const Access& access);
  bool PodsReach(const std::string& node, const Access& access);
  Verdict ByStaticRules(const Access& access);

  Store& store_;
  Caches& caches_;
};

}  // namespace skiff
