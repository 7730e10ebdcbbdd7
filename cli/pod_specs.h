// The pod template inside workloads, for the verbs that change it (`set`).
#pragma once

#include <string>
#include <vector>

#include "cli/selection.h"
#include "cli/writing.h"

namespace skiff::cli {

// Where the pod spec of a document is; nullptr in a kind that has none.
Json* PodSpecOf(Json& object);
// A strategic merge patch that changes `fields` of the pod spec of that kind.
Json PodSpecPatch(const std::string& kind, Json fields);

// The flags of the `set` verbs.
struct SetFlags {
  WriteFlags write;
  FileFlags files;
  SelectorFlags selectors;
  bool local = false;
  bool takes_selector = true;  // The verb has the flag -l.
  void AddTo(Command& command);
};

// What the words or files name; with --local what the files hold, and the server is not asked. None
// where one of them cannot be had.
Result<std::vector<Target>> FindSetTargets(Command& command, const SetFlags& flags,
                                           const Args& resources);
// --local and --dry-run=server together.
Result<> CheckLocal(const SetFlags& flags);

// Of one of several objects: "error: deployments/web WHY".
tl::unexpected<Error> SetFailure(const SetFlags& flags, const Target& target,
                                 const std::string& why);
tl::unexpected<Error> NoPodTemplate(const SetFlags& flags, const Target& target);

// What is done, as it is told: "deployment.apps/web image updated", and "failed to patch image
// update to pod template: WHY"; of verbs without a `failure` the server's own words.
struct SetOperation {
  std::string done;
  std::string failure;
};
// Sends the patch, unless it is empty, and prints what came of it.
Result<> SendSetPatch(Command& command, const SetFlags& flags, const Target& target,
                      const Json& patch, const SetOperation& operation);
// A name with stars in it.
bool MatchesPattern(const std::string& name, const std::string& pattern);

Result<> RunSetEnv(Command& command, const Args& args);
Result<> RunSetImage(Command& command, const Args& args);
Result<> RunSetResources(Command& command, const Args& args);
Result<> RunSetSelector(Command& command, const Args& args);
Result<> RunSetServiceAccount(Command& command, const Args& args);
Result<> RunSetSubject(Command& command, const Args& args);

}  // namespace skiff::cli
