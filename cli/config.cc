// `config`: reading and changing kubeconfig files.
#include <array>
#include <filesystem>
#include <string_view>

#include "cli/config_files.h"
#include "cli/config_types.h"
#include "cli/json_text.h"
#include "cli/printers.h"
#include "cli/session.h"
#include "cli/tab_writer.h"
#include "cli/verbs.h"

namespace skiff::cli {
namespace {

namespace fs = std::filesystem;

// As the types of client-go have them; no two of them have the same two in another order.
constexpr std::array<std::string_view, 37> kConfigMembers = {
    "kind", "command", "args", "env", "apiVersion", "installHint", "provideClusterInfo",
    "interactiveMode", "preferences", "name", "cluster", "user", "namespace", "clusters", "users",
    "contexts", "context", "current-context", "server", "tls-server-name",
    "insecure-skip-tls-verify", "certificate-authority", "certificate-authority-data", "proxy-url",
    "disable-compression", "client-certificate", "client-certificate-data", "client-key",
    "client-key-data", "token", "tokenFile", "as", "as-uid", "as-groups", "as-user-extra",
    "username", "password"};

void Hide(Json& document) {
  for (Json& entry : document["users"]) {
    Json& user = entry["user"];
    for (const char* secret : {"token", "password"}) {
      if (!At(user, secret).is_null()) user[secret] = "REDACTED";
    }
    for (const char* data : {"client-certificate-data", "client-key-data"}) {
      if (!At(user, data).is_null()) user[data] = "DATA+OMITTED";
    }
  }
  for (Json& entry : document["clusters"]) {
    Json& cluster = entry["cluster"];
    const char* data = "certificate-authority-data";
    if (!At(cluster, data).is_null()) cluster[data] = "DATA+OMITTED";
  }
}

// The path of a file that an entry names: from the folder of the kubeconfig that has the entry.
std::string PathFrom(std::vector<ConfigFile>& files, const char* list, const std::string& name,
                     const std::string& path) {
  for (ConfigFile& file : files) {
    if (!FindConfigEntry(file.document, list, name)) continue;
    std::error_code code;
    const fs::path whole = fs::absolute(file.path, code);
    return code ? path : (whole.parent_path() / path).lexically_normal().string();
  }
  return path;
}

// Names of files become what is in these.
Result<> Flatten(std::vector<ConfigFile>& files, Json& document) {
  constexpr struct {
    const char* list;
    const char* inner;
    const char* field;
  } kFiles[] = {{"clusters", "cluster", "certificate-authority"},
                {"users", "user", "client-certificate"},
                {"users", "user", "client-key"}};
  for (const auto& [list, inner, field] : kFiles) {
    for (Json& entry : document[list]) {
      const std::string path = TextAt(entry, inner, field);
      if (path.empty()) continue;
      Json changes = Json::object();
      const std::string from = PathFrom(files, list, TextAt(entry, "name"), path);
      TRY(PutConfigFile(from, /*embed=*/true, field, changes));
      entry[inner].merge_patch(changes);
    }
  }
  return {};
}

// Keeps what the current context names.
Result<> Minify(Command& command, Json& document) {
  const std::string& flag = command.globals().context;
  const std::string name = flag.empty() ? TextAt(document, "current-context") : flag;
  const Json* context = FindConfigEntry(document, "contexts", name);
  if (!context) return CliError("cannot locate context " + name);
  const Json kept = *context;
  const std::string cluster = TextAt(kept, "context", "cluster");
  const std::string user = TextAt(kept, "context", "user");
  const Json* cluster_entry = FindConfigEntry(document, "clusters", cluster);
  const Json* user_entry = FindConfigEntry(document, "users", user);
  const Json clusters = cluster_entry ? Json::array({*cluster_entry}) : Json();
  const Json users = user_entry ? Json::array({*user_entry}) : Json();
  document["contexts"] = Json::array({kept});
  document["clusters"] = clusters;
  document["users"] = users;
  document["current-context"] = name;
  return {};
}

Result<> RunView(Command& command, const Args& args) {
  PrintFlags print;
  bool raw = false;
  bool minify = false;
  bool flatten = false;
  bool merge = true;
  print.output = "yaml";
  print.AddTo(command);
  command.Flag("raw", raw, "Display raw byte data and secrets.");
  command.Flag("minify", minify, "Only what the current context uses.");
  command.Flag("flatten", flatten,
               "Put what files hold in the place of their names; secrets are shown.");
  command.Flag("merge", merge, "Show all files as one.");
  TRY(command.Parse(args));
  TRY(command.ExpectNoWords());
  if (!merge && command.globals().kubeconfig.empty()) {
    return CliError("if merge==false a precise file must be specified");
  }
  auto files = TRY(LoadConfigFiles(command));
  Json document = MergedConfig(files);
  document = AsConfigTypes(document);
  if (minify) TRY(Minify(command, document));
  if (flatten) TRY(Flatten(files, document));
  // What is flattened is to be used elsewhere: kubectl hides nothing of it either.
  if (!raw && !flatten) Hide(document);
  print.json_order = {.first = {kConfigMembers.begin(), kConfigMembers.end()}, .levels = 8};
  const auto printer = TRY(MakeObjectPrinter(print));
  const std::string text = TRY(printer->Print(document));
  command.environment().out(text);
  return {};
}

Result<> RunGetContexts(Command& command, const Args& args) {
  std::string output;
  bool no_headers = false;
  command.Flag("output,o", output, "Output format: name.");
  command.Flag("no-headers", no_headers, "Do not print headers.");
  TRY(command.Parse(args));
  if (!output.empty() && output != "name") {
    return CliError(
        fmt::format("--output {} is not available in {} config get-contexts; "
                    "resetting to default output format",
                    output, command.environment().program));
  }
  const auto files = TRY(LoadConfigFiles(command));
  const Json document = MergedConfig(files);
  const std::string current = TextAt(document, "current-context");
  TabWriter table = MakeTableWriter();
  if (!no_headers && output.empty()) {
    table.Write("CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE\n");
  }
  std::map<std::string, Json> contexts;
  for (const Json& entry : At(document, "contexts")) {
    contexts[TextAt(entry, "name")] = At(entry, "context");
  }
  const Args& words = command.words();
  for (const std::string& word : words) {
    if (contexts.contains(word)) continue;
    command.Report(CliError(fmt::format("context {} not found", word)).value());
  }
  for (const auto& [name, context] : contexts) {
    if (!words.empty() && std::find(words.begin(), words.end(), name) == words.end()) continue;
    if (output == "name") {
      command.Print("{}\n", name);
      continue;
    }
    table.Write(fmt::format("{}\t{}\t{}\t{}\t{}\n", name == current ? "*" : "", name,
                            TextAt(context, "cluster"), TextAt(context, "user"),
                            TextAt(context, "namespace")));
  }
  if (output != "name") command.environment().out(table.Flush());
  return {};
}

Result<> PrintNames(Command& command, const Args& args, const char* list) {
  TRY(command.Parse(args));
  const auto files = TRY(LoadConfigFiles(command));
  const Json document = MergedConfig(files);
  command.Print("NAME\n");
  for (const Json& entry : At(document, list)) command.Print("{}\n", TextAt(entry, "name"));
  return {};
}
Result<> RunGetClusters(Command& command, const Args& args) {
  return PrintNames(command, args, "clusters");
}
Result<> RunGetUsers(Command& command, const Args& args) {
  return PrintNames(command, args, "users");
}

Result<> RunCurrentContext(Command& command, const Args& args) {
  TRY(command.Parse(args));
  const auto files = TRY(LoadConfigFiles(command));
  const std::string current = TextAt(MergedConfig(files), "current-context");
  if (current.empty()) return CliError("current-context is not set");
  command.Print("{}\n", current);
  return {};
}

Result<> RunUseContext(Command& command, const Args& args) {
  const std::string name = TRY(OneConfigName(command, args, "context"));
  if (name.empty()) return CliError("empty context names are not allowed");
  const auto lock = TRY(LockConfigFiles(command));
  auto files = TRY(LoadConfigFiles(command));
  Json merged = MergedConfig(files);
  if (!FindConfigEntry(merged, "contexts", name)) {
    return CliError(fmt::format("no context exists with the name: \"{}\"", name));
  }
  ConfigFile* const telling = FileOfCurrentContext(files);
  ConfigFile& chosen = telling ? *telling : files.front();
  chosen.document["current-context"] = name;
  TRY(SaveConfig(chosen));
  command.Print("Switched to context \"{}\".\n", name);
  return {};
}

Result<> RunSetContext(Command& command, const Args& args) {
  bool current = false;
  command.TellToo({"cluster", "namespace", "user"});
  command.Flag("current", current, "Modify the current context.");
  TRY(command.Parse(args));
  std::string name = command.words().empty() ? "" : command.words()[0];
  if (command.words().size() > 1) {
    return command.UsageError(fmt::format("Unexpected args: [{}]", Join(command.words(), " ")));
  }
  if (current && !name.empty()) {
    return CliError("you cannot specify both a context name and --current");
  }
  if (current) {
    const auto files = TRY(LoadConfigFiles(command));
    name = TextAt(MergedConfig(files), "current-context");
    if (name.empty()) return CliError("no current context is set");
  }
  if (name.empty()) {
    return CliError("you must specify a non-empty context name or --current");
  }
  Json changes = Json::object();
  const GlobalFlags& flags = command.globals();
  if (command.Given("cluster")) changes["cluster"] = flags.cluster;
  if (command.Given("user")) changes["user"] = flags.user;
  if (command.Given("namespace")) changes["namespace"] = flags.namespace_;
  const bool present = TRY(ChangeConfigEntry(command, "contexts", "context", name, changes));
  command.Print("Context \"{}\" {}.\n", name, present ? "modified" : "created");
  return {};
}

Result<> RunSetCluster(Command& command, const Args& args) {
  bool embed = false;
  std::string proxy_url;
  std::string server;  // A flag of its own, which has no letter here.
  command.TellToo({"certificate-authority", "insecure-skip-tls-verify", "tls-server-name"});
  command.Flag("server", server, "The address and port of the cluster's API server.");
  command.Flag("embed-certs", embed, "Embed the certificate authority.");
  command.Flag("proxy-url", proxy_url, "The proxy that the cluster is reached by.");
  const std::string name = TRY(OneConfigName(command, args, "cluster"));
  if (name.empty()) return CliError("you must specify a non-empty cluster name");
  const GlobalFlags& flags = command.globals();
  if (flags.insecure_skip_tls_verify && !flags.certificate_authority.empty()) {
    return CliError("you cannot specify a certificate authority and insecure mode at the same time");
  }
  if (embed && flags.certificate_authority.empty()) {
    return CliError("you must specify a --certificate-authority to embed");
  }
  Json changes = Json::object();
  if (!server.empty()) changes["server"] = server;
  if (!flags.tls_server_name.empty()) changes["tls-server-name"] = flags.tls_server_name;
  if (command.Given("insecure-skip-tls-verify")) {
    // Where nothing is verified there is nothing to verify by, and the other way round.
    changes["insecure-skip-tls-verify"] = flags.insecure_skip_tls_verify ? Json(true) : Json();
    if (flags.insecure_skip_tls_verify) {
      changes["certificate-authority"] = nullptr;
      changes["certificate-authority-data"] = nullptr;
    }
  }
  if (!flags.certificate_authority.empty()) changes["insecure-skip-tls-verify"] = nullptr;
  if (command.Given("proxy-url")) {
    changes["proxy-url"] = proxy_url.empty() ? Json() : Json(proxy_url);
  }
  TRY(PutConfigFile(flags.certificate_authority, embed, "certificate-authority", changes));
  TRY(ChangeConfigEntry(command, "clusters", "cluster", name, changes,
                        ConfigPaths::kBesideTheFile));
  command.Print("Cluster \"{}\" set.\n", name);
  return {};
}

Result<> DeleteEntry(Command& command, const Args& args, const char* list, const char* what) {
  const std::string name = TRY(OneConfigName(command, args, what));
  ConfigFile file = TRY(ConfigFileFor(command, list, name));
  Json* entry = FindConfigEntry(file.document, list, name);
  if (!entry) {
    return CliError(fmt::format("cannot delete {} {}, not in {}", what, name, file.path));
  }
  // Another file may say which context is the current one.
  const auto files = TRY(LoadConfigFiles(command));
  const std::string current = TextAt(MergedConfig(files), "current-context");
  Json& entries = file.document[list];
  entries.erase(entries.begin() + (entry - &entries[0]));
  TRY(SaveConfig(file));
  if (std::string_view(what) == "context" && current == name) {
    command.Warn(
        "warning: this removed your active context, use \"{} config use-context\" "
        "to select a different one\n",
        command.environment().program);
  }
  command.Print("deleted {} {} from {}\n", what, name, file.path);
  return {};
}
Result<> RunDeleteContext(Command& command, const Args& args) {
  return DeleteEntry(command, args, "contexts", "context");
}
Result<> RunDeleteCluster(Command& command, const Args& args) {
  return DeleteEntry(command, args, "clusters", "cluster");
}
Result<> RunDeleteUser(Command& command, const Args& args) {
  return DeleteEntry(command, args, "users", "user");
}

constexpr Verb kConfigVerbs[] = {
    {"current-context", &RunCurrentContext},
    {"delete-cluster", &RunDeleteCluster},
    {"delete-context", &RunDeleteContext},
    {"delete-user", &RunDeleteUser},
    {"get-clusters", &RunGetClusters},
    {"get-contexts", &RunGetContexts},
    {"get-users", &RunGetUsers},
    {"rename-context", &RunConfigRenameContext},
    {"set", &RunConfigSet},
    {"set-cluster", &RunSetCluster},
    {"set-context", &RunSetContext},
    {"set-credentials", &RunConfigSetCredentials},
    {"unset", &RunConfigUnset},
    {"use-context", &RunUseContext},
    {"use", &RunUseContext},
    {"view", &RunView},
};

}  // namespace

int ConfigMain(Environment& environment, const Args& args) {
  return RunFamily(environment, "config", kConfigVerbs, std::size(kConfigVerbs), args);
}

}  // namespace skiff::cli
