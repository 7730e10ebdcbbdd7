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

std::string InColourOf(Weight weight, const std::string& text, const Colours& colours) {
  if (weight == Weight::kWrong) return colours.Bad(text);
  return weight == Weight::kWaits ? colours.Waiting(text) : colours.Good(text);
}

std::string FindingText(const Finding& finding, const Colours& colours) {
  const std::string sentence =
      WithoutControls(finding.sentence) + (finding.sentence.ends_with('?') ? "" : ".");
  std::string text = InColourOf(finding.weight, sentence, colours) + "\n";
  for (const Evidence& each : finding.evidence) {
    text += fmt::format("  {}  {}\n", WithoutControls(each.text),
                        colours.Faint("[" + WithoutControls(each.source) + "]"));
  }
  for (size_t i = 0; i < finding.commands.size(); ++i) {
    text +=
        fmt::format("  {} {}\n", i == 0 ? "try:" : "    ", WithoutControls(finding.commands[i]));
  }
  return text;
}

}  // namespace

std::string TextFor(const Explanation& explanation, const Colours& colours) {
  std::string text;
  for (const Finding& finding : explanation.findings) text += FindingText(finding, colours);
  for (const std::string& each : explanation.unread) {
    text += fmt::format("Not looked at: {}.\n", WithoutControls(each));
  }
  return text;
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
