// YAML with the line of each value: for files that people write, and are told about line by line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/values.h"

namespace skiff {

// Such a file may not nest deeper, aliases and all, ...
inline constexpr int kYamlTreeDepthMax = 100;
// ... nor a document hold more values, ...
inline constexpr size_t kYamlTreeValuesMax = 100'000;
// ... a list or map so many of its own, lest who looks for each among all has no end, ...
inline constexpr size_t kYamlTreeEntriesMax = 20'000;
// ... nor aliases bring in more values, ...
inline constexpr size_t kYamlTreeAliasedMax = 20'000;
// ... nor its scalars more bytes.
inline constexpr size_t kYamlTreeBytesMax = 8 << 20;

struct YamlMember;
struct YamlTree {
  enum class Form : uint8_t { kNull, kScalar, kList, kMap };
  Form form = Form::kNull;
  Json scalar;                      // A text, a number or a boolean.
  std::string tag;                  // "!reset"; "" for those that YAML itself has.
  int line = 1;  // In the stream. What an alias brings in has the lines where it stands.
  std::vector<YamlTree> items;      // Of a list.
  std::vector<YamlMember> members;  // Of a map, in its order; "<<" is resolved.
};
struct YamlMember {
  std::string key;
  int line = 1;
  YamlTree value;
};

// All documents that hold something. Unlike YAML 1.1 has it, yes, no, on and off are texts, as for
// Go's yaml.v3. A key that stands twice in a map is an error. Fails with the line and what is wrong
// there: "3: key \"a\" already set in map".
Result<std::vector<YamlTree>> ParseYamlTrees(std::string_view text);

}  // namespace skiff
