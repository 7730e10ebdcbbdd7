// What the mutating verbs share: their flags, and waiting for the cluster to follow.
#pragma once

#include <functional>
#include <string>

#include "cli/command.h"
#include "cli/printers.h"
#include "cli/selection.h"
#include "cli/session.h"

namespace skiff::cli {

struct WriteFlags {
  PrintFlags print;
  DryRun dry_run;
  std::string validate = "strict";
  std::string field_manager;
  bool save_config = false;
  bool record = false;  // Why it was changed is kept with the object: the command line.

  // `manager` is the default of --field-manager.
  void AddTo(Command& command, const std::string& manager, bool with_validation = true);
  // Of a verb that cannot but write.
  void AddWithoutDryRun(Command& command, const std::string& manager, bool with_validation = true);
  Result<> Check();
  bool Validates() const { return validate != "ignore" && validate != "false"; }
  // Of an object of a file that could not be written: "error when creating "web.yaml": ...".
  Error Failure(const Error& error, const std::string& verb, const std::string& source) const;
  // Of a create or update.
  Result<WriteOptions> Options() const;

 private:
  Environment* environment_ = nullptr;  // Of the command that these are flags of.
};

inline constexpr char kLastApplied[] = "kubectl.kubernetes.io/last-applied-configuration";
// The annotation's value for an object that is applied: itself, without it.
std::string LastAppliedText(Json object);
// The same where somebody sets it apart from that: where the object has no annotations, none.
std::string SetLastAppliedText(Json object);
// `object` with that annotation.
Json WithLastApplied(Json object);

// "a=b,c=d", as flags have labels.
Result<Json> ParseLabelSpec(const std::string& text);

// "a=b,c in (d)" as objects have it: matchLabels and matchExpressions.
Result<Json> ParseObjectSelector(const std::string& text);

// Waits until `done` is true of the object as it changes; null: it is gone. Fails with Timeout
// ("timed out waiting for the condition") after `timeout`.
Result<> WaitUntil(Session& session, const Resource& resource, const ObjectKey& key,
                   Duration timeout, const std::function<Result<bool>(const Json* object)>& done);

// What the patch makes of the target, found without the server: for --dry-run=client and --local.
Result<Json> PatchedHere(Session& session, const Target& target, PatchType type,
                         const std::string& text);

// Prints what -o and --dry-run make of "created".
Result<> PrintWritten(Command& command, const WriteFlags& flags, const Json& object,
                      const Resource& resource, const std::string& operation);

}  // namespace skiff::cli
