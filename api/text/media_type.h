// Whether the text of a Content-Type is one, as Go's package mime reads it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace skiff {

// What Go says is wrong with it: "mime: no media type"; nullopt: nothing.
std::optional<std::string> MediaTypeFault(std::string_view text);

}  // namespace skiff
