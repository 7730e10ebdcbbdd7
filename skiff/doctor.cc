#include "skiff/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/program.h"
#include "base/shell_word.h"
#include "skiff/daemon.h"
#include "skiff/up.h"

namespace skiff {
namespace {

bool IsFailed(const Check& check) {
  return check.verdict == CheckVerdict::kFailed;
}

}  // namespace

std::string DescribeChecks(const std::vector<Check>& checks, const cli::Colours& colours) {
  std::string text;
  for (const Check& check : checks) {
    const std::string word = IsFailed(check)                           ? colours.Bad("FAIL ")
                             : check.verdict == CheckVerdict::kWarning ? colours.Waiting("warn ")
                                                                       : colours.Good("ok   ");
    text += fmt::format("{} {}: {}\n", word, check.name, check.finding);
    if (!check.remedy.empty()) text += fmt::format("      mend: {}\n", check.remedy);
  }
  return text;
}

Result<> RequireHost(const ClusterOptions& options) {
  const auto checks = AllChecks(ReadHostFacts(options), options);
  std::string text;
  for (const Check& check : checks) {
    if (!IsFailed(check)) continue;
    text += fmt::format("{}{}: {}\n  mend: {}", text.empty() ? "" : "\nerror: ", check.name,
                        check.finding, check.remedy);
  }
  if (text.empty()) return {};
  return Fail(Reason::kForbidden, std::move(text));
}

namespace {

// The command that was asked about.
std::string UpCommand(const Flags::Given& given) {
  std::string command = "skiff up";
  for (const auto& [name, value] : given) {
    command += value == "true" ? " --" + name : fmt::format(" --{}={}", name, ShellWord(value));
  }
  return command;
}

}  // namespace

int DoctorMain(const std::vector<std::string>& args) {
  UpFlags to;
  Flags flags("skiff doctor");
  AddUpFlags(flags, to);
  const auto goes_on = ParseOrHelp(flags, args);
  if (!goes_on) return Complain(goes_on.error().message);
  if (!*goes_on) return 0;
  MakePathsAbsolute(to.cluster);
  ChooseAddresses(to.cluster);
  if (const auto checked = CheckUpFlags(to); !checked) return Complain(checked.error().message);
  const auto checks = AllChecks(ReadHostFacts(to.cluster), to.cluster);
  std::printf("%s", DescribeChecks(checks, cli::Colours(cli::OutputHasColours())).c_str());
  const auto failed = std::count_if(checks.begin(), checks.end(), &IsFailed);
  if (failed == 0) {
    std::printf("\nA cluster can be started here: %s\n", UpCommand(flags.given()).c_str());
    return 0;
  }
  std::printf("\n%d of %d checks failed.\n", static_cast<int>(failed),
              static_cast<int>(checks.size()));
  // Else what it has itself looks like what is in its way.
  if (const auto running = RunningOn(to.cluster.data_dir)) {
    std::printf(
        "A cluster or node runs from %s already (process %d), and has what is taken: `skiff "
        "status%s` says how it is.\n",
        to.cluster.data_dir.c_str(), static_cast<int>(running->pid),
        DataDirWords(to.cluster.data_dir).c_str());
  }
  return 1;
}

}  // namespace skiff
