// `create KIND NAME`: makes an object from flags.
#pragma once

#include "cli/writing.h"

namespace skiff::cli {

// Sends the object, unless it is only to be shown, and prints what became of it. `may_be_protobuf`:
// WriteOptions.
Result<> CreateAndPrint(Command& command, const WriteFlags& flags, const Resource& resource,
                        const std::string& namespace_, Json object, bool may_be_protobuf = false);

// Parses the flags and checks that one NAME was given.
Result<std::string> ParseOneName(Command& command, WriteFlags& flags, const Args& args);
// And that it is not "": of the other kinds the server says so.
Result<std::string> ParseSaidName(Command& command, WriteFlags& flags, const Args& args);
// Creates an object of a built-in kind; `object` has neither apiVersion nor kind.
Result<> CreateBuiltIn(Command& command, const WriteFlags& flags, const std::string& type,
                       Json object);

Result<> RunCreateBudget(Command& command, const Args& args);
Result<> RunCreateClusterRole(Command& command, const Args& args);
Result<> RunCreateClusterRoleBinding(Command& command, const Args& args);
Result<> RunCreateConfigMap(Command& command, const Args& args);
Result<> RunCreateCronJob(Command& command, const Args& args);
Result<> RunCreateDeployment(Command& command, const Args& args);
Result<> RunCreateIngress(Command& command, const Args& args);
Result<> RunCreateJob(Command& command, const Args& args);
Result<> RunCreateNamespace(Command& command, const Args& args);
Result<> RunCreatePriorityClass(Command& command, const Args& args);
Result<> RunCreateQuota(Command& command, const Args& args);
Result<> RunCreateRole(Command& command, const Args& args);
Result<> RunCreateRoleBinding(Command& command, const Args& args);
Result<> RunCreateService(Command& command, const Args& args);
Result<> RunCreateServiceAccount(Command& command, const Args& args);
Result<> RunCreateToken(Command& command, const Args& args);
// Whether `create WORD` is one of these, or `create secret`.
bool HasCreateVerb(std::string_view word);
// Has verbs of its own: generic, tls, docker-registry.
int CreateSecretMain(Environment& environment, const Args& args);

}  // namespace skiff::cli
