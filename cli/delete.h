// Deleting objects and waiting until they are gone: `delete`, and what replaces by force.
#pragma once

#include <functional>
#include <string_view>

#include "cli/writing.h"

namespace skiff::cli {

struct DeleteFlags {
  std::string cascade = "background";
  int grace_period = -1;  // Seconds; below 0: the object's own.
  bool force = false;
  Duration timeout = Duration(0);  // 0: none.
  std::function<void(std::string_view)> warn;

  void AddTo(Command& command);
  // Refuses what goes badly together, and makes one value of each pair of flags.
  Result<> Check(bool now);
  // The part of it that goes for whatever deletes.
  Result<> CheckCascade();
  // metav1.DeleteOptions
  Json Body(const std::string& dry_run) const;
};

// The object as it is now, or a Status.
Result<Json> DeleteObject(Session& session, const Target& target, const DeleteFlags& flags,
                          const std::string& dry_run);
// The uid of what is being deleted, of that answer.
std::string UidOfDeleted(const Json& answer);
void PrintDeleted(Command& command, const Target& target, const DeleteFlags& flags,
                  const std::string& suffix);
// Until the object, or its version with that uid, is gone. A `timeout` of 0 waits for ever.
Result<> WaitUntilGone(Session& session, const Target& target, const std::string& uid,
                       Duration timeout);
// The same for who is to make it again, which must not fail for rights that only a watch needs.
Result<> AwaitGone(Session& session, const Target& target, const std::string& uid,
                   Duration timeout);

}  // namespace skiff::cli
