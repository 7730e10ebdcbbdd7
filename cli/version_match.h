// What version this client is, and --match-server-version.
#pragma once

#include "api/values.h"
#include "cli/api.h"

namespace skiff::cli {

// As `version -o json` shows it.
Json ClientVersion();

// Fails when the server is of another release than this client.
Result<> CheckServerVersion(Api& api);

}  // namespace skiff::cli
