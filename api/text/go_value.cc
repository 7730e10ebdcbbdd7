#include "api/text/go_value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "api/codec/json.h"
#include "api/text/go_text.h"

namespace skiff {
namespace {

enum class OddPart : uint8_t { kPlain, kSyntax, kType };

std::string OddPartOf(const Json& oddity, OddPart part) {
  const auto& bytes = oddity.get_binary();
  auto begin = bytes.begin();
  for (int i = 0; i < static_cast<int>(part); ++i) begin = std::find(begin, bytes.end(), 0) + 1;
  return {begin, std::find(begin, bytes.end(), 0)};
}

std::string ScalarPlain(const Json& value) {
  if (value.is_null()) return "<nil>";
  if (IsGoOddity(value)) return OddPartOf(value, OddPart::kPlain);
  return value.is_number_float() ? GoFloat(value.get<double>()) : DumpJson(value);
}

std::string ScalarSyntax(const Json& value) {
  if (value.is_null()) return "interface {}(nil)";
  if (IsGoOddity(value)) return OddPartOf(value, OddPart::kSyntax);
  if (value.is_string()) return GoQuote(value.get_ref<const std::string&>());
  return value.is_number_float() ? GoFloat(value.get<double>()) : DumpJson(value);
}

// All levels append to one text: a text for each, put into the next, would be copied once a level.
// Ends soon after `bytes_max`.
void AppendPlain(const Json& value, size_t bytes_max, std::string& out) {
  if (value.is_string()) {
    out.append(value.get_ref<const std::string&>(), 0, bytes_max);
    return;
  }
  if (!value.is_structured()) {
    out += ScalarPlain(value);
    return;
  }
  out += value.is_object() ? "map[" : "[";
  bool first = true;
  for (const auto& [key, member] : value.items()) {
    if (out.size() >= bytes_max) return;
    if (!first) out += " ";
    first = false;
    if (value.is_object()) out += key + ":";
    AppendPlain(member, bytes_max, out);
  }
  out += "]";
}

void AppendSyntax(const Json& value, std::string& out) {
  if (!value.is_structured()) {
    out += ScalarSyntax(value);
    return;
  }
  out += value.is_object() ? "map[string]interface {}{" : "[]interface {}{";
  bool first = true;
  for (const auto& [key, member] : value.items()) {
    if (!first) out += ", ";
    first = false;
    if (value.is_object()) out += GoQuote(key) + ":";
    AppendSyntax(member, out);
  }
  out += "}";
}

}  // namespace

Json GoOddity(std::string_view plain, std::string_view syntax, std::string_view type) {
  Json::binary_t bytes;
  for (const std::string_view part : {plain, syntax, type}) {
    bytes.insert(bytes.end(), part.begin(), part.end());
    bytes.push_back(0);
  }
  return Json::binary(std::move(bytes));
}

// As few digits as tell the number apart.
std::string GoFloat(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 40> digits;
  const auto write = [&](std::chars_format format) {
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), value, format).ptr;
    return std::string(digits.data(), end);
  };
  const std::string text = write(std::chars_format::scientific);
  const int exponent = std::atoi(text.c_str() + text.find('e') + 1);
  return exponent < -4 || exponent >= 6 ? text : write(std::chars_format::fixed);
}

std::string GoPlain(const Json& value) {
  std::string out;
  AppendPlain(value, std::string::npos, out);
  return out;
}

std::string GoShown(const Json& value) {
  std::string out;
  AppendPlain(value, kShownMax + 1, out);
  if (out.size() <= kShownMax) return out;
  size_t end = kShownMax;
  while (end > 0 && (out[end] & 0xc0) == 0x80) --end;  // Not within a letter.
  out.resize(end);
  return out + "...";
}

std::string GoSyntax(const Json& value) {
  std::string out;
  AppendSyntax(value, out);
  return out;
}

GoBasic GoBasicOf(const Json& value) {
  if (value.is_boolean()) return GoBasic::kBool;
  if (value.is_string()) return GoBasic::kText;
  if (value.is_number_float()) return GoBasic::kFloat;
  return value.is_number() ? GoBasic::kInt : GoBasic::kNone;
}

std::string GoTypeOfOddity(const Json& oddity) {
  return OddPartOf(oddity, OddPart::kType);
}

const char* GoFound(const Json& value) {
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "bool";
  if (value.is_array()) return "array";
  return value.is_object() ? "object" : "number";
}

const char* GoTypeOf(const Json& value) {
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "bool";
  if (value.is_array()) return "[]interface {}";
  if (value.is_object()) return "map[string]interface {}";
  return value.is_number_integer() ? "int64" : "float64";
}

}  // namespace skiff
