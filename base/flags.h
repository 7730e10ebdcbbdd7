// Command-line flags as Kubernetes' programs take them (--name=value, --name value, --switch,
// --switch=false, -v=2; --a_name for --a-name), with their error texts. CLI11 writes the help.
//
//   Flags flags("skiff apiserver");
//   flags.Add("secure-port", options.secure_port, "The port on which to serve HTTPS.");
//   TRY(flags.Parse(args));
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace skiff {

// What the value of a flag without effect must be nevertheless.
enum class UnusedValue { kText, kNotNegative, kDuration, kNotNegativeDuration, kFeatureGates };

// A flag that has no effect here, and why.
struct UnusedFlag {
  std::string name;
  std::string why;  // "watches tell of every change at once"
  // Values that ask for what is done here anyway: of them nothing is said.
  std::vector<std::string> same = {};
  bool is_switch = false;
  // It is a restriction that somebody relies on: another value than those is Invalid.
  bool is_refused = false;
  UnusedValue value = UnusedValue::kText;
  // Feature gates that have an effect all the same: nothing is said of them.
  std::vector<std::string> used_gates = {};
};

// Targets keep their value when the flag is not given, and outlive Parse.
class Flags {
 public:
  explicit Flags(std::string program);
  ~Flags();

  void Add(const std::string& name, std::string& value, const std::string& help);
  void Add(const std::string& name, int& value, const std::string& help);
  void Add(const std::string& name, double& value, const std::string& help);
  void Add(const std::string& name, bool& value, const std::string& help);
  // For who must know whether it was given.
  void Add(const std::string& name, std::optional<bool>& value, const std::string& help);
  // Go's text of a duration: "1h30m", "500ms".
  void Add(const std::string& name, Duration& value, const std::string& help);
  // For who must know whether it was given; none is shown as its default.
  void Add(const std::string& name, std::optional<Duration>& value, const std::string& help);
  // Comma-separated; when given several times the lists are joined.
  void Add(const std::string& name, std::vector<std::string>& value, const std::string& help);
  // One item each time the flag is given, commas and all.
  void AddEach(const std::string& name, std::vector<std::string>& value, const std::string& help);
  // A flag of the namesake that does nothing here: its command lines start, and are told so.
  void AddUnused(UnusedFlag flag);
  // Where Parse puts what was given without effect, a line each; else nobody hears of it.
  void NoteTo(std::vector<std::string>& notes);
  // As AddUnused, with any value.
  void Ignore(const std::string& name, const std::string& why);

  // Words that are no flags go to `words`; without it they are refused. Invalid carries Kubernetes'
  // text: "unknown flag: --x".
  Result<> Parse(const std::vector<std::string>& args, std::vector<std::string>* words = nullptr);
  // Of a program that has no namesake: what is wrong with a value is said in words, and not as Go's
  // library for it does.
  void SpeakPlainly();
  // Of a flag that there is none of Parse does not say where the help is: the caller does.
  void LeaveOutHelp();
  // Each flag that Parse was given, by its full name, with its value as it was written.
  using Given = std::vector<std::pair<std::string, std::string>>;
  const Given& given() const;
  // --help or -h was given.
  bool help_asked() const;
  std::string Help() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A duration as Go prints it, where it is of whole milliseconds: "1h0m0s", "500ms".
std::string GoDurationText(Duration value);
// "1h2m3.5s" as Go's time.ParseDuration reads it; Invalid carries its text.
Result<Duration> ParseGoDuration(const std::string& text);

}  // namespace skiff
