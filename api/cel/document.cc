#include "api/cel/document.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "api/cel/limits.h"
#include "api/cel/words.h"
#include "api/codec/base64.h"
#include "api/text/format_duration.h"
#include "api/text/go_value.h"
#include "api/text/time_text.h"

namespace skiff::cel {
namespace {

struct Escape {
  std::string_view plain;
  std::string_view escaped;
};
constexpr std::array kEscapes = {
    Escape{"__", "__underscores__"}, Escape{".", "__dot__"}, Escape{"-", "__dash__"},
    Escape{"/", "__slash__"}};

Value Misfit(std::string_view wanted, const Json& json) {
  return Value::Error("invalid data, expected " + std::string(wanted) + ", got " +
                      GoTypeOf(json));
}

Value PlainScalar(const Json& json) {
  switch (json.type()) {
    case Json::value_t::null: return {};
    case Json::value_t::boolean: return Value::Bool(json.get<bool>());
    case Json::value_t::number_integer: return Value::Int(json.get<int64_t>());
    case Json::value_t::number_unsigned: {
      const auto number = json.get<uint64_t>();
      if (number > static_cast<uint64_t>(INT64_MAX)) {
        return Value::Double(static_cast<double>(number));
      }
      return Value::Int(static_cast<int64_t>(number));
    }
    case Json::value_t::number_float: return Value::Double(json.get<double>());
    case Json::value_t::string: return Value::StringView(json.get_ref<const std::string&>());
    default: return Misfit("a scalar", json);
  }
}

// As Kubernetes reads them: of its layouts all but the last name a zone, and that is the one that
// it tells of.
Result<Instant> ReadDateTime(const std::string& text) {
  if (text.empty()) return Instant{0, 0};
  const auto instant = ParseInstant(text, TimeForm::kSeconds);
  return instant ? instant : ParseInstant(text, TimeForm::kLocal);
}

// Base64 of the alphabet for URLs, whatever the format of the same name takes.
Result<std::string> ReadBytes(std::string text) {
  for (char& c : text) {
    switch (c) {
      case '-':
        c = '+';
        break;
      case '_':
        c = '/';
        break;
      case '+':
      case '/':
        c = '!';
        break;
      default:
        break;
    }
  }
  return DecodeBase64(text);
}

// What is wrong is said of each rule, and of each value.
constexpr size_t kUnfitShownMax = 1000;

Value Unfit(std::string_view what, std::string_view text, std::string_view why) {
  std::string message = "Invalid ";
  message.append(what).append(" ").append(text.substr(0, kUnfitShownMax)).append(": ").append(why);
  return Value::Error(std::move(message));
}

Value TextOfDocument(const std::string& text, const Type& type) {
  if (type.kind == TypeKind::kString) return Value::StringView(text);
  looks_of_thread += text.size() / kTextBytesPerLook;  // Read anew each time that it is named.
  if (type.kind == TypeKind::kBytes) {
    auto bytes = ReadBytes(text);
    if (!bytes) return Unfit("byte formatted string", text, bytes.error().message);
    return Value::Bytes(*std::move(bytes));
  }
  if (type.kind == TypeKind::kDuration) {
    const auto duration = ParseFormatDuration(text);
    if (duration) return Value::Duration(*duration);
    return Unfit("duration", text,
                 "unable to parse " + text.substr(0, kUnfitShownMax) + " as duration");
  }
  const bool is_date = type.form == TextForm::kDate;
  const auto instant = is_date ? ParseInstant(text, TimeForm::kDate) : ReadDateTime(text);
  if (instant) return Value::Timestamp({instant->seconds, instant->nanos});
  return Unfit(is_date ? "date formatted string" : "date-time formatted string", text,
               instant.error().message);
}

}  // namespace

Kind DocumentKind(const Json& json, const Type* type) {
  if (json.is_array()) return Kind::kList;
  if (!json.is_object()) return Kind::kNull;
  return type != nullptr && type->kind == TypeKind::kObject ? Kind::kObject : Kind::kMap;
}

Value ScalarOfDocument(const Json& json, const Type* type) {
  if (type == nullptr || type->kind == TypeKind::kDyn || json.is_null()) return PlainScalar(json);
  switch (type->kind) {
    case TypeKind::kBool: return json.is_boolean() ? PlainScalar(json) : Misfit("bool", json);
    // One written as 2.0 is none, though the schema takes it for one.
    case TypeKind::kInt: return json.is_number_integer() ? PlainScalar(json) : Misfit("int", json);
    case TypeKind::kUint:
      return json.is_number_integer() ? Value::Uint(json.get<uint64_t>()) : Misfit("int", json);
    case TypeKind::kDouble:
      return json.is_number() ? Value::Double(json.get<double>()) : Misfit("float", json);
    case TypeKind::kString:
    case TypeKind::kBytes:
    case TypeKind::kDuration:
    case TypeKind::kTimestamp:
      if (!json.is_string()) return Misfit("string", json);
      return TextOfDocument(json.get_ref<const std::string&>(), *type);
    case TypeKind::kList:
      return Value::Error(
          "invalid data, expected an array for the provided schema with type=array");
    default:
      return Value::Error(
          "invalid data, expected a map for the provided schema with type=object");
  }
}

const Type* ItemType(const Type* type) {
  if (type == nullptr || type->params.empty()) return nullptr;
  const Type* item = type->params.back().get();
  return item->kind == TypeKind::kDyn ? nullptr : item;
}

std::optional<Value> FieldOfDocument(const Json& json, const Type& type, std::string_view name) {
  const auto field = type.fields.find(name);
  if (field == type.fields.end()) return std::nullopt;
  const auto found = json.find(field->second.json_name);
  if (found == json.end() || found->is_null()) return std::nullopt;
  return Value::Document(*found, field->second.type.get());
}

std::vector<Value> KeysOfDocument(const Json& json, const Type& type) {
  std::vector<Value> out;
  constexpr size_t kLooksPerField = 4;  // All of them are looked for before the first is visited.
  looks_of_thread += kLooksPerField * type.fields.size();
  for (const auto& [name, field] : type.fields) {
    if (EscapeProperty(field.json_name) != name) continue;  // A reserved word's other name.
    if (json.contains(field.json_name)) out.push_back(Value::StringView(name));
  }
  return out;
}

std::optional<std::string> EscapeProperty(std::string_view name) {
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) != 0) return std::nullopt;
  // Kubernetes writes them with underscores.
  if (IsReservedWord(name)) return "__" + std::string(name) + "__";
  std::string out;
  for (size_t i = 0; i < name.size();) {
    const auto escape =
        std::find_if(kEscapes.begin(), kEscapes.end(), [&](const Escape& candidate) {
          return name.substr(i).starts_with(candidate.plain);
        });
    if (escape != kEscapes.end()) {
      out += escape->escaped;
      i += escape->plain.size();
      continue;
    }
    const char c = name[i++];
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_') return std::nullopt;
    out += c;
  }
  return out;
}

}  // namespace skiff::cel
