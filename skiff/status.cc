#include "skiff/status.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "api/gen/discovery_v1.h"
#include "api/text/human_duration.h"
#include "base/flags.h"
#include "base/program.h"
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
// Definitions are large.
constexpr int64_t kDefinitionsPage = 50;
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

std::string Since(const ProcessId& process, TimePoint now) {
  const TimePoint begun = StartOf(process).value_or(now);
  const std::time_t at = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(begun));
  return fmt::format("process {} since {:%Y-%m-%d %H:%M:%S} ({}), {} resident", process.pid,
                     fmt::localtime(at), HumanDuration(now - begun),
                     BytesText(ResidentOf(process)));
}

template <typename K>
Result<> AddAll(Client& client, ClusterStatus& status, ListOptions options = {}) {
  if (options.limit == 0) options.limit = kPageItems;
  do {
    const TextList page = TRY(client.ListText(K::Info(), options));
    for (const RawJson& item : page.items) status.Add(*TRY(DecodeObject<K>(item.Text())));
    options.continue_ = page.continue_;
  } while (!options.continue_.empty());
  return {};
}

// Of all Events only those that tell alone of what is wrong: an Ingress is not served, pods of what
// has no condition for it are refused.
Result<> AddEvents(Client& client, ClusterStatus& status) {
  constexpr std::pair<const char*, const char*> kTelling[] = {{"Ingress", "NotServed"},
                                                              {"Ingress", "PortTaken"},
                                                              {"StatefulSet", "FailedCreate"},
                                                              {"DaemonSet", "FailedCreate"},
                                                              {"Job", "FailedCreate"}};
  for (const auto& [kind, reason] : kTelling) {
    ListOptions options;
    options.field_selector = fmt::format("involvedObject.kind={},reason={}", kind, reason);
    TRY(AddAll<core_v1::Event>(client, status, options));
  }
  return {};
}

// What keeps a Service from being called, or "".
Result<std::string> Uncallable(Client& client, const ObjectKey& key) {
  const auto service = client.Get<core_v1::Service>(key);
  if (!service && service.error().reason == Reason::kNotFound) return "that is not there";
  if (!service) return Fail(service.error());
  if ((*service)->spec.type == "ExternalName") return "";
  ListOptions options{.namespace_ = key.namespace_,
                      .label_selector = "kubernetes.io/service-name=" + key.name};
  for (const auto& slice : TRY(client.List<discovery_v1::EndpointSlice>(options))) {
    for (const auto& endpoint : slice->endpoints) {
      if (endpoint.conditions.ready.value_or(true)) return "";
    }
  }
  return "without ready pods";
}

Result<> AddWebhooks(Client& client, ClusterStatus& status) {
  namespace registration = admissionregistration_v1;
  TRY(AddAll<registration::MutatingWebhookConfiguration>(client, status));
  TRY(AddAll<registration::ValidatingWebhookConfiguration>(client, status));
  TRY(AddAll<apiextensions_v1::CustomResourceDefinition>(client, status,
                                                         {.limit = kDefinitionsPage}));
  for (const ObjectKey& service : status.CalledServices()) {
    const std::string what = TRY(Uncallable(client, service));
    if (!what.empty()) status.AddUncallable(service, what);
  }
  return {};
}

Result<> AddObjects(Client& client, ClusterStatus& status) {
  TRY(AddAll<core_v1::Node>(client, status));
  TRY(AddAll<core_v1::Pod>(client, status));
  TRY(AddAll<core_v1::PersistentVolumeClaim>(client, status));
  TRY(AddEvents(client, status));
  TRY(AddAll<core_v1::Namespace>(client, status));
  TRY(AddAll<core_v1::PersistentVolume>(client, status));
  TRY(AddAll<core_v1::ReplicationController>(client, status));
  TRY(AddAll<apps_v1::Deployment>(client, status));
  TRY(AddAll<apps_v1::ReplicaSet>(client, status));
  TRY(AddAll<apps_v1::StatefulSet>(client, status));
  TRY(AddAll<apps_v1::DaemonSet>(client, status));
  TRY(AddAll<batch_v1::CronJob>(client, status));
  TRY(AddAll<batch_v1::Job>(client, status));
  TRY(AddAll<discovery_v1::EndpointSlice>(client, status));
  TRY(AddAll<core_v1::Service>(client, status));
  TRY(AddAll<networking_v1::IngressClass>(client, status));
  TRY(AddAll<networking_v1::Ingress>(client, status));
  TRY(AddAll<autoscaling_v2::HorizontalPodAutoscaler>(client, status));
  TRY(AddAll<policy_v1::PodDisruptionBudget>(client, status));
  TRY(AddAll<certificates_v1::CertificateSigningRequest>(client, status));
  TRY(AddAll<apiregistration_v1::APIService>(client, status));
  return AddWebhooks(client, status);
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
  return AddObjects(client, status);
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
  if (access(kubeconfig.c_str(), R_OK) != 0 && errno == EACCES) {
    std::printf(
        "Running: %s\nIt is another user's, who alone may ask it: sudo skiff status "
        "--data-dir=%s\n",
        Since(process, now).c_str(), options.data_dir.c_str());
    return 1;
  }
  const bool is_starting = IsStarting(options.data_dir);
  const auto asked = AskServer(kubeconfig, server, status);
  std::vector<std::vector<std::string>> rows;
  // Unknown until there is a kubeconfig, which a start writes.
  if (!server.server.empty()) rows.push_back({"  server", server.server});
  rows.push_back({"  kubeconfig", kubeconfig});
  LookAtDisk(options.data_dir, rows, status);
  for (const chaos::FaultOn& fault : chaos::FaultsOn()) {
    status.AddTrouble(fault.what, fault.command);
  }
  rows.push_back({"  log", LogOf(options.data_dir, process)});
  std::printf("Running: %s\n%s", Since(process, now).c_str(), InColumns(rows).c_str());
  if (!asked && is_starting) {
    const Duration age = now - StartOf(process).value_or(now);
    std::printf("\n%s\n", StartingText(age > kStartTimeout, asked.error().message,
                                       DataDirWords(options.data_dir))
                              .c_str());
    return 1;
  }
  if (!asked) {
    std::printf("\nIts server does not answer as it should: %s\nThe log may say why.\n",
                asked.error().message.c_str());
    return 1;
  }
  std::printf("%s", status.Text(cli::Colours(cli::OutputHasColours())).c_str());
  return 0;
}

// Where no process is at the directory: what would start one.
int TellOfNone(ClusterOptions options) {
  const std::string& data_dir = options.data_dir;
  const std::string where = DataDirWords(data_dir);
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
  if (!*goes_on) {
    std::printf("\nOf clusters whose nodes are containers of the Docker engine:\n\n%s",
                DockerStatusHelp().c_str());
    return 0;
  }
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
