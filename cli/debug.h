// `debug`: one more container in a pod, a copy of the pod with one, or a pod on a node.
#pragma once

#include "cli/command.h"

namespace skiff::cli {

Result<> RunDebug(Command& command, const Args& args);

}  // namespace skiff::cli
