#include "apiserver/auth/node_authorizer.h"

#include <algorithm>

#include "api/selector.h"
#include "apiserver/auth/rbac.h"
#include "apiserver/pod_references.h"
#include "apiserver/record_codec.h"
#include "apiserver/storage/keys.h"

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

// All pods of the node, or nothing.
Verdict ListOfPods(const std::string& node, const Access& access) {
  const auto selector = FieldSelector::Parse(access.field_selector);
  if (selector && selector->Exact("spec.nodeName") == std::string_view(node)) return Allow();
  return NoOpinion("can only list/watch pods with spec.nodeName field selector");
}

}  // namespace

std::string NodeNameOf(const User& user) {
  if (!user.name.starts_with(kNodeUserPrefix) || !user.InGroup(kGroupNodes)) return "";
  return user.name.substr(kNodeUserPrefix.size());
}

bool NodeAuthorizer::PodsReach(const std::string& node, const Access& access) {
  const KindInfo& pods = core_v1::Pod::Info();
  const auto page =
      store_.List({.prefix = StorePrefix(pods.storage_key, access.namespace_name),
                   .filter = [&](const Record& record) {
                     const auto view = ObjectView::Of(record);
                     return view && view->field("spec.nodeName") == std::string_view(node);
                   }});
  if (!page) return false;
  for (const RecordPtr& record : page->records) {
    const auto object = ObjectOf(pods, *record);
    const auto* pod = object ? object->As<core_v1::Pod>() : nullptr;
    if (pod == nullptr) continue;
    if (access.resource == "pods" && pod->metadata.name == access.name) return true;
    const PodReferences names = ReferencesOf(*pod);
    if (access.resource == "secrets" && names.secrets.contains(access.name)) return true;
    if (access.resource == "configmaps" && names.config_maps.contains(access.name)) return true;
    if (access.resource == "persistentvolumeclaims" && names.claims.contains(access.name)) {
      return true;
    }
    if (access.resource == "serviceaccounts" && names.service_account == access.name) return true;
    if (access.resource == "resourceclaims" && names.resource_claims.contains(access.name)) {
      return true;
    }
  }
  return false;
}

bool NodeAuthorizer::HasPath(const std::string& node, const Access& access) {
  if (access.resource == "persistentvolumes") {
    const auto record = store_.Get(KeyOf(core_v1::PersistentVolume::Info(), "", access.name));
    const auto object = record ? ObjectOf(core_v1::PersistentVolume::Info(), **record)
                               : Result<Object>(tl::unexpected(Error{}));
    const auto* volume = object ? object->As<core_v1::PersistentVolume>() : nullptr;
    if (volume == nullptr || !volume->spec.claim_ref) return false;
    return PodsReach(node, {.resource = "persistentvolumeclaims",
                            .namespace_name = volume->spec.claim_ref->namespace_,
                            .name = volume->spec.claim_ref->name});
  }
  if (access.resource == "volumeattachments") {
    const KindInfo& kind = storage_v1::VolumeAttachment::Info();
    const auto record = store_.Get(KeyOf(kind, "", access.name));
    const auto object = record ? ObjectOf(kind, **record) : Result<Object>(tl::unexpected(Error{}));
    const auto* attachment = object ? object->As<storage_v1::VolumeAttachment>() : nullptr;
    return attachment != nullptr && attachment->spec.node_name == node;
  }
  return PodsReach(node, access);
}

Verdict NodeAuthorizer::Related(const std::string& node, const Access& access,
                                std::string_view verbs_text,
                                std::initializer_list<std::string_view> verbs) {
  if (!In(access.verb, verbs)) return NoOpinion(std::string(verbs_text));
  if (access.name.empty()) return NoOpinion("No Object name found");
  if (HasPath(node, access)) return Allow();
  return NoOpinion("no relationship found between node '" + node + "' and this object");
}

Verdict NodeAuthorizer::ByStaticRules(const Access& access) {
  const auto role = caches_.cluster_roles.Find("", "system:node");
  if (!role) return {};
  const bool allowed =
      std::any_of(role->rules.begin(), role->rules.end(),
                  [&](const rbac_v1::PolicyRule& rule) { return RuleAllows(rule, access); });
  return allowed ? Allow() : NoOpinion("");
}

Verdict NodeAuthorizer::Authorize(const User& user, const Access& access) {
  if (!user.name.starts_with(kNodeUserPrefix) || !user.InGroup(kGroupNodes)) return {};
  const std::string node = NodeNameOf(user);
  if (node.empty()) return NoOpinion("unknown node for user \"" + user.name + "\"");
  if (!access.is_resource) return ByStaticRules(access);
  const std::string& resource = access.resource;
  const bool plain = access.subresource.empty();
  if (access.group.empty() && (resource == "secrets" || resource == "configmaps")) {
    if (!plain) return NoOpinion("cannot read subresource");
    if (!In(access.verb, {"get", "list", "watch"})) {
      return NoOpinion("can only read resources of this type");
    }
    if (access.namespace_name.empty()) {
      return NoOpinion("can only read namespaced object of this type");
    }
    return Related(node, access, "", {"get", "list", "watch"});
  }
  if (access.group.empty() && resource == "persistentvolumeclaims") {
    if (access.subresource == "status") {
      return Related(node, access, "can only get/update/patch this type",
                     {"get", "update", "patch"});
    }
    return Related(node, access, "can only get individual resources of this type", {"get"});
  }
  if ((access.group.empty() && resource == "persistentvolumes") ||
      (access.group == "storage.k8s.io" && resource == "volumeattachments") ||
      (access.group == "resource.k8s.io" && resource == "resourceclaims")) {
    if (!plain) return NoOpinion("cannot get subresource");
    return Related(node, access, "can only get individual resources of this type", {"get"});
  }
  if (access.group.empty() && resource == "serviceaccounts") {
    if (access.subresource == "token") {
      return Related(node, access, "can only create tokens for individual service accounts",
                     {"create"});
    }
    return Related(node, access, "not allowed to get service accounts", {"get"});
  }
  if (access.group == "coordination.k8s.io" && resource == "leases") {
    return LeaseAccess(node, access);
  }
  if (access.group == "storage.k8s.io" && resource == "csinodes") {
    return CsiNodeAccess(node, access);
  }
  if (access.group.empty() && resource == "nodes") return NodeAccess(node, access);
  if (access.group.empty() && resource == "pods") {
    if (plain && access.verb == "get") return Related(node, access, "", {"get"});
    if (plain && In(access.verb, {"list", "watch"})) return ListOfPods(node, access);
    if (plain && In(access.verb, {"create", "delete"})) return Allow();
    if (access.subresource == "status" && In(access.verb, {"update", "patch"})) return Allow();
    if (access.subresource == "eviction" && access.verb == "create") return Allow();
  }
  return ByStaticRules(access);
}

}  // namespace skiff
