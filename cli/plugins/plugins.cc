#include "cli/plugins/plugins.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "api/text/go_text.h"
#include "base/process.h"
#include "cli/completion/shape.h"
#include "cli/json_text.h"
#include "cli/program.h"

namespace skiff::cli {
namespace {

namespace fs = std::filesystem;

constexpr char kAnyPlugin[] = "kubectl";

// What names of files begin with, the better one first.
std::vector<std::string> Prefixes(const Environment& environment) {
  if (environment.program == kAnyPlugin) return {kAnyPlugin};
  return {environment.program, kAnyPlugin};
}

std::vector<std::string> FoldersOf(const Environment& environment) {
  std::vector<std::string> folders;
  for (std::string& each : Split(environment.variable("PATH"), ':')) {
    const bool blank = each.find_first_not_of(" \t") == std::string::npos;
    if (!blank && std::find(folders.begin(), folders.end(), each) == folders.end()) {
      folders.push_back(std::move(each));
    }
  }
  return folders;
}

bool CanRun(const std::string& path) {
  std::error_code code;
  return fs::is_regular_file(path, code) && access(path.c_str(), X_OK) == 0;
}

std::string InPath(const Environment& environment, const std::string& name) {
  if (name.find('/') != std::string::npos) return "";
  for (const std::string& folder : FoldersOf(environment)) {
    std::string path = folder + "/" + name;
    if (CanRun(path)) return path;
  }
  return "";
}

struct Found {
  std::string path;
  std::string prefix;
};

// All files of such names, in the order of PATH; folders that cannot be read are told of.
std::vector<Found> FilesOf(const Environment& environment, bool tell) {
  std::vector<Found> found;
  for (const std::string& folder : FoldersOf(environment)) {
    std::error_code code;
    fs::directory_iterator at(folder, code);
    if (code) {
      if (tell) {
        const bool missing = code == std::errc::no_such_file_or_directory;
        environment.err(fmt::format(
            "Unable to read directory {} from your PATH: open {}: {}. Skipping...\n",
            GoQuote(folder), folder, missing ? "no such file or directory" : code.message()));
      }
      continue;
    }
    std::vector<Found> here;
    for (; at != fs::directory_iterator(); at.increment(code)) {
      if (code) break;
      const std::string name = at->path().filename();
      std::error_code unknown;
      if (at->is_directory(unknown) && !at->is_symlink(unknown)) continue;
      for (const std::string& prefix : Prefixes(environment)) {
        if (name.starts_with(prefix + "-")) here.push_back({folder + "/" + name, prefix});
      }
    }
    std::sort(here.begin(), here.end(),
              [](const Found& a, const Found& b) { return a.path < b.path; });
    found.insert(found.end(), here.begin(), here.end());
  }
  return found;
}

std::string NameIn(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// The verb that a plugin of that name will never be run instead of: "create configmap" for
// kubectl-create-configmap-x; "" when there is none.
std::string VerbBehind(const Environment& environment, const std::string& name) {
  Args words = Split(name, '-');
  words.erase(words.begin());
  if (words.empty() || !IsCliVerb(words[0])) return "";
  Args verb = {words[0]};
  while (verb.size() < words.size()) {
    const VerbShape shape = ShapeOf(environment, verb);
    const std::string& next = words[verb.size()];
    if (std::find(shape.verbs.begin(), shape.verbs.end(), next) == shape.verbs.end()) break;
    verb.push_back(next);
  }
  return Join(verb, " ");
}

// What speaks against a file's being run.
Args WarningsAbout(const Environment& environment, const Found& file,
                   std::map<std::string, std::string>& seen) {
  Args warnings;
  const std::string name = NameIn(file.path);
  if (!CanRun(file.path)) {
    warnings.push_back(fmt::format(
        "warning: {} identified as a kubectl plugin, but it is not executable", file.path));
  }
  const auto [first, is_new] = seen.emplace(name, file.path);
  if (!is_new) {
    warnings.push_back(fmt::format("warning: {} is overshadowed by a similarly named plugin: {}",
                                   file.path, first->second));
  }
  if (const std::string verb = VerbBehind(environment, name); !verb.empty()) {
    warnings.push_back(
        fmt::format("warning: {} overwrites existing command: \"{} {}\"", name, file.prefix, verb));
  }
  return warnings;
}

Result<> RunPluginList(Command& command, const Args& args) {
  bool name_only = false;
  command.Flag("name-only", name_only, "Only the names of the files, without their folders.");
  TRY(command.Parse(args));
  const Environment& environment = command.environment();
  const auto files = FilesOf(environment, /*tell=*/true);
  if (files.empty()) {
    return PlainError("error: unable to find any kubectl plugins in your PATH");
  }
  command.Print("The following compatible plugins are available:\n\n");
  std::map<std::string, std::string> seen;
  size_t warned = 0;
  for (const Found& file : files) {
    command.Print("{}\n", name_only ? NameIn(file.path) : file.path);
    for (const std::string& warning : WarningsAbout(environment, file, seen)) {
      command.Warn("  - {}\n", warning);
      ++warned;
    }
  }
  if (warned == 0) return {};
  return PlainError(warned == 1 ? "error: one plugin warning was found"
                                : fmt::format("error: {} plugin warnings were found", warned));
}

constexpr Verb kPluginVerbs[] = {{"list", &RunPluginList}};

}  // namespace

std::optional<Plugin> FindPlugin(const Environment& environment, const Args& words, size_t least) {
  Args parts;
  for (const std::string& word : words) {
    if (word.starts_with('-')) break;
    parts.push_back(word);
    std::replace(parts.back().begin(), parts.back().end(), '-', '_');
  }
  for (; parts.size() >= least && !parts.empty(); parts.pop_back()) {
    for (const std::string& prefix : Prefixes(environment)) {
      std::string path = InPath(environment, prefix + "-" + Join(parts, "-"));
      if (path.empty()) continue;
      return Plugin{std::move(path),
                    Args(words.begin() + static_cast<long>(parts.size()), words.end())};
    }
  }
  return std::nullopt;
}

int RunPlugin(Environment& environment, const Plugin& plugin) {
  return environment.become(plugin.path, plugin.args);
}

std::vector<std::string> PluginNames(const Environment& environment) {
  std::set<std::string> names;
  for (const Found& file : FilesOf(environment, /*tell=*/false)) {
    std::string name = NameIn(file.path).substr(file.prefix.size() + 1);
    name = name.substr(0, name.find('-'));
    std::replace(name.begin(), name.end(), '_', '-');
    if (!name.empty() && CanRun(file.path) && !IsCliVerb(name)) names.insert(std::move(name));
  }
  return {names.begin(), names.end()};
}

std::optional<int> CompletePlugin(Environment& environment, const Args& words) {
  const auto plugin = FindPlugin(environment, words);
  if (!plugin) return std::nullopt;
  const std::string name = NameIn(plugin->path);
  const size_t dash = name.find('-');
  const std::string path =
      InPath(environment, name.substr(0, dash) + "_complete" + name.substr(dash));
  if (path.empty()) return std::nullopt;
  ProcessSpec spec;
  spec.argv = {path};
  spec.argv.insert(spec.argv.end(), plugin->args.begin(), plugin->args.end());
  const auto output = RunProcess(spec);
  if (!output) return std::nullopt;
  environment.out(output->out);
  return output->exit_code;
}

int PluginMain(Environment& environment, const Args& args) {
  return RunFamily(environment, "plugin", kPluginVerbs, std::size(kPluginVerbs), args);
}

}  // namespace skiff::cli
