// The functions that templates may call: Go's own, and kubectl's exists and base64decode.
#include <fmt/format.h>

#include <cctype>
#include <optional>
#include <span>

#include "api/codec/base64.h"
#include "api/text/go_format.h"
#include "api/text/go_text.h"
#include "api/text/go_value.h"
#include "api/text/utf8.h"
#include "base/text.h"
#include "cli/errors.h"
#include "cli/go_template_tree.h"
#include "cli/json_text.h"

namespace skiff::cli {
namespace {

using Arguments = std::vector<Json>;

// What one call may come to: a few that print each other's values twice would take all memory.
constexpr size_t kPrintedBytesMax = 16 << 20;

tl::unexpected<Error> CallError(const std::string& name, const std::string& text) {
  return CliError(fmt::format("error calling {}: {}", name, text));
}

bool SameKind(const Json& a, const Json& b) {
  return a.type() == b.type() || (a.is_number() && b.is_number());
}

Result<Json> Equal(const Arguments& arguments) {
  if (arguments.size() < 2) return CallError("eq", "missing argument for comparison");
  for (size_t i = 1; i < arguments.size(); ++i) {
    const bool empty = arguments[0].is_null() || arguments[i].is_null();
    if (!empty && !SameKind(arguments[0], arguments[i])) {
      return CallError("eq", "incompatible types for comparison");
    }
    if (arguments[0] == arguments[i]) return true;
  }
  return false;
}

// lt, le, gt and ge.
Result<Json> Ordered(const std::string& name, const Arguments& arguments) {
  if (arguments.size() != 2) return CallError(name, "missing argument for comparison");
  const Json& a = arguments[0];
  const Json& b = arguments[1];
  if (!SameKind(a, b)) return CallError(name, "incompatible types for comparison");
  if (!a.is_number() && !a.is_string()) return CallError(name, "invalid type for comparison");
  if (name == "lt") return a < b;
  if (name == "le") return a <= b;
  if (name == "gt") return a > b;
  return a >= b;
}

Result<Json> Length(const Arguments& arguments) {
  if (arguments.size() != 1) return CallError("len", "wrong number of args");
  const Json& value = arguments[0];
  if (value.is_string()) return value.get_ref<const std::string&>().size();
  if (value.is_structured()) return value.size();
  if (value.is_null()) return CallError("len", "len of nil pointer");
  return CallError("len", "len of type " + std::string(value.is_number() ? "int64" : "bool"));
}

Result<Json> Index(const Arguments& arguments) {
  if (arguments.empty()) return CallError("index", "wrong number of args");
  Json value = arguments[0];
  for (size_t i = 1; i < arguments.size(); ++i) {
    const Json& key = arguments[i];
    Json inner;
    if (value.is_array()) {
      if (!key.is_number_integer()) {
        return CallError("index", "cannot index slice/array with type string");
      }
      const int64_t at = key.get<int64_t>();
      if (at < 0 || at >= static_cast<int64_t>(value.size())) {
        return CallError("index", fmt::format("index out of range: {}", at));
      }
      inner = value[static_cast<size_t>(at)];
    } else if (value.is_object()) {
      if (!key.is_string()) return CallError("index", "value has type int; should be string");
      inner = At(value, key.get_ref<const std::string&>());
    } else {
      return CallError("index", value.is_null()
                                    ? "index of untyped nil"
                                    : "can't index item of type " + TemplateText(value));
    }
    value = std::move(inner);
  }
  return value;
}

// Whether a path of members is there.
Result<Json> Exists(const Arguments& arguments) {
  if (arguments.empty()) return false;
  const Json* value = &arguments[0];
  for (size_t i = 1; i < arguments.size(); ++i) {
    if (value->is_object() && arguments[i].is_string()) {
      const auto found = value->find(arguments[i].get<std::string>());
      if (found == value->end()) return false;
      value = &*found;
    } else if (value->is_array() && arguments[i].is_number_unsigned() &&
               arguments[i].get<size_t>() < value->size()) {
      value = &(*value)[arguments[i].get<size_t>()];
    } else {
      return false;
    }
  }
  return true;
}

tl::unexpected<Error> PrintsTooMuch(const std::string& name) {
  return CallError(name, "it prints too much");
}

Result<Json> Printf(const Arguments& arguments) {
  if (arguments.empty() || !arguments[0].is_string()) {
    return CallError("printf", "wrong number of args");
  }
  const auto text = GoSprintf(arguments[0].get_ref<const std::string&>(),
                              std::span(arguments).subspan(1), kPrintedBytesMax);
  if (!text) return PrintsTooMuch("printf");
  return *text;
}

// As print puts them: parted by a space where neither is a string; or all of them, as println does.
Result<std::string> Printed(const std::string& name, const Arguments& arguments, bool all = false) {
  std::string text;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const auto is_part = [&](size_t at) { return all || !arguments[at].is_string(); };
    if (i > 0 && is_part(i - 1) && is_part(i)) text += ' ';
    text += GoPlain(arguments[i]);
    if (text.size() > kPrintedBytesMax) return PrintsTooMuch(name);
  }
  return text;
}

Result<Json> Slice(const Arguments& arguments) {
  if (arguments.empty()) return CallError("slice", "wrong number of args");
  const Json& value = arguments[0];
  const size_t size = value.is_string() ? TextOf(value).size() : value.size();
  size_t bounds[] = {0, size};
  for (size_t i = 1; i < arguments.size() && i < 3; ++i) {
    if (!arguments[i].is_number_unsigned() || arguments[i].get<size_t>() > size) {
      return CallError("slice", "index out of range: " + GoPlain(arguments[i]));
    }
    bounds[i - 1] = arguments[i].get<size_t>();
  }
  if (bounds[0] > bounds[1]) return CallError("slice", "invalid slice index");
  if (value.is_string()) return TextOf(value).substr(bounds[0], bounds[1] - bounds[0]);
  if (!value.is_array())
    return CallError("slice", "can't slice item of type " + GoPlain(value));
  const auto at = [&](size_t i) { return value.begin() + static_cast<long>(i); };
  return Json(std::vector<Json>(at(bounds[0]), at(bounds[1])));
}

Result<Json> DecodeText(const Arguments& arguments) {
  if (arguments.size() != 1 || !arguments[0].is_string()) {
    return CallError("base64decode", "wrong type for value; expected string");
  }
  const auto bytes = DecodeBase64(TextOf(arguments[0]));
  if (!bytes) return CallError("base64decode", "base64 decode failed: illegal base64 data");
  return Json(std::string(bytes->begin(), bytes->end()));
}

std::string HtmlEscaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// As Go's template.JSEscapeString: what could end a string of JavaScript, or a script in a page.
std::string ScriptEscaped(const std::string& text) {
  std::string out;
  const auto unprintable = UnprintableRunes(text);
  auto next = unprintable.begin();
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const auto byte = static_cast<unsigned char>(c);
    while (next != unprintable.end() && next->first < at) ++next;
    if (byte >= 0x80 && next != unprintable.end() && next->first == at) {
      out += fmt::format("\\u{:04X}", static_cast<uint32_t>(next->second));
      at += Utf8SequenceLength(std::string_view(text).substr(at)) - 1;
    } else if (c == '\\' || c == '\'' || c == '"') {
      out += fmt::format("\\{}", c);
    } else if (byte < 0x20 || c == '<' || c == '>' || c == '&' || c == '=') {
      out += fmt::format("\\u{:04X}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

// As Go's url.QueryEscape.
std::string QueryEscaped(const std::string& text) {
  constexpr std::string_view kPlain = "-_.~";
  std::string out;
  for (const char c : text) {
    const bool is_plain =
        std::isalnum(static_cast<unsigned char>(c)) || kPlain.find(c) != std::string_view::npos;
    if (c == ' ') {
      out += '+';
    } else if (is_plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace

bool IsTemplateFunction(std::string_view name) {
  for (const std::string_view known :
       {"not", "eq", "ne", "lt", "le", "gt", "ge", "len", "index", "slice", "print", "printf",
        "println", "html", "js", "urlquery", "exists", "base64decode"}) {
    if (known == name) return true;
  }
  return false;
}

Result<Json> CallTemplateFunction(const std::string& name, const std::vector<Json>& arguments) {
  if (name == "eq") return Equal(arguments);
  if (name == "ne") {
    const auto same = Equal(arguments);
    if (!same) return same;
    return Json(!same->get<bool>());
  }
  if (name == "not") return Json(arguments.empty() || !TemplateTruth(arguments[0]));
  if (name == "len") return Length(arguments);
  if (name == "index") return Index(arguments);
  if (name == "slice") return Slice(arguments);
  if (name == "print") return Json(TRY(Printed(name, arguments)));
  if (name == "printf") return Printf(arguments);
  if (name == "exists") return Exists(arguments);
  if (name == "base64decode") return DecodeText(arguments);
  if (name == "html" || name == "js" || name == "urlquery") {
    // For these alone nothing is what it is for an action.
    Arguments shown = arguments;
    for (Json& each : shown) {
      if (each.is_null()) each = "<no value>";
    }
    const std::string text = TRY(Printed(name, shown));
    return Json(name == "html" ? HtmlEscaped(text)
                : name == "js" ? ScriptEscaped(text)
                               : QueryEscaped(text));
  }
  if (name == "println") return Json(TRY(Printed(name, arguments, true)) + "\n");
  return Ordered(name, arguments);
}

bool TemplateTruth(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value.get<double>() != 0;
  if (value.is_string()) return !value.get_ref<const std::string&>().empty();
  return !value.empty();
}

std::string TemplateText(const Json& value) {
  return value.is_null() ? "<no value>" : GoPlain(value);
}

}  // namespace skiff::cli
