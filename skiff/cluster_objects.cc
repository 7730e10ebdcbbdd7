#include "skiff/cluster_objects.h"

#include <fmt/format.h>

#include "api/gen/storage_v1.h"
#include "api/type.h"
#include "base/hash.h"
#include "base/version.h"
#include "client/bootstrap_token.h"
#include "proxy/ingress/ingress_plan.h"

namespace skiff {
namespace {

constexpr std::string_view kRbac = "rbac.authorization.k8s.io";

Json Object(std::string_view api_version, std::string_view kind, std::string_view namespace_,
            std::string_view name) {
  Json object = {{"apiVersion", api_version}, {"kind", kind}, {"metadata", {{"name", name}}}};
  if (!namespace_.empty()) object["metadata"]["namespace"] = namespace_;
  return object;
}

Json RbacObject(std::string_view kind, std::string_view namespace_, std::string_view name) {
  return Object(std::string(kRbac) + "/v1", kind, namespace_, name);
}

Json Binding(std::string_view namespace_, std::string_view name, std::string_view role,
             const std::vector<std::pair<std::string, std::string>>& subjects) {
  Json binding =
      RbacObject(namespace_.empty() ? "ClusterRoleBinding" : "RoleBinding", namespace_, name);
  binding["roleRef"] = {
      {"apiGroup", kRbac}, {"kind", namespace_.empty() ? "ClusterRole" : "Role"}, {"name", role}};
  for (const auto& [kind, subject] : subjects) {
    binding["subjects"].push_back({{"apiGroup", kRbac}, {"kind", kind}, {"name", subject}});
  }
  return binding;
}

// May get one named object.
Json Reader(std::string_view kind, std::string_view namespace_, std::string_view name,
            std::string_view resource, std::string_view object) {
  Json role = RbacObject(kind, namespace_, name);
  Json rule = {{"apiGroups", Json::array({""})},
               {"resources", Json::array({resource})},
               {"verbs", Json::array({"get"})}};
  if (!object.empty()) rule["resourceNames"] = Json::array({object});
  role["rules"].push_back(std::move(rule));
  return role;
}

// Whoever may look at a namespace, or at all of them, may see what its pods use. A role of the name
// that metrics servers bring would be in the way of theirs.
Json MetricsReader() {
  Json role = RbacObject("ClusterRole", "", "skiff:metrics-reader");
  for (const char* to : {"view", "edit", "admin"}) {
    role["metadata"]["labels"][fmt::format("{}/aggregate-to-{}", kRbac, to)] = "true";
  }
  role["rules"].push_back({{"apiGroups", Json::array({"metrics.k8s.io"})},
                           {"resources", Json::array({"nodes", "pods"})},
                           {"verbs", Json::array({"get", "list"})}});
  return role;
}

Json ClusterInfo(const ClusterFacts& facts) {
  Json info = Object("v1", "ConfigMap", kClusterInfoNamespace, kClusterInfoName);
  info["data"][std::string(kClusterInfoKubeconfig)] = fmt::format(
      "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {}\n    server: {}\n"
      "  name: \"\"\ncontexts: null\ncurrent-context: \"\"\nkind: Config\nusers: null\n",
      Base64(facts.authority_pem), facts.server_url);
  return info;
}

Json Configuration(const ClusterFacts& facts) {
  Json map = Object("v1", "ConfigMap", "kube-system", "kubeadm-config");
  map["data"]["ClusterConfiguration"] = fmt::format(
      "apiVersion: kubeadm.k8s.io/v1beta4\nclusterName: kubernetes\nkind: ClusterConfiguration\n"
      "kubernetesVersion: {}\nnetworking:\n  dnsDomain: cluster.local\n  podSubnet: {}\n"
      "  serviceSubnet: {}\n{}",
      kKubernetesRelease, facts.cluster_cidr, facts.service_cidr,
      facts.has_dns ? "" : "dns:\n  disabled: true\n");
  return map;
}

// One document as it is wanted; what others put beside our data stays.
Result<> WriteObject(Client& client, const Json& wanted) {
  const KindInfo* kind = nullptr;
  for (const KindInfo* each : BuiltInKinds()) {
    if (wanted["kind"] == each->kind && wanted["apiVersion"] == each->api_version) kind = each;
  }
  CHECK(kind != nullptr);
  const Json& metadata = wanted["metadata"];
  const ObjectKey key = {metadata.value("namespace", ""), metadata["name"].get<std::string>()};
  const auto created = client.Create(*kind, key, wanted);
  if (created) return {};
  if (created.error().reason != Reason::kAlreadyExists) return Fail(created.error());
  Json change = wanted;
  change.erase("roleRef");  // Cannot be changed, and never is.
  const Json present = TRY(client.Get(*kind, key));
  Json merged = present;
  merged.merge_patch(change);
  if (merged == present) return {};
  TRY(client.Patch(*kind, key, PatchType::kMerge, change));
  return {};
}

}  // namespace

std::vector<Json> ClusterObjects(const ClusterFacts& facts) {
  const std::pair<std::string, std::string> joining = {"Group",
                                                       std::string(kDefaultNodeTokenGroup)};
  const std::pair<std::string, std::string> nodes = {"Group", "system:nodes"};
  const std::string csr = "system:certificates.k8s.io:certificatesigningrequests:";
  return {
      ClusterInfo(facts),
      Configuration(facts),
      Reader("Role", kClusterInfoNamespace, "kubeadm:bootstrap-signer-clusterinfo", "configmaps",
             kClusterInfoName),
      Binding(kClusterInfoNamespace, "kubeadm:bootstrap-signer-clusterinfo",
              "kubeadm:bootstrap-signer-clusterinfo", {{"User", "system:anonymous"}}),
      Reader("Role", "kube-system", "kubeadm:nodes-kubeadm-config", "configmaps", "kubeadm-config"),
      Binding("kube-system", "kubeadm:nodes-kubeadm-config", "kubeadm:nodes-kubeadm-config",
              {joining, nodes}),
      Reader("ClusterRole", "", "kubeadm:get-nodes", "nodes", ""),
      Binding("", "kubeadm:get-nodes", "kubeadm:get-nodes", {joining}),
      Binding("", "kubeadm:kubelet-bootstrap", "system:node-bootstrapper", {joining}),
      Binding("", "kubeadm:node-autoapprove-bootstrap", csr + "nodeclient", {joining}),
      Binding("", "kubeadm:node-autoapprove-certificate-rotation", csr + "selfnodeclient", {nodes}),
      MetricsReader(),
  };
}

Result<> WriteClusterObjects(Client& client, const ClusterFacts& facts) {
  for (const Json& object : ClusterObjects(facts)) TRY(WriteObject(client, object));
  return {};
}

Result<> EnsureDefaultStorageClass(Client& client, bool simulated) {
  storage_v1::StorageClass made;
  made.metadata.name = "local-path";
  made.metadata.annotations["storageclass.kubernetes.io/is-default-class"] = "true";
  made.provisioner = "skiff.io/local-path";
  made.reclaim_policy = "Delete";
  made.volume_binding_mode = simulated ? "Immediate" : "WaitForFirstConsumer";
  const auto created = client.Create(made);
  if (created || created.error().reason == Reason::kAlreadyExists) return {};
  return Fail(created.error());
}

Result<> EnsureIngressClass(Client& client) {
  networking_v1::IngressClass made;
  made.metadata.name = ingress::kIngressClassName;
  made.spec.controller = ingress::kIngressController;
  const auto created = client.Create(made);
  if (created || created.error().reason == Reason::kAlreadyExists) return {};
  return Fail(created.error());
}

Result<BootstrapToken> ParseGivenToken(const std::string& text) {
  if (const auto token = BootstrapToken::Parse(text)) return *token;
  return Fail(Reason::kInvalid,
              "--bootstrap-token: it has the form abcdef.0123456789abcdef, six and sixteen lower "
              "case letters and digits");
}

Result<> EnsureBootstrapToken(Client& client, const std::string& text) {
  const BootstrapToken token = TRY(ParseGivenToken(text));
  BootstrapSecret secret{.token = token};
  secret.may_authenticate = secret.may_sign = true;
  secret.groups = {std::string(kDefaultNodeTokenGroup)};
  secret.description = "Given by --bootstrap-token.";
  const auto created = client.Create(MakeBootstrapSecret(secret));
  if (created || created.error().reason == Reason::kAlreadyExists) return {};
  return Fail(created.error());
}

Result<> MarkControlPlane(Client& client, const std::string& node) {
  const auto stored = TRY(client.Get<core_v1::Node>(ObjectKey{"", node}));
  if (stored->metadata.labels.contains(kControlPlaneRole)) return {};
  TRY(client.Patch(*stored, [&](core_v1::Node& it) { it.metadata.labels[kControlPlaneRole]; }));
  return {};
}

}  // namespace skiff
