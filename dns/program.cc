#include "dns/program.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/log.h"
#include "base/whole_file.h"
#include "client/kubeconfig.h"
#include "client/transport.h"

namespace skiff::dns {
namespace {

const Log kLog("dns");
constexpr int kDnsPort = 53;
constexpr char kServiceAccountDirectory[] = "/var/run/secrets/kubernetes.io/serviceaccount";

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<HttpsOptions> WhereTheServerIs(const DnsFlags& flags) {
  const std::string host = Environment("KUBERNETES_SERVICE_HOST");
  if (flags.kubeconfig.empty() && !host.empty()) {
    return InClusterOptions(host, Environment("KUBERNETES_SERVICE_PORT"), kServiceAccountDirectory);
  }
  const Kubeconfig config =
      TRY(LoadKubeconfig(flags.kubeconfig, Environment("KUBECONFIG"), Environment("HOME")));
  return config.Options();
}

bool FollowsResolvConf(const DnsFlags& flags) {
  return flags.upstreams.empty() && !flags.resolv_conf.empty();
}

Result<> CheckRange(const char* name, int value, int least, int most) {
  if (value >= least && value <= most) return {};
  return Fail(Reason::kInvalid,
              fmt::format("--{} must be between {} and {}: {}", name, least, most, value));
}

Result<int> RunUntilSignal(const DnsFlags& flags) {
  BeginProgram(flags.log);
  const auto transport = TRY(MakeHttpsTransport(TRY(WhereTheServerIs(flags))));
  const SystemClock clock;
  SystemRandom random;
  Client client(*transport, "skiff-dns");
  ThreadExecutor executor("dns", 2);
  InformerFactory informers(Reflector::Dependencies{client, clock, random});
  const auto dns = TRY(ClusterDns::Start(flags, {informers, clock, random, executor}));
  informers.Start(executor);
  kLog.Info("serving", {{"address", flags.bind_address}, {"port", dns->port()}});
  WaitForSignal();
  kLog.Info("stopping");
  informers.Stop();
  return 0;
}

}  // namespace

Result<std::optional<DnsFlags>> ParseDnsFlags(const std::vector<std::string>& args) {
  DnsFlags to;
  Flags flags("skiff dns");
  flags.Add("kubeconfig", to.kubeconfig,
            "How to reach the API server; in a pod its service account by default.");
  flags.Add("bind-address", to.bind_address, "The address to answer on, over UDP and TCP.");
  flags.Add("port", to.port, "The port to answer on.");
  flags.Add("cluster-domain", to.cluster_domain, "The zone of the cluster's names.");
  flags.Add("upstream", to.upstreams,
            "Servers for all other names, ADDRESS or ADDRESS:PORT; those of --resolv-conf by "
            "default.");
  flags.Add("resolv-conf", to.resolv_conf, "Whose name servers answer for all other names.");
  flags.Add("allow-query", to.allow_query,
            "Networks that may ask, besides the cluster's nodes; by default anyone.");
  flags.Add("cache-size", to.cache_size, "How many answers of others are kept; 0: none.");
  flags.Add("ttl", to.ttl_s, "Seconds that clients may keep the cluster's names.");
  flags.Add("max-udp-payload", to.udp_bytes_max, "The most bytes of an answer over UDP.");
  flags.Add("upstream-timeout", to.upstream_timeout, "How long one upstream server is waited for.");
  flags.Add("threads", to.threads, "Threads that answer; 0: one a core.");
  AddLogFlags(flags, to.log);
  const bool goes_on = TRY(ParseOrHelp(flags, args));
  if (!goes_on) return std::optional<DnsFlags>();
  TRY(CheckRange("port", to.port, 0, 65535));
  TRY(CheckRange("cache-size", to.cache_size, 0, 10'000'000));
  TRY(CheckRange("ttl", to.ttl_s, 0, 3600));
  TRY(CheckRange("max-udp-payload", to.udp_bytes_max, kPlainUdpBytesMax, 4096));
  TRY(CheckRange("threads", to.threads, 0, 64));
  return std::optional<DnsFlags>(std::move(to));
}

Result<ServerOptions> ServerOptionsOf(const DnsFlags& flags) {
  ServerOptions options;
  options.bind_address = flags.bind_address;
  options.port = flags.port;
  options.threads = flags.threads;
  const auto zone = Name::FromText(flags.cluster_domain);
  if (!zone) {
    return Fail(Reason::kInvalid,
                "--cluster-domain is not a domain name: \"" + flags.cluster_domain + "\"");
  }
  options.zone.zone = *zone;
  options.zone.zone.Lower();
  options.zone.ttl_s = static_cast<uint32_t>(flags.ttl_s);
  options.zone.udp_bytes_max = static_cast<uint16_t>(flags.udp_bytes_max);
  options.cache_entries_max = static_cast<size_t>(flags.cache_size);
  options.forward.attempt_timeout = flags.upstream_timeout;
  for (const std::string& text : flags.allow_query) {
    const auto network = ParseCidr(text);
    if (!network) return Fail(Reason::kInvalid, "--allow-query is not a network: \"" + text + "\"");
    options.allowed.push_back(*network);
  }
  for (const std::string& text : flags.upstreams) {
    const SocketAddress upstream = TRY(ParseServerAddress(text, kDnsPort));
    options.upstreams.push_back(upstream);
  }
  if (!FollowsResolvConf(flags)) return options;
  const auto text = ReadWholeFile(flags.resolv_conf);
  // A machine without a network may have none yet; whoever names another one means it.
  if (!text && flags.resolv_conf != DnsFlags().resolv_conf) return Fail(text.error());
  if (text) options.upstreams = ServersOf(*text);
  return options;
}

ClusterDns::ClusterDns(Dependencies dependencies)
    : executor_(dependencies.executor),
      loop_({dependencies.informers.For<core_v1::Service>(),
             dependencies.informers.For<discovery_v1::EndpointSlice>(),
             dependencies.informers.For<core_v1::Namespace>(),
             dependencies.informers.For<core_v1::Node>(), dependencies.clock, views_}) {}

Result<std::unique_ptr<ClusterDns>> ClusterDns::Start(const DnsFlags& flags,
                                                      Dependencies dependencies) {
  ServerOptions options = TRY(ServerOptionsOf(flags));
  std::unique_ptr<ClusterDns> dns(new ClusterDns(dependencies));
  dns->server_ = TRY(Server::Start(std::move(options), dns->views_, dependencies.random));
  dns->executor_.Add(dns->loop_);
  if (FollowsResolvConf(flags)) {
    dns->resolv_conf_ = std::make_unique<ResolvConfLoop>(
        flags.resolv_conf,
        [&server = *dns->server_](const auto& upstreams) { server.SetUpstreams(upstreams); });
    dns->executor_.Add(*dns->resolv_conf_);
  }
  return dns;
}

ClusterDns::~ClusterDns() {
  if (resolv_conf_) executor_.Remove(*resolv_conf_);
  if (server_) executor_.Remove(loop_);
}

int DnsMain(const std::vector<std::string>& args) {
  return RunProgram(ParseDnsFlags(args), RunUntilSignal);
}

}  // namespace skiff::dns
