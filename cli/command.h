// One run of a verb: its flags and words, its connection to the server, and what it prints.
//
//   Result<> RunScale(Command& command, const Args& args) {
//     int replicas = -1;
//     command.Flag("replicas", replicas, "The new desired number of replicas.");
//     TRY(command.Parse(args));
//     Session& session = *TRY(command.session());
//     ...
//   }
#pragma once

#include <fmt/format.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/flags.h"
#include "cli/environment.h"
#include "cli/errors.h"

namespace skiff::cli {

class Session;
using Args = std::vector<std::string>;

// The flags that every verb has.
struct GlobalFlags {
  std::string kubeconfig;
  std::string context;
  std::string cluster;
  std::string user;
  std::string namespace_;
  std::string server;
  std::string token;
  std::string certificate_authority;
  std::string client_certificate;
  std::string client_key;
  std::string tls_server_name;
  std::string username;
  std::string password;
  bool insecure_skip_tls_verify = false;
  std::string request_timeout = "0";
  std::string as;
  std::vector<std::string> as_groups;
  std::string as_uid;
  std::vector<std::string> as_user_extra;  // KEY=VALUE
  int verbosity = 0;
  bool match_server_version = false;
  bool warnings_as_errors = false;
  std::string kuberc;  // Taken up before the verb is known (kuberc/kuberc.h).
  std::string profile = "none";
  std::string profile_output = "profile.pprof";
};

class Command {
 public:
  // `verb`: "get", "rollout status".
  Command(Environment& environment, std::string verb);
  ~Command();

  // `names`: the long name, and after a comma its letter: "output,o". Targets outlive Parse.
  template <typename T>
  void Flag(std::string_view names, T& value, const char* help) {
    const std::string name = AddName(names, std::is_same_v<T, bool>);
    shown_.push_back({std::string(names), Shown(value), help, adding_globals_});
    flags_.Add(name, value, help);
  }
  // A list whose items may contain commas.
  void FlagEach(std::string_view names, std::vector<std::string>& value, const char* help);
  // Without this flag Parse fails.
  void Require(const std::string& name) { required_.insert(name); }
  // Flags that all verbs have, and that are what this one is for: its help tells of them, too.
  void TellToo(std::set<std::string> names) { told_too_ = std::move(names); }
  // What follows "--" is a command of somebody else's, and no more words. Before Parse.
  void KeepRest() { keeps_rest_ = true; }
  // What a flag means when it stands without a value: "--dry-run" is "--dry-run=client".
  void Bare(const std::string& name, const std::string& value) { bare_[name] = value; }
  // A flag that kubectl is to lose, and what it says to those who give it, whatever else they do.
  void Deprecate(const std::string& name, const std::string& advice) { deprecated_[name] = advice; }
  // Prints the help and fails with ExitNow when that was asked for.
  Result<> Parse(const Args& args);
  // What `kubectl options` prints: the flags that all verbs have.
  std::string GlobalOptionsText();
  bool Given(const std::string& name) const { return given_.contains(name); }

  const Args& words() const { return words_; }
  // For a verb that looks at no words.
  Result<> ExpectNoWords() const;
  // What follows "--" of a verb that keeps it apart; nullopt without one.
  const std::optional<Args>& rest() const { return rest_; }
  const GlobalFlags& globals() const { return globals_; }
  const std::string& verb() const { return verb_; }
  // What was typed, as kubectl records it: the words, and behind them the flags.
  std::string CommandLine() const;
  // Of a verb whose first word makes it another one, for those who are told how it is called.
  void BeOfWord(const std::string& word) { called_ = verb_ + " " + word; }
  Environment& environment() { return environment_; }

  // Connects, the first time.
  Result<Session*> session();

  template <typename... Values>
  void Print(fmt::format_string<Values...> format, Values&&... values) {
    environment_.out(fmt::format(format, std::forward<Values>(values)...));
  }
  template <typename... Values>
  void Warn(fmt::format_string<Values...> format, Values&&... values) {
    environment_.err(fmt::format(format, std::forward<Values>(values)...));
  }
  // An object is about to be printed whole. Whether there was one before.
  bool PrintsDocument() { return std::exchange(has_printed_, true); }
  // The verb goes on; the exit code will be 1, and the error is printed when the verb has ended.
  void Report(const Error& error);
  // After all that is reported otherwise: what a file said that could not be read.
  void ReportLast(const Error& error);
  // From now on what is reported has its line as one of several, also where it is alone.
  void ReportPlainly() { reports_plainly_ = true; }
  // Prints what was reported: one alone says more than one of several.
  void PrintReports();
  int exit_code() const { return exit_code_; }
  void set_exit_code(int code) { exit_code_ = code; }

  // With --warnings-as-errors, of a verb that has come to its end: how many warnings there were.
  void CountWarnings();

  // "error: TEXT" and where to find help.
  tl::unexpected<Error> UsageError(const std::string& text) const;
  // Of a value that the flag cannot have.
  tl::unexpected<Error> FlagError(const std::string& flag, const std::string& value,
                                  const std::string& why) const;
  // Ends the verb at once with the exit code set so far; nothing is printed.
  static tl::unexpected<Error> ExitNow();
  static bool IsExit(const Error& error);

 private:
  struct Name {
    std::string name;
    bool is_switch;
  };
  // A flag as the help shows it.
  struct ShownFlag {
    std::string names;  // As for Flag.
    std::string value;  // What holds when it is not given.
    std::string help;
    bool is_global;
  };
  static std::string Shown(const std::string& value) { return "'" + value + "'"; }
  static std::string Shown(bool value) { return value ? "true" : "false"; }
  static std::string Shown(const std::optional<bool>& value) {
    return Shown(value.value_or(false));
  }
  static std::string Shown(int value) { return std::to_string(value); }
  static std::string Shown(Duration value) { return GoDurationText(value); }
  static std::string Shown(const std::vector<std::string>& value);
  std::string HelpText() const;
  void TellShape() const;
  std::map<std::string, const ShownFlag*> ByName(bool global) const;

  std::string AddName(std::string_view names, bool is_switch);
  void AddGlobals();
  Result<Args> Expand(const Args& args);
  Result<> ExpandLetters(const Args& args, size_t& at, Args& out);
  Result<> CheckProfile() const;
  const std::string& Called() const { return called_.empty() ? verb_ : called_; }
  std::string SeeHelp() const;

  Environment& environment_;
  const std::string verb_;
  std::string called_;  // "": as verb_.
  Args typed_flags_;    // --name=value
  Flags flags_;
  GlobalFlags globals_;
  std::vector<ShownFlag> shown_;
  std::set<std::string> told_too_;
  bool adding_globals_ = false;
  std::map<char, Name> letters_;
  std::map<std::string, bool, std::less<>> names_;  // Whether it is a switch.
  std::map<std::string, std::string> bare_;
  std::map<std::string, std::string> deprecated_;
  std::map<std::string, bool> given_;
  std::set<std::string> required_;
  Args words_;
  std::optional<Args> rest_;
  bool keeps_rest_ = false;
  std::unique_ptr<Session> session_;
  int exit_code_ = 0;
  std::vector<Error> reports_;
  std::vector<Error> last_reports_;
  bool reports_plainly_ = false;
  bool has_printed_ = false;
};

// A verb: one line of a table.
struct Verb {
  const char* name;
  Result<> (*run)(Command& command, const Args& args);
};
// nullptr when there is none.
const Verb* FindVerb(const Verb* verbs, size_t count, const std::string& name);
int RunVerb(Environment& environment, const Verb& verb, const std::string& name, const Args& args);

// What `word`, which is no verb of this family, may have been meant to be, for the end of a line:
// "\n\nDid you mean this?\n\trestart\n"; "" where none is near, and under the name of kubectl,
// which does not guess below its own verbs.
std::string MeantVerb(const Environment& environment, std::string_view family,
                      std::string_view word);
bool AsksForHelp(const Args& args);
// What a family is for, those of its verbs that are told of, and where to read on, as kubectl's
// helps have it.
std::string FamilyHelp(const Environment& environment, const std::string& family,
                       const std::vector<std::string>& names);
// Of a family without a verb, or a line without any (""): whether there are flags that no verb has,
// which is said then.
bool RefusesFlags(Environment& environment, const std::string& family, const Args& args);
// For verbs with verbs of their own ("rollout status"): runs the one that the first word names.
int RunFamily(Environment& environment, const std::string& family, const Verb* verbs, size_t count,
              const Args& args);
// Of a family for which no word, and for kubectl an unknown one too, is a way to ask for its verbs.
int RunTellingFamily(Environment& environment, const std::string& family, const Verb* verbs,
                     size_t count, const Args& args);
// For families that can go without a word: tells the shape that is asked for, if one is, of the
// verbs that they have.
void TellVerbs(Environment& environment, const Verb* verbs, size_t count);
// The index of the first word that is neither a global flag nor its value.
size_t FirstWord(const Args& args);
Args WithoutWord(Args args, size_t at);

// "--dry-run" as all mutating verbs have it.
struct DryRun {
  std::string value = "none";
  void AddTo(Command& command);
  // Makes one of the three of an older way to write it, and warns of that.
  Result<> Check();
  bool client() const { return value == "client"; }
  bool server() const { return value == "server"; }
  // What the query parameter says.
  std::string Parameter() const { return server() ? "All" : ""; }
  // " (dry run)"
  std::string Suffix() const;

 private:
  Environment* environment_ = nullptr;  // Of the command that it is a flag of.
};

}  // namespace skiff::cli
