// `compose down`, `ps` and `logs`: they find a project by its label, and need its name alone.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>

#include "cli/compose/command.h"
#include "cli/compose/parts.h"
#include "cli/compose/scalars.h"
#include "cli/delete.h"
#include "cli/json_text.h"
#include "cli/tab_writer.h"
#include "cli/terminal_text.h"
#include "cli/verbs.h"

namespace skiff::cli::compose {
namespace {

struct DownFlags {
  ProjectFlags project;
  bool volumes = false;
  bool dry_run = false;
  bool remove_orphans = false;
  Duration timeout = 300s;
};

Result<> DownAll(Command& command, const DownFlags& flags, Session& session,
                 const ProjectName& project) {
  DeleteFlags deletion;
  deletion.cascade = "foreground";
  std::vector<Found> going = TRY(FindObjects(session, project.name));
  std::erase_if(going, [&](const Found& found) {
    return (found.resource.kind == "PersistentVolumeClaim" && !flags.volumes) ||
           !At(found.object, "metadata", "ownerReferences").empty();
  });
  for (const Found& found : going) TRY(CheckFolder(project, found));
  std::vector<std::pair<Target, std::string>> deleted;
  for (const Found& found : going) {
    Target target{found.resource, found.key(), "", Json()};
    const auto answer = DeleteObject(session, target, deletion, flags.dry_run ? "All" : "");
    if (!answer && answer.error().reason == Reason::kNotFound) continue;
    if (!answer) {
      command.Report(answer.error());
      continue;
    }
    command.Print("{}/{} deleted{}\n", KindName(found.resource), target.key.name,
                  flags.dry_run ? " (server dry run)" : "");
    deleted.emplace_back(std::move(target), TextAt(found.object, "metadata", "uid"));
  }
  if (deleted.empty() && command.exit_code() == 0) {
    command.Print("No resources found of project {} in {} namespace.\n", project.name,
                  session.namespace_());
  }
  if (flags.dry_run) return {};
  for (const auto& [target, uid] : deleted) {
    const auto gone = WaitUntilGone(session, target, uid, flags.timeout);
    if (!gone) command.Report(gone.error());
  }
  return {};
}

// What the pods of a service are at: "Running", or what keeps the first that is not.
struct PodsState {
  int running = 0;
  int64_t restarts = 0;
  std::string trouble;
  std::string phase;
};

void Look(const Json& pod, PodsState& state) {
  const std::string phase = TextAt(pod, "status", "phase");
  if (phase == "Running") ++state.running;
  if (state.phase.empty()) state.phase = phase;
  // A step of `pre_start` that fails: all others only wait for it.
  for (const Json& step : At(pod, "status", "initContainerStatuses")) {
    const std::string reason = TextAt(step, "state", "waiting", "reason");
    const bool is_usual =
        reason.empty() || reason == "PodInitializing" || reason == "ContainerCreating";
    if (state.trouble.empty() && !is_usual) state.trouble = "Init:" + reason;
  }
  for (const Json& container : At(pod, "status", "containerStatuses")) {
    state.restarts += IntAt(container, "restartCount");
    const std::string reason = TextAt(container, "state", "waiting", "reason");
    if (state.trouble.empty() && reason != "ContainerCreating") state.trouble = reason;
  }
}

// How many of how many pods are ready.
std::string ReadyText(const Json& object) {
  const std::string kind = TextAt(object, "kind");
  const Json& status = At(object, "status");
  if (kind == "DaemonSet") {
    return fmt::format("{}/{}", IntAt(status, "numberReady"),
                       IntAt(status, "desiredNumberScheduled"));
  }
  if (kind == "Job") {
    return fmt::format("{}/{}", IntAt(status, "succeeded"),
                       IntOf(At(object, "spec", "completions"), 1));
  }
  return fmt::format("{}/{}", IntAt(status, "readyReplicas"),
                     IntOf(At(object, "spec", "replicas"), 1));
}

std::string StatusText(const Json& object, const PodsState& state) {
  for (const Json& condition : At(object, "status", "conditions")) {
    const std::string type = TextAt(condition, "type");
    if (TextAt(object, "kind") != "Job" || TextAt(condition, "status") != "True") continue;
    if (type == "Complete" || type == "Failed") return type == "Complete" ? "Completed" : type;
  }
  if (!state.trouble.empty()) return state.trouble;
  if (state.running > 0) return "Running";
  return state.phase.empty() ? "No pods" : state.phase;
}

// "203.0.113.7:8080->80/tcp"
std::string PublishedText(const Json& service) {
  std::vector<std::string> addresses;
  for (const Json& ingress : At(service, "status", "loadBalancer", "ingress")) {
    const std::string address = TextAt(ingress, "ip");
    addresses.push_back(address.empty() ? TextAt(ingress, "hostname") : address);
  }
  const std::string address = addresses.empty() ? "" : addresses[0] + ":";
  std::vector<std::string> texts;
  for (const Json& port : At(service, "spec", "ports")) {
    texts.push_back(fmt::format("{}{}->{}/{}", address, IntAt(port, "port"),
                                PlainText(At(port, "targetPort")),
                                Lower(TextAt(port, "protocol"))));
  }
  return Join(texts, ", ");
}

// Those of the nodes that its pods are on: "8083->80/tcp".
std::string HostPortsText(const Json& containers) {
  std::vector<std::string> texts;
  for (const Json& container : containers) {
    for (const Json& port : At(container, "ports")) {
      const int64_t of_host = IntAt(port, "hostPort");
      if (of_host == 0) continue;
      texts.push_back(fmt::format("{}->{}/{}", of_host, IntAt(port, "containerPort"),
                                  Lower(TextAt(port, "protocol"))));
    }
  }
  return Join(texts, ", ");
}

std::string ServiceLabel(const Json& object) {
  return TextAt(object, "metadata", "labels", kServiceLabel);
}

// A row of ps: what stands in its columns.
constexpr const char* kPsColumns[] = {"Service",  "Kind",  "Ready",    "Status",
                                      "Restarts", "Image", "Published"};
using PsRow = std::array<std::string, std::size(kPsColumns)>;

Result<std::vector<PsRow>> PsRows(Session& session, const std::string& project,
                                  const std::set<std::string>& services) {
  std::map<std::string, PodsState> states;
  for (const Found& pod : TRY(FindKind(session, "pods", project))) {
    Look(pod.object, states[ServiceLabel(pod.object)]);
  }
  std::map<std::string, std::string> published;
  std::map<std::string, Json> workloads;
  for (Found& found : TRY(FindObjects(session, project))) {
    const std::string service = ServiceLabel(found.object);
    if (!services.empty() && !services.contains(service)) continue;
    if (IsWorkload(found.resource)) workloads[service] = std::move(found.object);
    else if (found.resource.kind == "Service" &&
             NameOf(found.object) == ServiceName(service) + kPublished) {
      published[service] = PublishedText(found.object);
    }
  }
  std::vector<PsRow> rows;
  for (const auto& [service, object] : workloads) {
    const Json& containers = At(object, "spec", "template", "spec", "containers");
    std::string& ports = published[service];
    const std::string of_host = HostPortsText(containers);
    if (!of_host.empty()) ports += (ports.empty() ? "" : ", ") + of_host;
    rows.push_back({service, TextAt(object, "kind"), ReadyText(object),
                    StatusText(object, states[service]), std::to_string(states[service].restarts),
                    containers.empty() ? "" : TextAt(containers[0], "image"), ports});
  }
  return rows;
}

// What anybody may have written, as a cell of a row.
std::string CellText(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c == '\t' || c == '\n'; }, ' ');
  return WithoutControls(text);
}

std::string PsTable(const std::vector<PsRow>& rows) {
  TabWriter table = MakeTableWriter();
  table.Write("SERVICE\tKIND\tREADY\tSTATUS\tRESTARTS\tIMAGE\tPUBLISHED\n");
  for (const PsRow& row : rows) {
    std::vector<std::string> cells;
    for (const std::string& cell : row) cells.push_back(CellText(cell));
    table.Write(Join(cells, "\t") + "\n");
  }
  return table.Flush();
}

// A line each, as docker compose has it.
std::string PsLines(const std::vector<PsRow>& rows) {
  std::string lines;
  for (const PsRow& row : rows) {
    Json object = Json::object();
    for (size_t i = 0; i < row.size(); ++i) object[kPsColumns[i]] = row[i];
    lines += object.dump() + "\n";
  }
  return lines;
}

// The flags by which another verb asks the same server as the same user.
Args GlobalArgs(const GlobalFlags& flags) {
  const std::pair<const char*, const std::string*> kTexts[] = {
      {"kubeconfig", &flags.kubeconfig},
      {"context", &flags.context},
      {"cluster", &flags.cluster},
      {"user", &flags.user},
      {"namespace", &flags.namespace_},
      {"server", &flags.server},
      {"token", &flags.token},
      {"certificate-authority", &flags.certificate_authority},
      {"client-certificate", &flags.client_certificate},
      {"client-key", &flags.client_key},
      {"tls-server-name", &flags.tls_server_name},
      {"username", &flags.username},
      {"password", &flags.password},
      {"request-timeout", &flags.request_timeout},
      {"as", &flags.as},
      {"as-uid", &flags.as_uid}};
  Args args;
  for (const auto& [name, value] : kTexts) {
    if (!value->empty()) args.push_back(fmt::format("--{}={}", name, *value));
  }
  for (const std::string& group : flags.as_groups) args.push_back("--as-group=" + group);
  for (const std::string& extra : flags.as_user_extra) {
    args.push_back("--as-user-extra=" + extra);
  }
  if (flags.insecure_skip_tls_verify) args.emplace_back("--insecure-skip-tls-verify");
  return args;
}

// Docker's words for a service that neither runs nor stands in a file.
Result<> CheckServices(Session& session, const ProjectFlags& flags, const std::string& project) {
  if (flags.words.empty()) return {};
  std::set<std::string> known;
  for (const Found& found : TRY(FindObjects(session, project))) {
    known.insert(TextAt(found.object, "metadata", "labels", kServiceLabel));
  }
  for (const std::string& word : flags.words) {
    if (known.contains(LabelValue(word))) continue;
    const auto loaded = Load(flags.options, DiskFiles());
    if (loaded && loaded->root["services"].Find(word) != nullptr) continue;
    return PlainError("no such service: " + word);
  }
  return {};
}

}  // namespace

Result<> RunComposeDown(Command& command, const Args& args) {
  DownFlags flags;
  flags.project.AddTo(command);
  command.Flag("volumes,v", flags.volumes, "Remove the volumes too, and what is in them.");
  command.Flag("dry-run", flags.dry_run, "Only say what would be removed.");
  command.Flag("timeout", flags.timeout, "How long to wait until objects are gone.");
  command.Flag("remove-orphans", flags.remove_orphans,
               "Has no effect: what left the files goes anyway.");
  TRY(command.Parse(args));
  flags.project.Complete(command);
  TRY(flags.project.RefuseServices(command));
  const ProjectName project = TRY(LoadName(flags.project.options, DiskFiles()));
  return DownAll(command, flags, *TRY(command.session()), project);
}

Result<> RunComposePs(Command& command, const Args& args) {
  ProjectFlags flags;
  bool all = false;
  std::string format = "table";
  flags.AddTo(command);
  command.Flag("all,a", all, "Has no effect: what has ended is listed anyway.");
  command.Flag("format", format, "table, or json: a line for each service.");
  TRY(command.Parse(args));
  flags.Complete(command);
  if (format != "table" && format != "json") {
    return CliError(fmt::format("--format: \"{}\" is neither table nor json", format));
  }
  const std::string project = TRY(LoadName(flags.options, DiskFiles())).name;
  Session& session = *TRY(command.session());
  TRY(CheckServices(session, flags, project));
  std::set<std::string> services;
  for (const std::string& word : flags.words) services.insert(LabelValue(word));
  const auto rows = TRY(PsRows(session, project, services));
  if (rows.empty()) {
    command.Warn("No services found of project {} in {} namespace.\n", project,
                 session.namespace_());
  }
  if (format == "json") {
    command.Print("{}", PsLines(rows));
  } else if (!rows.empty()) {
    command.Print("{}", PsTable(rows));
  }
  return {};
}

Result<> RunComposeLogs(Command& command, const Args& args) {
  ProjectFlags flags;
  bool follow = false;
  bool timestamps = false;
  bool no_prefix = false;
  std::string tail = "all";
  std::string since;
  flags.AddTo(command, /*letter=*/false);
  command.Flag("follow,f", follow, "Stream the logs.");
  command.Flag("timestamps,t", timestamps, "Include timestamps on each line.");
  command.Flag("no-log-prefix", no_prefix, "Do not say in front of each line whose it is.");
  command.Flag("tail", tail, "Lines of recent log to display of each container.");
  command.Flag("since", since, "Only return logs newer than a relative duration.");
  TRY(command.Parse(args));
  flags.Complete(command);
  const std::string project = TRY(LoadName(flags.options, DiskFiles())).name;
  std::string selector = std::string(kProjectLabel) + "=" + ProjectLabelValue(project);
  if (!flags.words.empty()) {
    TRY(CheckServices(*TRY(command.session()), flags, project));
    std::vector<std::string> values;
    for (const std::string& word : flags.words) values.push_back(LabelValue(word));
    selector += fmt::format(",{} in ({})", kServiceLabel, Join(values, ","));
  }
  Args words = GlobalArgs(command.globals());
  // The verb's own -l shows ten lines unless it is told otherwise.
  words.push_back("--tail=" + (tail == "all" ? std::string("2147483647") : tail));
  words.push_back("--selector=" + selector);
  words.emplace_back("--max-log-requests=1000");
  // One that waits to start has none, and keeps nobody from those of the others.
  words.emplace_back("--ignore-errors");
  if (!no_prefix) words.emplace_back("--prefix");
  if (follow) words.emplace_back("--follow");
  if (timestamps) words.emplace_back("--timestamps");
  if (!since.empty()) words.push_back("--since=" + since);
  command.set_exit_code(RunVerb(command.environment(), {"logs", &RunLogs}, "logs", words));
  return {};
}

}  // namespace skiff::cli::compose
