#include "api/cel/patch_values.h"

#include <fmt/format.h>

#include <cmath>

#include "api/codec/base64.h"

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

// Makes documents of values. Configurations take what documents hold; patches also what can be
// written as text, and numbers as JavaScript has them. One writes no more than kWrittenBytesMax.
class Writer {
 public:
  explicit Writer(bool is_patch) : is_patch_(is_patch) {}

  // Whether there is room for so many more.
  bool Take(size_t bytes) {
    written_ = bytes > kWrittenBytesMax - written_ ? kWrittenBytesMax : written_ + bytes;
    return written_ < kWrittenBytesMax;
  }

  Result<Json> Write(const Value& value) {
    if (value.json() != nullptr) {
      if (!TakeDocument(*value.json())) return TooLarge();
      return *value.json();
    }
    const bool is_text = value.Is(Kind::kString) || value.Is(Kind::kBytes);
    if (!Take(kBytesPerValue + (is_text ? value.text().size() : 0))) return TooLarge();
    switch (value.kind()) {
      case Kind::kBool: return Json(value.boolean());
      case Kind::kInt: return WriteInteger(value.integer());
      case Kind::kUint: return WriteUnsigned(value.unsigned_integer());
      case Kind::kDouble: return WriteNumber(value.number());
      case Kind::kString: return Json(std::string(value.text()));
      case Kind::kList: return WriteList(value);
      case Kind::kMap: return WriteMap(value);
      case Kind::kObject:
        if (const MessageValue* message = MessageOf(value)) return WriteMessage(*message);
        break;
      case Kind::kNull:
        if (is_patch_) return Json();
        return Unfit("&{NULL_VALUE}");
      default: break;
    }
    if (is_patch_) return WriteAsText(value);
    return Unfit("a value of type " + value.TypeName());
  }

 private:
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

  tl::unexpected<Error> Unfit(const std::string& what) const {
    if (!is_patch_) {
      return Unwritable(fmt::format("error applying patch: failed to convert patch object to typed "
                                "object: {}: expected any scalar, list or map, got {}",
                                path_, what));
    }
    return Unwritable(
        "JSONPath valueExpression evaluated to a type that could not marshal to JSON: " + what);
  }

  Result<Json> WriteInteger(int64_t number) const {
    const bool is_exact = number >= -kExactIntegerMax && number <= kExactIntegerMax;
    if (is_patch_ && !is_exact) return Json(std::to_string(number));
    return Json(number);
  }

  Result<Json> WriteUnsigned(uint64_t number) const {
    if (is_patch_ && number > static_cast<uint64_t>(kExactIntegerMax)) {
      return Json(std::to_string(number));
    }
    return Json(number);
  }

  // JSON of a patch does not tell 3.0 from 3.
  Result<Json> WriteNumber(double number) const {
    if (!std::isfinite(number)) {
      return Unfit("json: unsupported value: " + KeyText(Value::Double(number)));
    }
    const bool is_whole = number == std::trunc(number) && std::abs(number) <= kExactIntegerMax;
    if (is_patch_ && is_whole) return Json(static_cast<int64_t>(number));
    return Json(number);
  }

  Result<Json> WriteList(const Value& list) {
    Json out = Json::array();
    const size_t length = path_.size();
    for (size_t i = 0; i < list.Size(); ++i) {
      path_ += "[" + std::to_string(i) + "]";
      Json written = TRY(Write(list.At(i)));
      out.push_back(std::move(written));
      path_.resize(length);
    }
    return out;
  }

  Result<Json> WriteMap(const Value& map) {
    Json out = Json::object();
    std::optional<Error> failed;
    const size_t length = path_.size();
    map.EachKey([&](const Value& key) {
      if (!key.Is(Kind::kString)) {
        failed = (is_patch_ ? Unfit(fmt::format("unsupported type conversion from '{}' to string",
                                                key.TypeName()))
                            : Unwritable("invalid return type: *dynamic.ObjectVal"))
                     .value();
        return false;
      }
      if (!Take(key.text().size())) {
        failed = TooLarge().value();
        return false;
      }
      path_.append(".").append(key.text());
      const auto item = map.Find(key);
      Result<Json> written = Write(item ? *item : Value());
      path_.resize(length);
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

  Result<Json> WriteMessage(const MessageValue& message) {
    Json out = Json::object();
    const size_t length = path_.size();
    for (const auto& [name, field] : message.fields()) {
      path_.append(".").append(name);
      Json written = TRY(Write(field));
      path_.resize(length);
      out[name] = std::move(written);
    }
    return out;
  }

  Result<Json> WriteAsText(const Value& value) {
    switch (value.kind()) {
      case Kind::kDuration: return Json(DurationText(value.integer()));
      case Kind::kTimestamp: return Json(MomentText(value.moment()));
      case Kind::kBytes: return Json(EncodeBase64(value.text()));
      case Kind::kOptional: return value.inner() == nullptr ? Json() : Write(*value.inner());
      default:
        return Unfit(fmt::format("unsupported type conversion from '{}' to google.protobuf.Value",
                                 value.TypeName()));
    }
  }

  const bool is_patch_;
  size_t written_ = 0;
  std::string path_;
};

}  // namespace

Result<Json> ConfigurationOf(const Value& object) {
  TRY(NameCheck().Check(object, object.TypeName()));
  return Writer(false).Write(object);
}

Result<std::string> JsonPatchOf(const Value& operations) {
  Json patch = Json::array();
  NameCheck names;
  Writer writer(true);
  for (size_t i = 0; i < operations.Size(); ++i) {
    const Value value = operations.At(i);
    const MessageValue* operation = MessageOf(value);
    if (operation == nullptr) {
      return Unwritable(
          "type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch");
    }
    if (!writer.Take(kBytesPerOperation)) return TooLarge();
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
