// The door to CLI11: command-line flags as Kubernetes' programs take them (--name=value,
// --name value, --switch, --switch=false, -v=2; --a_name for --a-name), with their error texts.
//
//   Flags flags("skiff apiserver");
//   flags.Add("secure-port", options.secure_port, "The port on which to serve HTTPS.");
//   TRY(flags.Parse(args));
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace skiff {

// Targets keep their value when the flag is not given, and outlive Parse.
class Flags {
 public:
  explicit Flags(std::string program);
  ~Flags();

  void Add(const std::string& name, std::string& value, const std::string& help);
  void Add(const std::string& name, int& value, const std::string& help);
  void Add(const std::string& name, bool& value, const std::string& help);
  // Go's text of a duration: "1h30m", "500ms".
  void Add(const std::string& name, Duration& value, const std::string& help);
  // Comma-separated; when given several times the lists are joined.
  void Add(const std::string& name, std::vector<std::string>& value, const std::string& help);
  // One item each time the flag is given, commas and all.
  void AddEach(const std::string& name, std::vector<std::string>& value, const std::string& help);
  // Accepted without effect, so that command lines of the namesake start.
  void Ignore(const std::string& name, const std::string& help);

  // Words that are no flags go to `words`; without it they are refused. Invalid carries Kubernetes'
  // text: "unknown flag: --x".
  Result<> Parse(const std::vector<std::string>& args, std::vector<std::string>* words = nullptr);
  // --help or -h was given.
  bool help_asked() const;
  std::string Help() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// "1h2m3.5s" as Go's time.ParseDuration reads it; Invalid carries its text.
Result<Duration> ParseGoDuration(const std::string& text);

}  // namespace skiff
