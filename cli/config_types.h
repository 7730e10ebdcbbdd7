// What a kubeconfig file may hold, by the types that client-go has for it (clientcmd/api/v1).
#pragma once

#include "cli/command.h"
#include "cli/json_text.h"

namespace skiff::cli {

// Fails in Go's words where a value is of another type than it should be.
Result<> CheckConfigTypes(const Json& document);
// The document as those who know only these types show it: without members that are not theirs or
// may be left out when they say nothing, with those that may not, and with the defaults of programs
// that get credentials. Of a document that CheckConfigTypes takes.
Json AsConfigTypes(const Json& document);

}  // namespace skiff::cli
