// `skiff down`: the end of a cluster or node of this machine.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>

#include "base/program.h"
#include "base/shell_word.h"
#include "skiff/chaos/program.h"
#include "skiff/cluster_choice.h"
#include "skiff/daemon.h"
#include "skiff/docker_program.h"
#include "skiff/given_flags.h"
#include "skiff/host_facts.h"
#include "skiff/kubeconfig_entry.h"
#include "skiff/node_certificates.h"
#include "skiff/progress.h"
#include "skiff/removal.h"
#include "skiff/up.h"

namespace skiff {
namespace {

constexpr Duration kEndGrace = 20s;

struct DownFlags {
  ClusterOptions cluster;
  KubeconfigWords words;
  bool keep_data = false;
  bool leave_nothing = false;
  bool EndsPods() const { return !keep_data || leave_nothing; }
};

void AddDownFlags(Flags& flags, DownFlags& to) {
  AddDataDirFlag(flags, to.cluster);
  AddKubeconfigFlags(flags, to.words);
  AddServiceRangeFlag(flags, to.cluster);
  flags.Add("keep-data", to.keep_data, "Only stop the process; containers, faults and data stay.");
  flags.Add("leave-nothing", to.leave_nothing,
            "With --keep-data: end all containers and faults too and take links, routes and rules "
            "off the machine; files stay for the next start.");
}

// What `up --merge-kubeconfig` put there; best effort, as it may be another user's.
void UnmergeKubeconfig(const ClusterOptions& options) {
  const auto path = PathOfUsersKubeconfig();
  if (!path) return;
  const std::string name = ContextNameOf(options.data_dir);
  const auto removed = RemoveOwnEntry(*path, name, AdminKubeconfigPath(options));
  if (!removed) {
    ShowProgress(fmt::format("note: {} stays as it is: {}", *path, removed.error().message));
  } else if (*removed) {
    ShowProgress(fmt::format("removing {} from {}", name, *path));
  }
}

// Whoever has named it by a kubeconfig hears which one it is, wherever that is written to.
void TellWhich(const std::string& data_dir, const std::string& because) {
  const char* what = LoadNodeIdentity(data_dir) ? "node" : "cluster";
  if (because.empty()) return ShowProgress(fmt::format("ending the {} of {}", what, data_dir));
  std::printf("ending the %s of %s: %s\n", what, data_dir.c_str(), because.c_str());
  std::fflush(stdout);
}

// Ends the daemon, if one runs there; nullopt: no faults were looked for.
Result<std::optional<bool>> StopDaemon(const DownFlags& flags) {
  const std::string& data_dir = flags.cluster.data_dir;
  std::optional<bool> are_faults_over;
  if (const auto running = DaemonOf(data_dir)) {
    if (kill(running->pid, 0) != 0 && errno == EPERM) {
      return Fail(Reason::kForbidden,
                  fmt::format("process {} is another user's, who alone can end it (as root: sudo "
                              "skiff down --data-dir={})",
                              static_cast<int>(running->pid), ShellWord(data_dir)));
    }
    // While there is somebody to be told.
    if (flags.EndsPods()) are_faults_over = chaos::EndFaultsAt(data_dir, &chaos::ShowEnded);
    ShowProgress(fmt::format("stopping process {}", static_cast<int>(running->pid)));
    if (!StopProcess(*running, kEndGrace)) {
      return Fail(Reason::kTimeout, "the process does not end");
    }
  }
  if (!IsDataDirLocked(data_dir)) return are_faults_over;
  return Fail(
      Reason::kConflict,
      fmt::format("a skiff that was not started as a daemon runs on {}: end it first", data_dir));
}

// After --keep-data.
int TellStopped(const std::string& data_dir) {
  if (HasClusterMark(data_dir) && !LoadNodeIdentity(data_dir)) {
    std::printf("The cluster of %s is stopped: `%s` starts it again.\n", data_dir.c_str(),
                UpCommandOf(data_dir).c_str());
  }
  return 0;
}

Result<int> Down(DownFlags& flags) {
  ClusterOptions& options = flags.cluster;
  std::optional<bool> are_faults_over = TRY(StopDaemon(flags));
  const auto removal = TRY(RemovalOf(options.data_dir, ReadDataDir(options.data_dir)));
  if (!flags.EndsPods()) return TellStopped(options.data_dir);
  if (!are_faults_over) are_faults_over = chaos::EndFaultsAt(options.data_dir, &chaos::ShowEnded);
  ReadClusterMark(options);
  if ((removal.node || removal.containerd) && geteuid() != 0) {
    return Fail(Reason::kForbidden,
                fmt::format("the node of {} ran as root, who alone can take its containers and its "
                            "network away",
                            options.data_dir));
  }
  if (flags.keep_data) {
    if (removal.node) TRY(LeaveMachine(options, /*keep_data=*/true, &ShowProgress));
    return TellStopped(options.data_dir);
  }
  UnmergeKubeconfig(options);
  TRY(RemoveCluster(options, &ShowProgress));
  std::printf("Nothing of the cluster of %s is left%s.\n", options.data_dir.c_str(),
              *are_faults_over ? "" : " but what the note says");
  return *are_faults_over ? 0 : 1;
}

}  // namespace

int DownMain(const std::vector<std::string>& args) {
  if (IsAboutDocker(args)) return DockerDownMain(args);
  DownFlags to;
  Flags flags("skiff down");
  AddDownFlags(flags, to);
  const auto goes_on = ParseOrHelp(flags, args);
  if (!goes_on) return Complain(goes_on.error().message);
  if (!*goes_on) {
    std::printf("\nOf a cluster whose nodes are containers of the Docker engine:\n\n%s",
                DockerDownHelp().c_str());
    return 0;
  }
  if (to.cluster.data_dir.empty()) return Complain("--data-dir: it must not be empty");
  if (to.leave_nothing && !to.keep_data) {
    return Complain(
        "--leave-nothing: it goes with --keep-data; without that, nothing is left anyway");
  }
  const auto because = ChooseDataDir(flags, to.words, "skiff down", to.cluster);
  if (!because) return Complain(because.error().message);
  MakePathsAbsolute(to.cluster);
  TellWhich(to.cluster.data_dir, *because);
  const auto code = Down(to);
  return code ? *code : Complain(code.error().message);
}

}  // namespace skiff
