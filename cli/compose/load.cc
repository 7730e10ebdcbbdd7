#include "cli/compose/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "api/text/go_text.h"
#include "base/text.h"
#include "cli/compose/consistency.h"
#include "cli/compose/env_file.h"
#include "cli/compose/file_reader.h"
#include "cli/compose/neighbours.h"
#include "cli/compose/scalars.h"
#include "cli/compose/schema.h"
#include "cli/errors.h"
#include "cli/json_text.h"

namespace skiff::cli::compose {
namespace {

namespace fs = std::filesystem;

// Where a project lies, before any of its files is read.
struct Location {
  std::vector<std::string> files;  // Absolute, or "-".
  std::string directory;
  std::map<std::string, std::string> variables;  // Of its .env.
};

std::string Absolute(const LoadOptions& options, const std::string& path) {
  return AbsolutePath({options.working_directory, options.home, options.variable}, path);
}

std::string ParentOf(const std::string& path) {
  return fs::path(path).parent_path();
}

// The files of the usual names in the folder, or in the nearest one above it.
Result<std::vector<std::string>> UsualFiles(const std::string& folder, const Files& files) {
  for (fs::path at = folder;; at = at.parent_path()) {
    for (const std::string stem : {"compose", "docker-compose"}) {
      for (const std::string ending : {".yaml", ".yml"}) {
        const std::string main = at / (stem + ending);
        if (files.Look(main) != Files::What::kFile) continue;
        std::vector<std::string> found = {main};
        for (const std::string other : {".override.yml", ".override.yaml"}) {
          const std::string path = at / (stem + other);
          if (files.Look(path) != Files::What::kFile) continue;
          found.push_back(path);
          break;
        }
        return found;
      }
    }
    if (at == at.parent_path()) break;
  }
  return CliError(
      "no configuration file provided: not found: compose.yaml, compose.yml, docker-compose.yaml "
      "or docker-compose.yml here or further up; name one by -f");
}

Result<std::map<std::string, std::string>> ReadVariables(const LoadOptions& options,
                                                         const std::string& directory,
                                                         const Files& files) {
  std::map<std::string, std::string> variables;
  std::vector<std::string> paths;
  for (const std::string& path : options.env_files) paths.push_back(Absolute(options, path));
  const auto said = [&](const char* name) { return options.variable(name).value_or(""); };
  if (paths.empty()) {
    for (const std::string& path : Split(said("COMPOSE_ENV_FILES"), ',')) {
      if (!path.empty()) paths.push_back(Absolute(options, path));
    }
  }
  if (paths.empty()) {
    if (TextNode(said("COMPOSE_DISABLE_ENV_FILE"), {}).IsTrue()) return variables;
    const std::string usual = fs::path(directory) / ".env";
    if (files.Look(usual) != Files::What::kFile) return variables;
    paths.push_back(usual);
  }
  for (const std::string& path : paths) {
    const auto text = files.Read(path, kComposeFileBytesMax);
    if (!text) {
      return CliError(fmt::format("couldn't read env file {}: {}", path, text.error().message));
    }
    Variables more =
        TRY(ParseEnvFile(path, *text, {.lookup = options.variable, .before = LookupOf(variables)}));
    for (auto& [name, value] : more) variables[name] = std::move(value);
  }
  return variables;
}

// In what whoever runs us has, and below that in the project's own. Outlived by both.
Lookup LookupIn(const LoadOptions& options, const std::map<std::string, std::string>& variables) {
  return [&](const std::string& name) {
    auto value = options.variable(name);
    return value ? value : LookupOf(variables)(name);
  };
}

std::string SettingOf(const LoadOptions& options,
                      const std::map<std::string, std::string>& variables,
                      const std::string& name) {
  return LookupIn(options, variables)(name).value_or("");
}

Result<Location> Locate(const LoadOptions& options, const Files& files) {
  Location at;
  for (const std::string& file : options.files) {
    at.files.push_back(file == "-" ? file : Absolute(options, file));
  }
  std::string folder = options.working_directory;
  if (!at.files.empty() && at.files[0] != "-") folder = ParentOf(at.files[0]);
  if (!options.project_directory.empty()) folder = Absolute(options, options.project_directory);
  at.variables = TRY(ReadVariables(options, folder, files));
  if (at.files.empty()) {
    std::string separator = SettingOf(options, at.variables, "COMPOSE_PATH_SEPARATOR");
    const std::string named = SettingOf(options, at.variables, "COMPOSE_FILE");
    for (const std::string& file :
         Split(named, separator.empty() ? ':' : separator[0])) {
      if (!file.empty()) at.files.push_back(Absolute(options, file));
    }
    if (at.files.empty()) at.files = TRY(UsualFiles(folder, files));
    if (options.project_directory.empty() && ParentOf(at.files[0]) != folder) {
      folder = ParentOf(at.files[0]);
      if (options.env_files.empty()) at.variables = TRY(ReadVariables(options, folder, files));
    }
  }
  at.directory = folder;
  return at;
}

constexpr char kBadName[] =
    "invalid project name {}: must consist only of lowercase alphanumeric characters, hyphens, and "
    "underscores as well as start with a letter or number, and have at most 255 of them";

// As much as a folder may be called.
constexpr size_t kProjectNameMax = 255;

std::string NormalName(std::string_view text) {
  std::string name;
  for (const char c : Lower(std::string(text))) {
    const bool inside = c == '-' || c == '_';
    if (IsAlnum(c) || (inside && !name.empty())) name += c;
  }
  return name.substr(0, kProjectNameMax);
}

Result<ProjectName> NameOfProject(const LoadOptions& options, const Location& at,
                                  const std::string& said) {
  std::string name = options.project_name;
  if (name.empty()) name = SettingOf(options, at.variables, "COMPOSE_PROJECT_NAME");
  if (name.empty()) name = said;
  const bool is_of_folder = name.empty();
  if (is_of_folder) {
    name = NormalName(fs::path(at.directory).filename().string());
    if (name.empty()) {
      return CliError("the project has no name: say name: in its file, or -p NAME");
    }
  }
  if (name != NormalName(name)) {
    return CliError(WithoutMiddle(fmt::format(kBadName, GoQuote(name))));
  }
  return ProjectName{std::move(name), at.directory, is_of_folder};
}

bool IsActive(const Node& service, const std::vector<std::string>& profiles) {
  const Node& own = service["profiles"];
  if (own.items.empty()) return true;
  for (const std::string& profile : profiles) {
    if (profile == "*") return true;
    for (const Node& item : own.items) {
      if (item.Text() == profile) return true;
    }
  }
  return false;
}

// A map in which what is put later takes the place of what has its name. There may be ten thousand
// of each file.
class Overlay {
 public:
  explicit Overlay(const Place& place) : map_(MapNode(place)) {}

  void Put(const std::string& name, Node value) {
    const auto [at, is_new] = places_.try_emplace(name, map_.members.size());
    if (is_new) {
      map_.members.push_back({name, std::move(value)});
    } else {
      map_.members[at->second].node = std::move(value);
    }
  }
  void PutAll(Variables variables, const Place& place) {
    for (auto& [name, value] : variables) Put(name, TextNode(std::move(value), place));
  }
  // Over them what the file itself says.
  Node Under(const Node& own) {
    for (const Member& member : own.members) Put(member.key, member.node);
    return std::move(map_);
  }
  std::optional<std::string> TextOf(const std::string& name) const {
    const auto found = places_.find(name);
    if (found == places_.end()) return std::nullopt;
    return map_.members[found->second].node.Text();
  }

 private:
  Node map_;
  std::map<std::string, size_t> places_;
};

// The variables of its files, below those that it says itself.
void ReadEnvFiles(Node& service, const Lookup& lookup, const Files& files, size_t& bytes,
                  Mistakes& wrong) {
  const Node env_files = service["env_file"];
  if (env_files.items.empty()) return;
  Overlay environment(env_files.place);
  for (const Node& item : env_files.items) {
    const std::string path = item["path"].Text();
    const Node& required = item["required"];
    const bool can_miss = required.told || (required.Says() && !required.IsTrue());
    if (item["path"].told || (files.Look(path) == Files::What::kMissing && can_miss)) continue;
    const auto text = files.Read(path, kComposeFileBytesMax);
    if (!text) {
      wrong.Add(Wrong(item, fmt::format("env file {}: {}", path, text.error().message)));
      continue;
    }
    bytes += text->size();
    if (bytes > kEnvFilesBytesMax) {
      return wrong.Add(Wrong(item, fmt::format("env files make more than {} bytes of the project",
                                               kEnvFilesBytesMax)));
    }
    const Lookup known = [&](const std::string& name) -> std::optional<std::string> {
      if (auto value = lookup(name)) return value;
      // What it is in the end.
      if (const Node& own = service["environment"][name]; own.Says()) return own.Text();
      return std::nullopt;
    };
    const Lookup before = [&](const std::string& name) { return environment.TextOf(name); };
    const Node& format = item["format"];
    const bool raw = format.Text() == "raw";
    if (format.Says() && !raw && format.Text() != ".env") {
      wrong.Add(Wrong(format, fmt::format("unsupported env_file format {}: it is raw, or not said",
                                          GoQuote(format.Text()))));
      continue;
    }
    auto variables = ParseEnvFile(path, *text, {.lookup = known, .before = before, .raw = raw});
    wrong.Add(variables);
    if (variables) environment.PutAll(*std::move(variables), item.place);
  }
  Node whole = environment.Under(service["environment"]);
  service.Put("environment", std::move(whole));
}

// The labels of its files, below those that it says itself. A variable in one of them is a label
// that stands before.
void ReadLabelFiles(Node& service, const Files& files, size_t& bytes, Mistakes& wrong) {
  const Node label_files = service["label_file"];
  if (label_files.items.empty()) return;
  Overlay labels(label_files.place);
  for (const Node& item : label_files.items) {
    if (item.told) continue;
    const std::string path = item.Text();
    const auto text = files.Read(path, kComposeFileBytesMax);
    if (!text) {
      wrong.Add(Wrong(item, fmt::format("label file {}: {}", path, text.error().message)));
      continue;
    }
    bytes += text->size();
    if (bytes > kEnvFilesBytesMax) {
      return wrong.Add(Wrong(item, fmt::format("label files make more than {} bytes of the project",
                                               kEnvFilesBytesMax)));
    }
    auto read = ParseEnvFile(
        path, *text, {.lookup = [&](const std::string& name) { return labels.TextOf(name); }});
    wrong.Add(read);
    if (read) labels.PutAll(*std::move(read), item.place);
  }
  Node whole = labels.Under(service["labels"]);
  service.Put("labels", std::move(whole));
}

// How a service becomes active.
std::string ProfilesText(const Node& service) {
  return fmt::format("--profile {} makes it active", Join(service["profiles"].Texts(), " or "));
}

// Takes out what the service depends on and is not there, and tells of it where it has to be.
void KeepDependencies(Node& services, const Node& all, Member& service, bool is_kept,
                      Mistakes& wrong) {
  Node* dependencies = service.node.Find("depends_on");
  if (dependencies == nullptr) return;
  for (const Member& each : std::vector<Member>(dependencies->members)) {
    if (services.Find(each.key) != nullptr) continue;
    dependencies->Remove(each.key);
    const Node& required = each.node["required"];
    // One that is nowhere is a mistake in writing, however little it is needed.
    const bool is_somewhere = all.Find(each.key) != nullptr;
    const bool can_miss = required.told || (required.Says() && !required.IsTrue());
    if (is_kept || (can_miss && is_somewhere)) continue;
    wrong.Add(
        Wrong(each.node,
              fmt::format("service {} depends on {} service {}{}", GoQuote(service.key),
                          is_somewhere ? "a profile's inactive" : "undefined", GoQuote(each.key),
                          is_somewhere ? "; " + ProfilesText(all[each.key]) : "")));
  }
}

// Only what services of active profiles stand on is left. `is_whole`: no service is missing because
// its file could not be read.
Result<> KeepActive(Project& project, const std::vector<std::string>& profiles,
                    const std::set<std::string>& kept, bool is_whole, Mistakes& wrong) {
  Node* services = project.root.Find("services");
  if (services == nullptr || services->members.empty()) {
    if (!is_whole || (services != nullptr && services->told)) {
      project.root.Put("services", MapNode({}));
      return {};
    }
    return CliError("no service selected: the files have none under services:");
  }
  const Node all = *services;
  const auto is_kept = [&](const Member& member) { return kept.contains(LabelValue(member.key)); };
  std::erase_if(services->members, [&](const Member& member) {
    if (IsActive(member.node, profiles) || is_kept(member)) return false;
    project.inactive.insert(member.key);
    return true;
  });
  if (services->members.empty()) {
    return CliError("no service selected: all are of profiles that are not active; " +
                    ProfilesText(all.members.front().node));
  }
  Mistakes missing;
  for (Member& member : services->members) {
    KeepDependencies(*services, all, member, is_kept(member), is_whole ? wrong : missing);
  }
  return {};
}

Result<> CheckOneReference(const Node& root, const char* kind, const std::string& service,
                           const Node& at, const std::string& name) {
  if (root[kind].Find(name) != nullptr || root[kind].told) return {};
  const std::string singular = std::string(kind).substr(0, std::string(kind).size() - 1);
  return Wrong(at, fmt::format("service {} refers to undefined {} {}", GoQuote(service), singular,
                               name));
}

void CheckReferences(const Node& root, Mistakes& wrong) {
  for (const auto& [name, service] : root["services"].members) {
    for (const Member& network : service["networks"].members) {
      if (network.key == "default") continue;
      wrong.Add(CheckOneReference(root, "networks", name, network.node, network.key));
    }
    for (const Node& mount : service["volumes"].items) {
      const Node& source = mount["source"];
      if (mount["type"].Text() != "volume" || !source.Says()) continue;
      wrong.Add(CheckOneReference(root, "volumes", name, mount, source.Text()));
    }
    for (const Member& model : service["models"].members) {
      wrong.Add(CheckOneReference(root, "models", name, model.node, model.key));
    }
    for (const char* kind : {"configs", "secrets"}) {
      for (const Node& item : service[kind].items) {
        if (item["source"].told) continue;
        wrong.Add(CheckOneReference(root, kind, name, item, item["source"].Text()));
      }
    }
  }
}

void CheckServiceNames(const Node& root, Mistakes& wrong) {
  for (const auto& [name, service] : root["services"].members) {
    const bool fits = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
      return IsAlnum(c) || c == '.' || c == '_' || c == '-';
    });
    if (fits) continue;
    wrong.Add(Wrong(
        service, fmt::format("services: additional property {} is not allowed: names of services "
                             "have letters, digits, '.', '_' and '-' alone",
                             name.empty() ? "\"\"" : name)));
  }
}

void CheckImages(const Node& root, Mistakes& wrong) {
  for (const auto& [name, service] : root["services"].members) {
    const bool is_missed = !service.told && service.Lacks("image") && service.Lacks("build") &&
                           service.Lacks("provider") && !service["extends"].told;
    if (!is_missed) continue;
    wrong.Add(Wrong(service, fmt::format("service {} has neither an image nor a build context "
                                         "specified",
                                         name)));
  }
}

void NoteUnset(const FileReader& reader, Project& project) {
  for (const auto& [name, place] : reader.unset()) {
    project.warnings.push_back(
        fmt::format("{}: The {} variable is not set. Defaulting to a blank string.", place.Text(),
                    GoQuote(name)));
  }
}

// In place of a name that is told of as wrong.
constexpr char kStandInName[] = "project";

void FindName(FileReader& reader, const LoadOptions& options, const Location& at,
              const Lookup& lookup, Project& project, Mistakes& wrong) {
  const auto said = reader.SaidName(at.files, lookup);
  wrong.Add(said);
  const auto name = NameOfProject(options, at, said.value_or(""));
  if (said) wrong.Add(name);
  static_cast<ProjectName&>(project) = name.value_or(ProjectName{kStandInName, at.directory});
}

}  // namespace

Result<Project> Load(const LoadOptions& options, const Files& files, Mistakes& wrong) {
  const Location at = TRY(Locate(options, files));
  Project project;
  const Lookup below = LookupIn(options, at.variables);
  FileReader reader(options, files, wrong);
  FindName(reader, options, at, below, project, wrong);
  const Lookup lookup = [&](const std::string& name) -> std::optional<std::string> {
    if (name == "COMPOSE_PROJECT_NAME") return project.name;
    return below(name);
  };
  project.root = TRY(reader.ReadAll(at.files, {at.directory, options.home, lookup}));
  NoteUnset(reader, project);
  DropReset(project.root);
  if (project.root["services"].members.size() > kServicesMax) {
    return CliError(fmt::format("more than {} services", kServicesMax));
  }
  CheckServiceNames(project.root, wrong);
  AddNeighbours(project.root);
  std::vector<std::string> profiles = options.profiles;
  const std::string more = SettingOf(options, at.variables, "COMPOSE_PROFILES");
  if (profiles.empty() && !more.empty()) profiles = Split(more, ',');
  TRY(KeepActive(project, profiles, options.kept, reader.is_whole(), wrong));
  CheckImages(project.root, wrong);
  if (reader.is_whole()) CheckReferences(project.root, wrong);
  CheckConsistency(project, wrong);
  size_t env_files_bytes = 0, label_files_bytes = 0;
  for (Member& service : project.root.Find("services")->members) {
    ReadEnvFiles(service.node, lookup, files, env_files_bytes, wrong);
    ReadLabelFiles(service.node, files, label_files_bytes, wrong);
  }
  NoteUncarried(project.root, FileShape(), "", project.notes);
  return project;
}

Result<Project> Load(const LoadOptions& options, const Files& files) {
  Mistakes wrong;
  auto project = Load(options, files, wrong);
  wrong.Add(project);
  TRY(wrong.Told());
  return project;
}

Result<ProjectName> LoadName(const LoadOptions& options, const Files& files) {
  if (!options.project_name.empty()) return NameOfProject(options, {}, "");
  const Location at = TRY(Locate(options, files));
  const Lookup lookup = LookupIn(options, at.variables);
  Mistakes none;
  const std::string said = TRY(FileReader(options, files, none).SaidName(at.files, lookup));
  return NameOfProject(options, at, said);
}

}  // namespace skiff::cli::compose
