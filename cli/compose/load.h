// Compose files as one project: read, with their variables, `include`, `extends` and overrides,
// into canonical nodes that hold against the table of what may be said.
//
//   files -> nodes with lines -> variables -> shapes -> one form -> extends -> merged -> included
#pragma once

#include <set>
#include <string>
#include <vector>

#include "cli/compose/files.h"
#include "cli/compose/interpolate.h"
#include "cli/compose/mistakes.h"
#include "cli/compose/node.h"

namespace skiff::cli::compose {

// Files of more bytes are refused, ...
inline constexpr size_t kComposeFileBytesMax = 1 << 20;
// ... as are more files, with those that are included and extended, ...
inline constexpr int kComposeFilesMax = 200;
// ... files that include or extend each other deeper, ...
inline constexpr int kIncludeDepthMax = 16;
// ... and projects that come to more values, ...
inline constexpr size_t kProjectValuesMax = 100'000;
// ... or to more bytes of env files, or of label files, counted for each service that names one,
// ...
inline constexpr size_t kEnvFilesBytesMax = 8 << 20;
// ... or to more services.
inline constexpr size_t kServicesMax = 1000;

struct LoadOptions {
  std::vector<std::string> files = {};  // None: those of the usual names, here or further up.
  std::string project_directory = "";
  std::string project_name = "";
  std::vector<std::string> profiles = {};
  // Services that are active whatever their profiles are, as LabelValue has their names.
  std::set<std::string> kept = {};
  std::vector<std::string> env_files = {};  // None: .env of the project's folder.
  std::string working_directory = "/";
  std::string home = "/";
  Lookup variable;           // Of whoever runs us.
  std::string input = "";  // What "-" is.
};

struct ProjectName {
  std::string name;
  std::string directory;  // "" where only a flag was asked.
  // Nobody said a name: it is made of the folder's, and there may be other folders of that name.
  bool is_of_folder = false;
};

struct Project : ProjectName {
  // {services, networks, volumes, configs, secrets}: canonical, of the active profiles alone, with
  // the variables of env_file in `environment` and the labels of label_file in `labels`.
  Node root;
  Notes notes;
  std::set<std::string> inactive;     // Services of profiles that are not active.
  std::vector<std::string> warnings;  // Of variables that nothing stands for.
};

// Fails with all that is wrong.
Result<Project> Load(const LoadOptions& options, const Files& files);
// Tells of what is wrong, and has the rest, so that more may be found; fails, and tells of why not,
// where nothing more can be said.
Result<Project> Load(const LoadOptions& options, const Files& files, Mistakes& wrong);
// What the project is called, without all that its files might have wrong.
Result<ProjectName> LoadName(const LoadOptions& options, const Files& files);

}  // namespace skiff::cli::compose
