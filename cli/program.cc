#include "cli/program.h"

#include <algorithm>
#include <csignal>
#include <iterator>

#include "cli/environment.h"
#include "cli/get.h"
#include "cli/verbs.h"

namespace skiff::cli {
namespace {

constexpr Verb kVerbs[] = {
    {"annotate", &RunAnnotate},
    {"api-resources", &RunApiResources},
    {"api-versions", &RunApiVersions},
    {"apply", &RunApply},
    {"attach", &RunAttach},
    {"autoscale", &RunAutoscale},
    {"cluster-info", &RunClusterInfo},
    {"cordon", &RunCordon},
    {"delete", &RunDelete},
    {"describe", &RunDescribe},
    {"exec", &RunExec},
    {"expose", &RunExpose},
    {"get", &RunGet},
    {"label", &RunLabel},
    {"logs", &RunLogs},
    {"patch", &RunPatch},
    {"port-forward", &RunPortForward},
    {"proxy", &RunProxy},
    {"replace", &RunReplace},
    {"rolling-update", &RunRollingUpdate},
    {"run", &RunRun},
    {"scale", &RunScale},
    {"uncordon", &RunUncordon},
    {"version", &RunVersion},
    {"wait", &RunWait},
};

// Verbs with verbs of their own.
struct Family {
  const char* name;
  int (*main)(Environment& environment, const Args& args);
};
constexpr Family kFamilies[] = {
    {"config", &ConfigMain},
    {"create", &CreateMain},
    {"rollout", &RolloutMain},
    {"set", &SetMain},
};

const Family* FindFamily(std::string_view name) {
  for (const Family& family : kFamilies) {
    if (family.name == name) return &family;
  }
  return nullptr;
}

int UnknownVerb(Environment& environment, const std::string& verb) {
  environment.err(
      fmt::format("error: unknown command \"{}\" for \"{}\"\n", verb, environment.program));
  return 1;
}

int Usage(Environment& environment) {
  environment.out(environment.program + " controls the Kubernetes cluster manager.\n\nCommands:\n");
  std::vector<std::string> names;
  for (const Verb& verb : kVerbs) names.push_back(verb.name);
  for (const Family& family : kFamilies) names.push_back(family.name);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) environment.out("  " + name + "\n");
  environment.out(fmt::format("\nUse \"{} <command> --help\" for the flags of a command.\n",
                              environment.program));
  return 0;
}

}  // namespace

bool IsCliVerb(std::string_view word) {
  return FindFamily(word) != nullptr ||
         FindVerb(kVerbs, std::size(kVerbs), std::string(word)) != nullptr;
}

int RunCli(Environment& environment, const std::string& verb, const Args& args) {
  if (const Family* family = FindFamily(verb)) return family->main(environment, args);
  const Verb* found = FindVerb(kVerbs, std::size(kVerbs), verb);
  if (!found) return UnknownVerb(environment, verb);
  return RunVerb(environment, *found, verb, args);
}

int CliMain(const std::string& verb, const Args& args) {
  std::signal(SIGPIPE, SIG_IGN);
  // Whoever follows the terminal's size reads it from a descriptor; no thread may take it away.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGWINCH);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const SystemClock clock;
  Environment environment = SystemEnvironment(clock);
  return RunCli(environment, verb, args);
}

int KubectlMain(const Args& args) {
  const size_t at = FirstWord(args);
  if (at < args.size()) return CliMain(args[at], WithoutWord(args, at));
  const SystemClock clock;
  Environment environment = SystemEnvironment(clock);
  return Usage(environment);
}

}  // namespace skiff::cli
