#include "skiff/status.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "api/text/human_duration.h"
#include "base/flags.h"
#include "client/client.h"
#include "client/kubeconfig.h"
#include "client/transport.h"
#include "skiff/chaos/program.h"
#include "skiff/cluster.h"
#include "skiff/cluster_choice.h"
#include "skiff/columns.h"
#include "skiff/daemon.h"
#include "skiff/docker_program.h"
#include "skiff/host_facts.h"
#include "skiff/node_certificates.h"
#include "skiff/process_start.h"
#include "skiff/status_text.h"
#include "skiff/up.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

constexpr int kAnswerTimeoutMs = 10'000;
constexpr int64_t kPageItems = 1'000;
constexpr double kDiskFullAt = 0.9;

uint64_t ResidentOf(const ProcessId& process) {
  uint64_t all = 0, resident = 0;
  std::ifstream(fmt::format("/proc/{}/statm", process.pid)) >> all >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

uint64_t BytesBelow(const std::string& directory) {
  uint64_t bytes = 0;
  std::error_code ignored;
  // What goes meanwhile is passed over.
  for (fs::recursive_directory_iterator at(directory, ignored), end; !ignored && at != end;
       at.increment(ignored)) {
    std::error_code gone;
    if (at->is_regular_file(gone)) bytes += at->file_size(gone);
  }
  return bytes;
}

std::string LogOf(const std::string& data_dir, const ProcessId& process) {
  std::error_code ignored;
  if (fs::exists(LogPath(data_dir), ignored)) return LogPath(data_dir);
  const std::string output = fs::read_symlink(fmt::format("/proc/{}/fd/2", process.pid), ignored);
  if (output.starts_with("socket:")) return fmt::format("journalctl _PID={}", process.pid);
  return fmt::format("what process {} prints{}", process.pid,
                     output.starts_with('/') ? " to " + output : "; of a container: docker logs");
}

std::string Since(const ProcessId& process, TimePoint now) {
  const TimePoint begun = StartOf(process).value_or(now);
  const std::time_t at = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(begun));
  return fmt::format("process {} since {:%Y-%m-%d %H:%M:%S} ({}), {} resident", process.pid,
                     fmt::localtime(at), HumanDuration(now - begun),
                     BytesText(ResidentOf(process)));
}

template <typename K>
Result<> AddAll(Client& client, ClusterStatus& status, const std::string& field_selector = "") {
  ListOptions options{.field_selector = field_selector, .limit = kPageItems};
  do {
    const TextList page = TRY(client.ListText(K::Info(), options));
    for (const RawJson& item : page.items) status.Add(*TRY(DecodeObject<K>(item.Text())));
    options.continue_ = page.continue_;
  } while (!options.continue_.empty());
  return {};
}

Result<> AskServer(const std::string& kubeconfig, HttpsOptions& server, ClusterStatus& status) {
  const Kubeconfig config = TRY(Kubeconfig::Load(kubeconfig));
  server = TRY(config.Options());
  server.request_timeout_ms = kAnswerTimeoutMs;
  const auto transport = TRY(MakeHttpsTransport(server));
  http::Request request;
  request.method = "GET";
  request.path = "/readyz";
  request.query = {{"verbose", "true"}};
  const http::Response health = transport->Send(request);
  status.AddHealth(health.body);
  Client client(*transport, "skiff-status");
  TRY(AddAll<core_v1::Node>(client, status));
  TRY(AddAll<core_v1::Pod>(client, status));
  TRY(AddAll<core_v1::PersistentVolumeClaim>(client, status));
  // Of all Events only those that say that an Ingress is not served.
  for (const char* reason : {"NotServed", "PortTaken"}) {
    TRY(AddAll<core_v1::Event>(client, status,
                               fmt::format("involvedObject.kind=Ingress,reason={}", reason)));
  }
  return AddAll<networking_v1::Ingress>(client, status);
}

void LookAtDisk(const std::string& data_dir, std::vector<std::vector<std::string>>& rows,
                ClusterStatus& status) {
  std::error_code error;
  const fs::space_info space = fs::space(data_dir, error);
  rows.push_back({"  data", fmt::format("{} (store {}; {} free on its disk)", data_dir,
                                        BytesText(BytesBelow(data_dir + "/store")),
                                        error ? "?" : BytesText(space.available))});
  if (error || space.capacity == 0) return;
  const double free = static_cast<double>(space.available) / static_cast<double>(space.capacity);
  const double used = 1 - free;
  if (used >= kDiskFullAt) {
    status.AddTrouble(fmt::format("the disk of {} is {:.0f} % full", data_dir, 100 * used),
                      "skiff doctor");
  }
}

int TellOfCluster(const ClusterOptions& options, const ProcessId& process) {
  const TimePoint now = SystemClock().Now();
  ClusterStatus status(now);
  HttpsOptions server;
  const std::string kubeconfig = AdminKubeconfigPath(options);
  const auto asked = AskServer(kubeconfig, server, status);
  std::vector<std::vector<std::string>> rows = {{"  server", server.server},
                                                {"  kubeconfig", kubeconfig}};
  LookAtDisk(options.data_dir, rows, status);
  for (const chaos::FaultOn& fault : chaos::FaultsOn()) {
    status.AddTrouble(fault.what, fault.command);
  }
  rows.push_back({"  log", LogOf(options.data_dir, process)});
  std::printf("Running: %s\n%s", Since(process, now).c_str(), InColumns(rows).c_str());
  if (!asked) {
    std::printf("\nIts server does not answer as it should: %s\nThe log may say why.\n",
                asked.error().message.c_str());
    return 1;
  }
  std::printf("%s", status.Text().c_str());
  return 0;
}

// Where no process is at the directory: what would start one.
int TellOfNone(ClusterOptions options) {
  const std::string& data_dir = options.data_dir;
  const std::string where =
      data_dir == DefaultDataDir() ? "" : fmt::format(" --data-dir={}", data_dir);
  if (const auto node = LoadNodeIdentity(data_dir)) {
    std::printf("Node %s of %s does not run: `skiff join%s` starts it.\n", node->node_name.c_str(),
                node->server.c_str(), where.c_str());
  } else if (HasClusterMark(data_dir)) {
    ReadClusterMark(options);
    const int nodes = options.simulated_nodes;
    std::printf("The cluster of %s does not run: `skiff up%s%s` starts it.\n", data_dir.c_str(),
                nodes > 0 ? fmt::format(" --nodes={}", nodes).c_str() : "", where.c_str());
  } else {
    std::printf("No cluster runs on %s: `skiff up%s` makes one. Of one elsewhere: skiff status "
                "--data-dir=DIRECTORY, or --docker.\n",
                data_dir.c_str(), where.c_str());
  }
  return 1;
}

}  // namespace

int StatusMain(const std::vector<std::string>& args) {
  if (IsAboutDocker(args)) return DockerStatusMain(args);
  ClusterOptions options;
  Flags flags("skiff status");
  AddDataDirFlag(flags, options);
  const auto goes_on = ParseOrHelp(flags, args);
  if (!goes_on) return Complain(goes_on.error().message);
  if (!*goes_on) return 0;
  if (options.data_dir.empty()) return Complain("--data-dir: it must not be empty");
  if (const auto chosen = ChooseDataDir(flags, options); !chosen) {
    return Complain(chosen.error().message);
  }
  MakePathsAbsolute(options);
  const auto running = RunningOn(options.data_dir);
  if (!running) return TellOfNone(options);
  if (const auto node = LoadNodeIdentity(options.data_dir)) {
    std::printf("Running: node %s of %s, %s\n  log   %s\n", node->node_name.c_str(),
                node->server.c_str(), Since(*running, SystemClock().Now()).c_str(),
                LogOf(options.data_dir, *running).c_str());
    return 0;
  }
  return TellOfCluster(options, *running);
}

}  // namespace skiff
