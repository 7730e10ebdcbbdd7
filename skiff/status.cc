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
#include "api/text/yaml.h"
#include "base/flags.h"
#include "base/program.h"
#include "base/shell_word.h"
#include "base/terminal.h"
#include "cli/json_text.h"
#include "client/client.h"
#include "client/kubeconfig.h"
#include "client/transport.h"
#include "skiff/chaos/program.h"
#include "skiff/cluster.h"
#include "skiff/cluster_choice.h"
#include "skiff/columns.h"
#include "skiff/daemon.h"
#include "skiff/docker_program.h"
#include "skiff/given_flags.h"
#include "skiff/host_facts.h"
#include "skiff/kubeconfig_entry.h"
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

// What is said to people, and the same as a document for programs (-o).
struct StatusTold {
  std::string text;
  Json document;
  int exit_code = 0;
};

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

Json ProcessDocument(const ProcessId& process) {
  Json document = {{"pid", process.pid}, {"residentBytes", ResidentOf(process)}};
  if (const auto begun = StartOf(process)) document["since"] = Time(*begun).Rfc3339();
  return document;
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

// Why a check of the server fails, as it says it where it is asked for that one alone.
std::string ReasonOf(Transport& transport, const std::string& check) {
  constexpr std::string_view kBefore = "internal server error: ";
  http::Request request;
  request.method = "GET";
  request.path = "/readyz/" + check;
  std::string said = transport.Send(std::move(request)).body;
  if (!said.starts_with(kBefore)) return "";  // It is well again, or nothing answers.
  said.erase(0, kBefore.size());
  return said.substr(0, said.find('\n'));
}

Result<> AskServer(const std::string& kubeconfig, HttpsOptions& server, ClusterStatus& status) {
  const auto wrong = [&](const Error& error) {
    return Fail(error.reason, fmt::format("{}: {}", kubeconfig, error.message));
  };
  const auto config = Kubeconfig::Load(kubeconfig);
  if (!config) return wrong(config.error());
  if (const auto checked = CheckCertificateData(*config); !checked) return wrong(checked.error());
  server = TRY(config->Options());
  server.request_timeout_ms = kAnswerTimeoutMs;
  const auto transport = TRY(MakeHttpsTransport(server));
  http::Request request;
  request.method = "GET";
  request.path = "/readyz";
  request.query = {{"verbose", "true"}};
  const http::Response health = transport->Send(request);
  status.AddHealth(health.body,
                   [&](const std::string& check) { return ReasonOf(*transport, check); });
  Client client(*transport, "skiff-status");
  return AddObjects(client, status);
}

void LookAtDisk(const std::string& data_dir, std::vector<std::vector<std::string>>& rows,
                ClusterStatus& status, Json& document) {
  std::error_code error;
  const fs::space_info space = fs::space(data_dir, error);
  const uint64_t store_bytes = BytesBelow(data_dir + "/store");
  rows.push_back(
      {"  data", fmt::format("{} (store {}; {} free on its disk)", data_dir, BytesText(store_bytes),
                             error ? "?" : BytesText(space.available))});
  document["storeBytes"] = store_bytes;
  if (!error) document["freeBytes"] = space.available;
  if (error || space.capacity == 0) return;
  const double free = static_cast<double>(space.available) / static_cast<double>(space.capacity);
  const double used = 1 - free;
  if (used >= kDiskFullAt) {
    status.AddTrouble(fmt::format("the disk of {} is {:.0f} % full", data_dir, 100 * used),
                      "skiff doctor");
  }
}

// What its server says, or why it says nothing.
StatusTold TellOfAnswer(const Result<>& asked, const ClusterStatus& status,
                        const ClusterOptions& options, const ProcessId& process, bool is_starting) {
  if (asked) {
    StatusTold told{status.Text(cli::Colours(cli::OutputHasColours()), TerminalWidth()),
                    status.Document()};
    told.document["state"] = "Running";
    return told;
  }
  const std::string& error = asked.error().message;
  if (is_starting) {
    const TimePoint now = SystemClock().Now();
    const Duration age = now - StartOf(process).value_or(now);
    return {"\n" + StartingText(age > kStartTimeout, error, DataDirWords(options.data_dir)) + "\n",
            {{"state", "Starting"}, {"error", error}},
            1};
  }
  return {"\nIts server does not answer as it should: " + error + "\nThe log may say why.\n",
          {{"state", "NotAnswering"}, {"error", error}},
          1};
}

StatusTold TellOfCluster(const ClusterOptions& options, const ProcessId& process) {
  const TimePoint now = SystemClock().Now();
  ClusterStatus status(now, StartOf(process).value_or(TimePoint{}));
  HttpsOptions server;
  const std::string kubeconfig = AdminKubeconfigPath(options);
  const std::string running = "Running: " + Since(process, now) + "\n";
  Json document = {{"dataDir", options.data_dir}, {"process", ProcessDocument(process)}};
  if (access(kubeconfig.c_str(), R_OK) != 0 && errno == EACCES) {
    document["state"] = "Running";
    document["error"] = "it is another user's, who alone may ask it";
    return {running + "It is another user's, who alone may ask it: sudo skiff status --data-dir=" +
                ShellWord(options.data_dir) + "\n",
            std::move(document), 1};
  }
  // Before it is asked: a start may come to its end meanwhile.
  const bool is_starting = IsStarting(options.data_dir);
  const auto asked = AskServer(kubeconfig, server, status);
  std::vector<std::vector<std::string>> rows;
  // Unknown until there is a kubeconfig, which a start writes.
  if (!server.server.empty()) {
    rows.push_back({"  server", server.server});
    document["server"] = server.server;
  }
  // What is proposed below would be asked of another cluster.
  const std::string how = DoVerbsMean(options.data_dir)
                              ? ""
                              : " (export KUBECONFIG=" + ShellWord(kubeconfig) +
                                    ", and kubectl's verbs mean this cluster)";
  rows.push_back({"  kubeconfig", kubeconfig + how});
  LookAtDisk(options.data_dir, rows, status, document);
  for (const chaos::FaultOn& fault : chaos::FaultsOn()) {
    status.AddTrouble(fault.what, fault.command);
  }
  rows.push_back({"  log", LogOf(options.data_dir, process)});
  document["kubeconfig"] = kubeconfig;
  document["log"] = LogOf(options.data_dir, process);
  StatusTold answer = TellOfAnswer(asked, status, options, process, is_starting);
  document.update(answer.document);
  return {running + InColumns(rows) + answer.text, std::move(document), answer.exit_code};
}

// Where no process is at the directory: what would start one.
StatusTold TellOfNone(const ClusterOptions& options) {
  const std::string& data_dir = options.data_dir;
  const std::string where = DataDirWords(data_dir);
  Json document = {{"dataDir", data_dir}, {"state", "Stopped"}};
  if (const auto node = LoadNodeIdentity(data_dir)) {
    document["node"] = node->node_name;
    document["server"] = node->server;
    return {fmt::format("Node {} of {} does not run: `skiff join{}` starts it.\n", node->node_name,
                        node->server, where),
            std::move(document), 1};
  }
  if (HasClusterMark(data_dir)) {
    return {StoppedText(data_dir) + "\n", std::move(document), 1};
  }
  document["state"] = "None";
  return {
      fmt::format("No cluster runs on {}: `skiff up{}` makes one. Of one elsewhere: skiff status "
                  "--data-dir=DIRECTORY, or --docker.\n",
                  data_dir, where),
      std::move(document), 1};
}

StatusTold TellOf(const ClusterOptions& options) {
  const auto running = RunningOn(options.data_dir);
  if (!running) return TellOfNone(options);
  const auto node = LoadNodeIdentity(options.data_dir);
  if (!node) return TellOfCluster(options, *running);
  const std::string log = LogOf(options.data_dir, *running);
  return {fmt::format("Running: node {} of {}, {}\n  log   {}\n", node->node_name, node->server,
                      Since(*running, SystemClock().Now()), log),
          {{"dataDir", options.data_dir},
           {"state", "Running"},
           {"node", node->node_name},
           {"server", node->server},
           {"process", ProcessDocument(*running)},
           {"log", log}}};
}

// -o is the one short flag, as the verbs have it: "-o json", "-o=json", "-ojson".
std::vector<std::string> WithLongOutput(std::vector<std::string> args) {
  for (std::string& arg : args) {
    if (!arg.starts_with("-o")) continue;
    const std::string value = arg.substr(arg.starts_with("-o=") ? 3 : 2);
    arg = value.empty() ? "--output" : "--output=" + value;
  }
  return args;
}

}  // namespace

int StatusMain(const std::vector<std::string>& args) {
  if (IsAboutDocker(args)) return DockerStatusMain(args);
  ClusterOptions options;
  KubeconfigWords words;
  std::string output;
  Flags flags("skiff status");
  AddDataDirFlag(flags, options);
  AddKubeconfigFlags(flags, words);
  flags.Add("output", output, "For programs: json or yaml, a document of the same (short: -o).");
  const auto goes_on = ParseOrHelp(flags, WithLongOutput(args));
  if (!goes_on) return Complain(goes_on.error().message);
  if (!*goes_on) {
    std::printf("\nOf clusters whose nodes are containers of the Docker engine:\n\n%s",
                DockerStatusHelp().c_str());
    return 0;
  }
  if (!output.empty() && output != "json" && output != "yaml") {
    return Complain("--output: it must be json or yaml");
  }
  if (options.data_dir.empty()) return Complain("--data-dir: it must not be empty");
  if (const auto chosen = ChooseDataDir(flags, words, "skiff status", options); !chosen) {
    return Complain(chosen.error().message);
  }
  MakePathsAbsolute(options);
  const StatusTold told = TellOf(options);
  const std::string text = output == "json"   ? cli::PrettyJson(told.document)
                           : output == "yaml" ? DumpYaml(told.document)
                                              : Wrapped(told.text, TerminalWidth());
  std::printf("%s", text.c_str());
  return told.exit_code;
}

}  // namespace skiff
