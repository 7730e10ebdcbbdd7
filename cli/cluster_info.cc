// What the server is and serves: version, cluster-info, api-versions, api-resources.
#include <algorithm>
#include <set>

#include "api/text/go_text.h"
#include "api/text/group_version.h"
#include "api/text/yaml.h"
#include "base/version.h"
#include "cli/cluster_info.h"
#include "cli/json_text.h"
#include "cli/printers.h"
#include "cli/session.h"
#include "cli/tab_writer.h"
#include "cli/verbs.h"
#include "cli/version_match.h"

namespace skiff::cli {
namespace {

constexpr char kKustomizeVersion[] = "v5.7.1";

// As the types of Go have the members, two spaces a level.
std::string VersionsText(const Json& versions) {
  constexpr size_t kStep = 2;
  return PrettyJson(versions,
                    {.first = {"clientVersion", "kustomizeVersion", "serverVersion", "major",
                               "minor", "emulationMajor", "emulationMinor", "minCompatibilityMajor",
                               "minCompatibilityMinor", "gitVersion", "gitCommit", "gitTreeState",
                               "buildDate", "goVersion", "compiler", "platform"},
                     .levels = 2},
                    kStep);
}

}  // namespace

Result<> RunVersion(Command& command, const Args& args) {
  bool client = false;
  std::string output;
  command.Flag("client", client, "Shows client version only.");
  command.Flag("output,o", output, "yaml or json.");
  TRY(command.Parse(args));
  if (!command.words().empty()) {
    return CliError(fmt::format("extra arguments: [{}]", Join(command.words(), " ")));
  }
  if (!output.empty() && output != "yaml" && output != "json") {
    return CliError("--output must be 'yaml' or 'json'");
  }
  Json all = {{"clientVersion", ClientVersion()}, {"kustomizeVersion", kKustomizeVersion}};
  Result<Json> server = Json();
  if (!client) {
    Session& session = *TRY(command.session());
    server = session.api().Get("/version", {});
    if (server) all["serverVersion"] = *server;
  }
  if (output == "json") {
    command.environment().out(VersionsText(all));
  } else if (output == "yaml") {
    command.environment().out(DumpYaml(all) + "\n");
  } else {
    command.Print("Client Version: {}\nKustomize Version: {}\n", kKubernetesRelease,
                  kKustomizeVersion);
    if (!client && server) command.Print("Server Version: {}\n", TextAt(*server, "gitVersion"));
  }
  if (!server) return Fail(server.error());
  return {};
}

Result<> RunClusterInfo(Command& command, const Args& args) {
  TRY(command.Parse(args));
  Session& session = *TRY(command.session());
  const ServedKind kind = TRY(session.kinds().Find("services"));
  ListOptions options;
  options.namespace_ = "kube-system";
  options.label_selector = "kubernetes.io/cluster-service=true";
  const JsonList services = TRY(session.api().List(kind.resource, options));
  const std::string& server = session.options().server;
  command.Print("Kubernetes control plane is running at {}\n", server);
  for (const Json& service : services.items) {
    const Json& labels = At(service, "metadata", "labels");
    std::string name = TextOf(At(labels, "kubernetes.io/name"));
    if (name.empty()) name = NameOf(service);
    const Json& ports = At(service, "spec", "ports");
    std::string port;
    if (ports.is_array() && !ports.empty()) port = ":" + TextAt(ports[0], "name");
    if (port == ":") port.clear();
    command.Print("{} is running at {}/api/v1/namespaces/kube-system/services/{}{}/proxy\n", name,
                  server, NameOf(service), port);
  }
  command.Print("\nTo further debug and diagnose cluster problems, use '{} cluster-info dump'.\n",
                command.environment().program);
  return {};
}

int ClusterInfoMain(Environment& environment, const Args& args) {
  constexpr Verb kVerbs[] = {{"dump", &RunClusterDump}};
  const size_t at = FirstWord(args);
  if (at < args.size() && args[at] == "dump") {
    return RunFamily(environment, "cluster-info", kVerbs, std::size(kVerbs), args);
  }
  return RunVerb(environment, {"cluster-info", &RunClusterInfo}, "cluster-info", args);
}

Result<> RunApiVersions(Command& command, const Args& args) {
  TRY(command.Parse(args));
  TRY(command.ExpectNoWords());
  Session& session = *TRY(command.session());
  std::vector<std::string> versions;
  const Json core = TRY(session.api().Get("/api", {}));
  for (const std::string& version : TextsAt(core, "versions")) versions.push_back(version);
  const Json groups = TRY(session.api().Get("/apis", {}));
  for (const Json& group : At(groups, "groups")) {
    for (const Json& version : At(group, "versions")) {
      versions.push_back(TextAt(version, "groupVersion"));
    }
  }
  std::sort(versions.begin(), versions.end());
  for (const std::string& version : versions) command.Print("{}\n", version);
  return {};
}

namespace {

constexpr std::string_view kResourceForms[] = {"", "json", "kyaml", "name", "wide", "yaml"};

bool HasAll(const std::vector<std::string>& have, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& each) {
    return std::find(have.begin(), have.end(), each) != have.end();
  });
}

// The kind as discovery lists it, with its group and version.
Json ListedKind(const ServedKind& kind) {
  const std::string& api_version = kind.resource.api_version;
  Json listed = {{"kind", kind.resource.kind},
                 {"name", kind.resource.name},
                 {"namespaced", kind.resource.namespaced},
                 {"singularName", kind.singular},
                 {"verbs", kind.verbs},
                 {"version", VersionPart(api_version)}};
  if (const std::string group = kind.resource.Group(); !group.empty()) listed["group"] = group;
  if (!kind.short_names.empty()) listed["shortNames"] = kind.short_names;
  if (!kind.categories.empty()) listed["categories"] = kind.categories;
  return listed;
}

Result<> PrintListed(Command& command, const std::string& output,
                     const std::vector<ServedKind>& kinds) {
  Json list = {{"apiVersion", "v1"},
               {"groupVersion", ""},
               {"kind", "APIResourceList"},
               {"resources", Json::array()}};
  for (const ServedKind& kind : kinds) list["resources"].push_back(ListedKind(kind));
  PrintFlags flags;
  flags.output = output;
  const auto printer = TRY(MakeObjectPrinter(flags));
  const std::string text = TRY(printer->Print(list));
  command.environment().out(text);
  return {};
}

std::string TableOfKinds(const std::vector<ServedKind>& kinds, const std::string& output,
                         bool headers) {
  TabWriter table = MakeTableWriter();
  const bool wide = output == "wide";
  if (headers && output != "name") {
    table.Write(wide ? "NAME\tSHORTNAMES\tAPIVERSION\tNAMESPACED\tKIND\tVERBS\tCATEGORIES\n"
                     : "NAME\tSHORTNAMES\tAPIVERSION\tNAMESPACED\tKIND\n");
  }
  for (const ServedKind& kind : kinds) {
    if (output == "name") {
      table.Write(kind.FullName() + "\n");
      continue;
    }
    table.Write(fmt::format("{}\t{}\t{}\t{}\t{}", kind.resource.name, Join(kind.short_names, ","),
                            kind.resource.api_version, kind.resource.namespaced,
                            kind.resource.kind));
    if (wide) table.Write("\t" + Join(kind.verbs, ",") + "\t" + Join(kind.categories, ","));
    table.Write("\n");
  }
  return table.Flush();
}

}  // namespace

Result<> RunApiResources(Command& command, const Args& args) {
  std::string output;
  std::string group;
  std::string sort_by;
  bool namespaced = true;
  bool no_headers = false;
  bool cached = false;
  bool show_managed_fields = false;
  std::vector<std::string> verbs;
  std::vector<std::string> categories;
  command.Flag("output,o", output, "json, kyaml, name, wide or yaml.");
  command.Flag("api-group", group, "Limit to resources in this API group.");
  command.Flag("sort-by", sort_by, "name or kind.");
  command.Flag("namespaced", namespaced, "Only resources that live in namespaces, or only others.");
  command.Flag("no-headers", no_headers, "Do not print headers.");
  command.Flag("cached", cached, "Has no effect here: nothing is cached.");
  command.Flag("show-managed-fields", show_managed_fields, "Has no effect here: kinds have none.");
  command.Flag("verbs", verbs, "Limit to resources that support these verbs.");
  command.Flag("categories", categories, "Limit to resources of these categories.");
  TRY(command.Parse(args));
  TRY(command.ExpectNoWords());
  if (std::find(std::begin(kResourceForms), std::end(kResourceForms), output) ==
      std::end(kResourceForms)) {
    return CliError(
        fmt::format("unable to match a printer suitable for the output format {}, allowed formats "
                    "are: json,kyaml,name,wide,yaml",
                    GoQuote(output)));
  }
  if (!sort_by.empty() && sort_by != "name" && sort_by != "kind") {
    return CliError("--sort-by accepts only name or kind");
  }
  Session& session = *TRY(command.session());
  auto kinds = TRY(session.kinds().Discover());
  std::stable_sort(kinds.begin(), kinds.end(), [&](const ServedKind& a, const ServedKind& b) {
    if (sort_by == "name") return a.resource.name < b.resource.name;
    if (sort_by == "kind") return a.resource.kind < b.resource.kind;
    if (a.resource.Group() != b.resource.Group()) return a.resource.Group() < b.resource.Group();
    return a.resource.name < b.resource.name;
  });
  std::set<std::string> seen;
  std::erase_if(kinds, [&](const ServedKind& kind) {
    // Discovery lists the preferred version of a resource first; the others are not shown.
    return !seen.insert(kind.FullName()).second ||
           (command.Given("namespaced") && kind.resource.namespaced != namespaced) ||
           (command.Given("api-group") && kind.resource.Group() != group) ||
           !HasAll(kind.verbs, verbs) || !HasAll(kind.categories, categories);
  });
  if (output == "json" || output == "kyaml" || output == "yaml") {
    TRY(PrintListed(command, output, kinds));
  } else {
    command.environment().out(TableOfKinds(kinds, output, !no_headers));
  }
  std::vector<std::string> unlisted;
  for (const auto& [version, why] : session.kinds().unlisted()) {
    unlisted.push_back(version + ": " + why);
  }
  if (unlisted.empty()) return {};
  return CliError("unable to retrieve the complete list of server APIs: " + Join(unlisted, ", "));
}

}  // namespace skiff::cli
