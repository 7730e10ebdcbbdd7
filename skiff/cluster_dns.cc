#include "skiff/cluster_dns.h"

#include "dns/program.h"
#include "dns/publish_loop.h"
#include "skiff/node.h"

namespace skiff {

namespace {

// Simulated pods ask nobody.
bool IsWanted(const ClusterOptions& options) {
  return options.cluster_dns == "on" ||
         (options.cluster_dns == "auto" && options.simulated_nodes == 0);
}

}  // namespace

std::vector<std::string> ClusterDnsServers(const ClusterOptions& options) {
  const std::string address = dns::ClusterDnsAddress(options.service_cidr);
  if (!IsWanted(options) || address.empty()) return {};
  return {address};
}

struct ClusterDnsPart::Parts {
  Executor& executor;
  std::unique_ptr<dns::ClusterDns> dns;
  std::unique_ptr<dns::PublishLoop> publish;
};

Result<std::unique_ptr<ClusterDnsPart>> ClusterDnsPart::Start(const ClusterOptions& options,
                                                              Dependencies dependencies) {
  if (!IsWanted(options)) {
    if (options.cluster_dns == "off" || options.cluster_dns == "auto") return nullptr;
    return Fail(Reason::kInvalid, "--cluster-dns must be auto, on or off: " + options.cluster_dns);
  }
  const std::string address = dns::ClusterDnsAddress(options.service_cidr);
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
  flags.allow_query = {options.cluster_cidr, options.service_cidr, "127.0.0.0/8",  "10.0.0.0/8",
                       "172.16.0.0/12",      "192.168.0.0/16",     "100.64.0.0/10"};
  if (reaches_others) flags.allow_query.push_back(node_address + "/32");
  auto parts = std::make_unique<Parts>(Parts{dependencies.executor});
  auto dns = dns::ClusterDns::Start(flags, {dependencies.informers, dependencies.clock,
                                            dependencies.random, dependencies.executor});
  if (!dns) {
    return Fail(dns.error().reason, "cluster DNS: " + dns.error().message +
                                        "; choose another port with --cluster-dns-port, or leave "
                                        "DNS out with --cluster-dns=off");
  }
  parts->dns = std::move(*dns);
  parts->publish = std::make_unique<dns::PublishLoop>(
      dns::PublishLoop::What{address, NodeName(options), node_address, parts->dns->port()},
      Client(dependencies.transport, "skiff-dns"), dependencies.informers);
  dependencies.executor.Add(*parts->publish);
  return std::unique_ptr<ClusterDnsPart>(new ClusterDnsPart(std::move(parts)));
}

ClusterDnsPart::ClusterDnsPart(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

ClusterDnsPart::~ClusterDnsPart() {
  parts_->executor.Remove(*parts_->publish);
}

}  // namespace skiff
