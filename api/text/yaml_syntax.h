// Whether a text is YAML, judged by libyaml, which Go's parser was translated from: both find the
// same mistakes, and call them the same. For files of api/text alone; others take yaml.h.
#pragma once

#include <string_view>

#include "base/error.h"

namespace skiff {

// Fails on the first mistake of the text's first document, as kubectl and kube-apiserver tell it:
// "yaml: line 3: found character that cannot start any token". Also where it nests deeper than
// kYamlBlockDepthMax or has too much within many brackets, or names an anchor that does not stand
// before.
Result<> CheckYamlDocument(std::string_view text);
// The same of all documents of the text, whose lines end with line feeds, but with the line in any
// case, and the one that it is in, where Go counts some from zero: "3: yaml: found character that
// cannot start any token". What is open when the text ends is told of where it was opened.
Result<> CheckYamlStream(std::string_view text);

}  // namespace skiff
