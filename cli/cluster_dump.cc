// `cluster-info dump`: what one needs to look into a cluster's trouble elsewhere.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>

#include "cli/cluster_info.h"
#include "cli/json_text.h"
#include "cli/printers.h"
#include "cli/session.h"

namespace skiff::cli {
namespace {

namespace fs = std::filesystem;

struct DumpFlags {
  PrintFlags print;
  std::vector<std::string> namespaces;
  bool all_namespaces = false;
  std::string directory;
  Duration pod_running_timeout = 20s;
};

// Out of the folder that it is to be in. What namespaces and pods are called the server says.
bool LeadsOutOfDump(const fs::path& name) {
  return name.is_absolute() || std::find(name.begin(), name.end(), "..") != name.end();
}

// Writes pieces to files below a folder, or one after the other to the output.
class Dump {
 public:
  Dump(Command& command, std::string directory)
      : command_(command), directory_(std::move(directory)) {}
  Result<> Write(const std::string& name, const std::string& text) {
    return WriteBy(name, [&](const TakePiece& take) { take(text); });
  }
  // Of what `give` gives, piece by piece.
  Result<> WriteBy(const std::string& name, const std::function<void(const TakePiece&)>& give) {
    if (directory_.empty()) {
      give(command_.environment().out);
      return {};
    }
    if (LeadsOutOfDump(name)) {
      return CliError(fmt::format("{} is not in {}: nothing is written there", name, directory_));
    }
    const fs::path path = fs::path(directory_) / name;
    std::error_code code;
    fs::create_directories(path.parent_path(), code);
    std::ofstream file(path, std::ios::binary);
    give([&](std::string_view text) { file << text; });
    if (!file.flush()) return CliError(fmt::format("cannot write {}", path.string()));
    return {};
  }

 private:
  Command& command_;
  const std::string directory_;
};

Result<Json> ListOf(Session& session, const char* type, const std::string& namespace_) {
  const ServedKind kind = TRY(session.kinds().Find(type));
  Json list = TRY(session.api().Get(TRY(kind.resource.CollectionPath(namespace_)), Query()));
  DropManagedFields(list);
  return list;
}

// Logs may be long: none is ever held as a whole.
void DumpLogsOf(Session& session, const Json& pod, const TakePiece& take) {
  for (const char* list : {"initContainers", "containers"}) {
    for (const Json& container : At(pod, "spec", list)) {
      const std::string name = TextAt(container, "name");
      const std::string what =
          fmt::format("logs for container {} of pod {}/{}", name, NamespaceOf(pod), NameOf(pod));
      take(fmt::format("==== START {} ====\n", what));
      const auto log = session.api().GetPieces(
          fmt::format("/api/v1/namespaces/{}/pods/{}/log", NamespaceOf(pod), NameOf(pod)),
          {{"container", name}}, session.request_limit(), take);
      if (!log) take("Request log error: " + log.error().message + "\n");
      take(fmt::format("==== END {} ====\n", what));
    }
  }
}

Result<> DumpLogs(Session& session, Dump& dump, const Json& pods) {
  for (const Json& pod : At(pods, "items")) {
    TRY(dump.WriteBy(NamespaceOf(pod) + "/" + NameOf(pod) + "/logs.txt",
                     [&](const TakePiece& take) { DumpLogsOf(session, pod, take); }));
  }
  return {};
}

}  // namespace

Result<> RunClusterDump(Command& command, const Args& args) {
  DumpFlags flags;
  flags.print.output = "json";
  flags.print.AddTo(command);
  command.Flag("namespaces", flags.namespaces, "Namespaces to dump, besides kube-system.");
  command.Flag("all-namespaces,A", flags.all_namespaces, "Dump all namespaces.");
  command.Flag("output-directory", flags.directory, "Where to write; \"-\" is the output.");
  command.Flag("pod-running-timeout", flags.pod_running_timeout,
               "Has no effect here: logs are what there is of them.");
  TRY(command.Parse(args));
  if (flags.pod_running_timeout <= Duration(0)) {
    return CliError("--pod-running-timeout must be higher than zero");
  }
  if (flags.directory == "-") flags.directory.clear();
  Session& session = *TRY(command.session());
  Dump dump(command, flags.directory);
  const std::string extension = flags.print.output == "yaml" ? ".yaml" : ".json";
  const auto write = [&](const std::string& name, const Json& list) -> Result<> {
    const auto printer = TRY(MakeObjectPrinter(flags.print));
    const std::string text = TRY(printer->Print(list));
    return dump.Write(name + extension, text);
  };
  const Json nodes = TRY(ListOf(session, "nodes", ""));
  TRY(write("nodes", nodes));
  std::vector<std::string> namespaces = flags.namespaces;
  if (flags.all_namespaces) {
    namespaces.clear();
    const Json all = TRY(ListOf(session, "namespaces", ""));
    for (const Json& each : At(all, "items")) namespaces.push_back(NameOf(each));
  } else if (namespaces.empty()) {
    namespaces = {"kube-system", session.namespace_()};
  }
  for (const std::string& name : namespaces) {
    for (const char* type : {"events", "replicationcontrollers", "services", "daemonsets",
                             "deployments", "replicasets", "pods"}) {
      const Json list = TRY(ListOf(session, type, name));
      const bool hyphened = std::string_view(type) == "replicationcontrollers";  // As kubectl does.
      TRY(write(name + "/" + (hyphened ? "replication-controllers" : type), list));
    }
    const Json pods = TRY(ListOf(session, "pods", name));
    TRY(DumpLogs(session, dump, pods));
  }
  if (!flags.directory.empty()) command.Print("Cluster info dumped to {}\n", flags.directory);
  return {};
}

}  // namespace skiff::cli
