// YAML with braces, trailing commas and quoted texts, which no indentation can spoil.
#pragma once

#include <string>

#include "api/values.h"

namespace skiff::cli {

// A document, with the line that separates it from others.
std::string DumpKyaml(const Json& value);

}  // namespace skiff::cli
