// Whether an applied configuration fits the schema, in structured-merge-diff's words.
#include <set>

#include "api/codec/kept_text.h"
#include "api/patch/apply.h"
#include "api/text/go_value.h"

namespace skiff {
namespace {

// What a document does wrong is told for so many bytes; each mistake has its whole path in it.
constexpr size_t kErrorBytesMax = 1 << 20;

class Checker {
 public:
  void Walk(const Spot& spot, const Json& value) {
    if (spot.type == nullptr || value.is_null()) return;
    if (const Type* kept = KeptAsText(*spot.type)) return Walk({kept, nullptr}, value);
    switch (spot.type->shape) {
      case Shape::kBool:
        if (!value.is_boolean()) Say("expected boolean, got &{" + GoPlain(value) + "}");
        return;
      case Shape::kInt32:
      case Shape::kInt64:
      case Shape::kDouble:
        if (!value.is_number()) {
          Say(std::string("expected numeric (int or float), got ") + GoTypeOf(value));
        }
        return;
      case Shape::kString:
      case Shape::kBytes:
      case Shape::kDuration:
        if (!value.is_string()) {
          Say("expected string, got &value.valueUnstructured{Value:" + GoSyntax(value) + "}");
        }
        return;
      case Shape::kTime:
      case Shape::kMicroTime:
      case Shape::kQuantity:
        if (value.is_structured()) Say("expected any scalar, got &{" + GoPlain(value) + "}");
        return;
      case Shape::kStruct:
      case Shape::kMap:
        return Members(spot, value);
      case Shape::kList:
        return Items(spot, value);
      default:
        return;
    }
  }

  std::string Text() const {
    if (errors_.size() == 1) return errors_[0];
    std::string out;
    for (const std::string& error : errors_) out += (out.empty() ? "errors:\n  " : "\n  ") + error;
    return out;
  }

 private:
  void Say(const std::string& message) {
    if (error_bytes_ > kErrorBytesMax) return;
    errors_.push_back(path_.empty() ? message : path_ + ": " + message);
    error_bytes_ += errors_.back().size();
  }

  void Members(const Spot& spot, const Json& value) {
    if (!value.is_object()) return Say("expected map, got &{" + GoPlain(value) + "}");
    const bool named = spot.type->type_meta;
    const size_t length = path_.size();
    for (const auto& [name, member] : value.get_ref<const Json::object_t&>()) {
      if (named && (name == "kind" || name == "apiVersion")) continue;
      path_.append(".").append(name);
      Spot below;
      if (spot.Member(name, below)) {
        Walk(below, member);
      } else {
        Say("field not declared in schema");
        path_.resize(length);
        return;  // Kubernetes looks at no further ones of this map either.
      }
      path_.resize(length);
    }
  }

  void Items(const Spot& spot, const Json& value) {
    if (!value.is_array()) return Say("expected list, got &{" + GoPlain(value) + "}");
    std::set<std::string> seen;
    const size_t length = path_.size();
    for (size_t i = 0; i < value.size(); ++i) {
      if (spot.IsAtomic()) {
        path_ += "[" + std::to_string(i) + "]";
        Walk(spot.Item(), value[i]);
        path_.resize(length);
        continue;
      }
      const auto element = ItemElement(spot, value[i], i);
      if (!element) {
        Say(element.error().message);
        continue;
      }
      const std::string printed = PrintElement(*element);
      if (!seen.insert(*element).second) {
        Say("duplicate entries for key " + printed);
        continue;
      }
      path_ += printed;
      Walk(spot.Item(), value[i]);
      path_.resize(length);
    }
  }

  std::string path_;  // Of the value that is looked at.
  std::vector<std::string> errors_;
  size_t error_bytes_ = 0;
};

}  // namespace

std::string CheckApplied(const Type& type, const Json& configuration) {
  Checker checker;
  checker.Walk({&type, nullptr}, configuration);
  return checker.Text();
}

}  // namespace skiff
