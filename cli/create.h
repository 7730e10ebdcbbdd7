// `create KIND NAME`: makes an object from flags.
#pragma once

#include "cli/writing.h"

namespace skiff::cli {

// Sends the object, unless it is only to be shown, and prints what became of it.
Result<> CreateAndPrint(Command& command, const WriteFlags& flags, const Resource& resource,
                        const std::string& namespace_, Json object);

Result<> RunCreateConfigMap(Command& command, const Args& args);
Result<> RunCreateDeployment(Command& command, const Args& args);
Result<> RunCreateJob(Command& command, const Args& args);
Result<> RunCreateNamespace(Command& command, const Args& args);
Result<> RunCreateSecret(Command& command, const Args& args);
Result<> RunCreateService(Command& command, const Args& args);
Result<> RunCreateServiceAccount(Command& command, const Args& args);
Result<> RunCreateToken(Command& command, const Args& args);

}  // namespace skiff::cli
