// YAML in which yes, no, on and off are texts, as for Go's yaml.v3 and all of kyaml.
#pragma once

#include <string_view>
#include <vector>

#include "api/text/yaml.h"

namespace skiff {

// As ParseYamlStream else, but a text that ends with the file has no line feed then.
Result<std::vector<YamlDocument>> ParseYamlStreamWithTexts(std::string_view text);

}  // namespace skiff
