#include "api/patch/go_conversion.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include "api/text/go_names.h"

namespace skiff {
namespace {

// What Go's decoder made of a number: an int64 where the text is one.
bool IsGoInteger(const Json& value) {
  if (value.is_number_unsigned()) {
    return value.get<uint64_t>() <= uint64_t{std::numeric_limits<int64_t>::max()};
  }
  return value.is_number_integer();
}

const char* KindOf(const Json& value) {
  if (value.is_object()) return "map";
  if (value.is_array()) return "slice";
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "bool";
  return IsGoInteger(value) ? "int64" : "float64";
}

// As a processor does whom it is asked of: what is out of bounds is the least of all.
int64_t Truncated(double value) {
  constexpr double kBound = 9223372036854775808.0;  // 2^63
  if (value >= kBound || value < -kBound) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(value);
}

class Converter {
 public:
  Result<> Convert(const Type& type, Json& value) {
    if (value.is_null()) return {};
    switch (type.shape) {
      case Shape::kBool:
        return value.is_boolean() ? Result<>() : Unrecognized("bool");
      case Shape::kInt32:
      case Shape::kInt64:
        return Integer(type, value);
      case Shape::kDouble:
        return value.is_number() ? Result<>() : Unrecognized("float64");
      case Shape::kString:
        if (value.is_string()) return {};
        return Text(value, [&] { return Inconvertible(value, type); });
      case Shape::kBytes:
        if (value.is_string() || value.is_array()) return {};
        return CannotRestore("slice from ", value);
      case Shape::kStruct:
        return Struct(type, value);
      case Shape::kList:
        return List(type, value);
      case Shape::kMap:
        return Map(type, value);
      default:
        return {};
    }
  }

 private:
  static Result<> Unrecognized(const char* kind) {
    return Fail(Reason::kBadRequest, std::string("unrecognized type: ") + kind);
  }
  static Result<> CannotRestore(const char* what, const Json& value) {
    return Fail(Reason::kBadRequest, std::string("cannot restore ") + what + KindOf(value));
  }
  static Result<> Inconvertible(const std::string& given, const std::string& wanted) {
    return Fail(Reason::kBadRequest, "cannot convert " + given + " to " + wanted);
  }
  Result<> Inconvertible(const Json& value, const Type& type) const {
    return Inconvertible(KindOf(value),
                         field_ == nullptr ? GoTypeName(type) : GoTypeName(*field_, type));
  }

  // Go would take an integer for a character, which `refuse` is for.
  template <typename Refuse>
  static Result<> Text(const Json& value, const Refuse& refuse) {
    if (value.is_string()) return {};
    return value.is_number() && IsGoInteger(value) ? refuse() : Unrecognized("string");
  }

  Result<> Integer(const Type& type, Json& value) const {
    const bool small = type.shape == Shape::kInt32;
    if (!value.is_number()) return Unrecognized(small ? "int32" : "int64");
    int64_t number = 0;
    if (IsGoInteger(value)) {
      number = value.get<int64_t>();
    } else {
      const double given = value.get<double>();
      if (given != std::trunc(given)) return Inconvertible(value, type);
      number = Truncated(given);
    }
    value = small ? int64_t{static_cast<int32_t>(number)} : number;
    return {};
  }

  Result<> Struct(const Type& type, Json& value) {
    if (!value.is_object()) return CannotRestore("struct from: ", value);
    if (type.type_meta) {
      for (const char* name : {"kind", "apiVersion"}) {
        const auto member = value.find(name);
        if (member == value.end() || member->is_null()) continue;
        TRY(Text(*member, [] { return Inconvertible("int64", "string"); }));
      }
    }
    for (const Field& field : type.fields) {
      const auto member = value.find(field.name);
      if (member == value.end()) continue;
      field_ = &field;
      TRY(Convert(*field.type, *member));
    }
    return {};
  }

  Result<> List(const Type& type, Json& value) {
    if (!value.is_array()) return CannotRestore("slice from ", value);
    const Field* const field = field_;
    for (Json& item : value) {
      field_ = field;
      TRY(Convert(*type.element, item));
    }
    return {};
  }

  Result<> Map(const Type& type, Json& value) {
    if (!value.is_object()) return CannotRestore("map from ", value);
    const Field* const field = field_;
    for (auto& [key, member] : value.items()) {
      field_ = field;
      TRY(Convert(*type.element, member));
    }
    return {};
  }

  const Field* field_ = nullptr;  // Whose value we are in.
};

}  // namespace

Result<> ConvertAsGo(const Type& type, Json& value) {
  return Converter().Convert(type, value);
}

std::string ConversionError(const std::string& error) {
  if (error.starts_with("illegal base64 data")) return "error decoding from json: " + error;
  const auto field = error.find(" into Go struct field ");
  const auto wanted = error.rfind(" of type ");
  if (field == error.npos || wanted == error.npos) return error;
  return error.substr(0, field) + " into Go value" + error.substr(wanted);
}

}  // namespace skiff
