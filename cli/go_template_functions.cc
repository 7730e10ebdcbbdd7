// The functions that templates may call: Go's own, and kubectl's exists and base64decode.
#include <fmt/format.h>

#include <cctype>
#include <map>
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

using Arguments = std::vector<TemplateValue>;
using Answer = Result<TemplateValue>;

// What one call may come to: a few that print each other's values twice would take all memory.
constexpr size_t kPrintedBytesMax = 16 << 20;

GoBasic BasicOf(const TemplateValue& value) {
  return value.is_valid() ? GoBasicOf(*value.json) : GoBasic::kNone;
}

// "%s" of a value.
std::string Formatted(const TemplateValue& value) {
  return GoSprintf("%s", std::span(value.json.get(), 1), kPrintedBytesMax).value_or("");
}

tl::unexpected<Error> Incompatible(const TemplateValue& a, const TemplateValue& b) {
  return CliError(fmt::format("incompatible types for comparison: {} and {}", a.InnerTypeName(),
                              b.InnerTypeName()));
}

Result<bool> Same(const TemplateValue& a, const TemplateValue& b) {
  const GoBasic basic = BasicOf(a);
  if (basic != BasicOf(b)) {
    if (a.is_valid() && b.is_valid()) return Incompatible(a, b);
    return false;
  }
  if (basic != GoBasic::kNone) return *a.json == *b.json;
  if (!a.is_valid() || !b.is_valid()) return a.is_valid() == b.is_valid();
  if (a.json->type() != b.json->type()) {
    return CliError(fmt::format("non-comparable types {}: {}, {}: {}", Formatted(a),
                                a.InnerTypeName(), b.InnerTypeName(), GoPlain(*b.json)));
  }
  return CliError(fmt::format("non-comparable type {}: {}", Formatted(b), b.InnerTypeName()));
}

Answer Equal(const Arguments& arguments) {
  if (arguments.size() < 2) return CliError("missing argument for comparison");
  for (size_t i = 1; i < arguments.size(); ++i) {
    const bool same = TRY(Same(arguments[0].Inner(), arguments[i].Inner()));
    if (same) return TemplateValue::Of(true);
  }
  return TemplateValue::Of(false);
}

// lt, le, gt and ge.
Answer Ordered(const std::string& name, const Arguments& arguments) {
  const TemplateValue a = arguments[0].Inner();
  const TemplateValue b = arguments[1].Inner();
  const GoBasic basic = BasicOf(a);
  const auto bad = [] { return CliError("invalid type for comparison"); };
  if (basic == GoBasic::kNone || BasicOf(b) == GoBasic::kNone) return bad();
  if (basic != BasicOf(b)) return Incompatible(a, b);
  if (basic == GoBasic::kBool) return bad();
  const bool less = *a.json < *b.json;
  const bool same = *a.json == *b.json;
  if (name == "lt") return TemplateValue::Of(less);
  if (name == "le") return TemplateValue::Of(less || same);
  if (name == "gt") return TemplateValue::Of(!less && !same);
  return TemplateValue::Of(!less);
}

Answer Length(const TemplateValue& value) {
  if (!value.is_valid()) {
    return CliError("reflect: call of reflect.Value.Type on zero Value");
  }
  if (value.is_nil()) return CliError("len of nil pointer");
  if (!value.json->is_structured() && !value.json->is_string()) {
    return CliError("len of type " + value.InnerTypeName());
  }
  return TemplateValue::OfInt(static_cast<int64_t>(
      value.json->is_string() ? TextOf(*value.json).size() : value.json->size()));
}

// A position in a list or text of that size. One behind the last is one where a slice may end.
Result<size_t> Position(const TemplateValue& index, size_t size) {
  if (!index.is_valid()) return CliError("cannot index slice/array with nil");
  if (!index.json->is_number_integer()) {
    return CliError("cannot index slice/array with type " + index.InnerTypeName());
  }
  const int64_t at = index.json->get<int64_t>();
  if (at >= 0 && at <= static_cast<int64_t>(size)) return static_cast<size_t>(at);
  return CliError(fmt::format("index out of range: {}", at));
}

Answer IndexOnce(const TemplateValue& value, const TemplateValue& index) {
  if (value.is_nil()) return CliError("index of nil pointer");
  if (value.json->is_object()) {
    if (!index.is_valid()) return CliError("value is nil; should be of type string");
    if (!index.json->is_string()) {
      return CliError(fmt::format("value has type {}; should be string", index.InnerTypeName()));
    }
    const auto found = value.json->find(TextOf(*index.json));
    return found == value.json->end() ? TemplateValue::Nil() : value.Part(*found);
  }
  const bool is_text = value.json->is_string();
  if (!is_text && !value.json->is_array()) {
    return CliError("can't index item of type " + value.InnerTypeName());
  }
  const size_t size = is_text ? TextOf(*value.json).size() : value.json->size();
  const size_t at = TRY(Position(index, size));
  if (at == size) {
    return CliError(fmt::format("reflect: {} index out of range", is_text ? "string" : "slice"));
  }
  if (!is_text) return value.Part((*value.json)[at]);
  TemplateValue byte = TemplateValue::OfInt(static_cast<unsigned char>(TextOf(*value.json)[at]));
  byte.number_type = "uint8";
  return byte;
}

Answer Index(const Arguments& arguments) {
  TemplateValue value = arguments[0].Inner();
  if (!value.is_valid()) return CliError("index of untyped nil");
  for (size_t i = 1; i < arguments.size(); ++i) {
    value = TRY(IndexOnce(value, arguments[i].Inner()));
  }
  return value;
}

// Whether a path of members leads to anything.
bool Exists(const Arguments& arguments) {
  const Json* value = arguments[0].json.get();
  for (size_t i = 1; i < arguments.size(); ++i) {
    const Json& step = *arguments[i].json;
    if (value->is_object() && step.is_string()) {
      const auto found = value->find(step.get<std::string>());
      if (found == value->end()) return false;
      value = &*found;
    } else if (value->is_array() && step.is_number_integer() && step.get<int64_t>() >= 0 &&
               step.get<size_t>() < value->size()) {
      value = &(*value)[step.get<size_t>()];
    } else {
      return false;
    }
  }
  return !value->is_null();
}

tl::unexpected<Error> PrintsTooMuch() {
  return CliError("it prints too much");
}

Answer Printf(const Arguments& arguments) {
  std::vector<Json> values;
  for (const TemplateValue& argument : std::span(arguments).subspan(1)) {
    values.push_back(*argument.json);
  }
  const auto text = GoSprintf(TextOf(*arguments[0].json), values, kPrintedBytesMax);
  if (!text) return PrintsTooMuch();
  return TemplateValue::Of(*text);
}

// As print puts them: parted by a space where neither is a string; or all of them, as println does.
Result<std::string> Printed(const Arguments& arguments, bool all = false) {
  std::string text;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const auto is_part = [&](size_t at) { return all || !arguments[at].json->is_string(); };
    if (i > 0 && is_part(i - 1) && is_part(i)) text += ' ';
    text += GoPlain(*arguments[i].json);
    if (text.size() > kPrintedBytesMax) return PrintsTooMuch();
  }
  return text;
}

Answer Slice(const Arguments& arguments) {
  const TemplateValue value = arguments[0].Inner();
  if (!value.is_valid()) return CliError("slice of untyped nil");
  const size_t count = arguments.size() - 1;
  if (count > 3) return CliError(fmt::format("too many slice indexes: {}", count));
  const bool is_text = value.json->is_string();
  if (is_text && count == 3) return CliError("cannot 3-index slice a string");
  if (!is_text && !value.json->is_array()) {
    return CliError("can't slice item of type " + value.InnerTypeName());
  }
  const std::string text = TextOf(*value.json);
  const size_t size = is_text ? text.size() : value.json->size();
  size_t bounds[] = {0, size, size};
  for (size_t i = 0; i < count; ++i) bounds[i] = TRY(Position(arguments[i + 1].Inner(), size));
  for (size_t i = 0; i < 2; ++i) {
    if (bounds[i] <= bounds[i + 1]) continue;
    return CliError(fmt::format("invalid slice index: {} > {}", bounds[i], bounds[i + 1]));
  }
  if (is_text) return TemplateValue::Of(text.substr(bounds[0], bounds[1] - bounds[0]));
  const auto at = [&](size_t i) { return value.json->begin() + static_cast<long>(i); };
  return TemplateValue::Of(std::vector<Json>(at(bounds[0]), at(bounds[1])));
}

Answer DecodeText(const TemplateValue& value) {
  auto bytes = DecodeBase64(TextOf(*value.json));
  if (!bytes) return CliError("base64 decode failed: " + bytes.error().message);
  return TemplateValue::Of(*std::move(bytes));
}

// There are no functions in a document.
Answer CallNothing(const TemplateValue& value, const std::string& shown) {
  const TemplateValue inner = value.Inner();
  if (!inner.is_valid()) return CliError("call of nil");
  return CliError(fmt::format("non-function {} of type {}", shown, inner.InnerTypeName()));
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

std::string HtmlEscaped(std::string_view text) {
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

const TemplateFunction* FindTemplateFunction(std::string_view name) {
  static const std::map<std::string_view, TemplateFunction> kFunctions = {
      {"and", {.arguments_min = 1, .takes_values = true}},
      {"base64decode", {.arguments_min = 1, .arguments_max = 1, .texts = 1}},
      {"call", {.arguments_min = 1, .takes_values = true}},
      {"eq", {.arguments_min = 1, .takes_values = true}},
      {"exists", {.arguments_min = 1}},
      {"ge", {.arguments_min = 2, .arguments_max = 2, .takes_values = true}},
      {"gt", {.arguments_min = 2, .arguments_max = 2, .takes_values = true}},
      {"html", {}},
      {"index", {.arguments_min = 1, .takes_values = true}},
      {"js", {}},
      {"le", {.arguments_min = 2, .arguments_max = 2, .takes_values = true}},
      {"len", {.arguments_min = 1, .arguments_max = 1, .takes_values = true}},
      {"lt", {.arguments_min = 2, .arguments_max = 2, .takes_values = true}},
      {"ne", {.arguments_min = 2, .arguments_max = 2, .takes_values = true}},
      {"not", {.arguments_min = 1, .arguments_max = 1, .takes_values = true}},
      {"or", {.arguments_min = 1, .takes_values = true}},
      {"print", {}},
      {"printf", {.arguments_min = 1, .texts = 1}},
      {"println", {}},
      {"slice", {.arguments_min = 1, .takes_values = true}},
      {"urlquery", {}},
  };
  const auto found = kFunctions.find(name);
  return found == kFunctions.end() ? nullptr : &found->second;
}

Result<TemplateValue> CallTemplateFunction(const std::string& name,
                                           const std::vector<TemplateValue>& arguments,
                                           const std::string& first) {
  if (name == "eq") return Equal(arguments);
  if (name == "ne") {
    const TemplateValue same = TRY(Equal(arguments));
    return TemplateValue::Of(!same.IsTrue());
  }
  if (name == "not") return TemplateValue::Of(!arguments[0].IsTrue());
  if (name == "len") return Length(arguments[0]);
  if (name == "index") return Index(arguments);
  if (name == "slice") return Slice(arguments);
  if (name == "print" || name == "println") {
    const bool lines = name == "println";
    const std::string text = TRY(Printed(arguments, lines));
    return TemplateValue::Of(lines ? text + "\n" : text);
  }
  if (name == "printf") return Printf(arguments);
  if (name == "exists") return TemplateValue::Of(Exists(arguments));
  if (name == "base64decode") return DecodeText(arguments[0]);
  if (name == "call") return CallNothing(arguments[0], first);
  if (name == "html" || name == "js" || name == "urlquery") {
    // For these alone nothing is what it is for an action.
    Arguments shown = arguments;
    for (TemplateValue& each : shown) {
      if (each.is_nil()) each = TemplateValue::Of("<no value>");
    }
    const std::string text = TRY(Printed(shown));
    return TemplateValue::Of(name == "html" ? HtmlEscaped(text)
                             : name == "js" ? ScriptEscaped(text)
                                            : QueryEscaped(text));
  }
  return Ordered(name, arguments);
}

}  // namespace skiff::cli
