#include "http/accept.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace skiff::http {
namespace {

constexpr size_t kClausesMax = 64;

// 2: any type; 1: any subtype of one.
int BreadthOf(const AcceptClause& clause) {
  return clause.type == "*" ? 2 : clause.subtype == "*" ? 1 : 0;
}

}  // namespace

bool AcceptClause::Matches(std::string_view media) const {
  if (type == "*") return subtype == "*";
  const size_t slash = media.find('/');
  return media.substr(0, slash) == type && (subtype == "*" || media.substr(slash + 1) == subtype);
}

std::string_view AcceptClause::Parameter(std::string_view name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string_view() : found->second;
}

std::vector<std::string_view> SplitHeader(std::string_view value, char separator) {
  constexpr std::string_view kBlanks = " \t\r\n\f\v";
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = std::min(value.find(separator), value.size());
    std::string_view part = value.substr(0, end);
    part.remove_prefix(std::min(part.find_first_not_of(kBlanks), part.size()));
    part = part.substr(0, part.find_last_not_of(kBlanks) + 1);
    parts.push_back(part);
    if (end == value.size()) return parts;
    value.remove_prefix(end + 1);
  }
}

std::vector<AcceptClause> ParseAccept(std::string_view header) {
  std::vector<AcceptClause> clauses;
  for (const std::string_view text : SplitHeader(header, ',')) {
    if (clauses.size() == kClausesMax) break;
    const auto parts = SplitHeader(text, ';');
    const size_t slash = parts[0].find('/');
    if (slash == std::string_view::npos && parts[0] != "*") continue;
    AcceptClause clause;
    clause.type = parts[0].substr(0, slash);
    clause.subtype = slash == std::string_view::npos ? "*" : parts[0].substr(slash + 1);
    for (size_t i = 1; i < parts.size(); ++i) {
      const size_t equals = parts[i].find('=');
      if (equals == std::string_view::npos) continue;
      const std::string key(parts[i].substr(0, equals));
      const std::string value(parts[i].substr(equals + 1));
      // What says nothing, or two things, is none.
      if (value.empty() || value.find('=') != value.npos) continue;
      if (key == "q") {
        const double quality = std::atof(value.c_str());
        clause.quality = std::isnan(quality) ? 0 : quality;  // That has no place in an order.
      } else {
        clause.parameters[key] = value;
      }
    }
    clauses.push_back(std::move(clause));
  }
  std::stable_sort(clauses.begin(), clauses.end(),
                   [](const AcceptClause& a, const AcceptClause& b) {
                     if (a.quality != b.quality) return a.quality > b.quality;
                     return BreadthOf(a) < BreadthOf(b);
                   });
  return clauses;
}

}  // namespace skiff::http
