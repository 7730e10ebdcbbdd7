// What references of environment variables stand for, as `set env --list --resolve` shows it.
#pragma once

#include <map>
#include <string>

#include "cli/command.h"
#include "cli/session.h"

namespace skiff::cli {

// "configmap settings, key color"
std::string ReferenceText(const Json& from);

// Of one container of an object. What it asks the server for it asks once.
class EnvValues {
 public:
  EnvValues(Command& command, const Json& object, const Json& container)
      : command_(command), object_(object), container_(container) {}
  // `from`: a variable's valueFrom.
  Result<std::string> Of(const Json& from);

 private:
  Result<std::string> OfKey(const std::string& type, const Json& reference);
  Result<std::string> OfField(const std::string& path) const;
  Result<std::string> OfResource(const Json& reference) const;

  Command& command_;
  const Json& object_;
  const Json& container_;
  std::map<std::string, Json> read_;  // By "secrets/NAME".
};

}  // namespace skiff::cli
