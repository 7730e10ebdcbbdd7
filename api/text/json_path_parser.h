// The parts of a JSONPath template. Internal to json_path.cc and its parser.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/text/json_path.h"

namespace skiff {

struct JsonPath::Node {
  enum class Kind : uint8_t {
    kText,        // Printed as it is.
    kList,        // One expression: `children` one after the other.
    kField,       // .name
    kWildcard,    // .* and [*]
    kRecursive,   // ..
    kSlice,       // [a:b:c], [n]
    kFilter,      // [?(left op right)]
    kUnion,       // [a,b]: `children` side by side
    kLiteral,     // "text", 1, true
    kIdentifier,  // A word that means nothing; or "end", where nothing is to be ended.
    kRange,       // {range list} ... {end}: `children` for each of what `left` finds
  };
  Kind kind = Kind::kText;
  std::string text;  // kText, kField, kIdentifier; of kFilter the operator, "exists" without one.
  std::vector<std::shared_ptr<const Node>> children;
  std::shared_ptr<const Node> left;
  std::shared_ptr<const Node> right;
  Json literal;
  std::optional<int64_t> begin;
  std::optional<int64_t> end;
  std::optional<int64_t> step;
  bool single = false;  // kSlice that was written as one index.
};

// In Go's words.
inline tl::unexpected<Error> BadPath(std::string text) {
  return Fail(Reason::kBadRequest, std::move(text));
}

Result<std::vector<std::shared_ptr<const JsonPath::Node>>> ParseJsonPathNodes(
    std::string_view text);

}  // namespace skiff
