// What all readers of YAML share: the one place where yaml-cpp is let loose on a text, and what its
// scalars stand for. For files of api/text alone; others take yaml.h.
#pragma once

#include <yaml-cpp/yaml.h>

#include <functional>
#include <string>
#include <string_view>

#include "api/text/yaml_parts.h"
#include "api/values.h"

namespace skiff {

// The text in UTF-8, each line ending with a line feed, as yaml-cpp and whoever counts lines want
// it. What is broken of UTF-16 becomes broken UTF-8.
std::string NormalYaml(std::string_view text);

// "LINE: ", and what the error says.
tl::unexpected<Error> YamlAtLine(size_t line, Error error);

// Fails on bytes that no text of YAML may hold.
Result<> CheckYamlCharacters(std::string_view text);
// The same; `line` is the one that they are in.
Result<> CheckYamlCharacters(std::string_view text, int& line);

// Calls `use` with what the text, whose characters were checked, holds. Fails as `use` does, or in
// Go's words where the text is no YAML; with TooManyRequests while too much of it is being read.
Result<> ReadYaml(std::string_view text, const std::function<Result<>(const YAML::Node&)>& use);
// The same of the part of a stream; what is not of `use` is told with its line: "3: yaml: ...".
Result<> ReadYamlPart(const YamlPart& part, const std::function<Result<>(const YAML::Node&)>& use);

// The text of a scalar, in UTF-8.
std::string YamlText(const YAML::Node& node);
// What the scalar with that text stands for.
Result<Json> YamlScalarOf(const YAML::Node& node, std::string text);

tl::unexpected<Error> YamlTooDeep(int most);

}  // namespace skiff
