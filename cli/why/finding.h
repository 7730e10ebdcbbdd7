// What `why` comes to: sentences, what was seen that they stand on, and what can be done.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "api/values.h"
#include "cli/colours.h"

namespace skiff::cli::why {

// How much a finding matters; the heaviest is told first.
enum class Weight : uint8_t {
  kFine,   // Nothing is wrong.
  kNote,   // Good to know; nothing is wrong by it.
  kWaits,  // Not there yet, and may still come by itself.
  kWrong,  // Will not mend itself, or fails again and again.
};

// Something that was seen, and where: an event, a field of an object.
struct Evidence {
  std::string text;
  std::string source;
};

struct Finding {
  Weight weight = Weight::kWrong;
  std::string cause;     // One word, for programs: "Unschedulable".
  std::string sentence;  // Without the full stop.
  std::vector<std::string> obstacles;  // Of what has no node: what keeps it off each, by a word.
  std::vector<Evidence> evidence;
  std::vector<std::string> commands;  // What may mend it, or shows more.

  Finding& Saw(std::string text, std::string source) {
    evidence.push_back({std::move(text), std::move(source)});
    return *this;
  }
  Finding& Try(std::string command) {
    commands.push_back(std::move(command));
    return *this;
  }
};

using Findings = std::vector<Finding>;

inline bool AnyTrouble(const Findings& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& each) { return each.weight >= Weight::kWaits; });
}

// About one object.
struct Explanation {
  std::string name;  // "pod/web"
  std::string namespace_;
  Findings findings;                // The heaviest first; at least one.
  std::vector<std::string> unread;  // What could not be looked at, and why.
  bool healthy() const { return !AnyTrouble(findings); }
};

// For people: the sentences, what they stand on below them, what to do.
std::string TextFor(const Explanation& explanation, const Colours& colours = Colours());
// For programs.
Json DocumentFor(const Explanation& explanation);

}  // namespace skiff::cli::why
