// The kubectl-like verbs: `skiff get pods`, or this program started as kubectl.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace skiff::cli {

struct Environment;

// Whether `skiff WORD ...` is one of these verbs.
bool IsCliVerb(std::string_view word);
// Whether a verb is the first word, perhaps after flags that all verbs have: -n x get pods.
bool IsCliLine(const std::vector<std::string>& args);
// The names of the verbs, sorted.
std::vector<std::string> CliVerbs();
// Runs one verb in this process's environment; returns the exit code.
int CliMain(const std::string& verb, const std::vector<std::string>& args);
// For argv[0] == "kubectl": the first word that is no global flag is the verb.
int KubectlMain(const std::vector<std::string>& args);
// The same in a given environment; what tests call.
int RunCli(Environment& environment, const std::string& verb, const std::vector<std::string>& args);

}  // namespace skiff::cli
