// `kustomize DIR`: prints what a kustomization comes to.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/text.h"
#include "cli/json_text.h"
#include "cli/kustomize/build.h"
#include "cli/kustomize/resource.h"
#include "cli/verbs.h"

namespace skiff::cli {
namespace {

struct KustomizeFlags {
  std::string load_restrictor = "LoadRestrictionsRootOnly";
  std::string output;
  std::string reorder;
  bool enable_managedby_label = false;
  bool enable_helm = false;
  bool enable_alpha_plugins = false;
  bool network = false;
  bool as_current_user = false;
  bool helm_debug = false;
  std::string helm_command = "helm";
  std::string helm_kube_version;
  std::string network_name = "bridge";
  std::vector<std::string> helm_api_versions;
  std::vector<std::string> env;
  std::vector<std::string> mount;

  void AddTo(Command& command) {
    command.Flag("load-restrictor", load_restrictor,
                 "LoadRestrictionsNone lets kustomizations read files outside of their directory.");
    command.Flag("output,o", output,
                 "Write there instead of to standard output: a file, or a folder for one file an "
                 "object.");
    command.Flag("reorder", reorder,
                 "legacy or none, where a kustomization has no sortOptions; deprecated.");
    command.Flag("enable-managedby-label", enable_managedby_label,
                 "As buildMetadata: [managedByLabel]; deprecated.");
    command.Deprecate("reorder", "use the new 'sortOptions' field in kustomization.yaml instead.");
    command.Deprecate("enable-managedby-label",
                      "The flag `enable-managedby-label` has been deprecated. Use the "
                      "`managedByLabel` option in the `buildMetadata` field instead.");
    command.Flag("enable-helm", enable_helm, "Refused: charts are not inflated here.");
    command.Flag("enable-alpha-plugins", enable_alpha_plugins, "Refused: no plugins are run here.");
    command.Flag("network", network, "Has no effect: no functions are run in containers.");
    command.Flag("network-name", network_name, "Has no effect, as with --network.");
    command.Flag("as-current-user", as_current_user, "Has no effect, as with --network.");
    command.Flag("env,e", env, "Has no effect, as with --network.");
    command.Flag("mount", mount, "Has no effect, as with --network.");
    command.Flag("helm-command", helm_command, "Has no effect, as helm is not run.");
    command.Flag("helm-api-versions", helm_api_versions, "Has no effect, as helm is not run.");
    command.Flag("helm-kube-version", helm_kube_version, "Has no effect, as helm is not run.");
    command.Flag("helm-debug", helm_debug, "Has no effect, as helm is not run.");
  }

  Result<> Check(Command& command) const {
    constexpr std::string_view kLegal[] = {"LoadRestrictionsRootOnly", "LoadRestrictionsNone",
                                           "rootOnly", "none"};
    if (std::find(std::begin(kLegal), std::end(kLegal), load_restrictor) == std::end(kLegal)) {
      return CliError(
          fmt::format("illegal flag value --load-restrictor {}; legal values: "
                      "[LoadRestrictionsRootOnly LoadRestrictionsNone]",
                      load_restrictor));
    }
    if (command.Given("reorder") && reorder != "legacy" && reorder != "none") {
      return CliError(
          fmt::format("illegal flag value --reorder {}; legal values: [legacy none]", reorder));
    }
    if (enable_helm) {
      return CliError("--enable-helm is not supported: charts are not inflated here");
    }
    if (enable_alpha_plugins) {
      return CliError("--enable-alpha-plugins is not supported: no plugins are run here");
    }
    return {};
  }
};

Result<> WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  if (!(file << text).flush()) return CliError("cannot write " + path);
  return {};
}

// A file each: apps_v1_deployment_web.yaml, with the namespace in front where there are several.
Result<> WriteEach(const std::string& folder, const std::vector<Json>& objects) {
  using kustomize::Gvk;
  using kustomize::ResourceId;
  std::set<std::string> namespaces;
  std::vector<ResourceId> ids;
  for (const Json& object : objects) {
    ResourceId id{kustomize::GvkOf(object), NameOf(object), NamespaceOf(object)};
    id.cluster_scoped = kustomize::IsClusterKind(id.gvk);
    if (!id.cluster_scoped) namespaces.insert(id.EffectiveNamespace());
    ids.push_back(std::move(id));
  }
  for (size_t i = 0; i < objects.size(); ++i) {
    const ResourceId& id = ids[i];
    std::string name;
    if (namespaces.size() > 1 && !id.cluster_scoped) name += id.EffectiveNamespace() + "_";
    for (const std::string& part : {id.gvk.group, id.gvk.version, id.gvk.kind, id.name}) {
      if (!part.empty()) name += part + "_";
    }
    name.pop_back();
    // Whoever wrote the name may have meant another place.
    for (char& c : name) c = c == '/' ? '_' : Lower(c);
    TRY(WriteFile(std::filesystem::path(folder) / (name + ".yaml"),
                  kustomize::YamlOf({objects[i]})));
  }
  return {};
}

}  // namespace

Result<> RunKustomize(Command& command, const Args& args) {
  KustomizeFlags flags;
  flags.AddTo(command);
  TRY(command.Parse(args));
  TRY(flags.Check(command));
  if (command.words().size() > 1) return CliError("specify one path to kustomization.yaml");
  const std::string directory = command.words().empty() ? "." : command.words()[0];
  const bool anywhere =
      flags.load_restrictor == "LoadRestrictionsNone" || flags.load_restrictor == "none";
  std::vector<std::string> warnings;
  const auto objects = kustomize::Build(directory,
                                        {.anywhere = anywhere,
                                         .says_managed = flags.enable_managedby_label,
                                         .keeps_order = flags.reorder == "none"},
                                        warnings);
  for (const std::string& warning : warnings) command.Warn("{}\n", warning);
  if (!objects) return Fail(objects.error());
  const std::string text = kustomize::YamlOf(*objects);
  if (flags.output.empty()) {
    command.environment().out(text);
    return {};
  }
  std::error_code unseen;
  if (std::filesystem::is_directory(flags.output, unseen)) return WriteEach(flags.output, *objects);
  return WriteFile(flags.output, text);
}

}  // namespace skiff::cli
