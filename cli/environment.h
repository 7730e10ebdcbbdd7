// What a verb touches of the world: its streams, variables, clock and network. Tests give their
// own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "client/exec_credential.h"
#include "client/transport.h"

namespace skiff::cli {

struct VerbShape;

struct Environment {
  std::function<void(std::string_view)> out;
  std::function<void(std::string_view)> err;
  // All of standard input.
  std::function<std::string()> read_input;
  // An environment variable; "" when it is not set.
  std::function<std::string(const std::string& name)> variable;
  // Whether one is set, if to nothing; nullptr: those are that say something.
  std::function<bool(const std::string& name)> has_variable = {};
  std::function<Result<std::unique_ptr<Transport>>(const HttpsOptions& options)> connect;
  // Lets that much time pass.
  std::function<void(Duration)> pause;
  const Clock& clock;
  // What users call the program: "kubectl", "skiff".
  std::string program = "kubectl";
  // Words that are no verbs, and that the program takes all the same: "up".
  std::vector<std::string> programs = {};
  // See Caller.
  std::string kubeconfig_here = {};
  std::function<std::string(const std::string& kubeconfig, const std::string& context)>
      how_to_start = {};
  // What such a program, or a verb of it ("snapshot save"), says when it is asked for --help; ""
  // when it says nothing.
  std::function<std::string(const std::string& program)> program_help = {};
  // The next line of standard input, for who answers a question.
  std::function<std::string()> read_line = {};
  // Runs another program in our place; returns when it cannot, with an exit code.
  std::function<int(const std::string& path, const std::vector<std::string>& args)> become = {};
  // Opens a link for whoever sits at this machine; false where nobody would see it.
  std::function<bool(const std::string& link)> browse = {};
  // Which programs may give credentials.
  ExecPolicy exec_policy = {};
  int verbosity = 0;         // -v.
  bool input_taken = false;  // Standard input is read by the verb: no plugin may ask there.
  // Set: verbs say what may follow them instead of doing anything (completion/shape.h).
  VerbShape* shape = nullptr;
  // Why some of what went to `out` was not written; "": it was, or the reader of a pipe has left.
  std::function<std::string()> output_fault = {};
  // Whether some of it was not written, also as its reader has left, or that of `err`; nullptr: all
  // is.
  std::function<bool()> is_output_lost = {};
  // Whether the reader of a pipe has left that `out` or `err` went to; nullptr: none has.
  std::function<bool()> has_reader_left = {};
  // Whether who looks at `out` could see colours.
  bool has_colours = false;
  // Of the terminal that `out` goes to, within which help is broken; 0: it goes to none.
  size_t columns = 0;
  // Of a verb that would have gone on and on, and ended for that.
  bool ended_early = false;

  // Whether to print in colours: what kubectl prints has none.
  bool ShowsColours() const { return has_colours && program != "kubectl"; }
  // For who prints until something happens: whether to end, as nobody gets it.
  bool EndsForOutput() {
    ended_early |= is_output_lost && is_output_lost();
    return ended_early;
  }
  // Whether somebody read what is printed, and has left. Any thread.
  bool HasReaderLeft() const { return has_reader_left && has_reader_left(); }
};

// This process's own. `clock` outlives it.
Environment SystemEnvironment(const Clock& clock);

}  // namespace skiff::cli
