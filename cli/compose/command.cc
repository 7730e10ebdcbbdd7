#include "cli/compose/command.h"

#include <filesystem>
#include <iterator>

#include "api/text/utf8.h"
#include "cli/json_text.h"
#include "cli/printers.h"
#include "cli/verbs.h"

namespace skiff::cli::compose {
namespace {

constexpr Verb kComposeVerbs[] = {{"convert", &RunComposeConvert},
                                  {"down", &RunComposeDown},
                                  {"logs", &RunComposeLogs},
                                  {"ps", &RunComposePs},
                                  {"up", &RunComposeUp}};

// What up makes, and down takes away: workloads first, so that nothing runs without what it needs.
constexpr const char* kMadeKinds[] = {
    "deployments.apps", "statefulsets.apps", "daemonsets.apps",
    "jobs.batch",       "services",          "networkpolicies.networking.k8s.io",
    "configmaps",       "secrets",           "persistentvolumeclaims"};

bool IsFileName(const std::string& word) {
  return word.ends_with(".yaml") || word.ends_with(".yml");
}

}  // namespace

void ProjectFlags::AddTo(Command& command, bool letter) {
  command.FlagEach(letter ? "file,f" : "file", options.files,
                   "Compose file; several are merged in order.");
  command.Flag("project-name,p", options.project_name, "Name of the project.");
  command.Flag("project-directory", options.project_directory,
               "What paths of the files are relative to: else the first file's folder.");
  command.FlagEach("profile", options.profiles, "Profile whose services are active; * for all.");
  command.FlagEach("env-file", options.env_files, "File of variables, in place of .env.");
}

void ProjectFlags::Complete(Command& command) {
  for (const std::string& word : command.words()) {
    (IsFileName(word) ? options.files : words).push_back(word);
  }
  Environment& environment = command.environment();
  std::error_code code;
  options.working_directory = std::filesystem::current_path(code);
  options.home = environment.variable("HOME");
  options.variable = [&environment](const std::string& name) -> std::optional<std::string> {
    std::string value = environment.variable(name);
    if (value.empty()) return std::nullopt;
    return IsUtf8(value) ? value : MendUtf8(value);
  };
  for (const std::string& file : options.files) {
    if (file == "-") options.input = environment.read_input();
  }
}

Result<> ProjectFlags::RefuseServices(Command& command) const {
  if (words.empty()) return {};
  return command.UsageError(fmt::format("unexpected arguments: [{}]", Join(words, " ")));
}

Result<Loaded> LoadAndConvert(Command& command, const ProjectFlags& flags) {
  const DiskFiles files;
  Loaded loaded;
  loaded.project = TRY(Load(flags.options, files));
  for (const std::string& warning : loaded.project.warnings) {
    command.Warn("Warning: {}\n", warning);
  }
  loaded.conversion = TRY(Convert(loaded.project, files));
  for (const Note& note : loaded.conversion.notes) command.Warn("{}\n", note.Text());
  return loaded;
}

ObjectKey Found::key() const {
  return {NamespaceOf(object), NameOf(object)};
}

bool IsWorkload(const Resource& resource) {
  return resource.api_version == "apps/v1" || resource.api_version == "batch/v1";
}

Result<std::vector<Found>> FindKind(Session& session, const std::string& kind,
                                    const std::string& project) {
  const ServedKind served = TRY(session.kinds().Find(kind));
  ListOptions options;
  options.namespace_ = session.namespace_();
  options.label_selector = std::string(kProjectLabel) + "=" + project;
  JsonList list = TRY(session.api().List(served.resource, options));
  std::vector<Found> found;
  for (Json& item : list.items) found.push_back({served.resource, std::move(item)});
  return found;
}

Result<std::vector<Found>> FindObjects(Session& session, const std::string& project) {
  std::vector<Found> all;
  for (const char* kind : kMadeKinds) {
    auto found = TRY(FindKind(session, kind, project));
    std::move(found.begin(), found.end(), std::back_inserter(all));
  }
  return all;
}

Result<> RunComposeConvert(Command& command, const Args& args) {
  ProjectFlags flags;
  PrintFlags print;
  flags.AddTo(command);
  print.AddTo(command);
  TRY(command.Parse(args));
  flags.Complete(command);
  TRY(flags.RefuseServices(command));
  if (print.output.empty() && print.template_.empty()) print.output = "yaml";
  const auto printer = TRY(MakeObjectPrinter(print));
  Loaded loaded = TRY(LoadAndConvert(command, flags));
  for (Json& object : loaded.conversion.Objects()) {
    if (!command.globals().namespace_.empty()) {
      object["metadata"]["namespace"] = command.globals().namespace_;
    }
    const std::string text = TRY(printer->Print(object));
    command.Print("{}", text);
  }
  for (const Workload& workload : loaded.conversion.workloads) {
    if (workload.after.empty()) continue;
    command.Warn(
        "Objects come in the order of depends_on; that conditions hold, skiff compose up alone "
        "waits for.\n");
    break;
  }
  return {};
}

}  // namespace skiff::cli::compose

namespace skiff::cli {

int ComposeMain(Environment& environment, const Args& args) {
  // kubectl has no such verb.
  environment.program = "skiff";
  // Before the verb -f is a file, whatever it is behind it.
  Args words = args;
  const size_t verb = FirstWord(words);
  for (size_t i = 0; i < std::min(verb, words.size()); ++i) {
    std::string& word = words[i];
    if (word == "-f") {
      word = "--file";
    } else if (word.starts_with("-f")) {
      word = "--file=" + word.substr(word[2] == '=' ? 3 : 2);
    }
  }
  return RunFamily(environment, "compose", compose::kComposeVerbs,
                   std::size(compose::kComposeVerbs), words);
}

}  // namespace skiff::cli
