// What the verbs of `compose` share: which project they are about.
//
//   skiff compose config|convert|up|down|ps|logs [-f docker-compose.yml]... [-p NAME]
//                                                [--profile NAME]...
//
// As for docker compose these flags may stand before the verb; behind `logs`, -f follows.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/compose/convert.h"
#include "cli/session.h"

namespace skiff::cli::compose {

struct ProjectFlags {
  LoadOptions options;
  std::vector<std::string> words;  // Of the command line, without files: services.

  // `letter`: -f is a file.
  void AddTo(Command& command, bool letter = true);
  // After the command has parsed its words: takes files from them.
  void Complete(Command& command);
  // For verbs that are about the whole project: a service named is no part of what they do.
  Result<> RefuseServices(Command& command) const;
};

// Loads and converts; prints what is not carried over, and what warnings there are.
struct Loaded {
  Project project;
  Conversion conversion;
};
Result<Loaded> LoadAndConvert(Command& command, const ProjectFlags& flags);

// An object of the project as the server has it.
struct Found {
  Resource resource;
  Json object;
  ObjectKey key() const;
};
// The folder of the project's files, however it was said.
std::string FolderOf(const ProjectName& project);
// Of a folder's name alone nothing is done to what another folder of that name has made.
Result<> CheckFolder(const ProjectName& project, const Found& found);

// All objects of the project that up may have made, workloads first.
Result<std::vector<Found>> FindObjects(Session& session, const std::string& project);
// Those of one kind.
Result<std::vector<Found>> FindKind(Session& session, const std::string& kind,
                                    const std::string& project);
bool IsWorkload(const Resource& resource);

Result<> RunComposeConfig(Command& command, const Args& args);
Result<> RunComposeConvert(Command& command, const Args& args);
Result<> RunComposeDown(Command& command, const Args& args);
Result<> RunComposeLogs(Command& command, const Args& args);
Result<> RunComposePs(Command& command, const Args& args);
Result<> RunComposeUp(Command& command, const Args& args);

}  // namespace skiff::cli::compose
