// What may follow a verb on its command line, as the verb itself tells it: with an Environment that
// has a VerbShape, Command::Parse and RunFamily fill it in, and the verb ends there.
#pragma once

#include <string>
#include <vector>

#include "cli/environment.h"

namespace skiff::cli {

struct ShapeFlag {
  std::string name;
  char letter = 0;
  bool takes_value = false;  // In the next word, where none is with it.
  bool global = false;
  std::string help;
};

struct VerbShape {
  std::vector<std::string> verbs;  // Of a family: "rollout" has "status".
  std::vector<ShapeFlag> flags;    // In the order of a help.
};

// Of "get" or "rollout status". Nothing is asked, printed or done.
VerbShape ShapeOf(const Environment& environment, const std::vector<std::string>& verb);

}  // namespace skiff::cli
