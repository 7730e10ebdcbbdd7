// What cells are made of, for the columns of the kinds in this folder. A cell function takes its
// paths as template arguments, so that a kind's columns are a constant table:
//
//   {"Status", Text<"status.phase">}, {"Age", Age<>}
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "api/codec/document.h"
#include "api/columns/tables.h"
#include "api/text/table.h"

namespace skiff::columns {

// "<none>", the texts joined, or a text in their place.
std::string Join(const std::vector<std::string>& texts, std::string_view separator = ",");
std::string OrElse(std::string text, std::string_view fallback);
// The strings of a list of strings, or of a member of each element.
std::vector<std::string> Strings(const Json& list, std::string_view member = "");
// human(now - t); "<unknown>" when there is no such time.
std::string AgeText(const CellInput& input, std::string_view path);
// "a=1,b=2" or "<none>".
std::string LabelMapText(const Json& labels);
// Text of a metav1.LabelSelector document.
std::string SelectorText(const Json* selector);
// The first condition of a type in status.conditions; nullptr when there is none.
const Json* FindCondition(const Json& object, std::string_view type);
bool ConditionIsTrue(const Json& object, std::string_view type);
// "a,b,c + 2 more..."
std::string JoinFirst(const std::vector<std::string>& texts, size_t count_max,
                      std::string_view separator = ",");
// A scalar as text: IntOrString and the like.
std::string ScalarText(const Json& value);
std::string LoadBalancerText(const Json& object);
std::string AccessModesText(const Json& modes);

template <size_t N>
struct Literal {
  constexpr Literal(const char (&from)[N]) {  // NOLINT: "text" is a template argument.
    std::copy_n(from, N, text);
  }
  constexpr std::string_view view() const { return {text, N - 1}; }
  char text[N];
};

// The string at `path`, or `absent` when it is empty or not there.
template <Literal path, Literal absent = "">
Json Text(const CellInput& input) {
  return OrElse(TextAt(input.object, path.view()), absent.view());
}
// The scalar at `path` as text, `absent` only when it is not there at all.
template <Literal path, Literal absent>
Json Given(const CellInput& input) {
  const Json* value = FindPath(input.object, path.view());
  return value == nullptr ? std::string(absent.view()) : ScalarText(*value);
}
template <Literal path>
Json Number(const CellInput& input) {
  return NumberAt(input.object, path.view());
}
// How many elements the list or map has.
template <Literal path>
Json Count(const CellInput& input) {
  return ListAt(input.object, path.view()).size();
}
template <Literal path, bool absent = false>
Json Bool(const CellInput& input) {
  const Json* value = FindPath(input.object, path.view());
  return value != nullptr && value->is_boolean() ? value->get<bool>() : absent;
}
template <Literal path = "metadata.creationTimestamp">
Json Age(const CellInput& input) {
  return AgeText(input, path.view());
}
template <Literal path>
Json Labels(const CellInput& input) {
  return LabelMapText(ListAt(input.object, path.view()));
}
template <Literal path>
Json Selector(const CellInput& input) {
  return SelectorText(FindPath(input.object, path.view()));
}
// `member` of each element, joined by ",".
template <Literal path, Literal member>
Json Members(const CellInput& input) {
  return Join(Strings(ListAt(input.object, path.view()), member.view()));
}

inline constexpr TableColumn kName = {
    .name = "Name",
    .cell = Text<"metadata.name">,
    .format = "name",
    .description = "The name of the object, unique within its namespace and kind."};
inline constexpr TableColumn kAge = {
    .name = "Age", .cell = Age<>, .description = "How long ago the server created the object."};

}  // namespace skiff::columns
