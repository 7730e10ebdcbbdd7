// Whether an applied configuration fits the schema, in structured-merge-diff's words.
#include <set>

#include "api/apply.h"
#include "api/go_value.h"

namespace skiff {
namespace {

class Checker {
 public:
  void Walk(const Spot& spot, const Json& value, const std::string& path) {
    if (spot.type == nullptr || value.is_null()) return;
    switch (spot.type->shape) {
      case Shape::kBool:
        if (!value.is_boolean()) Say(path, "expected boolean, got &{" + GoPlain(value) + "}");
        return;
      case Shape::kInt32:
      case Shape::kInt64:
      case Shape::kDouble:
        if (!value.is_number()) {
          Say(path, std::string("expected numeric (int or float), got ") + GoTypeOf(value));
        }
        return;
      case Shape::kString:
      case Shape::kBytes:
      case Shape::kDuration:
        if (!value.is_string()) {
          Say(path, "expected string, got &value.valueUnstructured{Value:" + GoSyntax(value) + "}");
        }
        return;
      case Shape::kStruct:
      case Shape::kMap:
        return Members(spot, value, path);
      case Shape::kList:
        return Items(spot, value, path);
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
  void Say(const std::string& path, const std::string& message) {
    errors_.push_back(path.empty() ? message : path + ": " + message);
  }

  void Members(const Spot& spot, const Json& value, const std::string& path) {
    if (!value.is_object()) return Say(path, "expected map, got &{" + GoPlain(value) + "}");
    const bool named = spot.type->type_meta;
    for (const auto& [name, member] : value.get_ref<const Json::object_t&>()) {
      if (named && (name == "kind" || name == "apiVersion")) continue;
      Spot below;
      if (!spot.Member(name, below)) {
        Say(path + "." + name, "field not declared in schema");
        continue;
      }
      Walk(below, member, path + "." + name);
    }
  }

  void Items(const Spot& spot, const Json& value, const std::string& path) {
    if (!value.is_array()) return Say(path, "expected list, got &{" + GoPlain(value) + "}");
    std::set<std::string> seen;
    for (size_t i = 0; i < value.size(); ++i) {
      std::string item_path = path + "[" + std::to_string(i) + "]";
      if (!spot.IsAtomic()) {
        const auto element = ItemElement(spot, value[i], i);
        if (!element) {
          Say(path, element.error().message);
          continue;
        }
        const std::string printed = PrintElement(*element);
        if (!seen.insert(*element).second) {
          Say(path, "duplicate entries for key " + printed);
          continue;
        }
        item_path = path + printed;
      }
      Walk(spot.Item(), value[i], item_path);
    }
  }

  std::vector<std::string> errors_;
};

}  // namespace

std::string CheckApplied(const Type& type, const Json& configuration) {
  Checker checker;
  checker.Walk({&type, nullptr}, configuration, "");
  return checker.Text();
}

}  // namespace skiff
