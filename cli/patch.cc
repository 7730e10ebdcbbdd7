
#include "api/codec/json.h"
#include "api/text/go_text.h"
#include "api/text/yaml.h"
#include "base/whole_file.h"
#include "cli/json_text.h"
#include "cli/session.h"
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
  if (command.Given("patch") && command.Given("patch-file")) {
    return CliError("cannot specify --patch and --patch-file together");
  }
  if (file.empty()) return patch;
  if (file == "-") return command.environment().read_input();
  auto text = ReadWholeFile(file);
  if (!text) return CliError("unable to read patch file: " + text.error().message);
  return text;
}

// JSON goes to the server as it is, so that it is the server who finds fault with it; YAML becomes
// JSON here.
Result<std::string> AsJsonText(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin != std::string::npos && (text[begin] == '{' || text[begin] == '[')) return text;
  const auto parsed = ParseYaml(text);
  if (!parsed) {
    return CliError(fmt::format("unable to parse {}: {}", GoQuote(text), parsed.error().message));
  }
  return DumpJson(parsed->value);
}

// Custom kinds take no strategic patch.
Error PatchFailure(const Error& error, PatchType type, const Target& target) {
  if (error.reason != Reason::kUnsupportedMediaType || error.http_code == 0) {
    return WithSource(error, "patching", target.source);
  }
  return CliError(fmt::format("{} is not supported by {}, Kind={}: {}", ContentType(type),
                              target.resource.api_version, target.resource.kind, error.message))
      .value();
}

// What a file names and the server does not have cannot be patched, though the file can be read.
Result<std::vector<Target>> FindPatched(Command& command, const FileFlags& files, bool local,
                                        const std::string& subresource) {
  return FindTargets(command, command.words(),
                     {.files = &files,
                      .fetch = !local,
                      .asks_server = !local,
                      .misses_are_unread = false,
                      .subresource = subresource});
}

// "scale.autoscaling/web".
Resource ShownAs(const Target& target, const std::string& subresource) {
  Resource shown = target.resource;
  if (subresource.empty()) return shown;
  shown.kind = TextAt(target.object, "kind");
  shown.api_version = TextAt(target.object, "apiVersion");
  return shown;
}

}  // namespace

Result<> RunPatch(Command& command, const Args& args) {
  WriteFlags flags;
  FileFlags files;
  std::string patch_text;
  std::string patch_file;
  std::string type = "strategic";
  std::string subresource;
  bool local = false;
  flags.AddTo(command, "kubectl-patch", false);
  flags.print.separates_documents = false;
  files.AddTo(command);
  command.Flag("patch,p", patch_text, "The patch, as JSON or YAML.");
  command.Flag("patch-file", patch_file, "A file with the patch.");
  command.Flag("type", type, "json, merge or strategic.");
  command.Flag("local", local, "Patch what -f holds, not the server's objects.");
  command.Flag("subresource", subresource, "Patch this subresource of the objects.");
  TRY(command.Parse(args));
  TRY(flags.Check());
  const PatchType patch_type = TRY(TypeOf(type));
  const std::string text = TRY(PatchText(command, patch_text, patch_file));
  if (text.empty()) {
    return CliError("must specify --patch or --patch-file containing the contents of the patch");
  }
  if (local && !command.words().empty()) {
    return CliError("cannot specify --local and server resources");
  }
  const std::string document = TRY(AsJsonText(text));
  Session& session = *TRY(command.session());
  const auto targets = TRY(FindPatched(command, files, local, subresource));
  for (const Target& target : targets) {
    if (flags.dry_run.client() || local) {
      const auto patched = PatchedHere(session, target, patch_type, document);
      const auto done =
          patched ? PrintWritten(command, flags, *patched, ShownAs(target, subresource), "patched")
                  : Result<>(Fail(patched.error()));
      if (!done) command.Report(done.error());
      continue;
    }
    WriteOptions options = TRY(flags.Options());
    options.field_validation.clear();
    auto patched =
        session.api().WriteText("PATCH", TRY(target.resource.Path(target.key, subresource)),
                                QueryOf(options), document, std::string(ContentType(patch_type)));
    if (!patched) {
      command.Report(PatchFailure(patched.error(), patch_type, target));
      continue;
    }
    const bool same = *patched == target.object;
    auto recorded = flags.record.Apart(target.resource, target.key, options, subresource);
    if (recorded) patched = std::move(*recorded);
    TRY(PrintOutcome(command, flags.print, *patched, ShownAs(target, subresource),
                     same ? "patched (no change)" : "patched"));
  }
  return {};
}

}  // namespace skiff::cli
