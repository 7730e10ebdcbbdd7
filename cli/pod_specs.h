// The pod template inside workloads, for the verbs that change it (`set`).
#pragma once

#include <string>
#include <vector>

#include "cli/selection.h"
#include "cli/writing.h"

namespace skiff::cli {

// Where the pod spec of a document is; nullptr in a kind that has none.
Json* PodSpecOf(Json& object);
// Says that there is none.
tl::unexpected<Error> NoPodTemplate(const Target& target);
// A strategic merge patch that changes `fields` of the pod spec of that kind.
Json PodSpecPatch(const std::string& kind, Json fields);

// The flags of the `set` verbs.
struct SetFlags {
  WriteFlags write;
  FileFlags files;
  SelectorFlags selectors;
  bool local = false;
  void AddTo(Command& command);
};

// What the words or files name; with --local what the files hold, and the server is not asked.
Result<std::vector<Target>> FindSetTargets(Command& command, const SetFlags& flags,
                                           const Args& resources);

// Words before the first with "=" or a trailing "-" name resources; the others say what to set.
struct SetWords {
  Args resources;
  Args changes;
};
SetWords SortSetWords(const Args& words);

// Sends the patch, unless it is empty, and prints "deployment.apps/web image updated".
Result<> SendSetPatch(Command& command, const SetFlags& flags, const Target& target,
                      const Json& patch, const std::string& operation);

Result<> RunSetEnv(Command& command, const Args& args);
Result<> RunSetImage(Command& command, const Args& args);
Result<> RunSetResources(Command& command, const Args& args);
Result<> RunSetSelector(Command& command, const Args& args);
Result<> RunSetServiceAccount(Command& command, const Args& args);
Result<> RunSetSubject(Command& command, const Args& args);

}  // namespace skiff::cli
