#include "skiff/chaos/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <csignal>
#include <cstdio>

#include "base/flags.h"

namespace skiff::chaos {
namespace {

struct FaultName {
  Fault fault;
  std::string_view word;
};
constexpr std::array<FaultName, 6> kFaults = {{{Fault::kNetem, "netem"},
                                               {Fault::kPartition, "partition"},
                                               {Fault::kKill, "kill"},
                                               {Fault::kPause, "pause"},
                                               {Fault::kClock, "clock"},
                                               {Fault::kDisk, "disk"}}};

struct SignalName {
  std::string_view name;
  int number;
};
constexpr std::array<SignalName, 9> kSignals = {{{"KILL", SIGKILL},
                                                 {"TERM", SIGTERM},
                                                 {"INT", SIGINT},
                                                 {"HUP", SIGHUP},
                                                 {"QUIT", SIGQUIT},
                                                 {"ABRT", SIGABRT},
                                                 {"SEGV", SIGSEGV},
                                                 {"USR1", SIGUSR1},
                                                 {"USR2", SIGUSR2}}};

// Flags as they are written, before they are understood.
struct Written {
  std::optional<Duration> length;
  std::string namespace_;
  std::string loss, duplicate, reorder, rate;
  std::string direction = "both";
  std::string signal;  // "": KILL
  std::string drift;
};

bool HasLength(const Request& request) {
  return request.fault != Fault::kKill || request.target.is_node;
}

void AddFlags(Flags& flags, Request& to, Written& written) {
  flags.Add("for", written.length, "How long, from 1s to 1h. Then all is as it was before.");
  flags.Add("namespace", written.namespace_, "The namespace of pods; -n for short.");
  flags.Add("kubeconfig", to.kubeconfig,
            "Which cluster; by default that of KUBECONFIG, else that of this machine.");
  flags.Add("data-dir", to.data_dir,
            "Where the cluster or node of this machine keeps everything; by default as `skiff up`.");
  switch (to.fault) {
    case Fault::kNetem:
      flags.Add("delay", to.impairment.delay, "How long each packet is held up: 100ms.");
      flags.Add("jitter", to.impairment.jitter, "By how much the delay varies, either way.");
      flags.Add("loss", written.loss, "The share of packets that is lost: 5%.");
      flags.Add("duplicate", written.duplicate, "The share of packets that comes twice.");
      flags.Add("reorder", written.reorder, "The share of packets that overtakes the delayed.");
      flags.Add("rate", written.rate, "As much goes through in a second: 1mbit.");
      break;
    case Fault::kPartition:
      flags.Add("direction", written.direction,
                "What is cut: both; out (what leaves the first target); in (what comes to it).");
      break;
    case Fault::kKill:
      flags.Add("signal", written.signal, "For a pod's containers: KILL, TERM, SEGV, ...");
      flags.Add("container", to.container, "This container of the pod alone.");
      break;
    case Fault::kPause:
      flags.Add("container", to.container, "This container of the pod alone.");
      break;
    case Fault::kDisk:
      flags.Add("volume", to.volume, "The emptyDir of the pod that is filled.");
      break;
    case Fault::kClock:
      flags.Add("offset", to.offset, "How far it is off: +5m, -30s.");
      flags.Add("drift", written.drift, "How much too fast it goes: +10%; -100% stands still.");
      flags.Add("container", to.container, "This container of the pod alone.");
      break;
  }
}

// Takes what stands up to the first slash off the text; all of it where there is none.
std::string TakePart(std::string& text) {
  const size_t slash = std::min(text.find('/'), text.size());
  std::string part = text.substr(0, slash);
  text.erase(0, slash + 1);
  return part;
}

Result<Target> ParseTarget(const std::string& word, const std::string& name_space) {
  Target target{.name = word};
  const std::string kind = TakePart(target.name);
  target.is_node = kind == "node" || kind == "nodes" || kind == "no";
  const bool is_pod = kind == "pod" || kind == "pods" || kind == "po";
  const bool says_namespace = is_pod && target.name.find('/') != std::string::npos;
  if (is_pod && says_namespace) target.namespace_ = TakePart(target.name);
  if (is_pod && !says_namespace) target.namespace_ = name_space.empty() ? "default" : name_space;
  const bool is_name = !target.name.empty() && target.name.find('/') == std::string::npos;
  if (is_name && (target.is_node || !target.namespace_.empty())) return target;
  return Fail(Reason::kInvalid,
              fmt::format("\"{}\" is no target: node/NAME, pod/NAME with -n NAMESPACE, or "
                          "pod/NAMESPACE/NAME",
                          word));
}

Result<> UnderstandLength(const Written& written, Request& to) {
  const std::string_view word = FaultWord(to.fault);
  if (!HasLength(to)) {
    if (!written.length) return {};
    return Fail(Reason::kInvalid,
                "--for: the kill of a pod is over at once, and what comes then is its "
                "restartPolicy's; leave it out, or pause the pod for a while");
  }
  if (!written.length) {
    return Fail(Reason::kInvalid,
                fmt::format("--for: say how long, as in `skiff chaos {} {} --for=30s`", word,
                            to.target.Text()));
  }
  to.length = *written.length;
  if (to.length >= kLengthMin && to.length <= kLengthMax) return {};
  return Fail(Reason::kInvalid,
              fmt::format("--for: {} is not between {} and {}", GoDurationText(to.length),
                          GoDurationText(kLengthMin), GoDurationText(kLengthMax)));
}

Result<> Understand(const Written& written, Impairment& to) {
  const auto percent = [](const std::string& flag, const std::string& text,
                          double& into) -> Result<> {
    if (text.empty()) return {};
    const auto parsed = ParsePercent(text);
    if (!parsed) return Fail(Reason::kInvalid, flag + ": " + parsed.error().message);
    into = *parsed;
    return {};
  };
  TRY(percent("--loss", written.loss, to.loss));
  TRY(percent("--duplicate", written.duplicate, to.duplicate));
  TRY(percent("--reorder", written.reorder, to.reorder));
  if (!written.rate.empty()) {
    const auto rate = ParseRate(written.rate);
    if (!rate) return Fail(Reason::kInvalid, "--rate: " + rate.error().message);
    to.rate_bits = *rate;
  }
  constexpr Duration kDelayMax = 60s;
  if (to.delay < 0ns || to.delay > kDelayMax || to.jitter < 0ns || to.jitter > to.delay) {
    return Fail(Reason::kInvalid,
                "--delay: from 0s to 1m0s, and --jitter not more than that, as in --delay=100ms "
                "--jitter=20ms");
  }
  if (to.reorder > 0 && to.delay == 0ns) {
    return Fail(Reason::kInvalid,
                "--reorder: packets overtake those that are delayed; give a --delay as well");
  }
  if (to == Impairment{}) {
    return Fail(Reason::kInvalid,
                "netem: say what is wrong with the link: --delay, --jitter, --loss, --duplicate, "
                "--reorder or --rate");
  }
  return {};
}

// "+10%" in millionths.
Result<int64_t> ParseDrift(const std::string& text) {
  constexpr double kDriftMax = 1000;
  const bool is_signed = text.starts_with('+') || text.starts_with('-');
  const bool is_slow = text.starts_with('-');
  double percent = 0;
  std::string_view rest = std::string_view(text).substr(is_signed ? 1 : 0);
  const bool is_percent = rest.ends_with('%');
  if (is_percent) rest.remove_suffix(1);
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), percent,
                                            std::chars_format::fixed);
  const bool is_number = error == std::errc() && end == rest.data() + rest.size() &&
                         !rest.empty() && std::isfinite(percent) && percent >= 0;
  if (!is_percent || !is_number || percent > (is_slow ? 100 : kDriftMax)) {
    return Fail(Reason::kInvalid, fmt::format("--drift: \"{}\" is not between -100% and +1000%, as "
                                              "in --drift=+10%",
                                              text));
  }
  return std::llround((is_slow ? -percent : percent) * 10'000);
}

Result<> UnderstandClock(const Written& written, Request& to) {
  if (!written.drift.empty()) to.drift_ppm = TRY(ParseDrift(written.drift));
  if (to.offset > kOffsetMax || to.offset < -kOffsetMax) {
    return Fail(Reason::kInvalid, fmt::format("--offset: {} is more than {} off",
                                              GoDurationText(to.offset),
                                              GoDurationText(kOffsetMax)));
  }
  if (to.offset != 0ns || to.drift_ppm != 0) return {};
  return Fail(Reason::kInvalid,
              "clock: say how wrong it is: --offset=+5m, --offset=-30s or --drift=+10%");
}

Result<int> SignalOf(std::string name) {
  if (name.starts_with("SIG")) name.erase(0, 3);
  for (const SignalName& signal : kSignals) {
    if (signal.name == name) return signal.number;
  }
  std::string known;
  for (const SignalName& signal : kSignals) {
    known += fmt::format("{}{}", known.empty() ? "" : ", ", signal.name);
  }
  return Fail(Reason::kInvalid, fmt::format("--signal: \"{}\" is none of {}{}", name, known,
                                            name == "STOP" ? "; `skiff chaos pause` stops" : ""));
}

Result<> UnderstandRest(const Written& written, Request& to) {
  if (to.fault == Fault::kNetem) TRY(Understand(written, to.impairment));
  if (to.fault == Fault::kClock) TRY(UnderstandClock(written, to));
  if (to.fault == Fault::kKill) {
    to.signal = TRY(SignalOf(written.signal.empty() ? "KILL" : written.signal));
    if (to.target.is_node && !written.signal.empty()) {
      return Fail(Reason::kInvalid, to.target.Text() +
                                        " is a node, whose power is cut: --signal is for a pod's "
                                        "containers");
    }
  }
  if (written.direction == "out") to.direction = Direction::kOut;
  if (written.direction == "in") to.direction = Direction::kIn;
  if (to.direction == Direction::kBoth && written.direction != "both") {
    return Fail(Reason::kInvalid,
                fmt::format("--direction: \"{}\" is none of both, out, in", written.direction));
  }
  if (to.target.is_node && !(to.container + to.volume).empty()) {
    return Fail(Reason::kInvalid, to.target.Text() + " is a node: --container and --volume are "
                                                     "those of a pod");
  }
  return {};
}

// "5m0s ahead", "30s behind, 10% fast", "web: 5m0s ahead".
std::string ClockText(const Request& request) {
  std::string text = request.container.empty() ? "" : request.container + ": ";
  if (request.offset != 0ns) {
    const Duration off = request.offset < 0ns ? -request.offset : request.offset;
    text += GoDurationText(off) + (request.offset < 0ns ? " behind" : " ahead");
  }
  if (request.drift_ppm == 0) return text;
  const double percent = static_cast<double>(request.drift_ppm) / 10'000;
  return fmt::format("{}{}{}% {}", text, request.offset == 0ns ? "" : ", ", std::abs(percent),
                     percent < 0 ? "slow" : "fast");
}

// kubectl's short form of one flag.
std::vector<std::string> WithoutShortNamespace(std::vector<std::string> args) {
  for (std::string& arg : args) {
    if (arg == "-n") arg = "--namespace";
    if (arg.starts_with("-n=")) arg.replace(0, 2, "--namespace");
  }
  return args;
}

}  // namespace

std::string_view FaultWord(Fault fault) {
  for (const FaultName& each : kFaults) {
    if (each.fault == fault) return each.word;
  }
  return "";
}

std::optional<Fault> FaultOf(std::string_view word) {
  for (const FaultName& each : kFaults) {
    if (each.word == word) return each.fault;
  }
  return std::nullopt;
}

std::string Target::Text() const {
  if (is_node) return "node/" + name;
  return "pod/" + (namespace_ == "default" ? "" : namespace_ + "/") + name;
}

Result<std::optional<Request>> ParseRequest(Fault fault, const std::vector<std::string>& args) {
  Request request{.fault = fault};
  Written written;
  const bool is_link = fault == Fault::kNetem || fault == Fault::kPartition;
  const char* targets = is_link ? "TARGET [TARGET]" : "TARGET";
  Flags flags(fmt::format("skiff chaos {} {}", FaultWord(fault), targets));
  AddFlags(flags, request, written);
  std::vector<std::string> words;
  TRY(flags.Parse(WithoutShortNamespace(args), &words));
  if (flags.help_asked()) {
    std::printf("%s", flags.Help().c_str());
    return std::nullopt;
  }
  if (fault == Fault::kClock && words.size() > 1) {
    return Fail(Reason::kInvalid, "clock: a link has none; name one node or pod");
  }
  if (words.empty() || words.size() > (is_link ? 2 : 1)) {
    return Fail(Reason::kInvalid, fmt::format("usage: skiff chaos {} {} --for=30s; a target is "
                                              "node/NAME or pod/NAME",
                                              FaultWord(fault), targets));
  }
  request.target = TRY(ParseTarget(words[0], written.namespace_));
  if (words.size() == 2) request.peer = TRY(ParseTarget(words[1], written.namespace_));
  const std::string& name_space = written.namespace_;
  const auto is_elsewhere = [&](const Target& target) {
    return !target.is_node && target.namespace_ != name_space;
  };
  if (!name_space.empty() && is_elsewhere(request.target) &&
      (!request.peer || is_elsewhere(*request.peer))) {
    return Fail(Reason::kInvalid, fmt::format("{} says another namespace than -n {}; leave out one",
                                              words[0], name_space));
  }
  if (request.peer == request.target) {
    return Fail(Reason::kInvalid,
                request.target.Text() + " has no link to itself; name another target");
  }
  TRY(UnderstandLength(written, request));
  TRY(UnderstandRest(written, request));
  return request;
}

std::string DetailOf(const Request& request) {
  switch (request.fault) {
    case Fault::kNetem: return ImpairmentText(request.impairment);
    case Fault::kPartition:
      return request.direction == Direction::kBoth  ? "both directions"
             : request.direction == Direction::kOut ? "what it sends"
                                                    : "what is sent to it";
    case Fault::kKill:
      for (const SignalName& signal : kSignals) {
        if (signal.number == request.signal && !request.target.is_node) {
          return fmt::format("SIG{}", signal.name);
        }
      }
      return "power off";
    case Fault::kDisk: return request.volume.empty() ? "full" : "full: " + request.volume;
    case Fault::kPause: return request.container.empty() ? "all" : request.container;
    case Fault::kClock: return ClockText(request);
  }
  return "";
}

}  // namespace skiff::chaos
