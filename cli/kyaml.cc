#include "cli/kyaml.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "api/codec/json.h"
#include "api/text/go_text.h"
#include "api/text/utf8.h"
#include "api/text/yaml_scalar.h"
#include "base/text.h"

namespace skiff::cli {
namespace {

// "2026-1-31"
bool IsDate(const std::string& key) {
  int year = 0;
  int month = 0;
  int day = 0;
  int end = 0;
  const int found = std::sscanf(key.c_str(), "%4d-%2d-%2d%n", &year, &month, &day, &end);
  return found == 3 && static_cast<size_t>(end) == key.size() && key.find('-') == 4 && month >= 1 &&
         month <= 12 && day >= 1 && day <= 31;
}

// What a parser of some version of YAML might take for something else than a text.
bool IsAmbiguous(const std::string& key) {
  static const std::set<std::string, std::less<>> kWords = {
      "null", "~", "t", "true", "y", "yes", "on", "f", "false", "n", "no", "off", "inf", "infinity",
      "nan", ".inf", "-.inf", "+.inf", ".nan"};
  const bool is_word = kWords.contains(Lower(key)) || IsDate(key);
  if (is_word || !ResolveYamlScalar(key).is_string()) return true;
  std::string number = key;
  std::erase(number, '_');
  char* end = nullptr;
  (void)std::strtod(number.c_str(), &end);
  if (!number.empty() && *end == '\0') return true;
  const auto digits = [&](std::string_view prefix, std::string_view allowed) {
    return number.size() > 2 && Lower(number).starts_with(prefix) &&
           Lower(number).find_first_not_of(allowed, 2) == std::string::npos;
  };
  return digits("0b", "01") || digits("0o", "01234567");
}

bool IsPlainKey(const std::string& key) {
  if (key.empty() || IsAmbiguous(key)) return false;
  for (size_t i = 0; i < key.size(); ++i) {
    const auto c = static_cast<unsigned char>(key[i]);
    const bool is_word = IsAlnum(key[i]) || c == '_' || c >= 0x80;
    const bool is_inside = i > 0 && i + 1 < key.size() && (c == '-' || c == '.' || c == '/');
    if (!is_word && !is_inside) return false;
  }
  return true;
}

std::string EscapeOf(char32_t rune) {
  switch (rune) {
    case '\a': return "\\a";
    case '\b': return "\\b";
    case '\f': return "\\f";
    case '\r': return "\\r";
    case '\v': return "\\v";
    case 0: return "\\0";
    case 0x1b: return "\\e";
    case 0x85: return "\\N";
    case 0xa0: return "\\_";
    case 0x2028: return "\\L";
    case 0x2029: return "\\P";
    default: break;
  }
  const auto code = static_cast<uint32_t>(rune);
  if (code < ' ' || code == 0x7f) return fmt::format("\\x{:02x}", code);
  return code < 0x10000 ? fmt::format("\\u{:04x}", code) : fmt::format("\\U{:08x}", code);
}

// A text of lines has a line of the document for each, which YAML folds into one.
void AppendText(const std::string& text, size_t indent, bool is_key, std::string& out) {
  const auto unprintable = UnprintableRunes(text);
  auto special = unprintable.begin();
  const bool lines = !is_key && text.find('\n') != std::string::npos;
  const std::string margin(indent + 2, ' ');
  bool begins = lines;
  out += lines ? "\"\\\n" : "\"";
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    const size_t length = Utf8SequenceLength(std::string_view(text).substr(i, 4));
    if (begins) {
      // Blanks that a line begins with would be passed over.
      const bool is_blank = c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
      out += margin + (is_blank ? "\\" : " ");
    }
    begins = lines && c == '\n';
    while (special != unprintable.end() && special->first < i) ++special;
    if (c == '\n') {
      out += lines ? "\\n\\\n" : "\\n";
    } else if (c == '\t') {
      out += is_key ? "\\t" : "\t";
    } else if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (length == 0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else if (special != unprintable.end() && special->first == i) {
      out += EscapeOf(special->second);
    } else {
      out.append(text, i, length);
    }
    i += std::max<size_t>(length, 1);
  }
  if (lines) out += (begins ? "" : "\\\n") + margin;
  out += '"';
}

void Append(const Json& value, size_t indent, std::string& out) {
  if (value.is_string()) return AppendText(value.get_ref<const std::string&>(), indent, false, out);
  if (!value.is_structured() || value.empty()) return AppendJson(value, out);
  const bool list = value.is_array();
  // Items that are structures share their brackets' lines with the list's.
  const bool cuddled = list && std::all_of(value.begin(), value.end(),
                                           [](const Json& item) { return item.is_structured(); });
  if (cuddled) {
    out += "[";
    for (size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out += ", ";
      Append(value[i], indent, out);
    }
    out += "]";
    return;
  }
  out += list ? "[\n" : "{\n";
  for (const auto& [key, item] : value.items()) {
    out.append(indent + 2, ' ');
    if (!list) {
      if (IsPlainKey(key)) {
        out += key;
      } else {
        AppendText(key, indent, true, out);
      }
      out += ": ";
    }
    Append(item, indent + 2, out);
    out += ",\n";
  }
  out.append(indent, ' ');
  out += list ? "]" : "}";
}

}  // namespace

std::string DumpKyaml(const Json& value) {
  std::string text = "---\n";
  Append(value, 0, text);
  return text + "\n";
}

}  // namespace skiff::cli
