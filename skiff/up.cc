#include "skiff/up.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/flags.h"
#include "base/log.h"
#include "base/process.h"
#include "client/kubeconfig.h"
#include "skiff/cluster.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

constexpr Duration kStopGrace = 20s;
constexpr int kUpTimeoutMs = 120'000;

struct UpFlags {
  ClusterOptions cluster;
  bool foreground = false;
  bool merge_kubeconfig = false;
  int verbosity = 0;
};

std::string DefaultDataDir() {
  if (geteuid() == 0) return "/var/lib/skiff";
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "/tmp" : home) + "/.local/share/skiff";
}

void AddCommonFlags(Flags& flags, ClusterOptions& options) {
  options.data_dir = DefaultDataDir();
  flags.Add("data-dir", options.data_dir, "Where the cluster keeps everything.");
  flags.Add("service-cluster-ip-range", options.service_cidr, "Addresses of services.");
}

void AddUpFlags(Flags& flags, UpFlags& to) {
  AddCommonFlags(flags, to.cluster);
  flags.Add("bind-address", to.cluster.bind_address, "The address the API server listens on.");
  flags.Add("secure-port", to.cluster.secure_port, "The port the API server listens on.");
  flags.Add("kubelet-port", to.cluster.kubelet_port, "The port the kubelet listens on.");
  flags.Add("nodes", to.cluster.simulated_nodes,
            "Simulate this many nodes instead of running containers; needs no root.");
  flags.Add("node-name", to.cluster.node_name, "The name of this node; the host's by default.");
  flags.Add("cluster-cidr", to.cluster.cluster_cidr, "Addresses of pods.");
  flags.Add("container-runtime-endpoint", to.cluster.container_runtime_endpoint,
            "A CRI runtime to use, unix:///path; by default containerd is started.");
  flags.Add("load-image", to.cluster.image_archives, "Image archives to load at the start.");
  flags.Add("cluster-dns", to.cluster.cluster_dns, "on, or off to run another DNS, or none; auto: on unless nodes are simulated.");
  flags.Add("cluster-dns-port", to.cluster.cluster_dns_port,
            "The port on this node behind the Service kube-system/kube-dns.");
  flags.Add("durability", to.cluster.durability, "sync, interval or memory.");
  flags.Add("foreground", to.foreground, "Stay attached instead of leaving a daemon.");
  flags.Add("merge-kubeconfig", to.merge_kubeconfig,
            "Also put the cluster into ~/.kube/config and make it the current one.");
  flags.Add("v", to.verbosity, "Log verbosity.");
}

std::string PidPath(const ClusterOptions& options) {
  return options.data_dir + "/skiff.pid";
}
std::string LogPath(const ClusterOptions& options) {
  return options.data_dir + "/skiff.log";
}
std::string ProgressPath(const ClusterOptions& options) {
  return options.data_dir + "/progress";
}

int Complain(const std::string& message) {
  std::fprintf(stderr, "error: %s\n", message.c_str());
  return 1;
}

// Until SIGINT or SIGTERM. `progress` gets lines; "usable" or "error: ..." is the last one.
int RunInForeground(const UpFlags& flags, const Progress& progress) {
  Log::Configure(flags.verbosity >= 4 ? LogLevel::kDebug : LogLevel::kInfo, LogFormat::kText);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  auto cluster = Cluster::Start(flags.cluster, progress);
  if (!cluster) {
    progress("error: " + cluster.error().message);
    return 1;
  }
  progress("usable");
  int signal = 0;
  sigwait(&signals, &signal);
  return 0;
}

// Follows the daemon's progress file until its last line. True when the cluster is usable.
bool FollowProgress(const ClusterOptions& options, const ProcessId& daemon) {
  const int watch = inotify_init1(IN_CLOEXEC);
  inotify_add_watch(watch, options.data_dir.c_str(), IN_MODIFY | IN_CREATE | IN_CLOSE_WRITE);
  std::ifstream file;
  int waited_ms = 0;
  bool usable = false;
  for (bool done = false; !done && waited_ms < kUpTimeoutMs;) {
    if (!file.is_open()) file.open(ProgressPath(options));
    file.clear();
    for (std::string line; std::getline(file, line);) {
      done = usable = line == "usable";
      if (usable) break;
      if (line.starts_with("error: ")) {
        std::fprintf(stderr, "%s\n", line.c_str());
        // An error may have several lines; the rest of the file is its text.
        for (std::string more; std::getline(file, more);)
          std::fprintf(stderr, "%s\n", more.c_str());
        done = true;
        break;
      }
      std::printf("  %s\n", line.c_str());
      std::fflush(stdout);
    }
    if (done) break;
    if (!IsAlive(daemon)) {
      std::fprintf(stderr, "error: the cluster ended; its log is %s\n", LogPath(options).c_str());
      break;
    }
    constexpr int kLookMs = 500;  // The daemon may die without a word.
    pollfd descriptor = {watch, POLLIN, 0};
    if (poll(&descriptor, 1, kLookMs) == 0) waited_ms += kLookMs;
    char events[4096];
    if ((descriptor.revents & POLLIN) != 0) (void)!read(watch, events, sizeof events);
  }
  close(watch);
  return usable;
}

Result<> MergeKubeconfig(const ClusterOptions& options) {
  const char* home = std::getenv("HOME");
  if (home == nullptr) return Fail(Reason::kNotFound, "HOME is not set");
  return MergeIntoKubeconfigFile(std::string(home) + "/.kube/config",
                                 TRY(Kubeconfig::Load(AdminKubeconfigPath(options))));
}

Result<ProcessId> SpawnCluster(const std::vector<std::string>& args,
                               const ClusterOptions& options) {
  std::error_code error;
  fs::create_directories(options.data_dir, error);
  if (error) {
    return Fail(Reason::kForbidden,
                fmt::format("cannot make the data directory {}: {}; choose another with --data-dir",
                            options.data_dir, error.message()));
  }
  fs::remove(ProgressPath(options), error);
  DaemonSpec spec;
  spec.argv = {fs::read_symlink("/proc/self/exe", error).string(), "up", "--foreground"};
  spec.argv.insert(spec.argv.end(), args.begin(), args.end());
  spec.log_path = LogPath(options);
  spec.pid_path = PidPath(options);
  spec.environment = {{"SKIFF_PROGRESS", ProgressPath(options)}};
  return SpawnDaemon(spec);
}

}  // namespace

int UpMain(const std::vector<std::string>& args) {
  UpFlags to;
  Flags flags("skiff up");
  AddUpFlags(flags, to);
  if (const auto parsed = flags.Parse(args); !parsed) return Complain(parsed.error().message);
  if (flags.help_asked()) {
    std::printf("%s", flags.Help().c_str());
    return 0;
  }
  if (to.foreground) {
    const char* path = std::getenv("SKIFF_PROGRESS");
    if (path == nullptr) {
      return RunInForeground(to, [](const std::string& line) {
        std::printf("%s\n", line.c_str());
        std::fflush(stdout);
      });
    }
    std::ofstream progress(path);
    return RunInForeground(to, [&](const std::string& line) {
      progress << line << "\n" << std::flush;
    });
  }
  const auto problems = NodeProblems(to.cluster);
  if (!problems.empty()) return Complain(fmt::format("{}", fmt::join(problems, "\nerror: ")));
  if (const auto running = ReadPidFile(PidPath(to.cluster))) {
    std::printf("The cluster runs already (process %d).\n", static_cast<int>(running->pid));
    return 0;
  }
  const auto daemon = SpawnCluster(args, to.cluster);
  if (!daemon) return Complain(daemon.error().message);
  if (!FollowProgress(to.cluster, *daemon)) {
    StopProcess(*daemon, kStopGrace);
    return 1;
  }
  if (to.merge_kubeconfig) {
    if (const auto merged = MergeKubeconfig(to.cluster); !merged) {
      return Complain(merged.error().message);
    }
  }
  std::printf("The cluster is usable:\n  export KUBECONFIG=%s\n",
              AdminKubeconfigPath(to.cluster).c_str());
  return 0;
}

int DownMain(const std::vector<std::string>& args) {
  ClusterOptions options;
  bool keep_data = false;
  Flags flags("skiff down");
  AddCommonFlags(flags, options);
  flags.Add("keep-data", keep_data, "Only stop the process; containers and data stay.");
  if (const auto parsed = flags.Parse(args); !parsed) return Complain(parsed.error().message);
  if (flags.help_asked()) {
    std::printf("%s", flags.Help().c_str());
    return 0;
  }
  if (const auto running = ReadPidFile(PidPath(options))) {
    std::printf("  stopping process %d\n", static_cast<int>(running->pid));
    if (!StopProcess(*running, kStopGrace)) return Complain("the process does not end");
  }
  if (keep_data) return 0;
  const auto removed = RemoveCluster(options, [](const std::string& line) {
    std::printf("  %s\n", line.c_str());
    std::fflush(stdout);
  });
  if (!removed) return Complain(removed.error().message);
  std::printf("Nothing of the cluster is left.\n");
  return 0;
}

int StatusMain(const std::vector<std::string>& args) {
  ClusterOptions options;
  Flags flags("skiff status");
  AddCommonFlags(flags, options);
  if (const auto parsed = flags.Parse(args); !parsed) return Complain(parsed.error().message);
  const auto running = ReadPidFile(PidPath(options));
  if (!running) {
    std::printf("No cluster runs on %s.\n", options.data_dir.c_str());
    return 1;
  }
  std::printf("Running as process %d; KUBECONFIG=%s; log %s\n", static_cast<int>(running->pid),
              AdminKubeconfigPath(options).c_str(), LogPath(options).c_str());
  return 0;
}

}  // namespace skiff
