#include "api/cel/number_literals.h"

#include <charconv>
#include <cstdlib>

namespace skiff::cel {
namespace {

template <typename Number>
std::optional<Number> WholeOf(const std::string& text, int base) {
  Number number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (read.ec != std::errc()) return std::nullopt;
  return number;
}

// Whether `text` is hexadecimal; what says so is taken from it.
bool TakeHexPrefix(std::string& text) {
  const size_t prefix = text.find("0x");
  if (prefix == std::string::npos) return false;
  text.erase(prefix, 2);
  return true;
}

}  // namespace

std::optional<Value> IntOfLiteral(std::string text) {
  const int base = TakeHexPrefix(text) ? 16 : 10;
  const auto number = WholeOf<int64_t>(text, base);
  return number ? std::optional(Value::Int(*number)) : std::nullopt;
}

std::optional<Value> UintOfLiteral(std::string text) {
  text.pop_back();
  const int base = TakeHexPrefix(text) ? 16 : 10;
  const auto number = WholeOf<uint64_t>(text, base);
  return number ? std::optional(Value::Uint(*number)) : std::nullopt;
}

std::optional<Value> DoubleOfLiteral(const std::string& text) {
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  // Numbers too small to hold are zero; only those too large are refused.
  if (read.ec != std::errc() && std::strtod(text.c_str(), nullptr) != 0) return std::nullopt;
  return Value::Double(number);
}

}  // namespace skiff::cel
