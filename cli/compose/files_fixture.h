// For tests: files that are nowhere but here.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/compose/load.h"
#include "cli/errors.h"

namespace skiff::cli::compose {

class FilesInMemory final : public Files {
 public:
  std::map<std::string, std::string> files;  // By absolute path.
  std::set<std::string> folders;             // Beside those that files are in.
  std::set<std::string> executables;
  std::map<std::string, std::string> links;  // By their path where they lead.

  What Look(const std::string& given) const override {
    const std::string path = Real(given);
    if (files.contains(path)) return What::kFile;
    if (folders.contains(path)) return What::kFolder;
    const auto below = files.lower_bound(path + "/");
    const bool folder = below != files.end() && below->first.starts_with(path + "/");
    return folder ? What::kFolder : What::kMissing;
  }
  Result<std::string> Read(const std::string& path, size_t bytes_max) const override {
    const auto found = files.find(Real(path));
    if (found == files.end()) return CliError("no such file");
    if (found->second.size() > bytes_max) return CliError("too many bytes");
    return found->second;
  }
  Result<FolderContents> Below(const std::string& given, size_t files_max) const override {
    const std::string path = Real(given);
    FolderContents found;
    for (const auto& [name, text] : files) {
      if (name.starts_with(path + "/")) found.files.push_back(name.substr(path.size() + 1));
    }
    if (found.files.size() > files_max) return CliError("too many files");
    return found;
  }
  bool Executable(const std::string& path) const override { return executables.contains(path); }
  std::string Real(const std::string& path) const override {
    for (const auto& [link, target] : links) {
      if (path == link || path.starts_with(link + "/")) return target + path.substr(link.size());
    }
    return path;
  }
};

// Options of somebody in /shop who has these variables.
inline LoadOptions InShop(std::map<std::string, std::string> variables = {}) {
  LoadOptions options;
  options.working_directory = "/shop";
  options.home = "/home/me";
  options.variable = [variables = std::move(variables)](
                         const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
  return options;
}

}  // namespace skiff::cli::compose
