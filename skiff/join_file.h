// What lets a machine into a cluster, as a file that both sides see: `skiff up --join-file=PATH`
// writes it at its start, with a token of its own making, and `skiff join --join-file=PATH` waits
// for it. Nobody has to choose a secret beforehand, and the authority is checked all the same.
//
//   token abcdef.0123456789abcdef
//   ca-hash sha256:...
#pragma once

#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "client/bootstrap_token.h"

namespace skiff {

struct JoinFile {
  BootstrapToken token;
  std::string authority_pin;  // "sha256:..."
};

// Invalid when it is something else; NotFound.
Result<JoinFile> ReadJoinFile(const std::string& path);
// For its owner's eyes. It is there as a whole or not at all.
Result<> WriteJoinFile(const std::string& path, const JoinFile& file);
// Waits until it is there, so long at most.
Result<JoinFile> AwaitJoinFile(const std::string& path, const Clock& clock, Duration patience);

}  // namespace skiff
