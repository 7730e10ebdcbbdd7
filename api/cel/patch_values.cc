#include "api/cel/patch_values.h"

#include <fmt/format.h>

#include <cmath>

#include "api/codec/base64.h"
#include "api/text/go_text.h"
#include "api/text/go_value.h"
#include "api/text/time_text.h"

namespace skiff::cel {
namespace {

constexpr int64_t kExactIntegerMax = (int64_t{1} << 53) - 1;
// Of type names: whoever mistakes more hears of these.
constexpr size_t kMistakesMax = 100;
// Of one patch or configuration, each value with some bytes of its own: a value that stands in a
// list ten times is made once and written ten times, and lists of such lists ten times as often.
constexpr size_t kWrittenBytesMax = size_t{8} << 20;
constexpr size_t kBytesPerValue = 16;
constexpr size_t kBytesPerOperation = 128;

tl::unexpected<Error> Unwritable(std::string why) {
  return Fail(Reason::kInvalid, std::move(why));
}

tl::unexpected<Error> TooLarge() {
  return Unwritable(
      fmt::format("the patch is too large: more than {} bytes", kWrittenBytesMax));
}

// Whether the types of parts are named after where they stand. Values are as deep as evaluations
// make them.
class NameCheck {
 public:
  void Walk(const Value& value) {
    if (mistakes_ == kMistakesMax || visits_ > kVisitsMax) return;
    ++visits_;
    if (const MessageValue* message = MessageOf(value)) return WalkMessage(*message);
    if (value.json() != nullptr) return;  // Of the object itself: expressions made no part of it.
    if (value.Is(Kind::kList)) {
      for (size_t i = 0; i < value.Size() && visits_ <= kVisitsMax; ++i) Walk(value.At(i));
    } else if (value.Is(Kind::kMap)) {
      value.EachKey([&](const Value& key) {
        if (const auto item = value.Find(key)) Walk(*item);
        return mistakes_ < kMistakesMax && visits_ <= kVisitsMax;
      });
    }
  }

  // `root`: what the outermost part is called. Can be repeated until it fails.
  Result<> Check(const Value& value, std::string root) {
    path_ = std::move(root);
    Walk(value);
    if (mistakes_ > 0) return Unwritable("type mismatch: " + text_);
    if (visits_ > kVisitsMax) return TooLarge();
    return {};
  }

 private:
  // Whoever has more could not be written.
  static constexpr size_t kVisitsMax = kWrittenBytesMax / kBytesPerValue;

  void WalkMessage(const MessageValue& message) {
    if (message.TypeName() != path_) {
      if (mistakes_++ > 0) text_ += "\n";
      text_ += fmt::format(
          "unexpected type name \"{}\", expected \"{}\", which matches field name path from root "
          "Object type",
          message.TypeName(), path_);
    }
    const size_t length = path_.size();
    for (const auto& [name, field] : message.fields()) {
      path_.append(".").append(name);
      Walk(field);
      path_.resize(length);
    }
  }

  std::string path_;
  std::string text_;
  size_t mistakes_ = 0;
  size_t visits_ = 0;
};

// What one patch or configuration may come to: no more than kWrittenBytesMax.
class Room {
 public:
  // Whether there is room for so many more.
  bool Take(size_t bytes) {
    written_ = bytes > kWrittenBytesMax - written_ ? kWrittenBytesMax : written_ + bytes;
    return written_ < kWrittenBytesMax;
  }
  bool Take(const Value& value) {
    const bool is_text = value.Is(Kind::kString) || value.Is(Kind::kBytes);
    return Take(kBytesPerValue + (is_text ? value.text().size() : 0));
  }
  // As deep as documents of objects are (kJsonDepthMax).
  bool TakeDocument(const Json& document) {
    const auto* text = document.get_ptr<const std::string*>();
    if (!Take(kBytesPerValue + (text == nullptr ? 0 : text->size()))) return false;
    if (!document.is_structured()) return true;
    for (const auto& [name, member] : document.items()) {
      if (document.is_object() && !Take(name.size())) return false;
      if (!TakeDocument(member)) return false;
    }
    return true;
  }

 private:
  size_t written_ = 0;
};

// How Go prints a value that no document has; of a list or a map that an expression made, with all
// in it.
struct OddText {
  std::string plain, syntax, type;
  bool too_large = false;
};

// "2024-01-02T03:04:05.6Z" as time.Date(2024, time.January, 2, ...) and with spaces.
OddText OddTextOfMoment(const Moment& moment) {
  static constexpr const char* kMonths[] = {"January",   "February", "March",    "April",
                                            "May",       "June",     "July",     "August",
                                            "September", "October",  "November", "December"};
  std::string text = MomentText(moment);
  const auto number = [&](size_t at, size_t length) { return std::stoi(text.substr(at, length)); };
  const std::string syntax = fmt::format("time.Date({}, time.{}, {}, {}, {}, {}, {}, time.UTC)",
                                         number(0, 4), kMonths[number(5, 2) - 1], number(8, 2),
                                         number(11, 2), number(14, 2), number(17, 2), moment.nanos);
  text[text.find('T')] = ' ';
  text.pop_back();
  return {text + " +0000 UTC", syntax, "time.Time"};
}

OddText OddTextOfBytes(std::string_view bytes) {
  std::string plain, syntax;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    plain += fmt::format("{}{}", plain.empty() ? "" : " ", byte);
    syntax += fmt::format("{}{:#x}", syntax.empty() ? "" : ", ", byte);
  }
  return {"[" + plain + "]", "[]uint8{" + syntax + "}", "[]uint8"};
}

OddText OddTextOf(const Value& value, Room& room);

// What stands in a list or a map is printed as a value of the language.
OddText OddTextWithin(const Value& value, Room& room) {
  if (!room.Take(value)) return {.too_large = true};
  switch (value.kind()) {
    case Kind::kString:
      return {std::string(value.text()), GoQuote(value.text()), ""};
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kDouble:
      return {KeyText(value), KeyText(value), ""};
    default:
      break;
  }
  OddText odd = OddTextOf(value, room);
  if (value.Is(Kind::kBytes)) odd.syntax.replace(0, sizeof("[]uint8") - 1, "types.Bytes");
  if (value.Is(Kind::kDuration)) odd.syntax = "types.Duration{Duration:" + odd.syntax + "}";
  if (value.Is(Kind::kTimestamp)) odd.syntax = "types.Timestamp{Time:" + odd.syntax + "}";
  return odd;
}

OddText OddTextOfItems(const Value& value, Room& room) {
  const bool is_map = value.Is(Kind::kMap);
  OddText out;
  const auto add = [&](const OddText& key, const OddText& item) {
    out.plain += (out.plain.empty() ? "" : " ") + (is_map ? key.plain + ":" : "") + item.plain;
    out.syntax += (out.syntax.empty() ? "" : ", ") + (is_map ? key.syntax + ":" : "") + item.syntax;
    out.too_large |= key.too_large || item.too_large;
    return !out.too_large;
  };
  if (is_map) {
    value.EachEntry([&](const Value& key, const Value& item) {
      return add(OddTextWithin(key, room), OddTextWithin(item, room));
    });
  } else {
    for (size_t i = 0; i < value.Size() && !out.too_large; ++i) {
      add({}, OddTextWithin(value.At(i), room));
    }
  }
  out.type = is_map ? "map[ref.Val]ref.Val" : "[]ref.Val";
  out.plain = (is_map ? "map[" : "[") + out.plain + "]";
  out.syntax = out.type + "{" + out.syntax + "}";
  return out;
}

OddText OddTextOf(const Value& value, Room& room) {
  switch (value.kind()) {
    case Kind::kNull:
      return {"NULL_VALUE", "0", "structpb.NullValue"};
    case Kind::kBytes:
      return OddTextOfBytes(value.text());
    case Kind::kUint: {
      const uint64_t number = value.unsigned_integer();
      return {std::to_string(number), fmt::format("{:#x}", number), "uint64"};
    }
    case Kind::kDouble: {
      const std::string text = KeyText(value);
      return {text, text, "float64"};
    }
    case Kind::kDuration:
      return {FormatGoDuration(value.integer()), std::to_string(value.integer()), "time.Duration"};
    case Kind::kTimestamp:
      return OddTextOfMoment(value.moment());
    case Kind::kList:
    case Kind::kMap:
      return OddTextOfItems(value, room);
    default: {
      // Go would print where in its memory it stands.
      const std::string name = "*" + value.TypeName();
      const bool is_opaque = value.Is(Kind::kOpaque);
      return {is_opaque ? value.opaque().Text() : name, "(" + name + ")", name};
    }
  }
}

// The members of a map whose keys are texts, each as `write` makes it. `unfit` says what other keys
// are.
template <typename Write, typename Unfit>
Result<Json> WriteMembers(const Value& map, Room& room, const Write& write, const Unfit& unfit) {
  Json out = Json::object();
  std::optional<Error> failed;
  map.EachKey([&](const Value& key) {
    if (!key.Is(Kind::kString)) {
      failed = unfit(key).value();
      return false;
    }
    if (!room.Take(key.text().size())) {
      failed = TooLarge().value();
      return false;
    }
    const auto item = map.Find(key);
    Result<Json> written = write(item ? *item : Value());
    if (!written) {
      failed = std::move(written).error();
      return false;
    }
    out[std::string(key.text())] = *std::move(written);
    return true;
  });
  if (failed) return Fail(std::move(*failed));
  return out;
}

// Makes documents of the values of patches: what can be written as text, and numbers as JavaScript
// has them.
class PatchWriter {
 public:
  Room& room() { return room_; }

  Result<Json> Write(const Value& value) {
    if (value.json() != nullptr) {
      if (!room_.TakeDocument(*value.json())) return TooLarge();
      return *value.json();
    }
    if (!room_.Take(value)) return TooLarge();
    switch (value.kind()) {
      case Kind::kNull:
        return Json();
      case Kind::kBool: return Json(value.boolean());
      case Kind::kInt: return WriteInteger(value.integer());
      case Kind::kUint: return WriteUnsigned(value.unsigned_integer());
      case Kind::kDouble: return WriteNumber(value.number());
      case Kind::kString: return Json(std::string(value.text()));
      case Kind::kDuration:
        return Json(DurationText(value.integer()));
      case Kind::kTimestamp:
        return Json(MomentText(value.moment()));
      case Kind::kBytes:
        return Json(EncodeBase64(value.text()));
      case Kind::kList: return WriteList(value);
      case Kind::kMap:
        return WriteMembers(
            value, room_, [this](const Value& item) { return Write(item); },
            [](const Value& key) {
              return Unfit(
                  fmt::format("unsupported type conversion from '{}' to string", key.TypeName()));
            });
      case Kind::kOptional:
        if (value.inner() == nullptr) return Unfit("optional.none() dereference");
        return Write(*value.inner());
      case Kind::kType:
        return Unfit("type conversion not supported for 'type'");
      case Kind::kObject:
        if (const MessageValue* message = MessageOf(value)) return WriteMessage(*message);
        [[fallthrough]];
      default:
        return Unfit(fmt::format("type conversion error from '{}' to '*structpb.Value'",
                                 NativeNameOf(value)));
    }
  }

 private:
  static tl::unexpected<Error> Unfit(const std::string& what) {
    return Unwritable(
        "JSONPath valueExpression evaluated to a type that could not marshal to JSON: " + what);
  }

  // What Kubernetes' own types are called where they are no part of the language.
  static std::string NativeNameOf(const Value& value) {
    const std::string name = value.TypeName();
    if (name == "kubernetes.NamedFormat") return "Format";
    if (name.starts_with("kubernetes.authorization.")) return name;
    return name.substr(name.rfind('.') + 1);
  }

  static Result<Json> WriteInteger(int64_t number) {
    const bool is_exact = number >= -kExactIntegerMax && number <= kExactIntegerMax;
    if (!is_exact) return Json(std::to_string(number));
    return Json(number);
  }

  static Result<Json> WriteUnsigned(uint64_t number) {
    if (number > static_cast<uint64_t>(kExactIntegerMax)) return Json(std::to_string(number));
    return Json(number);
  }

  // JSON of a patch does not tell 3.0 from 3.
  static Result<Json> WriteNumber(double number) {
    if (!std::isfinite(number)) {
      return Unfit(
          "json: error calling MarshalJSON for type *structpb.Value: "
          "proto:\u00a0google.protobuf.Value.number_value: invalid " +
          KeyText(Value::Double(number)) + " value");
    }
    const bool is_whole = number == std::trunc(number) && std::abs(number) <= kExactIntegerMax;
    if (is_whole) return Json(static_cast<int64_t>(number));
    return Json(number);
  }

  Result<Json> WriteList(const Value& list) {
    Json out = Json::array();
    for (size_t i = 0; i < list.Size(); ++i) {
      Json written = TRY(Write(list.At(i)));
      out.push_back(std::move(written));
    }
    return out;
  }

  Result<Json> WriteMessage(const MessageValue& message) {
    Json out = Json::object();
    for (const auto& [name, field] : message.fields()) {
      Json written = TRY(Write(field));
      out[name] = std::move(written);
    }
    return out;
  }

  Room room_;
};

// Makes the document of a configuration. Fields of objects, and what stands right in their lists
// and maps, are as they are; of what is not JSON, and of lists and maps further in, Kubernetes
// finds that they fit no schema (GoOddity).
class ConfigurationWriter {
 public:
  Result<Json> Message(const MessageValue& message) {
    Json out = Json::object();
    for (const auto& [name, field] : message.fields()) {
      Json written = TRY(Field(field));
      out[name] = std::move(written);
    }
    return out;
  }

 private:
  Result<Json> Field(const Value& value) {
    if (value.json() != nullptr) return Native(value);
    if (value.Is(Kind::kOptional) && value.inner() != nullptr) return Field(*value.inner());
    if (value.Is(Kind::kList)) {
      if (!room_.Take(value)) return TooLarge();
      Json out = Json::array();
      for (size_t i = 0; i < value.Size(); ++i) {
        Json written = TRY(Native(value.At(i)));
        out.push_back(std::move(written));
      }
      return out;
    }
    if (!value.Is(Kind::kMap)) return Native(value);
    if (!room_.Take(value)) return TooLarge();
    return WriteMembers(
        value, room_, [this](const Value& item) { return Native(item); },
        [](const Value&) { return Unwritable("invalid return type: *dynamic.ObjectVal"); });
  }

  Result<Json> Native(const Value& value) {
    if (value.json() != nullptr) {
      if (!room_.TakeDocument(*value.json())) return TooLarge();
      return *value.json();
    }
    if (!room_.Take(value)) return TooLarge();
    switch (value.kind()) {
      case Kind::kBool:
        return Json(value.boolean());
      case Kind::kInt:
        return Json(value.integer());
      case Kind::kString:
      case Kind::kType:
        return Json(std::string(value.text()));
      case Kind::kDouble:
        if (std::isfinite(value.number())) return Json(value.number());
        break;
      case Kind::kOptional:
        return value.inner() == nullptr ? Json() : Native(*value.inner());
      case Kind::kObject:
        if (const MessageValue* message = MessageOf(value)) return Message(*message);
        break;
      default:
        break;
    }
    const OddText odd = OddTextOf(value, room_);
    if (odd.too_large) return TooLarge();
    return GoOddity(odd.plain, odd.syntax, odd.type);
  }

  Room room_;
};

}  // namespace

Result<Json> ConfigurationOf(const Value& object) {
  TRY(NameCheck().Check(object, object.TypeName()));
  const MessageValue* message = MessageOf(object);
  if (message == nullptr) return Unwritable("invalid return type: *dynamic.ObjectVal");
  return ConfigurationWriter().Message(*message);
}

Result<std::string> JsonPatchOf(const Value& operations) {
  Json patch = Json::array();
  NameCheck names;
  PatchWriter writer;
  for (size_t i = 0; i < operations.Size(); ++i) {
    const Value value = operations.At(i);
    const MessageValue* operation = MessageOf(value);
    if (operation == nullptr) {
      return Unwritable(
          "type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch");
    }
    if (!writer.room().Take(kBytesPerOperation)) return TooLarge();
    Json written = {{"op", ""}, {"path", ""}};
    for (const auto& [name, given] : operation->fields()) {
      if (name == "value" && MessageOf(given) != nullptr) {
        TRY(names.Check(given, given.TypeName()));
      }
      if (name == "from" && given.text().empty()) continue;
      written[name] = TRY(writer.Write(given));
    }
    patch.push_back(std::move(written));
  }
  return DumpJson(patch);
}

}  // namespace skiff::cel
