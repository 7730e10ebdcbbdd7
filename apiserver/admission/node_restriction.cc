// A kubelet writes its own node, its own pods and its own lease, and nothing else.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/codec/document.h"
#include "api/gen/certificates_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/resource_v1.h"
#include "api/pods/mirror_pods.h"
#include "api/rules/go_struct.h"
#include "api/rules/identity/x509.h"
#include "api/rules/pods/pod_references.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/admission/pod_audiences.h"
#include "apiserver/auth/node_authorizer.h"
#include "apiserver/identity/node_connections.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

bool IsDomainOf(std::string_view domain, std::string_view parent) {
  return domain == parent || (domain.ends_with(parent) && domain.size() > parent.size() &&
                              domain[domain.size() - parent.size() - 1] == '.');
}

// Labels of Kubernetes' own domains that a kubelet may not set on its node.
bool IsForbiddenLabel(std::string_view key) {
  static const std::set<std::string_view> kOwn = {"kubernetes.io/hostname",
                                                  "topology.kubernetes.io/zone",
                                                  "topology.kubernetes.io/region",
                                                  "failure-domain.beta.kubernetes.io/zone",
                                                  "failure-domain.beta.kubernetes.io/region",
                                                  "beta.kubernetes.io/instance-type",
                                                  "node.kubernetes.io/instance-type",
                                                  "kubernetes.io/os",
                                                  "kubernetes.io/arch",
                                                  "beta.kubernetes.io/os",
                                                  "beta.kubernetes.io/arch"};
  const size_t slash = key.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view domain = key.substr(0, slash);
  if (IsDomainOf(domain, "node-restriction.kubernetes.io")) return true;
  if (!IsDomainOf(domain, "kubernetes.io") && !IsDomainOf(domain, "k8s.io")) return false;
  return !kOwn.contains(key) && !IsDomainOf(domain, "kubelet.kubernetes.io") &&
         !IsDomainOf(domain, "node.kubernetes.io");
}

class NodeRestriction final : public AdmissionPlugin, public Admits {
 public:
  explicit NodeRestriction(const AdmissionParts& parts)
      : store_(parts.store), authorizer_(parts.authorizer) {}
  std::string_view name() const override { return "NodeRestriction"; }

  Result<> Admit(AdmissionRequest& request) override {
    if (!request.user.name.starts_with(kNodeUserPrefix) || !request.user.InGroup(kGroupNodes)) {
      return {};
    }
    const std::string node = NodeNameOf(request.user);
    if (node.empty()) {
      return Deny(request, "could not determine node from user " + Quoted(request.user.name));
    }
    const std::string_view resource = request.kind.resource;
    if (request.kind.group.empty() && resource == "pods") return CheckPod(request, node);
    if (request.kind.group.empty() && resource == "nodes") return CheckNode(request, node);
    if (request.kind.group == "coordination.k8s.io" && resource == "leases") {
      return CheckLease(request, node);
    }
    if (request.kind.group == "storage.k8s.io" && resource == "csinodes") {
      const std::string name = NameOf(request);
      if (name == node) return {};
      return Deny(request, "can only access CSINode with the same name as the requesting node");
    }
    if (request.Is("", "persistentvolumeclaims", request.subresource)) {
      if (request.subresource != "status") return Deny(request, "may only update PVC status");
      return CheckClaimStatus(request, node);
    }
    if (request.Is("", "serviceaccounts", "token")) return CheckToken(request, node);
    if (request.Is("resource.k8s.io", "resourceslices", request.subresource)) {
      return CheckSlice(request, node);
    }
    if (request.Is("certificates.k8s.io", "certificatesigningrequests")) {
      return CheckCertificateRequest(request, node);
    }
    return {};
  }

 private:
  static std::string NameOf(const AdmissionRequest& request) {
    if (!request.name.empty()) return request.name;
    return request.object ? request.object->metadata().name : "";
  }

  Result<> CheckPod(const AdmissionRequest& request, const std::string& node) {
    const std::string quoted = Quoted(node);
    if (request.subresource == "status") return CheckPodStatus(request, node);
    if (request.subresource == "eviction") return CheckEviction(request, node);
    if (!request.subresource.empty()) {
      return Deny(request, fmt::format("unexpected pod subresource {}, only 'status' and "
                                       "'eviction' are allowed",
                                       Quoted(request.subresource)));
    }
    if (request.operation == Operation::kCreate) return CheckPodCreate(request, node);
    if (request.operation == Operation::kDelete) {
      const auto* pod = request.old_object->As<core_v1::Pod>();
      if (pod->spec.node_name == node) return {};
      return Deny(request, fmt::format("node {} can only delete pods with spec.nodeName set to "
                                       "itself",
                                       quoted));
    }
    return Deny(request, fmt::format("unexpected operation {}, node {} can only create and delete "
                                     "mirror pods",
                                     Quoted("UPDATE"), quoted));
  }

  Result<std::shared_ptr<const core_v1::Pod>> PodOf(const AdmissionRequest& request,
                                                    const std::string& name) {
    auto pod = ReadTyped<core_v1::Pod>(store_, request.namespace_name, name);
    if (pod || pod.error().reason != Reason::kNotFound) return pod;
    // As Kubernetes' caches call what they miss: in the singular.
    return Fail(NotFoundError({"", "pod"}, name));
  }

  Result<> CheckEviction(const AdmissionRequest& request, const std::string& node) {
    const auto pod = TRY(PodOf(request, request.name));
    if (pod->spec.node_name == node) return {};
    return Deny(request,
                fmt::format("node {} can only evict pods with spec.nodeName set to itself", node));
  }

  Result<> CheckPodStatus(const AdmissionRequest& request, const std::string& node) {
    const auto& pod = *request.object->As<core_v1::Pod>();
    const auto& old = *request.old_object->As<core_v1::Pod>();
    if (old.spec.node_name != node) {
      return Deny(request, fmt::format("node {} can only update pod status for pods with "
                                       "spec.nodeName set to itself",
                                       Quoted(node)));
    }
    if (pod.metadata.labels != old.metadata.labels) {
      return Deny(request,
                  fmt::format("node {} cannot update labels through pod status", Quoted(node)));
    }
    if (pod.status.resource_claim_statuses != old.status.resource_claim_statuses) {
      return Deny(request,
                  fmt::format("node {} cannot update resource claim statues", Quoted(node)));
    }
    if (!(pod.status.extended_resource_claim_status == old.status.extended_resource_claim_status)) {
      return Deny(request, fmt::format("node {} cannot update extended resource claim status",
                                       Quoted(node)));
    }
    return {};
  }

  Result<> CheckPodCreate(const AdmissionRequest& request, const std::string& node) {
    const auto& pod = *request.object->As<core_v1::Pod>();
    const std::string who = "node " + Quoted(node);
    if (!pod.metadata.annotations.contains(kMirrorPodAnnotation)) {
      return Deny(request, fmt::format("pod does not have {} annotation, {} can only create mirror "
                                       "pods",
                                       Quoted(kMirrorPodAnnotation), who));
    }
    if (pod.spec.node_name != node) {
      return Deny(request, who + " can only create pods with spec.nodeName set to itself");
    }
    const auto& owners = pod.metadata.owner_references;
    if (owners.size() > 1) {
      return Deny(request,
                  who + " can only create pods with a single owner reference set to itself");
    }
    if (owners.empty() || owners[0].api_version != "v1" || owners[0].kind != "Node" ||
        owners[0].name != node) {
      return Deny(request, who + " can only create pods with an owner reference set to itself");
    }
    if (!owners[0].controller.value_or(false)) {
      return Deny(request,
                  who + " can only create pods with a controller owner reference set to itself");
    }
    if (owners[0].block_owner_deletion.value_or(false)) {
      return Deny(request, who + " must not set blockOwnerDeletion on an owner reference");
    }
    TRY(CheckOwnUid(request, node, owners[0].uid));
    if (const std::string_view kind = ApiReferenceOf(pod); !kind.empty()) {
      return Deny(request, fmt::format("{} can not create pods that reference {}", who, kind));
    }
    return {};
  }

  // A node that was made anew under the same name is another one.
  Result<> CheckOwnUid(const AdmissionRequest& request, const std::string& node,
                       const std::string& given) {
    const auto found = ReadTyped<core_v1::Node>(store_, "", node);
    if (!found && found.error().reason == Reason::kNotFound) {
      return Fail(NotFoundError({"", "node"}, node));
    }
    if (!found) {
      return Deny(request, fmt::format("error looking up node {} to verify uid: {}", node,
                                       found.error().message));
    }
    const std::string& actual = (*found)->metadata.uid;
    if (given == actual) return {};
    return Deny(request,
                fmt::format("node {} UID mismatch: expected {} got {}", node, given, actual));
  }

  Result<> CheckNode(const AdmissionRequest& request, const std::string& node) {
    const std::string name = NameOf(request);
    if (name != node) {
      return Deny(request, fmt::format("node {} is not allowed to modify node {}", Quoted(node),
                                       Quoted(name)));
    }
    if (request.object == nullptr) return {};
    const auto& now = *request.object->As<core_v1::Node>();
    std::set<std::string> labels;
    if (request.operation == Operation::kCreate) {
      if (now.spec.config_source) {
        return Deny(request, fmt::format("node {} is not allowed to create pods with a non-nil "
                                         "configSource",
                                         Quoted(node)));
      }
      for (const auto& [key, value] : now.metadata.labels) {
        if (IsForbiddenLabel(key)) labels.insert(key);
      }
      if (labels.empty()) return {};
      return Deny(request, fmt::format("node {} is not allowed to set the following labels: {}",
                                       Quoted(node), fmt::join(labels, ", ")));
    }
    if (request.old_object == nullptr) return {};
    const auto& old = *request.old_object->As<core_v1::Node>();
    if (now.spec.config_source && !(now.spec.config_source == old.spec.config_source)) {
      return Deny(request, fmt::format("node {} is not allowed to update configSource to a new "
                                       "non-nil configSource",
                                       Quoted(node)));
    }
    if (!(now.spec.taints == old.spec.taints)) {
      return Deny(request, fmt::format("node {} is not allowed to modify taints", Quoted(node)));
    }
    if (!(now.metadata.owner_references == old.metadata.owner_references)) {
      return Deny(request,
                  fmt::format("node {} is not allowed to modify ownerReferences", Quoted(node)));
    }
    for (const auto& [key, value] : now.metadata.labels) {
      const auto before = old.metadata.labels.find(key);
      const bool changed = before == old.metadata.labels.end() || before->second != value;
      if (changed && IsForbiddenLabel(key)) labels.insert(key);
    }
    for (const auto& [key, value] : old.metadata.labels) {
      if (!now.metadata.labels.contains(key) && IsForbiddenLabel(key)) labels.insert(key);
    }
    if (labels.empty()) return {};
    return Deny(request,
                fmt::format("is not allowed to modify labels: {}", fmt::join(labels, ", ")));
  }

  static Result<> CheckLease(const AdmissionRequest& request, const std::string& node) {
    if (request.namespace_name != "kube-node-lease") {
      return Deny(request, "can only access leases in the \"kube-node-lease\" system namespace");
    }
    if (NameOf(request) != node) {
      return Deny(request, "can only access node lease with the same name as the requesting node");
    }
    return {};
  }

  static bool IsSliceOf(const Object* object, const std::string& node) {
    const auto* slice = object == nullptr ? nullptr : object->As<resource_v1::ResourceSlice>();
    return slice != nullptr && slice->spec.node_name.value_or("") == node;
  }

  // Of updates the authorizer has seen whose slice it is, and its node cannot be changed.
  static Result<> CheckSlice(const AdmissionRequest& request, const std::string& node) {
    if (request.operation == Operation::kCreate && !IsSliceOf(request.object, node)) {
      return Deny(request,
                  "can only create ResourceSlice with the same NodeName as the requesting node");
    }
    if (request.operation == Operation::kDelete && !IsSliceOf(request.old_object, node)) {
      return Deny(request,
                  "can only delete ResourceSlice with the same NodeName as the requesting node");
    }
    return {};
  }

  // What makes somebody a node a node asks for itself alone.
  static Result<> CheckCertificateRequest(const AdmissionRequest& request,
                                          const std::string& node) {
    using certificates_v1::CertificateSigningRequest;
    if (request.operation != Operation::kCreate) return {};
    const auto& spec = request.object->As<CertificateSigningRequest>()->spec;
    if (spec.signer_name != "kubernetes.io/kubelet-serving" &&
        spec.signer_name != "kubernetes.io/kube-apiserver-client-kubelet") {
      return {};
    }
    const auto name = RequestedCommonName(spec.request);
    if (!name) return Deny(request, "unable to parse csr: " + name.error().message);
    const std::string wanted = std::string(kNodeUserPrefix) + node;
    if (*name == wanted) return {};
    return Deny(request, "can only create a node CSR with CN=" + wanted);
  }

  // The kubelet reports how far an expansion has come.
  static Result<> CheckClaimStatus(const AdmissionRequest& request, const std::string& node) {
    const auto rest_of = [](const Object& object) {
      auto claim = *object.As<core_v1::PersistentVolumeClaim>();
      claim.metadata.resource_version.clear();
      claim.metadata.managed_fields.clear();
      claim.status.capacity.clear();
      claim.status.conditions.clear();
      claim.status.allocated_resources.clear();
      claim.status.allocated_resource_statuses.clear();
      return claim;
    };
    const auto now = rest_of(*request.object);
    const auto old = rest_of(*request.old_object);
    if (now == old) return {};
    return Deny(request, fmt::format("node {} is not allowed to update fields other than "
                                     "status.quantity and status.conditions: {}",
                                     Quoted(node), GoStructDiff(old, now)));
  }

  Result<> CheckToken(const AdmissionRequest& request, const std::string& node) {
    // A webhook may have made anything of it since it was decoded.
    const Json body = request.body ? *request.body : Json::object();
    const std::string reference = "spec.boundObjectRef";
    const std::string name = TextAt(body, reference + ".name");
    if (TextAt(body, reference + ".apiVersion") != "v1" ||
        TextAt(body, reference + ".kind") != "Pod" || name.empty()) {
      return Deny(request, "node requested token not bound to a pod");
    }
    const std::string uid = TextAt(body, reference + ".uid");
    if (uid.empty()) {
      return Deny(request, "node requested token with a pod binding without a uid");
    }
    const auto pod = TRY(PodOf(request, name));
    if (pod->metadata.uid != uid) {
      return Deny(request, fmt::format("the UID in the bound object reference ({}) does not match "
                                       "the UID in record. The object might have been deleted and "
                                       "then recreated",
                                       uid));
    }
    if (pod->spec.node_name != node) {
      return Deny(request, "node requested token bound to a pod scheduled on a different node");
    }
    return CheckAudience(request, *pod, ListAt(body, "spec.audiences"));
  }

  // The volumes of the pod name the audience, or the node was given the right to it.
  Result<> CheckAudience(const AdmissionRequest& request, const core_v1::Pod& pod,
                         const Json& audiences) {
    if (audiences.size() > 1) return Deny(request, "node may only request 0 or 1 audiences");
    const bool is_named = !audiences.empty() && audiences.begin()->is_string();
    const std::string audience = is_named ? audiences.begin()->get<std::string>() : "";
    const auto named = PodNamesAudience(store_, pod, audience);
    if (!named) {
      return Deny(request, fmt::format("error validating audience {}: {}", Quoted(audience),
                                       named.error().message));
    }
    if (*named) return {};
    const Access access{.verb = "request-serviceaccounts-token-audience",
                        .version = "v1",
                        .resource = audience,
                        .namespace_name = request.namespace_name,
                        .name = request.name};
    if (authorizer_.Authorize(request.user, access).allowed()) return {};
    return Deny(request, fmt::format("audience {} not found in pod spec volume, {} is not "
                                     "authorized to request tokens for this audience",
                                     Quoted(audience), request.user.name));
  }

  Store& store_;
  Authorizer& authorizer_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeNodeRestriction(const AdmissionParts& parts) {
  return std::make_unique<NodeRestriction>(parts);
}

}  // namespace skiff
