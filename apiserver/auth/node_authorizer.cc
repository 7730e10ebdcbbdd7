#include "apiserver/auth/node_authorizer.h"

#include <algorithm>

#include "api/codec/typed.h"
#include "api/select/selector.h"
#include "apiserver/auth/bootstrap_rbac.h"
#include "apiserver/auth/rbac.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

constexpr std::string_view kLeaseNamespace = "kube-node-lease";

Verdict Allow() {
  return {.decision = Verdict::Decision::kAllow};
}
Verdict NoOpinion(std::string reason) {
  return {.reason = std::move(reason)};
}

bool In(std::string_view verb, std::initializer_list<std::string_view> verbs) {
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

std::vector<rbac_v1::PolicyRule> NodeRules() {
  for (const Json& document : ParseBootstrapRbac(kBootstrapRoles)) {
    if (document["kind"] != "ClusterRole" || document["metadata"]["name"] != "system:node") {
      continue;
    }
    auto role = FromJson<rbac_v1::ClusterRole>(document);
    CHECK(role);
    return std::move(role->rules);
  }
  CHECK(false);
}

Verdict LeaseAccess(const std::string& node, const Access& access) {
  if (!In(access.verb, {"get", "create", "update", "patch", "delete"})) {
    return NoOpinion("can only get, create, update, patch, or delete a node lease");
  }
  if (access.namespace_name != kLeaseNamespace) {
    return NoOpinion("can only access leases in the \"kube-node-lease\" system namespace");
  }
  if (access.verb != "create" && access.name != node) {
    return NoOpinion("can only access node lease with the same name as the requesting node");
  }
  return Allow();
}

Verdict CsiNodeAccess(const std::string& node, const Access& access) {
  if (!In(access.verb, {"get", "create", "update", "patch", "delete"})) {
    return NoOpinion("can only get, create, update, patch, or delete a CSINode");
  }
  if (!access.subresource.empty()) return NoOpinion("cannot authorize CSINode subresources");
  if (access.verb != "create" && access.name != node) {
    return NoOpinion("can only access CSINode with the same name as the requesting node");
  }
  return Allow();
}

Verdict NodeAccess(const std::string& node, const Access& access) {
  if (access.subresource == "status" && In(access.verb, {"update", "patch"})) return Allow();
  if (!access.subresource.empty()) return NoOpinion("");
  if (In(access.verb, {"create", "update", "patch"})) return Allow();
  if (In(access.verb, {"get", "list", "watch"})) {
    if (access.name == node) return Allow();
    if (access.name.empty()) {
      return NoOpinion("node '" + node + "' cannot read all nodes, only its own Node object");
    }
    return NoOpinion("node '" + node + "' cannot read '" + access.name +
                     "', only its own Node object");
  }
  return NoOpinion("");
}

// Whether the request narrows itself to what is on the node.
bool SelectsNode(const std::string& node, const Access& access) {
  const auto selector = FieldSelector::Parse(access.field_selector);
  return selector && selector->Exact("spec.nodeName") == std::string_view(node);
}

}  // namespace

std::string NodeNameOf(const User& user) {
  if (!user.name.starts_with(kNodeUserPrefix) || !user.InGroup(kGroupNodes)) return "";
  return user.name.substr(kNodeUserPrefix.size());
}

NodeAuthorizer::NodeAuthorizer(Store& store) : rules_(NodeRules()), graph_(store) {}

void NodeAuthorizer::TellRules(const User& user, const std::string&, const VisitRule&,
                               RulesTold& told) {
  if (NodeNameOf(user).empty()) return;
  told.incomplete = true;
  told.errors.push_back("node authorizer does not support user rule resolution");
}

NodeAuthorizer::Resource NodeAuthorizer::ResourceOf(const Access& access) {
  struct Row {
    std::string_view group;
    std::string_view resource;
    Resource is;
  };
  static constexpr Row kRows[] = {
      {"", "secrets", Resource::kReadable},
      {"", "configmaps", Resource::kReadable},
      {"", "persistentvolumeclaims", Resource::kClaim},
      {"", "persistentvolumes", Resource::kGettable},
      {"resource.k8s.io", "resourceclaims", Resource::kGettable},
      {"storage.k8s.io", "volumeattachments", Resource::kGettable},
      {"", "serviceaccounts", Resource::kServiceAccount},
      {"coordination.k8s.io", "leases", Resource::kLease},
      {"storage.k8s.io", "csinodes", Resource::kCsiNode},
      {"resource.k8s.io", "resourceslices", Resource::kSlice},
      {"", "nodes", Resource::kNode},
      {"", "pods", Resource::kPod},
  };
  for (const Row& row : kRows) {
    if (row.group == access.group && row.resource == access.resource) return row.is;
  }
  return Resource::kOther;
}

Verdict NodeAuthorizer::Related(const std::string& node, const Access& access) {
  if (access.name.empty()) return NoOpinion("No Object name found");
  if (graph_.Reaches(node, access.resource, access.namespace_name, access.name)) return Allow();
  return NoOpinion("no relationship found between node '" + node + "' and this object");
}

Verdict NodeAuthorizer::Get(const std::string& node, const Access& access) {
  if (access.verb != "get") return NoOpinion("can only get individual resources of this type");
  if (!access.subresource.empty()) return NoOpinion("cannot get subresource");
  return Related(node, access);
}

Verdict NodeAuthorizer::Read(const std::string& node, const Access& access) {
  if (!In(access.verb, {"get", "list", "watch"})) {
    return NoOpinion("can only read resources of this type");
  }
  if (!access.subresource.empty()) return NoOpinion("cannot read subresource");
  if (access.namespace_name.empty()) {
    return NoOpinion("can only read namespaced object of this type");
  }
  return Related(node, access);
}

Verdict NodeAuthorizer::ClaimAccess(const std::string& node, const Access& access) {
  if (access.subresource != "status") return Get(node, access);
  if (!In(access.verb, {"update", "patch"})) {
    return NoOpinion("can only get/update/patch this type");
  }
  return Related(node, access);
}

Verdict NodeAuthorizer::ServiceAccountAccess(const std::string& node, const Access& access) {
  if (access.verb == "get" && access.subresource.empty()) return Related(node, access);
  if (access.verb != "create" || access.name.empty()) {
    return NoOpinion("can only create tokens for individual service accounts");
  }
  if (access.subresource != "token") {
    return NoOpinion("can only create token subresource of serviceaccount");
  }
  return Related(node, access);
}

Verdict NodeAuthorizer::SliceAccess(const std::string& node, const Access& access) {
  if (!access.subresource.empty()) return NoOpinion("cannot authorize ResourceSlice subresources");
  // Whose slice it is NodeRestriction sees, which knows the object.
  if (access.verb == "create") return Allow();
  if (In(access.verb, {"get", "update", "patch", "delete"})) return Related(node, access);
  if (In(access.verb, {"watch", "list", "deletecollection"})) {
    if (SelectsNode(node, access)) return Allow();
    return NoOpinion(
        "can only list/watch/deletecollection resourceslices with nodeName field selector");
  }
  return NoOpinion(
      "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, "
      "patch, delete, deletecollection");
}

Verdict NodeAuthorizer::PodAccess(const std::string& node, const Access& access) {
  if (access.subresource == "status" && In(access.verb, {"update", "patch"})) return Allow();
  if (access.subresource == "eviction" && access.verb == "create") return Allow();
  if (!access.subresource.empty()) return NoOpinion("");
  if (access.verb == "get") return Get(node, access);
  if (In(access.verb, {"list", "watch"})) {
    if (SelectsNode(node, access)) return Allow();
    if (!access.name.empty()) return Related(node, access);
    return NoOpinion("can only list/watch pods with spec.nodeName field selector");
  }
  // Which pods those may be NodeRestriction sees.
  return In(access.verb, {"create", "delete"}) ? Allow() : NoOpinion("");
}

Verdict NodeAuthorizer::ByStaticRules(const Access& access) const {
  const bool allowed =
      std::any_of(rules_.begin(), rules_.end(),
                  [&](const rbac_v1::PolicyRule& rule) { return RuleAllows(rule, access); });
  return allowed ? Allow() : NoOpinion("");
}

Verdict NodeAuthorizer::Authorize(const User& user, const Access& access) {
  if (!user.name.starts_with(kNodeUserPrefix) || !user.InGroup(kGroupNodes)) return {};
  const std::string node = NodeNameOf(user);
  if (node.empty()) return NoOpinion("unknown node for user " + Quoted(user.name));
  if (!access.is_resource) return ByStaticRules(access);
  switch (ResourceOf(access)) {
    case Resource::kReadable:
      return Read(node, access);
    case Resource::kClaim:
      return ClaimAccess(node, access);
    case Resource::kGettable:
      return Get(node, access);
    case Resource::kServiceAccount:
      return ServiceAccountAccess(node, access);
    case Resource::kLease:
      return LeaseAccess(node, access);
    case Resource::kCsiNode:
      return CsiNodeAccess(node, access);
    case Resource::kSlice:
      return SliceAccess(node, access);
    case Resource::kNode:
      return NodeAccess(node, access);
    case Resource::kPod:
      return PodAccess(node, access);
    case Resource::kOther:
      break;
  }
  return ByStaticRules(access);
}

}  // namespace skiff
