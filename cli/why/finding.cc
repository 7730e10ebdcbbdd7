#include "cli/why/finding.h"

#include <fmt/format.h>

#include "cli/terminal_text.h"

namespace skiff::cli::why {
namespace {

const char* Word(Weight weight) {
  switch (weight) {
    case Weight::kFine:
      return "fine";
    case Weight::kNote:
      return "note";
    case Weight::kWaits:
      return "waiting";
    case Weight::kWrong:
      return "wrong";
  }
  return "";
}

std::string FindingText(const Finding& finding) {
  std::string text = finding.sentence + (finding.sentence.ends_with('?') ? "\n" : ".\n");
  for (const Evidence& each : finding.evidence) {
    text += fmt::format("  {}  [{}]\n", each.text, each.source);
  }
  for (size_t i = 0; i < finding.commands.size(); ++i) {
    text += fmt::format("  {} {}\n", i == 0 ? "try:" : "    ", finding.commands[i]);
  }
  return text;
}

}  // namespace

std::string TextFor(const Explanation& explanation) {
  std::string text;
  for (const Finding& finding : explanation.findings) text += FindingText(finding);
  for (const std::string& each : explanation.unread) {
    text += fmt::format("Not looked at: {}.\n", each);
  }
  return TerminalText(text);
}

Json DocumentFor(const Explanation& explanation) {
  Json findings = Json::array();
  for (const Finding& finding : explanation.findings) {
    Json evidence = Json::array();
    for (const Evidence& each : finding.evidence) {
      evidence.push_back({{"text", each.text}, {"source", each.source}});
    }
    findings.push_back({{"weight", Word(finding.weight)},
                        {"cause", finding.cause},
                        {"sentence", finding.sentence},
                        {"evidence", std::move(evidence)},
                        {"commands", finding.commands}});
  }
  return {{"object", explanation.name},
          {"namespace", explanation.namespace_},
          {"healthy", explanation.healthy()},
          {"findings", std::move(findings)},
          {"unread", explanation.unread}};
}

}  // namespace skiff::cli::why
