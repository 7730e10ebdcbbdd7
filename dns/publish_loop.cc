#include "dns/publish_loop.h"

#include "api/rules/ip.h"

namespace skiff::dns {
namespace {

constexpr int kServicePort = 53;
constexpr uint8_t kTenth = 10;
constexpr Duration kRetry = 5s;
const ObjectKey kServiceKey{"kube-system", "kube-dns"};

struct DnsPort {
  const char* name;
  const char* protocol;
};
constexpr DnsPort kPorts[] = {{"dns", "UDP"}, {"dns-tcp", "TCP"}};

IpAddress Plus(IpAddress address, uint8_t number) {
  unsigned carry = number;
  for (size_t i = address.bit_count() / 8; i > 0 && carry > 0; --i) {
    carry += address.bytes[i - 1];
    address.bytes[i - 1] = static_cast<uint8_t>(carry);
    carry >>= 8;
  }
  return address;
}

core_v1::Service WantedService(const std::string& address) {
  core_v1::Service service;
  service.metadata.namespace_ = kServiceKey.namespace_;
  service.metadata.name = kServiceKey.name;
  service.metadata.labels = {{"k8s-app", "kube-dns"},
                             {"kubernetes.io/cluster-service", "true"},
                             {"kubernetes.io/name", "CoreDNS"}};
  service.spec.cluster_ip = address;
  for (const DnsPort& port : kPorts) {
    core_v1::ServicePort made;
    made.name = port.name;
    made.protocol = port.protocol;
    made.port = kServicePort;
    service.spec.ports.push_back(made);
  }
  return service;
}

discovery_v1::EndpointSlice WantedSlice(const std::string& node, const std::string& address,
                                        int port) {
  discovery_v1::EndpointSlice slice;
  slice.metadata.namespace_ = kServiceKey.namespace_;
  slice.metadata.name = kServiceKey.name + "-" + node;
  slice.metadata.labels = {{"kubernetes.io/service-name", kServiceKey.name},
                           {"endpointslice.kubernetes.io/managed-by", "skiff"}};
  slice.address_type = "IPv4";
  discovery_v1::Endpoint endpoint;
  endpoint.addresses = {address};
  endpoint.conditions.ready = true;
  endpoint.conditions.serving = true;
  endpoint.conditions.terminating = false;
  endpoint.node_name = node;
  slice.endpoints = {endpoint};
  for (const DnsPort& each : kPorts) {
    discovery_v1::EndpointPort made;
    made.name = each.name;
    made.protocol = each.protocol;
    made.port = port;
    slice.ports.push_back(made);
  }
  return slice;
}

}  // namespace

std::string ClusterDnsAddress(const std::string& service_cidr) {
  const auto cidr = ParseCidr(service_cidr);
  if (!cidr) return "";
  const IpAddress address = Plus(cidr->Network(), kTenth);
  return cidr->Contains(address) ? address.Text() : "";
}

PublishLoop::PublishLoop(What what, Client client, InformerFactory& informers)
    : what_(std::move(what)),
      client_(std::move(client)),
      services_(informers.For<core_v1::Service>()),
      slices_(informers.For<discovery_v1::EndpointSlice>()),
      nodes_(informers.For<core_v1::Node>()) {
  const auto wake_for_dns = [this](const auto& before, const auto& now) {
    const auto& metadata = (now ? now : before)->metadata;
    if (metadata.namespace_ == kServiceKey.namespace_ &&
        metadata.name.starts_with(kServiceKey.name)) {
      Wake();
    }
  };
  services_.OnChange(wake_for_dns);
  slices_.OnChange(wake_for_dns);
  nodes_.OnChange([this](const auto& before, const auto& now) {
    if (!before || !now || before->spec.pod_cidrs != now->spec.pod_cidrs) Wake();
  });
  services_.cache().OnSynced([this] { Wake(); });
  slices_.cache().OnSynced([this] { Wake(); });
}

Duration PublishLoop::Step() {
  if (!services_.synced() || !slices_.synced()) return kNever;
  const auto done = Publish();
  // What another wrote meanwhile comes by the informer.
  if (done || done.error().reason == Reason::kAlreadyExists) return kNever;
  log_.Info("cluster DNS not published", {{"error", done.error().message}});
  return kRetry;
}

Result<> PublishLoop::Publish() {
  const auto service = services_.Get(kServiceKey);
  if (service && !service->spec.selector.empty()) return {};
  if (!service) TRY(client_.Create(WantedService(what_.service_address)));
  const std::string address = ReachableAddress();
  if (address.empty()) return {};
  const auto wanted = WantedSlice(what_.node, address, what_.port);
  const auto slice = slices_.Get(KeyOf(wanted));
  if (!slice) {
    TRY(client_.Create(wanted));
    return {};
  }
  TRY(client_.Patch(*slice, [&](discovery_v1::EndpointSlice& it) {
    it.endpoints = wanted.endpoints;
    it.ports = wanted.ports;
  }));
  return {};
}

// By which pods reach the machine: its own address, or that of the bridge they hang on.
std::string PublishLoop::ReachableAddress() const {
  if (!what_.node_address.starts_with("127.")) return what_.node_address;
  const auto node = nodes_.Get({"", what_.node});
  if (!node || node->spec.pod_cidrs.empty()) return "";
  const auto cidr = ParseCidr(node->spec.pod_cidrs.front());
  return cidr ? Plus(cidr->Network(), 1).Text() : "";
}

}  // namespace skiff::dns
