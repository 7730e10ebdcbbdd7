// YAML, the way sigs.k8s.io/yaml reads and writes it: YAML 1.1 scalars (yes, on, 0x10, 1_000),
// converted to JSON documents. The only door to yaml-cpp besides the schema compiler.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/values.h"

namespace skiff {

// Aliases may not blow a document up beyond this many values (or one for each byte of its text).
inline constexpr size_t kYamlValuesMax = 100'000;
// Nor may its scalars become so many bytes more than the text has.
inline constexpr size_t kYamlAliasedBytesMax = 4 << 20;
// Deeper nesting is refused, as by Go's parser.
inline constexpr int kYamlDepthMax = 10'000;
// So is what is not JSON, and nests deeper than this without aliases: yaml-cpp goes no further.
inline constexpr int kYamlBlockDepthMax = 500;
// Bytes of YAML that is not JSON, in all texts that are read at one time. More: TooManyRequests.
inline constexpr size_t kYamlInWorkBytesMax = 4 << 20;

// At most so many are told of.
inline constexpr size_t kYamlDuplicatesMax = 100;

struct YamlDocument {
  Json value;
  int line = 1;  // Where it begins in the stream.
  bool is_json = false;
  // `line 4: key "a" already set in map`; the later value wins.
  std::vector<std::string> duplicates;
  // JSON pointers of nulls that are written as nothing at all, as of "a:"; told of by
  // ParseYamlStreamWithTexts (yaml_texts.h) alone.
  std::vector<std::string> blanks = {};
};

// The first document of the text. Fails with BadRequest: "yaml: line 2: did not find expected ...".
Result<YamlDocument> ParseYaml(std::string_view text);
// The same of what a server is sent as YAML: Go's parser refuses JSON with escapes that are none in
// YAML 1.1, \/ and those of surrogates.
Result<YamlDocument> ParseSentYaml(std::string_view text);
// All documents that hold something.
Result<std::vector<YamlDocument>> ParseYamlStream(std::string_view text);

// Keys sorted, block style, lists not indented; ends with a newline.
std::string DumpYaml(const Json& value);

}  // namespace skiff
