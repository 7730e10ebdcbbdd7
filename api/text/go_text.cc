#include "api/text/go_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/codec/json.h"
#include "api/text/runes.h"

namespace skiff {
namespace {

// unicode.IsPrint for runes beyond ASCII, as far as controls, blanks and private use go.
bool IsPrintable(char32_t rune) {
  constexpr std::pair<char32_t, char32_t> kHidden[] = {
      {0x80, 0xa0},     {0xad, 0xad},       {0x61c, 0x61c},     {0x1680, 0x1680},
      {0x180e, 0x180e}, {0x2000, 0x200f},   {0x2028, 0x202f},   {0x205f, 0x206f},
      {0x3000, 0x3000}, {0xd800, 0xf8ff},   {0xfeff, 0xfeff},   {0xfff0, 0xfffb},
      {0xfffe, 0xffff}, {0xe0000, 0xe007f}, {0xf0000, 0x10ffff}};
  for (const auto& [first, last] : kHidden) {
    if (rune >= first && rune <= last) return false;
  }
  return true;
}

void AppendQuotedAscii(char c, std::string& out) {
  constexpr std::string_view kEscaped = "\a\b\f\n\r\t\v\\\"";
  constexpr std::string_view kLetters = "abfnrtv\\\"";
  if (const size_t at = kEscaped.find(c); at != std::string_view::npos) {
    out += '\\';
    out += kLetters[at];
  } else if (c < 0x20 || c == 0x7f) {
    out += fmt::format("\\x{:02x}", static_cast<int>(c));
  } else {
    out += c;
  }
}

void AppendGoJson(const Type* type, const Json& value, std::string& out);

void AppendMember(const std::string& key, const Type* type, const Json& value, std::string& out) {
  if (out.back() != '{') out += ',';
  AppendJsonString(key, out);
  out += ':';
  AppendGoJson(type, value, out);
}

void AppendObject(const Type* type, const Json& value, std::string& out) {
  out += '{';
  if (type != nullptr && type->shape == Shape::kStruct) {
    for (const char* key : {"kind", "apiVersion"}) {
      if (type->type_meta && value.contains(key)) AppendMember(key, nullptr, value[key], out);
    }
    for (const Field& field : type->fields) {
      const auto it = value.find(field.name);
      if (it != value.end()) AppendMember(std::string(field.name), field.type, *it, out);
    }
  } else {
    const Type* element = type != nullptr && type->shape == Shape::kMap ? type->element : nullptr;
    for (const auto& [key, member] : value.items()) AppendMember(key, element, member, out);
  }
  out += '}';
}

void AppendGoJson(const Type* type, const Json& value, std::string& out) {
  if (value.is_string()) return AppendJsonString(value.get_ref<const std::string&>(), out);
  if (value.is_object()) return AppendObject(type, value, out);
  if (!value.is_array()) {
    out += DumpJson(value);
    return;
  }
  const Type* element = type != nullptr && type->shape == Shape::kList ? type->element : nullptr;
  out += '[';
  for (const Json& item : value) {
    if (out.back() != '[') out += ',';
    AppendGoJson(element, item, out);
  }
  out += ']';
}

}  // namespace

std::string GoQuote(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const Rune rune = FirstRune(text);
    if (rune.IsBroken()) {
      out += fmt::format("\\x{:02x}", static_cast<uint8_t>(text[0]));
      text.remove_prefix(1);
      continue;
    }
    if (rune.bytes == 1) {
      AppendQuotedAscii(text[0], out);
    } else if (IsPrintable(rune.value)) {
      out += text.substr(0, rune.bytes);
    } else {
      const auto value = static_cast<uint32_t>(rune.value);
      out += value > 0xffff ? fmt::format("\\U{:08x}", value) : fmt::format("\\u{:04x}", value);
    }
    text.remove_prefix(rune.bytes);
  }
  return out + '"';
}

std::optional<bool> GoBool(std::string_view text) {
  constexpr std::string_view kTrue[] = {"1", "t", "T", "true", "TRUE", "True"};
  constexpr std::string_view kFalse[] = {"0", "f", "F", "false", "FALSE", "False"};
  if (std::find(std::begin(kTrue), std::end(kTrue), text) != std::end(kTrue)) return true;
  if (std::find(std::begin(kFalse), std::end(kFalse), text) != std::end(kFalse)) return false;
  return std::nullopt;
}

std::string GoTimeQuote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || byte >= 0x80) {
      out += fmt::format("\\x{:02x}", byte);
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

Result<int64_t> GoInt(std::string_view text, std::string_view function) {
  std::string_view digits = text;
  if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
  int64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [at, code] = std::from_chars(digits.data(), end, value);
  if (at == end && code == std::errc()) return value;
  // Go stops where the number has become too large, whatever comes then.
  const bool too_large = code == std::errc::result_out_of_range;
  return Fail(Reason::kInvalid,
              fmt::format("strconv.{}: parsing {}: {}", function, GoQuote(text),
                          too_large ? "value out of range" : "invalid syntax"));
}

std::vector<std::pair<size_t, char32_t>> UnprintableRunes(std::string_view text) {
  std::vector<std::pair<size_t, char32_t>> out;
  for (size_t at = 0; at < text.size();) {
    const Rune rune = FirstRune(text.substr(at));
    const bool control = rune.bytes == 1 && (rune.value < 0x20 || rune.value == 0x7f);
    if (control || (rune.bytes > 1 && !IsPrintable(rune.value))) {
      out.emplace_back(at, rune.value);
    }
    at += std::max<size_t>(rune.bytes, 1);
  }
  return out;
}

std::string GoJson(const Json& value) {
  std::string out;
  AppendGoJson(nullptr, value, out);
  return out;
}

std::string GoJson(const Type& type, const Json& value) {
  std::string out;
  AppendGoJson(&type, value, out);
  return out;
}

}  // namespace skiff
