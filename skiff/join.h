// skiff join: this machine as a node of a cluster that runs elsewhere.
#pragma once

#include <string>
#include <vector>

#include "skiff/joining.h"

namespace skiff {

// What the command line names. Invalid says what is wrong with it. The node's name is not in it.
Result<JoinTarget> ParseJoinTarget(const std::string& host, const std::string& token,
                                   const std::vector<std::string>& pins,
                                   bool any_authority = false);

// Of the flags of `asked` those that ask for another node than the one of that name which was
// started by `running`, as "--name=value": they do nothing before a new start.
std::vector<std::string> JoinFlagsForNewStart(const std::vector<std::string>& asked,
                                              const std::string& node_name,
                                              const std::vector<std::string>& running);

int JoinMain(const std::vector<std::string>& args);

}  // namespace skiff
