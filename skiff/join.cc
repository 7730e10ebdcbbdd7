#include "skiff/join.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>

#include "base/flags.h"
#include "skiff/cluster_ranges.h"
#include "skiff/daemon.h"
#include "skiff/doctor.h"
#include "skiff/given_flags.h"
#include "skiff/host_facts.h"
#include "skiff/join_file.h"
#include "skiff/joined_node.h"
#include "skiff/node.h"
#include "skiff/node_flags.h"
#include "skiff/progress.h"
#include "skiff/up.h"

namespace skiff {
namespace {

constexpr char kUsage[] =
    "skiff join HOST:6443 --token TOKEN --ca-hash sha256:HASH; `skiff token create "
    "--print-join-command` on the server prints the whole line";

// "https://HOST:PORT"
Result<std::string> ServerOf(const std::string& host) {
  const bool has_scheme = host.starts_with("https://");
  const std::string bare = has_scheme ? host.substr(8) : host;
  if (bare.empty() || bare.find('/') != std::string::npos) {
    return Fail(Reason::kInvalid, fmt::format("\"{}\" is no HOST:PORT; usage: {}", host, kUsage));
  }
  const size_t colon = bare.rfind(':');
  const bool has_port = colon != std::string::npos && bare.find(']', colon) == std::string::npos;
  return "https://" + bare + (has_port ? "" : ":6443");
}

struct JoinFlags {
  ClusterOptions node;
  std::string host;
  std::string token;
  std::vector<std::string> pins;
  std::string join_file;
  bool any_authority = false;
  Duration discovery_timeout = 60s;
  bool foreground = false;
  bool leave_nothing = false;
  int verbosity = 0;
  std::vector<std::string> typed = {};
};

void AddJoinFlags(Flags& flags, JoinFlags& to) {
  to.node.is_server = false;
  to.node.service_cidr = to.node.cluster_cidr = "";  // The cluster tells them.
  AddDataDirFlag(flags, to.node);
  flags.Add("token", to.token, "The bootstrap token that lets this machine in.");
  flags.Add("ca-hash", to.pins, "sha256:HASH of the public key of the cluster's authority.");
  flags.Add("discovery-token-ca-cert-hash", to.pins, "The same, as kubeadm calls it.");
  flags.Add("join-file", to.join_file,
            "In place of both: the file that the server's --join-file wrote; it is waited for.");
  flags.Add("discovery-token-unsafe-skip-ca-verification", to.any_authority,
            "Join without a hash: the token alone vouches for the server.");
  flags.Add("discovery-timeout", to.discovery_timeout,
            "How long a server that does not answer yet is waited for.");
  flags.Add("node-name", to.node.node_name, "The name of this node; the host's by default.");
  flags.Add("kubelet-port", to.node.kubelet_port, "The port the kubelet listens on.");
  flags.Add("cluster-dns-port", to.node.cluster_dns_port,
            "The port on this node behind the Service kube-system/kube-dns.");
  flags.Add("iptables-flavour", to.node.iptables_flavour,
            "Which iptables to use, nft or legacy; auto: the one this machine uses already.");
  flags.Add("container-runtime-endpoint", to.node.container_runtime_endpoint,
            "A CRI runtime to use, unix:///path; by default containerd is started.");
  flags.Add("load-image", to.node.image_archives, "Image archives to load at the start.");
  AddAttachedFlags(flags, to.foreground, to.leave_nothing);
  flags.Add("v", to.verbosity, "Log verbosity.");
}

Result<JoinFlags> ParseJoinFlags(const std::vector<std::string>& args, bool& help) {
  JoinFlags to;
  Flags flags("skiff join");
  AddJoinFlags(flags, to);
  std::vector<std::string> words;
  TRY(flags.Parse(args, &words));
  MakePathsAbsolute(to.node);
  to.join_file = PathAsTyped(to.join_file);
  to.typed = args;
  help = flags.help_asked();
  if (help) std::printf("usage: %s\n\n%s", kUsage, flags.Help().c_str());
  if (help) return to;
  TRY(CheckNodeFlags(to.node));
  if (words.size() > 1)
    return Fail(Reason::kInvalid, "more than one HOST; usage: " + std::string(kUsage));
  if (!words.empty()) to.host = words[0];
  return to;
}

// What was learnt when joining stands in the data directory: a node starts also while its server is
// down.
Result<> LearnNetwork(const NodeIdentity& identity, ClusterOptions& node) {
  ClusterOptions known{.data_dir = node.data_dir, .service_cidr = "", .cluster_cidr = ""};
  ReadClusterMark(known);
  if (known.service_cidr.empty()) {
    const auto transport = TRY(MakeHttpsTransport(HttpsOptionsOf(identity)));
    Client client(*transport, "skiff-join");
    const auto network = ReadClusterNetwork(client);
    if (!network) {
      return Fail(
          network.error().reason,
          fmt::format("{}, which this machine has joined, does not say what its network is "
                      "({}); if it is another cluster by now, `skiff down{}` here, then "
                      "join anew",
                      identity.server, network.error().message, DataDirWords(node.data_dir)));
    }
    known.service_cidr = network->service_cidr;
    known.cluster_cidr = network->cluster_cidr;
    known.cluster_dns = network->has_dns ? "on" : "off";
  }
  node.service_cidr = known.service_cidr;
  node.cluster_cidr = known.cluster_cidr;
  node.cluster_dns = known.cluster_dns;
  return {};
}

// Who this machine is in the cluster, and with which CIDRs: asked for here, before any daemon, so
// that the token is in no process's arguments.
Result<NodeIdentity> Identify(JoinFlags& flags, const Clock& clock, Random& random,
                              const Progress& progress) {
  JoinOptions options{.data_dir = flags.node.data_dir,
                      .node_name = flags.node.node_name,
                      .discovery_timeout = flags.discovery_timeout,
                      .accepts = [&](const ClusterNetwork& network) -> Result<> {
                        flags.node.service_cidr = network.service_cidr;
                        flags.node.cluster_cidr = network.cluster_cidr;
                        TRY(CheckFamilies({.services = network.service_cidr,
                                           .pods = network.cluster_cidr,
                                           .are_nodes_real = true}));
                        return RequireHost(flags.node);
                      }};
  const bool is_known = LoadNodeIdentity(options.data_dir).has_value();
  if (flags.host.empty() && !is_known) {
    return Fail(Reason::kInvalid, "which cluster is to be joined? usage: " + std::string(kUsage));
  }
  if (!is_known && !flags.join_file.empty()) {
    const JoinFile file = TRY(AwaitJoinFile(flags.join_file, clock, flags.discovery_timeout));
    flags.token = file.token.Text();
    flags.pins = {file.authority_pin};
  }
  // Whoever is known needs none, and may still be started by the whole line.
  if (!flags.host.empty() && (!is_known || !flags.token.empty())) {
    options.target = TRY(ParseJoinTarget(flags.host, flags.token, flags.pins, flags.any_authority));
  }
  if (!is_known) options.node_name = NodeName(flags.node);
  auto identity = TRY(JoinCluster(options, clock, random, progress));
  flags.node.node_name = identity.node_name;
  TRY(LearnNetwork(identity, flags.node));
  return identity;
}

Result<> Prepare(JoinFlags& flags) {
  TRY(RequireHost(flags.node));
  const SystemClock clock;
  SystemRandom random;
  // Where this is the node itself, its output is the log that others follow, all of it.
  ProgressWriter log(-1);
  const Progress tell = [&](const std::string& line) {
    if (flags.foreground) return log.Say(line);
    ShowProgress(line);
  };
  const auto identity = TRY(Identify(flags, clock, random, tell));
  if (const auto problem = ClockProblem(identity, clock); !problem.empty()) {
    tell("warning: " + problem);
  }
  // Now with the cluster's own ranges, which `skiff down` will want to know as well: a machine that
  // has joined before may be on another network by now.
  TRY(RequireHost(flags.node));
  return WriteClusterMark(flags.node);
}

Result<std::shared_ptr<void>> StartNode(JoinFlags& flags, const Progress& progress) {
  const SystemClock clock;
  SystemRandom random;
  // Prepare has said all about that.
  const NodeIdentity identity = TRY(Identify(flags, clock, random, [](const std::string&) {}));
  std::shared_ptr<JoinedNode> node = TRY(JoinedNode::Start(flags.node, identity, progress));
  return node;
}

std::vector<std::string> DaemonArgs(const ClusterOptions& node, int verbosity) {
  std::vector<std::string> args = {
      "--data-dir=" + node.data_dir, "--kubelet-port=" + std::to_string(node.kubelet_port),
      "--cluster-dns-port=" + std::to_string(node.cluster_dns_port),
      "--iptables-flavour=" + node.iptables_flavour, "--v=" + std::to_string(verbosity)};
  if (!node.container_runtime_endpoint.empty()) {
    args.push_back("--container-runtime-endpoint=" + node.container_runtime_endpoint);
  }
  for (const std::string& archive : node.image_archives) args.push_back("--load-image=" + archive);
  return args;
}

// Everybody may read what a process was started with, for as long as it lives: once this machine is
// in, the same process goes on as one that was told no token. Returns where it cannot.
int GoOnWithoutToken(const JoinFlags& flags) {
  std::vector<std::string> args = DaemonArgs(flags.node, flags.verbosity);
  args.insert(args.begin(), {"skiff", "join", "--foreground",
                             fmt::format("--leave-nothing={}", flags.leave_nothing)});
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  execv("/proc/self/exe", argv.data());
  return Complain(fmt::format("cannot go on without the token: execve /proc/self/exe: {}",
                              std::strerror(errno)));
}

// A line that is said twice is no mistake; another cluster's is.
int TellOfRunning(const JoinFlags& flags, const ProcessId& daemon) {
  const int process = static_cast<int>(daemon.pid);
  const std::string& data_dir = flags.node.data_dir;
  const std::string where = DataDirWords(data_dir);
  const auto identity = LoadNodeIdentity(data_dir);
  if (!identity) {
    return Complain(
        fmt::format("a cluster of its own runs from {} (process {}): `skiff down{}` "
                    "removes it, or choose another directory with --data-dir",
                    data_dir, process, where));
  }
  const auto target = ServerOf(flags.host);
  if (!flags.host.empty() && (!target || *target != identity->server)) {
    return Complain(
        fmt::format("this machine's node runs already (process {}) and belongs to {}, "
                    "not to {}: `skiff down{}` takes it out of that cluster",
                    process, identity->server, flags.host, where));
  }
  const auto others =
      JoinFlagsForNewStart(flags.typed, identity->node_name, ArgumentsOfDaemon(daemon));
  if (!others.empty()) {
    return Complain(
        fmt::format("this machine's node runs already (process {}) as {}, and {} {} for "
                    "a new start: end it with `skiff down --keep-data{}` first",
                    process, identity->node_name, fmt::join(others, " "),
                    others.size() == 1 ? "is" : "are", where));
  }
  // Another `join` may not be done with it.
  if (const auto started = AwaitStartOf(data_dir, daemon); !started) {
    return Complain(started.error().message);
  }
  std::printf("This machine's node runs already (process %d).\n", process);
  return 0;
}

}  // namespace

std::vector<std::string> JoinFlagsForNewStart(const std::vector<std::string>& asked,
                                              const std::string& node_name,
                                              const std::vector<std::string>& running) {
  // Both have been read before, and were right.
  const auto read = [](const std::vector<std::string>& args, JoinFlags& to) {
    Flags flags("skiff join");
    AddJoinFlags(flags, to);
    std::vector<std::string> words;
    (void)flags.Parse(args, &words);
    MakePathsAbsolute(to.node);
    return flags.given();
  };
  JoinFlags then, now;
  read(running, then);
  const Flags::Given given = read(asked, now);
  const std::map<std::string, bool> kept = {
      {"node-name", now.node.node_name == node_name},
      {"kubelet-port", now.node.kubelet_port == then.node.kubelet_port},
      {"cluster-dns-port", now.node.cluster_dns_port == then.node.cluster_dns_port},
      {"iptables-flavour", now.node.iptables_flavour == then.node.iptables_flavour},
      {"container-runtime-endpoint",
       now.node.container_runtime_endpoint == then.node.container_runtime_endpoint},
      {"load-image", now.node.image_archives == then.node.image_archives}};
  std::vector<std::string> others;
  for (auto at = given.begin(); at != given.end(); ++at) {
    const auto found = kept.find(at->first);
    if (found == kept.end() || found->second || IsGivenAgain(given, at)) continue;
    others.push_back("--" + at->first + "=" + at->second);
  }
  return others;
}

Result<JoinTarget> ParseJoinTarget(const std::string& host, const std::string& token,
                                   const std::vector<std::string>& pins, bool any_authority) {
  JoinTarget target;
  target.server = TRY(ServerOf(host));
  const auto parsed = BootstrapToken::Parse(token);
  if (!parsed) {
    return Fail(Reason::kInvalid,
                token.empty() ? "--token is missing; usage: " + std::string(kUsage)
                              : "--token: it has the form abcdef.0123456789abcdef; usage: " +
                                    std::string(kUsage));
  }
  target.token = *parsed;
  target.any_authority = any_authority;
  if (pins.empty() && !any_authority) {
    return Fail(Reason::kInvalid,
                "--ca-hash is missing: without it whoever knows the token could take this machine "
                "over; usage: " +
                    std::string(kUsage) +
                    " (where the token alone vouches for the server, "
                    "--discovery-token-unsafe-skip-ca-verification)");
  }
  for (const std::string& pin : pins) {
    constexpr std::string_view kPrefix = "sha256:";
    constexpr size_t kDigits = 64;
    if (!pin.starts_with(kPrefix) || pin.size() != kPrefix.size() + kDigits ||
        pin.find_first_not_of("0123456789abcdef", kPrefix.size()) != std::string::npos) {
      return Fail(Reason::kInvalid,
                  fmt::format("--ca-hash: \"{}\" is not sha256: and 64 hexadecimal digits; usage: "
                              "{}",
                              pin, kUsage));
    }
  }
  target.authority_pins = pins;
  return target;
}

int JoinMain(const std::vector<std::string>& args) {
  bool help = false;
  auto flags = ParseJoinFlags(args, help);
  if (!flags) return Complain(flags.error().message);
  if (help) return 0;
  ClusterOptions& node = flags->node;
  if (!IsStartedByUs()) {
    if (const auto running = DaemonOf(node.data_dir); running && !flags->foreground) {
      return TellOfRunning(*flags, *running);
    }
    const bool has_token = !flags->token.empty();
    if (const auto prepared = Prepare(*flags); !prepared) {
      return Complain(prepared.error().message);
    }
    if (flags->foreground && has_token) return GoOnWithoutToken(*flags);
  }
  if (flags->foreground) {
    return RunAttached(
        node.data_dir, flags->verbosity,
        [&](const Progress& progress) { return StartNode(*flags, progress); },
        LeaveAtEnd(node, flags->leave_nothing));
  }
  const DaemonTold told = {
      .usable =
          [&] {
            std::printf("This machine is node %s of the cluster.\n", node.node_name.c_str());
            return 0;
          },
      .runs_already = [&](const ProcessId& other) { return TellOfRunning(*flags, other); }};
  return RunAsDaemon(node.data_dir, "join", DaemonArgs(node, flags->verbosity), told);
}

}  // namespace skiff
