// Why a CustomResourceDefinition is not served: whose names it wants.
#include <fmt/format.h>

#include "cli/why/explain.h"

namespace skiff::cli::why {
namespace {

// The names that a definition has been given, or asks for.
std::vector<std::string> NamesIn(const Json& names) {
  std::vector<std::string> found = TextsAt(names, "shortNames");
  for (const char* field : {"plural", "singular", "kind", "listKind"}) {
    if (const std::string name = TextAt(names, field); !name.empty()) found.push_back(name);
  }
  return found;
}

// The definition of the same group that has the name; nullptr: what has it is built in, or was not
// read.
const Json* HolderOf(const Facts& facts, const Json& definition, const std::string& name) {
  for (const Json& each : facts.Of("customresourcedefinitions")) {
    const auto names = NamesIn(At(each, "status", "acceptedNames"));
    const bool has_it = std::find(names.begin(), names.end(), name) != names.end();
    if (has_it && NameOf(each) != NameOf(definition) &&
        TextAt(each, "spec", "group") == TextAt(definition, "spec", "group")) {
      return &each;
    }
  }
  return nullptr;
}

// `BoxList`, of `"BoxList" is already in use`
std::string QuotedIn(const std::string& message) {
  const size_t begin = message.find('"');
  const size_t end = begin == message.npos ? begin : message.find('"', begin + 1);
  return end == message.npos ? "" : message.substr(begin + 1, end - begin - 1);
}

}  // namespace

void ExplainDefinition(const Facts& facts, const Json& definition, Findings& out) {
  const Json& accepted = Condition(definition, "NamesAccepted");
  if (TextAt(accepted, "status") != "False") return ExplainOther(facts, definition, out);
  const std::string message = OneLine(TextAt(accepted, "message"));
  const bool is_served = TextAt(Condition(definition, "Established"), "status") == "True";
  Finding finding;
  finding.cause = TextAt(accepted, "reason");
  finding.sentence = fmt::format("{} is {}: of its names, {}", Named(definition),
                                 is_served ? "served by the names it had" : "not served", message);
  finding.Saw(fmt::format("NamesAccepted is False ({}) for {}", finding.cause,
                          Age(facts, TextAt(accepted, "lastTransitionTime"))),
              "status.conditions");
  const std::string name = QuotedIn(TextAt(accepted, "message"));
  if (const Json* holder = HolderOf(facts, definition, name)) {
    finding.Saw(fmt::format("{} has it", Named(*holder)), "status.acceptedNames");
    finding.Try(fmt::format("skiff describe {}", ShellWord(Named(*holder))));
  }
  finding.Try(fmt::format("skiff edit {}", ShellWord(Named(definition))));
  out.push_back(std::move(finding));
}

}  // namespace skiff::cli::why
