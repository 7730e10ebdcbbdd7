// Where the documents of a stream of YAML begin and end, for whoever reads on behind one that makes
// no sense.
#pragma once

#include <string_view>
#include <vector>

namespace skiff {

// A document of a stream, as text.
struct YamlPart {
  std::string_view text;
  int lines_before = 0;
};
// The last line has to have its end.
std::vector<YamlPart> SplitYaml(std::string_view text);

}  // namespace skiff
