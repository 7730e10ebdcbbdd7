// Which roles a user holds: worked out once, and remembered until a role or a binding changes.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/rbac_v1.h"
#include "apiserver/auth/authorizer.h"
#include "apiserver/objects/object_cache.h"
#include "base/mutex.h"

namespace skiff {

// Where the objects come from.
struct RbacObjects {
  ObjectCache<rbac_v1::ClusterRole>& cluster_roles;
  ObjectCache<rbac_v1::ClusterRoleBinding>& cluster_role_bindings;
  ObjectCache<rbac_v1::Role>& roles;
  ObjectCache<rbac_v1::RoleBinding>& role_bindings;
};

using RulesPtr = std::shared_ptr<const std::vector<rbac_v1::PolicyRule>>;

// By one binding.
struct HeldRole {
  RulesPtr rules;
  std::string by;  // RoleBinding "b/a" of Role "r" to User "u"
};

struct HeldRoles {
  std::vector<HeldRole> roles;      // In order of the bindings' names.
  std::vector<std::string> errors;  // A text for each role that is bound but missing.
};

// The rules of the role that a binding in `namespace_name` refers to.
Result<RulesPtr> RulesOfRole(const RbacObjects& objects, const rbac_v1::RoleRef& role,
                             std::string_view namespace_name);

// Whether the subject of a binding is that user. `binding_namespace` is the default of a service
// account's namespace.
bool SubjectIs(const rbac_v1::Subject& subject, const User& user,
               std::string_view binding_namespace);

// Exactly as fresh as the store: what is bound or taken away counts for whoever asks afterwards.
// Thread-safe.
class RoleHoldings {
 public:
  explicit RoleHoldings(RbacObjects objects) : objects_(objects) {}
  // By ClusterRoleBindings for "", else by the RoleBindings of that namespace alone.
  std::shared_ptr<const HeldRoles> Of(const User& user, std::string_view namespace_name);
  // How often they had to be worked out.
  uint64_t worked_out() const;
  // What is remembered takes, about.
  size_t bytes() const;

  // Past it all is forgotten. Names of users and namespaces are anybody's to choose, whether or not
  // there are any: it is their length that counts, not their number.
  static constexpr size_t kBytesMax = size_t{32} << 20;
  // Of one answer; a longer one is worked out each time.
  static constexpr size_t kAnswerBytesMax = kBytesMax / 64;

 private:
  using Versions = std::array<uint64_t, 4>;
  using Memory = std::map<std::string, std::shared_ptr<const HeldRoles>, std::less<>>;
  HeldRoles WorkOut(const User& user, std::string_view namespace_name) const;
  // For the caller to let go of without the mutex: there may be much.
  Memory Forget() REQUIRES(mutex_);

  const RbacObjects objects_;
  mutable Mutex mutex_;
  Versions versions_ GUARDED_BY(mutex_){};  // Of the objects that the memory stands for.
  Memory memory_ GUARDED_BY(mutex_);
  size_t bytes_ GUARDED_BY(mutex_) = 0;
  uint64_t worked_out_ GUARDED_BY(mutex_) = 0;
};

}  // namespace skiff
