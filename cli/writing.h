// What the mutating verbs share: their flags, and waiting for the cluster to follow.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/command.h"
#include "cli/printers.h"
#include "cli/selection.h"
#include "cli/session.h"

namespace skiff::cli {

// `--record`: the command line is kept with what it changed, in an annotation that `rollout
// history` shows. Only the verbs of kubectl that still have it do, and all of them warn of it.
class RecordFlag {
 public:
  void AddTo(Command& command);
  bool wanted() const { return wanted_; }
  static constexpr char kCause[] = "kubernetes.io/change-cause";
  // `object`, which may be a patch, with that in it where it is wanted.
  Json In(Json object) const;
  // For a verb that does not send the object: keeps it by a request of its own. What was done
  // stands where this fails, and nobody is told but who asks for logs. The object as it is then.
  std::optional<Json> Apart(const Resource& resource, const ObjectKey& key,
                            const WriteOptions& options, const std::string& subresource) const;

 private:
  bool wanted_ = false;
  Command* command_ = nullptr;  // That this is a flag of.
};

struct WriteFlags {
  PrintFlags print;
  DryRun dry_run;
  std::string validate = "strict";
  std::string field_manager;
  bool takes_manager = true;  // The verb has the flag --field-manager.
  bool save_config = false;
  RecordFlag record;
  // Under kubectl's name, which looks at an object by the server's schema before it sends it.
  bool fails_by_validation = true;

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
// ("timed out waiting for the condition") after `timeout`. A server that does not answer meanwhile
// is asked again.
Result<> WaitUntil(Session& session, const Resource& resource, const ObjectKey& key,
                   Duration timeout, const std::function<Result<bool>(const Json* object)>& done);

// The same also for who may not list or watch: the object itself is asked for, again and again.
Result<> WaitOrAskUntil(Session& session, const Resource& resource, const ObjectKey& key,
                        Duration timeout,
                        const std::function<Result<bool>(const Json* object)>& done);

// What the patch makes of the target, found without the server: for --dry-run=client and --local.
Result<Json> PatchedHere(Session& session, const Target& target, PatchType type,
                         const std::string& text);

// Prints what -o and --dry-run make of "created".
Result<> PrintWritten(Command& command, const WriteFlags& flags, const Json& object,
                      const Resource& resource, const std::string& operation);

}  // namespace skiff::cli
