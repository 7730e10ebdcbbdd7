// `apply view-last-applied` and `apply set-last-applied`: the annotation that client-side apply
// compares with.
#include "api/codec/json.h"
#include "api/text/yaml.h"
#include "cli/json_text.h"
#include "cli/session.h"
#include "cli/verbs.h"
#include "cli/writing.h"

namespace skiff::cli {

Result<> RunViewLastApplied(Command& command, const Args& args) {
  FileFlags files;
  SelectorFlags selectors;
  std::string output = "yaml";
  files.AddTo(command);
  command.Flag("selector,l", selectors.labels, "Selector (label query) to filter on.");
  command.Flag("all", selectors.all, "All objects of the named kinds.");
  command.Flag("output,o", output, "yaml or json.");
  TRY(command.Parse(args));
  if (output != "yaml" && output != "json") {
    return command.UsageError(fmt::format(
        "Unexpected -o output mode: {}, the flag 'output' must be one of yaml|json", output));
  }
  const auto targets =
      TRY(FindTargets(command, command.words(), {.files = &files, .selectors = selectors}));
  if (command.exit_code() != 0) return {};  // All of them are there, or none is shown.
  std::string shown;
  for (const Target& target : targets) {
    const std::string text = TextAt(target.object, "metadata", "annotations", kLastApplied);
    if (text.empty() && target.source.empty()) continue;  // kubectl says nothing of it, either.
    if (text.empty()) {
      return CliError(fmt::format(
          "error when no last-applied-configuration annotation found on resource: {}\n {}: <nil>",
          target.key.name, GoQuote(target.source)));
    }
    const auto document = ParseJson(text);
    if (!document) return CliError(document.error().message);
    constexpr size_t kStep = 2;
    shown += output == "json" ? PrettyJson(*document, {}, kStep) : DumpYaml(*document);
  }
  command.environment().out(shown);
  return {};
}

Result<> RunSetLastApplied(Command& command, const Args& args) {
  WriteFlags flags{.takes_manager = false};
  FileFlags files{.takes_kustomize = false, .takes_recursive = false};
  bool create = false;
  flags.AddTo(command, "kubectl-client-side-apply", false);
  files.AddTo(command);
  command.Flag("create-annotation", create, "Create the annotation where it is missing.");
  TRY(command.Parse(args));
  TRY(flags.Check());
  if (files.empty()) return NothingNamed();
  const auto objects = TRY(ReadManifests(command, files));
  Session& session = *TRY(command.session());
  for (const ManifestObject& object : objects) {
    const Json live = TRY(session.api().Get(object.kind.resource, object.key));
    const std::string present = TextAt(live, "metadata", "annotations", kLastApplied);
    if (present.empty() && !create) {
      return CliError(fmt::format(
          "no last-applied-configuration annotation found on resource: {}, to create the "
          "annotation, run the command with --create-annotation",
          object.key.name));
    }
    const std::string wanted = SetLastAppliedText(object.object);
    if (wanted == present) {
      command.Print("set-last-applied {}: no changes required.\n", object.key.name);
      continue;
    }
    Json result = live;
    if (!flags.dry_run.client()) {
      WriteOptions options = TRY(flags.Options());
      options.field_validation.clear();
      const Json patch = {{"metadata", {{"annotations", {{kLastApplied, wanted}}}}}};
      result = TRY(
          session.api().Patch(object.kind.resource, object.key, PatchType::kMerge, patch, options));
    }
    TRY(PrintWritten(command, flags, result, object.kind.resource, "configured"));
  }
  return {};
}

}  // namespace skiff::cli
