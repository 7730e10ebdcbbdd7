// Approves the serving certificates of kubelets: for the node that asks, and for names and
// addresses that its Node object has, no other node's, and nothing else of the cluster's.
// Kubernetes leaves this to others, and without them the API server cannot know the kubelets that
// it talks to; `skiff up` turns it on.
#include <sstream>

#include "api/gen/discovery_v1.h"
#include "api/gen/networking_v1.h"
#include "api/server_addresses.h"
#include "base/log.h"
#include "client/bootstrap_token.h"
#include "client/kubeconfig.h"
#include "client/reconciler.h"
#include "client/server_url.h"
#include "controllers/identity/certificate_rules.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using certificates_v1::CertificateSigningRequest;
using core_v1::ConfigMap;
using core_v1::Node;
using discovery_v1::EndpointSlice;
using networking_v1::ServiceCIDR;

constexpr std::string_view kNodeUserPrefix = "system:node:";
constexpr char kServiceNameLabel[] = "kubernetes.io/service-name";
constexpr char kNamespaceDefault[] = "default";
constexpr char kApiService[] = "kubernetes";

class ServingApprover final : public Reconciler<CertificateSigningRequest> {
 public:
  ServingApprover(Manager& manager, std::vector<std::string> api_server_names)
      : client_(manager.client()),
        api_server_names_(std::move(api_server_names)),
        config_maps_(manager.informer<ConfigMap>()),
        slices_(manager.informer<EndpointSlice>()),
        nodes_(manager.informer<Node>()),
        service_cidrs_(manager.informer<ServiceCIDR>()) {}

  Result<Requeue> Reconcile(const CertificateSigningRequest& request) override {
    if (request.spec.signer_name != certificates::kKubeletServingSigner ||
        certificates::FindCondition(request, "Approved") != nullptr ||
        certificates::FindCondition(request, "Denied") != nullptr) {
      return Requeue::None();
    }
    const auto names = NamesOfRequest(request.spec.request);
    if (!names || names->common_name != request.spec.username ||
        !certificates::CheckRequest(request.spec.signer_name, *names, request.spec.usages)) {
      return Requeue::None();  // A person may still decide.
    }
    const std::string node = names->common_name.substr(kNodeUserPrefix.size());
    const std::string problem =
        certificates::ServingProblem(node, *names, nodes_.List(), ApiServer(), ServiceCidrs());
    if (!problem.empty()) {
      log_.Info("serving certificate not approved", {{"node", node}, {"problem", problem}});
      return Requeue::None();  // A node that has not reported its addresses yet wakes us then.
    }
    CertificateSigningRequest approved = request;
    certificates::AddCondition(approved, "Approved", "AutoApproved",
                               "Auto approving kubelet serving certificate for the node's own "
                               "names and addresses.");
    TRY(client_.Update(CertificateSigningRequest::Info(), ToJson(approved), "approval"));
    return Requeue::None();
  }

 private:
  std::vector<std::string> ServiceCidrs() const {
    std::vector<std::string> all;
    for (const auto& each : service_cidrs_.List()) {
      all.insert(all.end(), each->spec.cidrs.begin(), each->spec.cidrs.end());
    }
    return all;
  }

  // What clients call the API servers: what joining machines are told, where the Service leads, and
  // at which other addresses they are.
  std::vector<std::string> ApiServer() const {
    std::vector<std::string> all = api_server_names_;
    const auto info =
        config_maps_.Get({std::string(kClusterInfoNamespace), std::string(kClusterInfoName)});
    if (info && info->data.contains(std::string(kClusterInfoKubeconfig))) {
      const auto told = Kubeconfig::Parse(info->data.at(std::string(kClusterInfoKubeconfig)), "/");
      for (const auto& [name, cluster] : told ? told->clusters : decltype(told->clusters)()) {
        if (const auto url = ParseServerUrl(cluster.server)) all.push_back(url->host);
      }
    }
    for (const auto& slice : slices_.List()) {
      const auto service = slice->metadata.labels.find(kServiceNameLabel);
      if (slice->metadata.namespace_ != kNamespaceDefault ||
          service == slice->metadata.labels.end() || service->second != kApiService) {
        continue;
      }
      for (const auto& endpoint : slice->endpoints) {
        all.insert(all.end(), endpoint.addresses.begin(), endpoint.addresses.end());
      }
      const auto others = slice->metadata.annotations.find(kServerAddressesAnnotation);
      if (others == slice->metadata.annotations.end()) continue;
      std::istringstream addresses(others->second);
      for (std::string address; std::getline(addresses, address, ',');) all.push_back(address);
    }
    return all;
  }

  Client& client_;
  const std::vector<std::string> api_server_names_;
  const Informer<ConfigMap> config_maps_;
  const Informer<EndpointSlice> slices_;
  const Informer<Node> nodes_;
  const Informer<ServiceCIDR> service_cidrs_;
  const Log log_{"kubelet-serving-approving"};
};

}  // namespace

void AddServingApproving(Manager& manager, const ControllerOptions& options) {
  const auto requests = manager.informer<CertificateSigningRequest>();
  ControllerBuilder<CertificateSigningRequest>(manager, "kubelet-serving-approving")
      .Watches<Node>([requests](const Node& node) {
        std::vector<ObjectKey> keys;
        for (const auto& request : requests.List()) {
          if (request->spec.username == std::string(kNodeUserPrefix) + node.metadata.name) {
            keys.push_back({"", request->metadata.name});
          }
        }
        return keys;
      })
      // Before these are known, a name of a Service or of the API server could pass for a node's.
      .Watches<ServiceCIDR>([](const auto&) { return std::vector<ObjectKey>(); })
      .Watches<ConfigMap>([](const auto&) { return std::vector<ObjectKey>(); })
      .Watches<EndpointSlice>([](const auto&) { return std::vector<ObjectKey>(); })
      .Workers(1)
      .Complete(std::make_unique<ServingApprover>(manager, options.api_server_names));
}

}  // namespace skiff
