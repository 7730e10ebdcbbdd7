// What could stand where somebody asks for completions: names of the cluster, of the kubeconfig,
// values of flags.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace skiff::cli {

// How a shell is to treat the candidates; bits, as cobra's.
enum Directive : unsigned {
  kDefaultDirective = 0,
  kNoSpace = 2,
  kNoFiles = 4,
  kFileEndings = 8,
  kFolders = 16,
};

struct Candidates {
  std::vector<std::string> values;  // "value" or "value\tdescription".
  unsigned directive = kDefaultDirective;
};

// A command line up to the word that is to be completed.
struct Asked {
  std::string verb;                // "get", "rollout status"
  std::vector<std::string> words;  // Behind the verb, without flags.
  std::string last;                // What there is of the word; "" for a new one.
};

// The value of a flag; `name` is its long name.
Candidates FlagValues(Command& command, const Asked& asked, const std::string& name);
// A word that is no flag.
Candidates WordValues(Command& command, const Asked& asked);

}  // namespace skiff::cli
