#include "skiff/up.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <optional>
#include <set>
#include <string>

#include "api/rules/core/ip.h"
#include "apiserver/auth/pki.h"
#include "apiserver/server/program_store.h"
#include "base/program.h"
#include "base/shell_word.h"
#include "base/terminal.h"
#include "client/kubeconfig.h"
#include "skiff/chaos/program.h"
#include "skiff/cluster.h"
#include "skiff/cluster_choice.h"
#include "skiff/cluster_ingress.h"
#include "skiff/cluster_objects.h"
#include "skiff/cluster_pki.h"
#include "skiff/cluster_ranges.h"
#include "skiff/daemon.h"
#include "skiff/docker_cluster.h"
#include "skiff/docker_program.h"
#include "skiff/doctor.h"
#include "skiff/given_flags.h"
#include "skiff/host_facts.h"
#include "skiff/kubeconfig_entry.h"
#include "skiff/node_certificates.h"
#include "skiff/node_flags.h"
#include "skiff/pod_addresses.h"
#include "skiff/program_arguments.h"
#include "skiff/progress.h"
#include "skiff/removal.h"
#include "skiff/simulated_nodes.h"

namespace skiff {
namespace {

// Before anything is started for it.
Result<> RequireMerge(const ClusterOptions& options) {
  const auto path = PathOfUsersKubeconfig();
  if (!path) return Fail(path.error().reason, "--merge-kubeconfig: " + path.error().message);
  return RequireFreeEntry(*path, ContextNameOf(options.data_dir), AdminServerUrl(options));
}

Result<> MergeKubeconfig(const ClusterOptions& options) {
  const std::string path = TRY(PathOfUsersKubeconfig());
  const std::string name = ContextNameOf(options.data_dir);
  const std::string own = TRY(ReadWholeFile(AdminKubeconfigPath(options)));
  // Where it runs by now, which the flags of this command may not say.
  const Kubeconfig made = TRY(Kubeconfig::Parse(own, "/"));
  const std::string server = made.clusters.empty() ? "" : made.clusters.begin()->second.server;
  TRY(RequireFreeEntry(path, name, server));
  const std::string text = TRY(KubeconfigFor(own, server, name));
  const Kubeconfig named = TRY(Kubeconfig::Parse(text, "/"));
  return PutIntoKubeconfigFile(path, named, options.data_dir);
}

}  // namespace

void AddServiceRangeFlag(Flags& flags, ClusterOptions& options) {
  flags.Add("service-cluster-ip-range", options.service_cidr,
            "Addresses of services; one of IPv6 after a comma makes a dual-stack cluster.");
}

namespace {

void AddKeepingFlags(Flags& flags, ClusterOptions& options) {
  flags.Add("durability", options.durability, "sync, interval or memory.");
  flags.Add("secrets-encryption", options.secrets_encryption,
            "Keep Secrets encrypted, by a key that is made in --data-dir for that; once it is "
            "there, they are at each start.");
  flags.Add("encryption-provider-config", options.encryption_provider_config,
            "The same by an EncryptionConfiguration of yours; a change of it is taken anew.");
}

}  // namespace

void AddDataDirFlag(Flags& flags, ClusterOptions& options) {
  options.data_dir = DefaultDataDir();
  flags.SpeakPlainly();  // None of the programs that have this flag has a namesake.
  flags.Add("data-dir", options.data_dir, "Where the cluster keeps everything.");
}

void AddAttachedFlags(Flags& flags, bool& foreground, bool& leave_nothing) {
  foreground = IsAttachedByDefault();
  flags.Add("foreground", foreground, "Stay attached instead of leaving a daemon.");
  leave_nothing = LeavesNothingByDefault();
  flags.Add("leave-nothing", leave_nothing,
            "With --foreground: at its end, end all containers too and take links, routes and "
            "rules off the machine; files stay for the next start.");
}

namespace {

void AddTolerationFlags(Flags& flags, ClusterOptions& to) {
  flags.Add("default-not-ready-toleration-seconds", to.default_not_ready_toleration_s,
            "How long a pod tolerates its node being not ready, unless it says otherwise.");
  flags.Add("default-unreachable-toleration-seconds", to.default_unreachable_toleration_s,
            "The same for a node that is unreachable.");
}

void AddProgramArgFlags(Flags& flags, ClusterOptions& to) {
  flags.AddEach("kube-apiserver-arg", to.api_server_args,
                "NAME=VALUE, a flag of kube-apiserver (`skiff apiserver --help`); again for each. "
                "Files by absolute paths.");
  flags.AddEach("kube-controller-manager-arg", to.controller_manager_args,
                "The same of kube-controller-manager; secure-port=10257 opens the port that it "
                "would have.");
  flags.AddEach("kube-scheduler-arg", to.scheduler_args,
                "The same of kube-scheduler: config=/FILE, a KubeSchedulerConfiguration; "
                "secure-port=10259 opens its port.");
}

}  // namespace

void AddUpFlags(Flags& flags, UpFlags& to) {
  AddDataDirFlag(flags, to.cluster);
  AddServiceRangeFlag(flags, to.cluster);
  flags.Add("bind-address", to.cluster.bind_address, "The address the API server listens on.");
  flags.Add("secure-port", to.cluster.secure_port, "The port the API server listens on.");
  flags.Add("kubelet-port", to.cluster.kubelet_port, "The port the kubelet listens on.");
  flags.Add("nodes", to.cluster.simulated_nodes,
            "Simulate this many nodes instead of running containers; needs no root. With --docker: "
            "so many containers of the Docker engine are the nodes (skiff up --docker --help).");
  flags.Add("node-name", to.cluster.node_name, "The name of this node; the host's by default.");
  to.cluster.cluster_cidr.clear();
  flags.Add("cluster-cidr", to.cluster.cluster_cidr,
            "Addresses of pods; 10.244.0.0/16, or 10.128.0.0/9 for more than 256 simulated nodes. "
            "One of IPv6 after a comma where services have one too.");
  flags.Add("iptables-flavour", to.cluster.iptables_flavour,
            "Which iptables to use, nft or legacy; auto: the one this machine uses already.");
  flags.Add("container-runtime-endpoint", to.cluster.container_runtime_endpoint,
            "A CRI runtime to use, unix:///path; by default containerd is started.");
  flags.Add("load-image", to.cluster.image_archives, "Image archives to load at the start.");
  flags.Add("cluster-dns", to.cluster.cluster_dns,
            "on, or off to run another DNS, or none; auto: on unless nodes are simulated.");
  flags.Add("cluster-dns-port", to.cluster.cluster_dns_port,
            "The port on this node behind the Service kube-system/kube-dns.");
  flags.Add("ingress", to.cluster.ingress,
            "Serve Ingresses of the class skiff, by a HAProxy that starts with the first one.");
  flags.Add("ingress-http-port", to.cluster.ingress_http_port,
            "The port of this machine at which Ingresses are served; 0: none.");
  flags.Add("ingress-https-port", to.cluster.ingress_https_port, "The same over TLS; 0: none.");
  flags.Add("ingress-metrics-port", to.cluster.ingress_metrics_port,
            "The port of 127.0.0.1 where HAProxy tells its metrics; 0: none.");
  flags.Add("bootstrap-token", to.cluster.bootstrap_token,
            "A token by which machines may join, abcdef.0123456789abcdef, for ever; `skiff token "
            "create` makes others later.");
  flags.Add("join-file", to.cluster.join_file,
            "A file by which machines that see it may join, `skiff join --join-file`: it is "
            "written at the start, with a token of its own unless --bootstrap-token gives one.");
  flags.Add("node-monitor-grace-period", to.cluster.node_monitor_grace_period,
            "How long a node may be silent before it is marked unhealthy.");
  flags.Add("cluster-signing-duration", to.cluster.cluster_signing_duration,
            "How long certificates live that nodes ask for; they renew them in time.");
  AddTolerationFlags(flags, to.cluster);
  flags.Add(
      "eviction-hard", to.cluster.eviction_hard,
      "What is left when pods are evicted, memory.available<100Mi,...; by default when memory or "
      "disk are nearly used up.");
  flags.Add("eviction-pressure-transition-period", to.cluster.eviction_pressure_transition_period,
            "How long the node is under pressure at least.");
  flags.Add("register-with-taints", to.cluster.register_with_taints,
            "Taints this node is registered with, k=v:Effect,...: to keep pods off the server, "
            "node-role.kubernetes.io/control-plane:NoSchedule.");
  flags.Add("history", to.cluster.history,
            "How far back `get --at` and `diff --since` can look at least.");
  flags.Add("etcd-servers", to.cluster.etcd_servers,
            "URLs of an etcd to keep the objects in, for several servers that share it: each has "
            "the same pki/ca.*, pki/front-proxy-ca.* and service-account.key in its --data-dir. "
            "Whoever leads among them runs controllers, scheduler and Ingresses.");
  flags.Add("etcd-cafile", to.cluster.etcd_ca_file,
            "File with the authorities of etcd's certificates.");
  flags.Add("etcd-certfile", to.cluster.etcd_cert_file,
            "File with the certificate to show to etcd.");
  flags.Add("etcd-keyfile", to.cluster.etcd_key_file, "File with its private key.");
  AddKeepingFlags(flags, to.cluster);
  flags.Add(
      "control-plane-endpoint", to.cluster.control_plane_endpoint,
      "HOST:PORT that leads to one of the servers that live: machines that join are told it.");
  AddProgramArgFlags(flags, to.cluster);
  AddAttachedFlags(flags, to.foreground, to.leave_nothing);
  flags.Add("merge-kubeconfig", to.merge_kubeconfig,
            "Also put the cluster into ~/.kube/config and make it the current one.");
  flags.Add("v", to.verbosity, "Log verbosity.");
}

void ChooseAddresses(ClusterOptions& options) {
  if (options.cluster_cidr.empty()) {
    options.cluster_cidr = DefaultClusterCidr(options.simulated_nodes);
  }
}

void MakePathsAbsolute(ClusterOptions& options) {
  options.data_dir = PathAsTyped(options.data_dir);
  options.join_file = PathAsTyped(options.join_file);
  options.etcd_ca_file = PathAsTyped(options.etcd_ca_file);
  options.etcd_cert_file = PathAsTyped(options.etcd_cert_file);
  options.etcd_key_file = PathAsTyped(options.etcd_key_file);
  options.encryption_provider_config = PathAsTyped(options.encryption_provider_config);
  for (std::string& archive : options.image_archives) archive = PathAsTyped(archive);
}

namespace {

Result<> CheckSeveralServers(const ClusterOptions& cluster) {
  if (!cluster.etcd_servers.empty() && cluster.simulated_nodes > 0) {
    return Fail(Reason::kInvalid,
                "--etcd-servers: several servers share an etcd, and each would simulate all of "
                "--nodes: leave one of the two out");
  }
  if (cluster.etcd_servers.empty() &&
      !(cluster.etcd_ca_file + cluster.etcd_cert_file + cluster.etcd_key_file).empty()) {
    return Fail(Reason::kInvalid,
                "--etcd-cafile, --etcd-certfile and --etcd-keyfile say nothing without "
                "--etcd-servers");
  }
  const std::string& endpoint = cluster.control_plane_endpoint;
  if (endpoint.empty() || !HostOf(endpoint).empty()) return {};
  return Fail(
      Reason::kInvalid,
      fmt::format("--control-plane-endpoint: \"{}\" is not of the form HOST:PORT", endpoint));
}

}  // namespace

namespace {

Result<> CheckProgramArgs(const ClusterOptions& cluster) {
  std::vector<std::string> notes;
  TRY(WithApiServerArgs({}, cluster.api_server_args, notes));
  ControllerOptions controllers;
  controllers.allocate_node_cidrs = true;
  controllers.cluster_cidrs = CidrsOf(cluster.cluster_cidr);
  TRY(WithControllerManagerArgs(std::move(controllers), cluster.controller_manager_args, notes));
  TRY(WithSchedulerArgs(cluster.scheduler_args, notes));
  for (const std::string& note : notes) std::fprintf(stderr, "warning: %s\n", note.c_str());
  return {};
}

}  // namespace

Result<> CheckUpFlags(UpFlags& to) {
  constexpr Duration kSigningDurationMin = 1min;
  constexpr int kPortMax = 65535;
  constexpr int kSecondsMax = std::numeric_limits<int>::max();
  ClusterOptions& cluster = to.cluster;
  if (!ParseIp(cluster.bind_address)) {
    return Fail(Reason::kInvalid,
                fmt::format("invalid argument \"{0}\" for \"--bind-address\" flag: failed to parse "
                            "IP: \"{0}\"",
                            cluster.bind_address));
  }
  ApiServerFlags server;
  server.durability = cluster.durability;
  server.etcd_cert_file = cluster.etcd_cert_file;
  server.etcd_key_file = cluster.etcd_key_file;
  TRY(CheckStoreFlags(server));
  TRY(CheckProgramArgs(cluster));
  TRY(CheckSeveralServers(cluster));
  if (cluster.secrets_encryption && !cluster.encryption_provider_config.empty()) {
    return Fail(Reason::kInvalid,
                "--secrets-encryption makes a configuration, and --encryption-provider-config "
                "names one: leave one of the two out");
  }
  if (cluster.secrets_encryption && !cluster.etcd_servers.empty()) {
    return Fail(Reason::kInvalid,
                "--secrets-encryption makes a key of this server's own, and servers that share an "
                "etcd need the same one: give each the same --encryption-provider-config");
  }
  TRY(CheckFlagNumber("nodes", cluster.simulated_nodes, 0, kSimulatedNodesMax));
  if (!cluster.bootstrap_token.empty()) TRY(ParseGivenToken(cluster.bootstrap_token));
  TRY(CheckFlagNumber("secure-port", cluster.secure_port, 1, kPortMax));
  TRY(CheckFlagNumber("default-not-ready-toleration-seconds",
                      cluster.default_not_ready_toleration_s, 0, kSecondsMax));
  TRY(CheckFlagNumber("default-unreachable-toleration-seconds",
                      cluster.default_unreachable_toleration_s, 0, kSecondsMax));
  if (cluster.node_monitor_grace_period <= 0ns) {
    return Fail(Reason::kInvalid, "--node-monitor-grace-period: it must be longer than nothing");
  }
  constexpr Duration kHistoryMin = 1min;
  if (cluster.history < kHistoryMin) {
    return Fail(Reason::kInvalid,
                "--history: clients that go on after a pause, and lists of several pages, need a "
                "minute of it; give it 1m at least");
  }
  if (cluster.eviction_pressure_transition_period < 0ns) {
    return Fail(Reason::kInvalid, "--eviction-pressure-transition-period: it must not be negative");
  }
  if (cluster.cluster_signing_duration < kSigningDurationMin) {
    return Fail(Reason::kInvalid,
                "--cluster-signing-duration: nodes could not renew in time what lives less than a "
                "minute; give it 1m at least");
  }
  TRY(CheckClusterRanges({.services = cluster.service_cidr,
                          .pods = cluster.cluster_cidr,
                          .nodes = std::max(1, cluster.simulated_nodes),
                          .are_nodes_real = cluster.simulated_nodes == 0}));
  if (!std::set<std::string>{"auto", "on", "off"}.contains(cluster.cluster_dns)) {
    return Fail(Reason::kInvalid,
                fmt::format("--cluster-dns: \"{}\" is none of auto, on, off", cluster.cluster_dns));
  }
  TRY(CheckIngressFlags(cluster));
  return CheckNodeFlags(cluster);
}

namespace {

int TellUsable(const UpFlags& to) {
  std::printf("  export KUBECONFIG=%s\n%s", ShellWord(AdminKubeconfigPath(to.cluster)).c_str(),
              Wrapped(NoteOfMissingKubeconfig(), TerminalWidth()).c_str());
  std::fflush(stdout);
  const auto merged = to.merge_kubeconfig ? MergeKubeconfig(to.cluster) : Result<>();
  return merged ? 0 : Complain(merged.error().message);
}

// " with 3 simulated nodes"
std::string NodesOf(const std::string& data_dir) {
  ClusterOptions made;
  made.data_dir = data_dir;
  ReadClusterMark(made);
  if (made.simulated_nodes == 0) return "";
  return fmt::format(" with {} simulated node{}", made.simulated_nodes,
                     made.simulated_nodes == 1 ? "" : "s");
}

// Most of a cluster is chosen when it is started: who asks for another one hears that it is not so.
int TellOfRunning(const UpFlags& to, const Flags::Given& given, const ProcessId& daemon) {
  const ClusterOptions& asked = to.cluster;
  const int process = static_cast<int>(daemon.pid);
  if (LoadNodeIdentity(asked.data_dir)) {
    return Complain(
        fmt::format("a node that joined another's cluster runs from {} (process {}); "
                    "choose another directory with --data-dir",
                    asked.data_dir, process));
  }
  if (kill(daemon.pid, 0) != 0 && errno == EPERM) {
    return Complain(
        fmt::format("process {}, another user's, is the cluster of {}: whoever made it "
                    "may use it; choose another directory with --data-dir",
                    process, asked.data_dir));
  }
  const auto different = FlagsForNewStart(given, ArgumentsOfDaemon(daemon));
  if (!different.empty()) {
    return Complain(fmt::format(
        "the cluster runs already (process {}){}, and {} {} for a new start: end it with `skiff "
        "down --keep-data{}` first, or choose another --data-dir",
        process, NodesOf(asked.data_dir), fmt::join(different, " "),
        different.size() == 1 ? "is" : "are", DataDirWords(asked.data_dir)));
  }
  // Another `up` may not be done with it.
  if (const auto started = AwaitStartOf(asked.data_dir, daemon); !started) {
    return Complain(started.error().message);
  }
  std::printf("The cluster runs already (process %d)%s:\n", process,
              NodesOf(asked.data_dir).c_str());
  return TellUsable(to);
}

// One that the kubeconfig names and that is stopped was started by other flags than are given now,
// perhaps with other nodes: whether that one is meant, or a new one, is not guessed.
Result<> RequireRunning(const std::string& data_dir, const std::string& because) {
  if (because.empty() || RunningOn(data_dir)) return {};
  return Fail(Reason::kConflict,
              fmt::format("the cluster of {} does not run, and {}: `{}` starts it again; with "
                          "--data-dir={} another one is made",
                          data_dir, because, UpCommandOf(data_dir), ShellWord(DefaultDataDir())));
}

}  // namespace

int UpMain(const std::vector<std::string>& args) {
  if (IsAboutDocker(args)) return DockerUpMain(args);
  UpFlags to;
  Flags flags("skiff up");
  AddUpFlags(flags, to);
  if (const auto parsed = flags.Parse(args); !parsed) {
    return Complain(parsed.error().message + DockerHint(args));
  }
  if (flags.help_asked()) {
    std::printf("%s\nNodes as containers of the Docker engine:\n\n%s", flags.Help().c_str(),
                DockerUpHelp().c_str());
    return 0;
  }
  to.cluster.start_flags = FlagsToStartAgain(flags.given());
  // Who stays attached has somebody who looks after it, and says where: a service, a container.
  const std::string because = to.foreground ? "" : DataDirToStart(flags, to.cluster);
  MakePathsAbsolute(to.cluster);
  if (const auto runs = RequireRunning(to.cluster.data_dir, because); !runs) {
    return Complain(runs.error().message);
  }
  ChooseAddresses(to.cluster);
  auto checked_flags = CheckUpFlags(to);
  if (checked_flags) checked_flags = CheckFlagsOfSimulated(flags.given());
  if (!checked_flags) {
    return Complain(checked_flags.error().message + "\nusage: skiff up [flags]; skiff up --help");
  }
  const DaemonTold told = {
      .usable =
          [&] {
            std::printf("The cluster is usable:\n");
            return TellUsable(to);
          },
      .runs_already =
          [&](const ProcessId& other) { return TellOfRunning(to, flags.given(), other); }};
  if (!because.empty()) {
    std::printf("The cluster of %s is meant: %s.\n", to.cluster.data_dir.c_str(), because.c_str());
  }
  if (!to.foreground) {
    if (const auto running = DaemonOf(to.cluster.data_dir)) return told.runs_already(*running);
  }
  if (!IsStartedByUs()) {  // Else the checks were made before.
    if (const auto free = to.merge_kubeconfig ? RequireMerge(to.cluster) : Result<>(); !free) {
      return Complain(free.error().message);
    }
    if (const auto checked = RequireHost(to.cluster); !checked) {
      return Complain(checked.error().message);
    }
  }
  if (to.foreground) {
    return RunAttached(
        to.cluster.data_dir, to.verbosity,
        [&](const Progress& progress) -> Result<std::shared_ptr<void>> {
          std::shared_ptr<Cluster> cluster = TRY(Cluster::Start(to.cluster, progress));
          return cluster;
        },
        LeaveAtEnd(to.cluster, to.leave_nothing));
  }
  // Where the daemon and `status` find it, whatever is chosen by then.
  std::vector<std::string> of_daemon;
  std::copy_if(args.begin(), args.end(), std::back_inserter(of_daemon),
               [&](const std::string& arg) { return arg != "--"; });
  of_daemon.push_back("--data-dir=" + to.cluster.data_dir);
  return RunAsDaemon(to.cluster.data_dir, "up", of_daemon, told);
}

}  // namespace skiff
