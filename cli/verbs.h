// The verbs that have no header of their own: each is one function in the file of its name.
#pragma once

#include "cli/command.h"

namespace skiff::cli {

Result<> RunAnnotate(Command& command, const Args& args);
Result<> RunApiResources(Command& command, const Args& args);
Result<> RunApiVersions(Command& command, const Args& args);
Result<> RunAttach(Command& command, const Args& args);
Result<> RunAutoscale(Command& command, const Args& args);
Result<> RunClusterInfo(Command& command, const Args& args);
// A verb of skiff's own.
Result<> RunConsole(Command& command, const Args& args);
Result<> RunConvert(Command& command, const Args& args);
Result<> RunCordon(Command& command, const Args& args);
Result<> RunCompletion(Command& command, const Args& args);
Result<> RunCopy(Command& command, const Args& args);
Result<> RunDelete(Command& command, const Args& args);
Result<> RunDescribe(Command& command, const Args& args);
Result<> RunDiff(Command& command, const Args& args);
Result<> RunDrain(Command& command, const Args& args);
Result<> RunEdit(Command& command, const Args& args);
Result<> RunEditLastApplied(Command& command, const Args& args);
Result<> RunEvents(Command& command, const Args& args);
Result<> RunExec(Command& command, const Args& args);
Result<> RunExplain(Command& command, const Args& args);
Result<> RunExpose(Command& command, const Args& args);
// In cli/kustomize.
Result<> RunKustomize(Command& command, const Args& args);
Result<> RunLabel(Command& command, const Args& args);
Result<> RunLogs(Command& command, const Args& args);
Result<> RunPatch(Command& command, const Args& args);
Result<> RunPortForward(Command& command, const Args& args);
Result<> RunProxy(Command& command, const Args& args);
Result<> RunReplace(Command& command, const Args& args);
Result<> RunRollingUpdate(Command& command, const Args& args);
Result<> RunRun(Command& command, const Args& args);
Result<> RunScale(Command& command, const Args& args);
Result<> RunSetLastApplied(Command& command, const Args& args);
Result<> RunTaint(Command& command, const Args& args);
Result<> RunUncordon(Command& command, const Args& args);
Result<> RunVersion(Command& command, const Args& args);
Result<> RunViewLastApplied(Command& command, const Args& args);
Result<> RunWait(Command& command, const Args& args);
// In cli/why.
Result<> RunWhy(Command& command, const Args& args);

// These have verbs of their own, and choose by the first word.
int ApplyMain(Environment& environment, const Args& args);
int AuthMain(Environment& environment, const Args& args);
int CertificateMain(Environment& environment, const Args& args);
// For shells: prints what may stand where the last word is; in cli/completion.
int CompleteMain(Environment& environment, const Args& args);
int CompleteNoDescMain(Environment& environment, const Args& args);
// In cli/compose.
int ComposeMain(Environment& environment, const Args& args);
int ConfigMain(Environment& environment, const Args& args);
int CreateMain(Environment& environment, const Args& args);
int RolloutMain(Environment& environment, const Args& args);
int SetMain(Environment& environment, const Args& args);
int TopMain(Environment& environment, const Args& args);

}  // namespace skiff::cli
