// The multi-call binary: the first word, or the name it was started under, chooses the program.
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/server/program.h"
#include "base/thread_stack.h"
#include "base/version.h"
#include "cli/program.h"
#include "dns/program.h"
#include "skiff/certs.h"
#include "skiff/doctor.h"
#include "skiff/init.h"
#include "skiff/join.h"
#include "skiff/kubelet.h"
#include "skiff/programs.h"
#include "skiff/token.h"
#include "skiff/up.h"

namespace {

struct Program {
  std::string_view word;   // skiff WORD ...
  std::string_view alias;  // argv[0] of its Kubernetes namesake
  int (*main)(const std::vector<std::string>& args);
};

// clang-format off
constexpr Program kPrograms[] = {
    {"up", "", &skiff::UpMain},
    {"down", "", &skiff::DownMain},
    {"status", "", &skiff::StatusMain},
    {"join", "", &skiff::JoinMain},
    {"token", "", &skiff::TokenMain},
    {"doctor", "", &skiff::DoctorMain},
    {"image", "", &skiff::ImageMain},
    {"certs", "", &skiff::CertsMain},
    {"apiserver", "kube-apiserver", &skiff::ApiServerMain},
    {"controller-manager", "kube-controller-manager", &skiff::ControllerManagerMain},
    {"scheduler", "kube-scheduler", &skiff::SchedulerMain},
    {"kube-proxy", "kube-proxy", &skiff::KubeProxyMain},
    {"dns", "kube-dns", &skiff::dns::DnsMain},
    {"kubelet", "kubelet", &skiff::KubeletMain},
};
// clang-format on

int PrintVersion() {
  std::printf("skiff %s, Kubernetes %s\n", skiff::kSkiffVersion, skiff::kKubernetesRelease);
  return 0;
}

int Usage(FILE* to, int code) {
  std::fprintf(to,
               "usage: skiff PROGRAM [flags]; skiff PROGRAM --help; skiff --version\n\n"
               "programs:\n");
  for (const Program& program : kPrograms) {
    std::fprintf(to, "  %.*s\n", static_cast<int>(program.word.size()), program.word.data());
  }
  std::fprintf(to, "\nkubectl's verbs:\n");
  for (const std::string& verb : skiff::cli::CliVerbs()) std::fprintf(to, "  %s\n", verb.c_str());
  return code;
}

// Kubernetes' programs say which Kubernetes they are; the others, which skiff.
int Run(const Program& program, const std::vector<std::string>& args) {
  for (const std::string& arg : args) {
    if (arg == "--") break;
    if (arg != "--version" && arg != "--version=true") continue;
    if (program.alias.empty()) return PrintVersion();
    std::printf("Kubernetes %s\n", skiff::kKubernetesRelease);
    return 0;
  }
  return program.main(args);
}

}  // namespace

int main(int argc, char** argv) {
  skiff::LeaveInitBehind();
  skiff::SetThreadStacks();
  std::vector<std::string> args(argv + 1, argv + argc);
  std::string_view name = argv[0];
  name = name.substr(name.find_last_of('/') + 1);
  for (const Program& program : kPrograms) {
    if (!program.alias.empty() && name == program.alias) return Run(program, args);
  }
  if (name == "kubectl") {
    return skiff::RunWithThreadStack([&] { return skiff::cli::KubectlMain(args); });
  }
  if (args.empty()) return Usage(stderr, 2);
  if (args[0] == "--help" || args[0] == "-h" || args[0] == "help") return Usage(stdout, 0);
  if (args[0] == "--version") return PrintVersion();
  for (const Program& program : kPrograms) {
    if (args[0] != program.word && (program.alias.empty() || args[0] != program.alias)) continue;
    args.erase(args.begin());
    return Run(program, args);
  }
  skiff::cli::Caller caller{.name = "skiff"};
  for (const Program& program : kPrograms) caller.programs.emplace_back(program.word);
  if (args[0].starts_with('-') && !skiff::cli::IsCliLine(args)) {
    std::fprintf(stderr,
                 "skiff: %s stands before any program: its flags follow it, as in `skiff up "
                 "--nodes=3`; `skiff --help` lists them all\n",
                 args[0].c_str());
    return 2;
  }
  return skiff::RunWithThreadStack([&] { return skiff::cli::KubectlMain(args, caller); });
}
