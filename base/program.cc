#include "base/program.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <initializer_list>
#include <utility>

#include "base/log.h"
#include "base/metric_flags.h"
#include "base/verbosity.h"

namespace skiff {
namespace {

// Our own "it is over", beside the two that users send.
constexpr int kEndSignal = SIGUSR1;

constexpr int kDetails = 4;  // The verbosity from which on details are shown.
std::atomic<LogFormat> log_format = LogFormat::kText;

sigset_t ProgramSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, kEndSignal}) sigaddset(&signals, signal);
  return signals;
}

bool IsPending(std::initializer_list<int> signals) {
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  return std::ranges::any_of(signals,
                             [&](int signal) { return sigismember(&pending, signal) == 1; });
}

// Of what all programs take, in their words; "": nothing is wrong with it.
std::string WhyNotShared(const std::string& flag, const std::string& value) {
  if (flag == "logging-format" && value != "text" && value != "json") {
    return "format: Invalid value: \"" + value + "\": Unsupported log format";
  }
  if (flag == "log-flush-frequency") {
    const auto period = ParseGoDuration(value);
    if (!period || *period > Duration(0)) return "";  // It is a duration where it comes here.
    return "flushFrequency: Invalid value: \"" + GoDurationText(*period) +
           "\": Must be greater than zero";
  }
  if (flag == "show-hidden-metrics-for-version") return WhyNotHiddenMetrics(value);
  return flag == "allow-metric-labels" ? WhyNotMetricLabels(value) : "";
}

}  // namespace

void AddLogFlags(Flags& flags, LogFlags& to, std::vector<std::string> used_gates) {
  flags.Add("v", to.verbosity, "Number for the log level verbosity; 4 and above show details.");
  flags.Add("logging-format", to.format, "Sets the log format: text or json.");
  flags.NoteTo(to.notes);
  const auto refuse = [&](const char* name, const char* why, const char* same,
                          bool is_switch = false) {
    flags.AddUnused({name, why, {same}, is_switch, /*is_refused=*/true});
  };
  refuse("vmodule", "the level is the same for all files", "");
  flags.AddUnused({.name = "log-flush-frequency",
                   .why = "each line is written at once",
                   .same = {"5s"},
                   .value = UnusedValue::kDuration});
  flags.AddUnused({.name = "feature-gates",
                   .why = "what is there is on, and what is not cannot be turned on",
                   .same = {""},
                   .value = UnusedValue::kFeatureGates,
                   .used_gates = std::move(used_gates)});
  flags.AddUnused({"show-hidden-metrics-for-version", "no metric is hidden", {"", "1.34"}});
  refuse("disabled-metrics", "all metrics are told", "");
  for (const char* name : {"allow-metric-labels", "allow-metric-labels-manifest"}) {
    flags.AddUnused({name, "labels of metrics have whatever values there are", {""}});
  }
  for (const char* name : {"log-json-info-buffer-size", "log-text-info-buffer-size"}) {
    refuse(name, "each line is written at once", "0");
  }
  for (const char* name : {"log-json-split-stream", "log-text-split-stream"}) {
    refuse(name, "all lines go to stderr", "false", /*is_switch=*/true);
  }
}

void AddVersionFlags(Flags& flags) {
  for (const char* name : {"emulated-version", "min-compatibility-version"}) {
    flags.AddUnused({name,
                     "it is v1.35",
                     {"", "1.35", "kube=1.35"},
                     /*is_switch=*/false,
                     /*is_refused=*/true});
  }
}

Result<bool> ParseOrHelp(Flags& flags, const std::vector<std::string>& args) {
  TRY(flags.Parse(args));
  for (const auto& [name, value] : flags.given()) {
    if (std::string why = WhyNotShared(name, value); !why.empty()) {
      return Fail(Reason::kInvalid, std::move(why));
    }
  }
  if (flags.help_asked()) std::fputs(flags.Help().c_str(), stdout);
  return !flags.help_asked();
}

void SetVerbosity(int verbosity) {
  Log::Configure(verbosity >= kDetails ? LogLevel::kDebug : LogLevel::kInfo, log_format);
}

void BeginProgram(const LogFlags& flags) {
  log_format = flags.format == "json" ? LogFormat::kJson : LogFormat::kText;
  SetVerbosity(flags.verbosity);
  for (const std::string& note : flags.notes) Log("flags").Info("warning: " + note);
  const sigset_t signals = ProgramSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

bool WaitForSignal() {
  const sigset_t signals = ProgramSignals();
  // Nobody reads from it: that would take the signal away.
  const int arrival = signalfd(-1, &signals, SFD_CLOEXEC);
  if (arrival < 0) {  // There are no descriptors left.
    int signal = 0;
    sigwait(&signals, &signal);
    return signal != kEndSignal;
  }
  pollfd come{.fd = arrival, .events = POLLIN, .revents = 0};
  while (poll(&come, 1, -1) < 0) {
  }
  close(arrival);
  return !IsPending({kEndSignal});
}

bool EndIsAsked() {
  return IsPending({SIGINT, SIGTERM, kEndSignal});
}

void EndProgram() {
  kill(getpid(), kEndSignal);
}

int FailProgram(const Error& error) {
  std::fprintf(stderr, "Error: %s\n", error.message.c_str());
  return 1;
}

}  // namespace skiff
