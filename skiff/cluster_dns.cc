#include "skiff/cluster_dns.h"

#include <algorithm>

#include "api/rules/ip.h"
#include "base/log.h"
#include "dns/program.h"
#include "skiff/node.h"

namespace skiff {
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

// Keeps the Service and its slice there. Whoever deletes them finds them made again.
class PublishLoop final : public ControlLoop {
 public:
  struct What {
    std::string service_address;
    std::string node;
    std::string node_address;  // Loopback when this machine reaches no other.
    int port;
  };
  PublishLoop(What what, Client client, InformerFactory& informers)
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
  Duration Step() override {
    if (!services_.synced() || !slices_.synced()) return kNever;
    const auto done = Publish();
    // Somebody else may have written meanwhile, or the namespace may not be there yet.
    if (done || done.error().reason == Reason::kAlreadyExists) return kNever;
    log_.Info("cluster DNS not published", {{"error", done.error().message}});
    return kRetry;
  }

 private:
  Result<> Publish() {
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
  // By which pods reach this machine: its own address, or that of the bridge they hang on.
  std::string ReachableAddress() const {
    if (!what_.node_address.starts_with("127.")) return what_.node_address;
    const auto node = nodes_.Get({"", what_.node});
    if (!node || node->spec.pod_cidrs.empty()) return "";
    const auto cidr = ParseCidr(node->spec.pod_cidrs.front());
    return cidr ? Plus(cidr->Network(), 1).Text() : "";
  }

  const What what_;
  Client client_;
  const Informer<core_v1::Service> services_;
  const Informer<discovery_v1::EndpointSlice> slices_;
  const Informer<core_v1::Node> nodes_;
  const Log log_{"dns"};
};

}  // namespace

std::string ClusterDnsAddress(const std::string& service_cidr) {
  const auto cidr = ParseCidr(service_cidr);
  if (!cidr) return "";
  const IpAddress address = Plus(cidr->Network(), kTenth);
  return cidr->Contains(address) ? address.Text() : "";
}

struct ClusterDnsPart::Parts {
  Executor& executor;
  std::unique_ptr<dns::ClusterDns> dns;
  std::unique_ptr<PublishLoop> publish;
};

Result<std::unique_ptr<ClusterDnsPart>> ClusterDnsPart::Start(const ClusterOptions& options,
                                                              Dependencies dependencies) {
  const std::string address = ClusterDnsAddress(options.service_cidr);
  if (address.empty()) {
    return Fail(Reason::kInvalid, "the service range " + options.service_cidr +
                                      " has no tenth address for DNS: widen it with "
                                      "--service-cluster-ip-range, or use --cluster-dns=off");
  }
  const std::string node_address = NodeAddress();
  const bool reaches_others = !node_address.starts_with("127.");
  dns::DnsFlags flags;
  // The bridge, whose address serves otherwise, is made with the first pod.
  flags.bind_address = reaches_others ? node_address : "0.0.0.0";
  flags.port = options.cluster_dns_port;
  auto parts = std::make_unique<Parts>(Parts{dependencies.executor});
  auto dns = dns::ClusterDns::Start(flags, {dependencies.informers, dependencies.clock,
                                            dependencies.random, dependencies.executor});
  if (!dns) {
    return Fail(dns.error().reason, "cluster DNS: " + dns.error().message +
                                        "; choose another port with --cluster-dns-port, or leave "
                                        "DNS out with --cluster-dns=off");
  }
  parts->dns = std::move(*dns);
  parts->publish = std::make_unique<PublishLoop>(
      PublishLoop::What{address, NodeName(options), node_address, parts->dns->port()},
      Client(dependencies.transport, "skiff-dns"), dependencies.informers);
  dependencies.executor.Add(*parts->publish);
  return std::unique_ptr<ClusterDnsPart>(new ClusterDnsPart(std::move(parts)));
}

ClusterDnsPart::ClusterDnsPart(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

ClusterDnsPart::~ClusterDnsPart() {
  parts_->executor.Remove(*parts_->publish);
}

}  // namespace skiff
