// Numbers as expressions write them, with the minus in front of them. Nothing: the number cannot be
// held.
#pragma once

#include <optional>
#include <string>

#include "api/cel/value.h"

namespace skiff::cel {

std::optional<Value> IntOfLiteral(std::string text);   // 12, -0x1f
std::optional<Value> UintOfLiteral(std::string text);  // 12u
std::optional<Value> DoubleOfLiteral(const std::string& text);

}  // namespace skiff::cel
