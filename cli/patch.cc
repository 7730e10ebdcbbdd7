#include <fstream>

#include "api/go_text.h"
#include "api/yaml.h"
#include "cli/json_text.h"
#include "cli/verbs.h"
#include "cli/writing.h"

namespace skiff::cli {
namespace {

Result<PatchType> TypeOf(const std::string& text) {
  if (text == "strategic") return PatchType::kStrategic;
  if (text == "merge") return PatchType::kMerge;
  if (text == "json") return PatchType::kJson;
  return CliError(
      fmt::format("--type must be one of [json merge strategic], not {}", GoQuote(text)));
}

Result<std::string> PatchText(Command& command, const std::string& patch, const std::string& file) {
  if (file.empty()) return patch;
  if (file == "-") return command.environment().read_input();
  std::ifstream in(file);
  if (!in) {
    return CliError(
        fmt::format("unable to read patch file: open {}: no such file or directory", file));
  }
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace

Result<> RunPatch(Command& command, const Args& args) {
  WriteFlags flags;
  FileFlags files;
  std::string patch_text;
  std::string patch_file;
  std::string type = "strategic";
  std::string subresource;
  flags.AddTo(command, "kubectl-patch", false);
  files.AddTo(command);
  command.Flag("patch,p", patch_text, "The patch, as JSON or YAML.");
  command.Flag("patch-file", patch_file, "A file with the patch.");
  command.Flag("type", type, "json, merge or strategic.");
  command.Flag("subresource", subresource, "Patch this subresource of the objects.");
  TRY(command.Parse(args));
  TRY(flags.Check());
  const PatchType patch_type = TRY(TypeOf(type));
  const std::string text = TRY(PatchText(command, patch_text, patch_file));
  if (text.empty()) {
    return command.UsageError(
        "must specify --patch or --patch-file containing the contents of "
        "the patch");
  }
  const auto parsed = ParseYaml(text);
  if (!parsed) {
    return CliError(fmt::format("unable to parse {}: {}", GoQuote(text), parsed.error().message));
  }
  Session& session = *TRY(command.session());
  const auto targets = TRY(FindTargets(command, command.words(), {.files = &files}));
  for (const Target& target : targets) {
    if (flags.dry_run.client()) {
      TRY(PrintWritten(command, flags, target.object, target.resource, "patched"));
      continue;
    }
    WriteOptions options = TRY(flags.Options());
    options.field_validation.clear();
    const auto patched = session.api().Patch(target.resource, target.key, patch_type, parsed->value,
                                             options, subresource);
    if (!patched) {
      command.Report(WithSource(patched.error(), "patching", target.source));
      continue;
    }
    const bool same = *patched == target.object;
    TRY(PrintOutcome(command, flags.print, *patched, target.resource,
                     same ? "patched (no change)" : "patched"));
  }
  return {};
}

}  // namespace skiff::cli
