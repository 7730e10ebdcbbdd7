// YAML, the way sigs.k8s.io/yaml reads and writes it: YAML 1.1 scalars (yes, on, 0x10, 1_000),
// converted to JSON documents. The syntax is go-yaml's, mistakes included: yaml_parser.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/values.h"

namespace skiff {

// The scalars of a document may not become so many bytes more than its text has by aliases. How
// many values come of them is bounded as in go-yaml.
inline constexpr size_t kYamlAliasedBytesMax = 4 << 20;
// Deeper nesting is refused, as by Go's parser.
inline constexpr int kYamlDepthMax = 10'000;
// Bytes of YAML that is not JSON, in all texts that are read at one time. More: TooManyRequests.
inline constexpr size_t kYamlInWorkBytesMax = 16 << 20;

// At most so many are told of.
inline constexpr size_t kYamlDuplicatesMax = 100;

struct YamlDocument {
  Json value;
  int line = 1;  // Where it begins in the stream.
  // `line 4: key "a" already set in map`; the later value wins.
  std::vector<std::string> duplicates;
};

// The first document of the text. Fails with BadRequest: "yaml: line 2: did not find expected ...".
Result<YamlDocument> ParseYaml(std::string_view text);
// All documents that hold something.
Result<std::vector<YamlDocument>> ParseYamlStream(std::string_view text);

// Keys sorted, block style, lists not indented; ends with a newline.
std::string DumpYaml(const Json& value);

}  // namespace skiff
