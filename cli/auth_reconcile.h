#pragma once

#include "cli/command.h"

namespace skiff::cli {

Result<> RunAuthReconcile(Command& command, const Args& args);

}  // namespace skiff::cli
