#include "apiserver/auth/role_holdings.h"

#include <algorithm>
#include <utility>

#include "apiserver/request/api_errors.h"
#include "base/at_once.h"

namespace skiff {
namespace {

// The subject by which a binding concerns the user; nullptr: it does not.
template <typename Binding>
const rbac_v1::Subject* SubjectFor(const Binding& binding, const User& user) {
  const auto found =
      std::find_if(binding.subjects.begin(), binding.subjects.end(), [&](const auto& subject) {
        return SubjectIs(subject, user, binding.metadata.namespace_);
      });
  return found == binding.subjects.end() ? nullptr : &*found;
}

template <typename Binding>
std::string DescribeGrant(const Binding& binding, const rbac_v1::Subject& subject) {
  const std::string& space = binding.metadata.namespace_;
  std::string name = subject.name;
  if (subject.kind == "ServiceAccount") {
    name += "/" + (subject.namespace_.empty() ? space : subject.namespace_);
  }
  return std::string(Binding::Info().kind) + " " +
         Quoted(space.empty() ? binding.metadata.name : binding.metadata.name + "/" + space) +
         " of " + binding.role_ref.kind + " " + Quoted(binding.role_ref.name) + " to " +
         subject.kind + " " + Quoted(name);
}

template <typename Binding>
void AddHeld(const RbacObjects& objects, const Binding& binding, const User& user,
             HeldRoles& held) {
  const rbac_v1::Subject* subject = SubjectFor(binding, user);
  if (subject == nullptr) return;
  const rbac_v1::RoleRef& role = binding.role_ref;
  if (auto rules = RulesOfRole(objects, role, binding.metadata.namespace_)) {
    held.roles.push_back({std::move(*rules), DescribeGrant(binding, *subject)});
    return;
  }
  // Singular in this one message, as Kubernetes words it.
  const char* kind = role.kind == "ClusterRole" ? "clusterrole" : "role";
  held.errors.push_back(std::string(kind) + ".rbac.authorization.k8s.io " + Quoted(role.name) +
                        " not found");
}

// What is forgotten where nothing may take long.
constexpr size_t kForgottenBytesAtOnce = 256 << 10;

// All that bindings go by. The lengths keep the parts apart, whatever they hold.
std::string MemoryKey(const User& user, std::string_view namespace_name) {
  std::string key;
  const auto add = [&](std::string_view part) {
    key += std::to_string(part.size());
    key += ':';
    key += part;
  };
  add(namespace_name);
  add(user.name);
  for (const std::string& group : user.groups) add(group);
  return key;
}

// With its place in the memory.
size_t RememberedBytes(const std::string& key, const HeldRoles& held) {
  constexpr size_t kPlaceBytes = 256;
  size_t bytes = kPlaceBytes + key.size();
  for (const HeldRole& role : held.roles) bytes += sizeof(HeldRole) + role.by.size();
  for (const std::string& error : held.errors) bytes += sizeof(std::string) + error.size();
  return bytes;
}

}  // namespace

bool SubjectIs(const rbac_v1::Subject& subject, const User& user,
               std::string_view binding_namespace) {
  if (subject.kind == "User") return subject.name == user.name;
  if (subject.kind == "Group") return user.InGroup(subject.name);
  if (subject.kind != "ServiceAccount") return false;
  constexpr std::string_view kPrefix = "system:serviceaccount:";
  const std::string_view space =
      subject.namespace_.empty() ? binding_namespace : std::string_view(subject.namespace_);
  std::string_view name = user.name;
  if (space.empty() || !name.starts_with(kPrefix)) return false;
  name.remove_prefix(kPrefix.size());
  return name.size() == space.size() + 1 + subject.name.size() && name.starts_with(space) &&
         name[space.size()] == ':' && name.ends_with(subject.name);
}

Result<RulesPtr> RulesOfRole(const RbacObjects& objects, const rbac_v1::RoleRef& role,
                             std::string_view namespace_name) {
  constexpr std::string_view kGroup = "rbac.authorization.k8s.io";
  if (role.kind == "ClusterRole") {
    const auto found = objects.cluster_roles.Find("", role.name);
    if (!found) return Fail(NotFoundError({kGroup, "clusterroles"}, role.name));
    return RulesPtr(found, &found->rules);
  }
  const auto found = objects.roles.Find(namespace_name, role.name);
  if (!found) return Fail(NotFoundError({kGroup, "roles"}, role.name));
  return RulesPtr(found, &found->rules);
}

HeldRoles RoleHoldings::WorkOut(const User& user, std::string_view namespace_name) const {
  HeldRoles held;
  if (namespace_name.empty()) {
    for (const auto& binding : objects_.cluster_role_bindings.All()) {
      AddHeld(objects_, *binding, user, held);
    }
  } else {
    for (const auto& binding : objects_.role_bindings.InNamespace(namespace_name)) {
      AddHeld(objects_, *binding, user, held);
    }
  }
  return held;
}

RoleHoldings::Memory RoleHoldings::Forget() {
  bytes_ = 0;
  return std::exchange(memory_, {});
}

std::shared_ptr<const HeldRoles> RoleHoldings::Of(const User& user,
                                                  std::string_view namespace_name) {
  // Read first: what is worked out is at least as new.
  ReadPatience patience;
  const Versions versions = {
      objects_.cluster_roles.Version(patience), objects_.cluster_role_bindings.Version(patience),
      objects_.roles.Version(patience), objects_.role_bindings.Version(patience)};
  if (IsVoid()) return std::make_shared<const HeldRoles>();
  std::string key = MemoryKey(user, namespace_name);
  Memory outdated;  // Let go of when nobody waits for it.
  {
    const MutexLock lock(mutex_);
    if (versions_ != versions) {
      const bool takes_long = bytes_ > kForgottenBytesAtOnce;
      if (takes_long && !MayWait()) return std::make_shared<const HeldRoles>();
      versions_ = versions;
      outdated = Forget();
    }
    if (const auto found = memory_.find(key); found != memory_.end()) return found->second;
    // There may be any number of bindings.
    if (!MayWait()) return std::make_shared<const HeldRoles>();
    ++worked_out_;
  }
  auto held = std::make_shared<const HeldRoles>(WorkOut(user, namespace_name));
  const size_t bytes = RememberedBytes(key, *held);
  if (bytes > kAnswerBytesMax) return held;
  Memory surplus;  // So is this. What is outdated must not come back for it.
  const MutexLock lock(mutex_);
  if (versions_ != versions) return held;
  if (bytes_ + bytes > kBytesMax) surplus = Forget();
  if (memory_.emplace(std::move(key), held).second) bytes_ += bytes;
  return held;
}

uint64_t RoleHoldings::worked_out() const {
  const MutexLock lock(mutex_);
  return worked_out_;
}

size_t RoleHoldings::bytes() const {
  const MutexLock lock(mutex_);
  return bytes_;
}

}  // namespace skiff
