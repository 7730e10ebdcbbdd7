// What a client takes, as its Accept header says. Pure.
//
//   for (const AcceptClause& clause : ParseAccept(request.Header("Accept"))) {
//     if (clause.Matches("application/json")) ...    // The first that fits is wanted most.
//   }
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace skiff::http {

// "application/json;as=Table;q=0.5"
struct AcceptClause {
  std::string type;     // "*": any.
  std::string subtype;  // Likewise.
  double quality = 1;
  std::map<std::string, std::string, std::less<>> parameters;  // All others.

  bool Matches(std::string_view media) const;
  // "": it has none of that name.
  std::string_view Parameter(std::string_view name) const;
};

// Those wanted most first, and of equals the more special ones. Of a header without end the first
// 64; what is no media type is passed over.
std::vector<AcceptClause> ParseAccept(std::string_view header);

// The parts of a header's value, without the blanks around each. One at least.
std::vector<std::string_view> SplitHeader(std::string_view value, char separator);

}  // namespace skiff::http
