// The multi-call binary: the first word, or the name it was started under, chooses the program.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apiserver/server/program.h"
#include "base/standard_files.h"
#include "base/terminal.h"
#include "base/thread_stack.h"
#include "base/version.h"
#include "cli/command.h"
#include "cli/program.h"
#include "dns/program.h"
#include "http/socket.h"
#include "skiff/certs.h"
#include "skiff/chaos/program.h"
#include "skiff/cluster.h"
#include "skiff/cluster_choice.h"
#include "skiff/doctor.h"
#include "skiff/host_facts.h"
#include "skiff/init.h"
#include "skiff/join.h"
#include "skiff/kubelet.h"
#include "skiff/leading_flag.h"
#include "skiff/programs.h"
#include "skiff/snapshot/program.h"
#include "skiff/status.h"
#include "skiff/token.h"
#include "skiff/up.h"

namespace {

// A link named kubectl; `skiff kubectl get pods`, and with the dashes of `minikube kubectl -- get`.
int KubectlProgram(const std::vector<std::string>& given) {
  std::vector<std::string> args = given;
  if (!args.empty() && args[0] == "--") args.erase(args.begin());
  return skiff::RunWithThreadStack([&] { return skiff::cli::KubectlMain(args); });
}

struct Program {
  std::string_view word;   // skiff WORD ...
  std::string_view alias;  // argv[0] of its Kubernetes namesake
  int (*main)(const std::vector<std::string>& args);
  std::string_view purpose;
};

// clang-format off
constexpr Program kPrograms[] = {
    {"up", "", &skiff::UpMain,
     "Make this machine a cluster, and start it."},
    {"down", "", &skiff::DownMain,
     "End a cluster, and take away all that is of it."},
    {"status", "", &skiff::StatusMain,
     "Say what runs here, how it is, and what to do about it."},
    {"join", "", &skiff::JoinMain,
     "Make this machine a node of a cluster."},
    {"token", "", &skiff::TokenMain,
     "Make, list and delete the tokens that machines join with."},
    {"doctor", "", &skiff::DoctorMain,
     "Say what is in the way of a cluster here, and how to mend it."},
    {"image", "", &skiff::ImageMain,
     "Load container images without a registry."},
    {"certs", "", &skiff::CertsMain,
     "Write certificates and kubeconfigs for programs that run apart."},
    {"snapshot", "", &skiff::SnapshotMain,
     "Save a cluster as a file, restore it, or run a copy beside it."},
    {"chaos", "", &skiff::chaos::ChaosMain,
     "Break links, pods, disks and nodes for a while, and mend them."},
    {"kubectl", "", &KubectlProgram,
     "kubectl's verbs in its own words, as a link named kubectl has them."},
    {"apiserver", "kube-apiserver", &skiff::ApiServerMain,
     "kube-apiserver by itself, on RocksDB or etcd."},
    {"controller-manager", "kube-controller-manager", &skiff::ControllerManagerMain,
     "kube-controller-manager by itself."},
    {"scheduler", "kube-scheduler", &skiff::SchedulerMain,
     "kube-scheduler by itself."},
    {"kube-proxy", "kube-proxy", &skiff::KubeProxyMain,
     "kube-proxy by itself."},
    {"dns", "kube-dns", &skiff::dns::DnsMain,
     "The cluster DNS by itself."},
    {"kubelet", "kubelet", &skiff::KubeletMain,
     "kubelet by itself."},
};
// clang-format on

int PrintVersion() {
  std::printf("skiff %s, Kubernetes %s\n", skiff::kSkiffVersion, skiff::kKubernetesRelease);
  return 0;
}

// `of_kubernetes`: those that have a namesake there.
std::string ProgramsText(const char* title, bool of_kubernetes) {
  std::string text = fmt::format("{}:\n", title);
  for (const Program& program : kPrograms) {
    if (program.alias.empty() == of_kubernetes) continue;
    text += fmt::format("  {:<19} {}\n", program.word, program.purpose);
  }
  return text + "\n";
}

// What somebody has to know who has never typed anything of it comes first.
int Usage(FILE* to, int code) {
  std::string text =
      "skiff is a Kubernetes cluster in one program: what it runs by, and kubectl's verbs "
      "to use it.\n\n"
      "  skiff up --nodes=3    # a cluster of simulated nodes, for anybody; as root "
      "`skiff up` has real ones\n"
      "  skiff get nodes       # what there is of it: by any of kubectl's verbs below\n"
      "  skiff status          # how it is, and what to do about it\n"
      "  skiff down            # its end\n\n"
      "Usage:\n"
      "  skiff WORD [flags]; skiff WORD --help; skiff --version\n\n";
  text += ProgramsText("Clusters and their machines", /*of_kubernetes=*/false);
  text += ProgramsText("Kubernetes' programs, each by itself", /*of_kubernetes=*/true);
  text += skiff::cli::VerbsText(/*is_kubectl=*/false);
  std::fprintf(to, "%s", skiff::Wrapped(text, skiff::TerminalWidth()).c_str());
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

// What was printed may be lost, whatever the program says of itself.
int WithOutputWritten(int code) {
  const int error = std::fflush(stdout) != 0 ? errno : 0;
  const bool is_lost =
      (error != 0 || std::ferror(stdout) != 0) && !skiff::IsReaderGone(STDOUT_FILENO);
  if (!is_lost || code != 0) return code;
  std::fprintf(stderr, "error: write /dev/stdout: %s\n",
               error != 0 ? skiff::http::ErrnoText(error).c_str() : "not all was written");
  return 1;
}

// `skiff --kubeconfig=FILE status`: flags that kubectl's verbs have before them as well stand
// behind a program's word, and behind its own verb. As they are where there are none, or no
// program.
std::vector<std::string> WithWordFirst(std::vector<std::string> args) {
  const size_t at = skiff::cli::FirstWord(args);
  if (at == 0 || at >= args.size()) return args;
  const bool is_program =
      std::any_of(std::begin(kPrograms), std::end(kPrograms), [&](const Program& program) {
        return args[at] == program.word || (!program.alias.empty() && args[at] == program.alias);
      });
  if (!is_program) return args;
  const auto word = args.begin() + static_cast<long>(at);
  const std::vector<std::string> leading(args.begin(), word);
  args.erase(args.begin(), word);
  // `skiff --kubeconfig=FILE kubectl -- get pods`: these dashes end no flags of kubectl's.
  if (args[0] == "kubectl" && args.size() > 1 && args[1] == "--") args.erase(args.begin() + 1);
  args.insert(std::find(args.begin(), args.end(), "--"), leading.begin(), leading.end());
  return args;
}

int Main(int argc, char** argv) {
  skiff::LeaveInitBehind();
  skiff::SetThreadStacks();
  std::vector<std::string> args(argv + 1, argv + argc);
  std::string_view name = argv[0];
  name = name.substr(name.find_last_of('/') + 1);
  for (const Program& program : kPrograms) {
    if (!program.alias.empty() && name == program.alias) return Run(program, args);
  }
  if (name == "kubectl") return KubectlProgram(args);
  if (args.empty()) return Usage(stderr, 2);
  const bool asks = args[0] == "--help" || args[0] == "-h";
  if (asks && (args.size() == 1 || args[1].starts_with('-'))) return Usage(stdout, 0);
  if (args[0] == "help" && args.size() == 1) return Usage(stdout, 0);
  if (args[0] == "--version") return PrintVersion();
  if (asks) args[0] = "help";  // `skiff --help up` is `skiff help up`.
  args = WithWordFirst(std::move(args));
  for (const Program& program : kPrograms) {
    if (args[0] != program.word && (program.alias.empty() || args[0] != program.alias)) continue;
    args.erase(args.begin());
    return Run(program, args);
  }
  skiff::cli::Caller caller{
      .name = "skiff",
      .kubeconfig_here = skiff::AdminKubeconfigPath({.data_dir = skiff::DefaultDataDir()}),
      .how_to_start = &skiff::HowToStart};
  for (const Program& program : kPrograms) caller.programs.emplace_back(program.word);
  if (args[0].starts_with('-') && !skiff::cli::IsCliLine(args)) {
    std::fprintf(stderr, "skiff: %s\n", skiff::RefusedLeadingFlag(args[0]).c_str());
    return 2;
  }
  return skiff::RunWithThreadStack([&] { return skiff::cli::KubectlMain(args, caller); });
}

}  // namespace

int main(int argc, char** argv) {
  skiff::OpenStandardFiles();
  return WithOutputWritten(Main(argc, argv));
}
