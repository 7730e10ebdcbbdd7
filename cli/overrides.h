// --overrides and --override-type: what changes a document that a verb has made up.
#pragma once

#include <string>

#include "cli/command.h"
#include "cli/session.h"

namespace skiff::cli {

struct OverrideFlags {
  std::string text;
  std::string type = "merge";
  void AddTo(Command& command);
  Result<Json> Apply(Session& session, const Resource& resource, Json object) const;
};

}  // namespace skiff::cli
