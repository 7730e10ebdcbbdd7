// The verbs that have no header of their own: each is one function in the file of its name.
#pragma once

#include "cli/command.h"

namespace skiff::cli {

Result<> RunAnnotate(Command& command, const Args& args);
Result<> RunApiResources(Command& command, const Args& args);
Result<> RunApiVersions(Command& command, const Args& args);
Result<> RunApply(Command& command, const Args& args);
Result<> RunAttach(Command& command, const Args& args);
Result<> RunAutoscale(Command& command, const Args& args);
Result<> RunClusterInfo(Command& command, const Args& args);
Result<> RunCordon(Command& command, const Args& args);
Result<> RunDelete(Command& command, const Args& args);
Result<> RunDescribe(Command& command, const Args& args);
Result<> RunExec(Command& command, const Args& args);
Result<> RunExpose(Command& command, const Args& args);
Result<> RunLabel(Command& command, const Args& args);
Result<> RunLogs(Command& command, const Args& args);
Result<> RunPatch(Command& command, const Args& args);
Result<> RunPortForward(Command& command, const Args& args);
Result<> RunProxy(Command& command, const Args& args);
Result<> RunReplace(Command& command, const Args& args);
Result<> RunRollingUpdate(Command& command, const Args& args);
Result<> RunRun(Command& command, const Args& args);
Result<> RunScale(Command& command, const Args& args);
Result<> RunUncordon(Command& command, const Args& args);
Result<> RunVersion(Command& command, const Args& args);
Result<> RunWait(Command& command, const Args& args);

// These have verbs of their own, and choose by the first word.
int ConfigMain(Environment& environment, const Args& args);
int CreateMain(Environment& environment, const Args& args);
int RolloutMain(Environment& environment, const Args& args);
int SetMain(Environment& environment, const Args& args);

}  // namespace skiff::cli
