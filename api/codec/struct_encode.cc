#include <algorithm>
#include <array>
#include <charconv>

#include "api/codec/base64.h"
#include "api/codec/json.h"
#include "api/codec/kept_text.h"
#include "api/codec/struct_fields.h"
#include "api/codec/struct_text.h"
#include "api/text/time_text.h"

namespace skiff {
namespace {

template <typename T>
const T& ValueAs(const void* value) {
  return *static_cast<const T*>(value);
}

class Encoder {
 public:
  explicit Encoder(std::string& out) : out_(out) {}

  // Where the digits of `metadata.resourceVersion` go, once an object was written with
  // `Object`; npos without metadata.
  size_t revision_at() const { return revision_at_; }

  void Object(const Type& type, const void* object) {
    in_object_ = true;
    Struct(type, object);
  }

  void Struct(const Type& type, const void* object) {
    const bool is_object = std::exchange(in_object_, false);
    out_ += '{';
    char separator = 0;
    if (type.type_meta) {
      out_.append(R"("kind":")").append(type.name).append(R"(","apiVersion":")");
      out_.append(type.api_version == "meta/v1" ? "v1" : type.api_version).append("\"");
      separator = ',';
    }
    for (const Field& field : type.fields) {
      const auto [is_left_out, value] = Show(field, object);
      if (is_left_out) continue;
      Key(separator, field.name);
      if (is_object && field.name == "metadata") {
        Metadata(*field.type, value);
      } else if (value == nullptr) {
        out_ += "null";
      } else if (IsEmptyMap(field, value)) {
        out_ += "{}";
      } else {
        Value(*field.type, value);
      }
    }
    out_ += '}';
  }

  void Value(const Type& type, const void* value) {
    switch (type.shape) {
      case Shape::kBool:
        out_ += ValueAs<bool>(value) ? "true" : "false";
        return;
      case Shape::kInt32:
        return Number(ValueAs<int32_t>(value));
      case Shape::kInt64:
        return Number(ValueAs<int64_t>(value));
      case Shape::kDouble:
        return AppendJson(Json(ValueAs<double>(value)), out_);
      case Shape::kString:
        return AppendJsonString(ValueAs<std::string>(value), out_);
      case Shape::kBytes:
        return Quoted(EncodeBase64(ValueAs<std::string>(value)));
      case Shape::kTime:
        return Moment(ValueAs<Time>(value), TimeForm::kSeconds);
      case Shape::kMicroTime:
        return Moment(ValueAs<Time>(value), TimeForm::kMicro);
      case Shape::kDuration:
        return Quoted(FormatGoDuration(ValueAs<Duration>(value).count()));
      case Shape::kQuantity:
        return Quoted(ValueAs<Quantity>(value).Text());
      case Shape::kIntOrString: {
        const auto& either = ValueAs<IntOrString>(value);
        return either.is_string() ? AppendJsonString(either.text(), out_) : Number(either.value());
      }
      case Shape::kJson:
        if (KeptAsText(type) != nullptr) {  // Written compact.
          out_ += ValueAs<RawJson>(value).Text();
          return;
        }
        return AppendCompact(ValueAs<RawJson>(value).Text(), out_);
      case Shape::kStruct:
        return Struct(type, value);
      case Shape::kList:
        return List(type, value);
      case Shape::kMap:
        return Map(type, value);
    }
  }

 private:
  // As Struct, with the resourceVersion wherever the table has it, and empty.
  void Metadata(const Type& type, const void* object) {
    out_ += '{';
    char separator = 0;
    for (const Field& field : type.fields) {
      const auto [is_left_out, value] = Show(field, object);
      const bool is_version = field.name == "resourceVersion";
      if (is_left_out && !is_version) continue;
      Key(separator, field.name);
      if (is_version) {
        revision_at_ = out_.size() + 1;
        out_ += "\"\"";
      } else if (value == nullptr) {
        out_ += "null";
      } else {
        Value(*field.type, value);
      }
    }
    out_ += '}';
  }

  // The name of a field as one piece, with what stands before and behind it.
  void Key(char& separator, std::string_view name) {
    const size_t begin = out_.size();
    const size_t before = separator == 0 ? 1 : 2;
    out_.resize(begin + before + name.size() + 2);
    char* at = out_.data() + begin;
    if (separator != 0) *at++ = separator;
    *at++ = '"';
    at = std::copy(name.begin(), name.end(), at);
    *at++ = '"';
    *at = ':';
    separator = ',';
  }

  template <typename T>
  void Number(T value) {
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    out_.append(digits.data(), end);
  }

  void Quoted(std::string_view text) {
    out_ += '"';
    out_.append(text).append("\"");
  }

  void Moment(const Time& time, TimeForm form) {
    if (time.IsZero()) {
      out_ += "null";
    } else {
      Quoted(FormatInstant(time.instant(), form));
    }
  }

  void List(const Type& type, const void* list) {
    const size_t size = type.list->size(list);
    // Kubernetes answers what it decoded from its store, where an empty list is a nil one.
    if (size == 0) {
      out_ += "null";
      return;
    }
    for (size_t i = 0; i < size; ++i) {
      out_ += i == 0 ? '[' : ',';
      Value(*type.element, type.list->at(list, i));
    }
    out_ += ']';
  }

  void Map(const Type& type, const void* map) {
    if (type.map->size(map) == 0) {
      out_ += "null";
      return;
    }
    struct Context {
      Encoder& encoder;
      const Type& element;
      char separator;
    } context{*this, *type.element, '{'};
    type.map->each(map, &context, [](void* to, const std::string& key, const void* value) {
      auto& [encoder, element, separator] = *static_cast<Context*>(to);
      encoder.out_ += separator;
      separator = ',';
      AppendJsonString(key, encoder.out_);
      encoder.out_ += ':';
      encoder.Value(element, value);
    });
    out_ += '}';
  }

  std::string& out_;
  bool in_object_ = false;  // The next struct is the object itself.
  size_t revision_at_ = std::string::npos;
};

}  // namespace

void AppendStruct(const Type& type, const void* object, std::string& out) {
  Encoder(out).Struct(type, object);
}

void AppendStructValue(const Type& type, const void* value, std::string& out) {
  Encoder(out).Value(type, value);
}

ObjectText EncodeObjectText(const Type& type, const void* object) {
  ObjectText out;
  out.text.reserve(2048);
  Encoder encoder(out.text);
  encoder.Object(type, object);
  out.revision_at = encoder.revision_at();
  return out;
}

void AppendCompact(std::string_view json, std::string& out) {
  bool in_string = false;
  size_t start = 0;  // Of what has not been copied.
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      out.append(json, start, i - start);
      start = i + 1;
    }
  }
  if (start < json.size()) out.append(json, start);
}

}  // namespace skiff
