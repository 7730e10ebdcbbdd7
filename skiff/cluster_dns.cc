#include "skiff/cluster_dns.h"

#include <algorithm>

#include "base/processors.h"
#include "dns/program.h"
#include "dns/publish_loop.h"
#include "skiff/cluster_ranges.h"
#include "skiff/node.h"

namespace skiff {
namespace {

// What the pods of one machine ask is answered by two, however many cores it has.
constexpr int kThreadsMax = 2;

// Simulated pods ask nobody.
bool IsWanted(const ClusterOptions& options) {
  return options.cluster_dns == "on" ||
         (options.cluster_dns == "auto" && options.simulated_nodes == 0);
}

Result<> CheckOptions(const ClusterOptions& options) {
  if (!IsWanted(options)) {
    if (options.cluster_dns == "off" || options.cluster_dns == "auto") return {};
    return Fail(Reason::kInvalid, "--cluster-dns must be auto, on or off: " + options.cluster_dns);
  }
  if (!dns::ClusterDnsAddress(CidrsOf(options.service_cidr).front()).empty()) return {};
  return Fail(Reason::kInvalid, "the service range " + options.service_cidr +
                                    " has no tenth address for DNS: widen it with "
                                    "--service-cluster-ip-range, or use --cluster-dns=off");
}

dns::DnsFlags FlagsOf(const ClusterOptions& options) {
  const std::string node_address = NodeAddress();
  const bool reaches_others = !node_address.starts_with("127.");
  dns::DnsFlags flags;
  // The gateway of the pods, whose address serves otherwise, comes with the first pod.
  flags.bind_address = reaches_others ? node_address : "0.0.0.0";
  flags.port = options.cluster_dns_port;
  flags.threads = std::min(kThreadsMax, UsableProcessors());
  flags.allow_query = {"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
                       "100.64.0.0/10"};
  for (const std::string& ranges : {options.cluster_cidr, options.service_cidr}) {
    for (std::string& cidr : CidrsOf(ranges)) flags.allow_query.push_back(std::move(cidr));
  }
  if (reaches_others) flags.allow_query.push_back(node_address + "/32");
  return flags;
}

}  // namespace

std::vector<std::string> ClusterDnsServers(const ClusterOptions& options) {
  const std::string address = dns::ClusterDnsAddress(CidrsOf(options.service_cidr).front());
  if (!IsWanted(options) || address.empty()) return {};
  return {address};
}

struct NodeDns::Parts {
  Executor& executor;
  std::unique_ptr<dns::ClusterDns> dns;
  std::unique_ptr<dns::AnnounceLoop> announce;
};

Result<std::unique_ptr<NodeDns>> NodeDns::Start(const ClusterOptions& options,
                                                Dependencies dependencies) {
  TRY(CheckOptions(options));
  if (options.simulated_nodes > 0 && !IsWanted(options)) return nullptr;
  auto parts = std::make_unique<Parts>(Parts{dependencies.executor});
  TRY(StartServer(options, dependencies, *parts));
  const int port = parts->dns ? parts->dns->port() : 0;
  parts->announce = std::make_unique<dns::AnnounceLoop>(
      NodeName(options), port, Client(dependencies.transport, "skiff-dns"), dependencies.informers);
  dependencies.executor.Add(*parts->announce);
  return std::unique_ptr<NodeDns>(new NodeDns(std::move(parts)));
}

Result<> NodeDns::StartServer(const ClusterOptions& options, const Dependencies& dependencies,
                              Parts& parts) {
  if (!IsWanted(options)) return {};
  auto dns = dns::ClusterDns::Start(FlagsOf(options), {dependencies.informers, dependencies.clock,
                                                       dependencies.random, dependencies.executor});
  if (!dns) {
    return Fail(dns.error().reason,
                "cluster DNS: " + dns.error().message +
                    "; choose another port with --cluster-dns-port" +
                    (options.is_server ? ", or leave DNS out with --cluster-dns=off" : ""));
  }
  parts.dns = std::move(*dns);
  return {};
}

NodeDns::NodeDns(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

NodeDns::~NodeDns() {
  parts_->executor.Remove(*parts_->announce);
}

struct DnsService::Parts {
  Executor& executor;
  dns::PublishLoop publish;
};

std::unique_ptr<DnsService> DnsService::Start(const ClusterOptions& options, Transport& transport,
                                              InformerFactory& informers, Executor& executor) {
  const std::string address =
      IsWanted(options) ? dns::ClusterDnsAddress(CidrsOf(options.service_cidr).front()) : "";
  std::unique_ptr<Parts> parts(
      new Parts{executor, dns::PublishLoop(address, Client(transport, "skiff-dns"), informers)});
  executor.Add(parts->publish);
  return std::unique_ptr<DnsService>(new DnsService(std::move(parts)));
}

DnsService::DnsService(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

DnsService::~DnsService() {
  parts_->executor.Remove(parts_->publish);
}

}  // namespace skiff
