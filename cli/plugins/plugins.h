// Verbs that users bring along: executables in PATH. `kubectl foo bar x` runs kubectl-foo-bar with
// x where there is one, else kubectl-foo with bar and x; skiff runs skiff-foo, too, and first.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace skiff::cli {

struct Plugin {
  std::string path;
  Args args;  // What it is given.
};

// For words none of which is a verb, or the first `least` of which are ("create"). Words end where
// flags begin.
std::optional<Plugin> FindPlugin(const Environment& environment, const Args& words,
                                 size_t least = 1);
// Becomes the plugin; returns only in tests, or with a code when it cannot.
int RunPlugin(Environment& environment, const Plugin& plugin);
// What plugins there are, as verbs: "foo".
std::vector<std::string> PluginNames(const Environment& environment);
// Has the executable kubectl_complete-NAME complete words that a plugin is asked by; nullopt when
// there is none. Returns the exit code.
std::optional<int> CompletePlugin(Environment& environment, const Args& words);

// `plugin list`
int PluginMain(Environment& environment, const Args& args);

}  // namespace skiff::cli
