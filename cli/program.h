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
// The same by what they are for, each with a sentence, as a help lists them. `is_kubectl`: without
// those that kubectl does not have.
std::string VerbsText(bool is_kubectl);
// How the program was called that the verbs are part of.
struct Caller {
  std::string name = "kubectl";
  std::vector<std::string> programs = {};  // Words that it takes and that are no verbs.
  // Of the cluster that is this machine's: who has no other kubeconfig, and names no server, means
  // it.
  std::string kubeconfig_here = {};
  // What starts the cluster again that --kubeconfig and --context, "" where they are not given,
  // mean in this environment, in a sentence; "" where it runs, or is not of this machine.
  std::string (*how_to_start)(const std::string& kubeconfig, const std::string& context) = nullptr;
};
// In this process's environment: the first word that is no global flag is the verb. Returns the
// exit code.
int KubectlMain(const std::vector<std::string>& given, const Caller& caller = {});
// The same in a given environment; what tests call.
int RunCli(Environment& environment, const std::string& verb, const std::vector<std::string>& args);

}  // namespace skiff::cli
