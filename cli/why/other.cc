// What objects of other kinds say of themselves, custom resources among them: their conditions, and
// what was last warned of.
#include <fmt/format.h>

#include "cli/why/explain.h"

namespace skiff::cli::why {
namespace {

// Conditions that should hold, by the names that most kinds share; and those that should not.
constexpr const char* kGood[] = {"Ready",    "Available",  "Established", "NamesAccepted",
                                 "Accepted", "Programmed", "Healthy",     "Synced"};
constexpr const char* kBad[] = {"Degraded", "Failed", "Failure", "Stalled", "NonStructuralSchema",
                                "Denied"};

void AddCondition(const Facts& facts, const Json& object, const std::string& type, bool good,
                  Findings& out) {
  const Json& condition = Condition(object, type);
  const std::string status = TextAt(condition, "status");
  if (status.empty() || status == (good ? "True" : "False")) return;
  const std::string message = OneLine(TextAt(condition, "message"));
  Finding finding;
  finding.weight = status == "Unknown" ? Weight::kWaits : Weight::kWrong;
  finding.cause = TextAt(condition, "reason").empty() ? type : TextAt(condition, "reason");
  finding.sentence = fmt::format("{} is {}{}{}", Named(object), good ? "not " : "", Lower(type),
                                 message.empty() ? "" : ": " + message);
  finding.Saw(
      fmt::format(
          "{} is {}{} for {}", type, status,
          TextAt(condition, "reason").empty() ? "" : " (" + TextAt(condition, "reason") + ")",
          Age(facts, TextAt(condition, "lastTransitionTime"))),
      "status.conditions");
  finding.Try(CommandFor(object, fmt::format("describe {}", ShellWord(Named(object)))));
  out.push_back(std::move(finding));
}

}  // namespace

void ExplainOther(const Facts& facts, const Json& object, Findings& out) {
  Findings own;
  for (const char* type : kGood) AddCondition(facts, object, type, true, own);
  for (const char* type : kBad) AddCondition(facts, object, type, false, own);
  if (own.empty()) {
    const bool speaks = !At(object, "status", "conditions").empty();
    Finding finding;
    finding.weight = Weight::kFine;
    finding.cause = "Fine";
    finding.sentence = fmt::format("{} says of nothing that it is wrong", Named(object));
    finding.Saw(speaks ? "all as they should be" : "none", "status.conditions");
    own.push_back(std::move(finding));
  }
  for (const Json* event : facts.EventsOf(object)) {
    if (TextAt(*event, "type") != "Warning") continue;
    own.front().Saw(OneLine(TextAt(*event, "message")), EventSource(facts, *event));
    break;
  }
  out.insert(out.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
}

}  // namespace skiff::cli::why
