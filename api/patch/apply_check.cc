// Whether a configuration, or an object, fits the schema, in the words of structured-merge-diff.
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
  struct Takes {
    bool twice = false;     // Items of lists.
    bool oddities = false;  // GoOddity, and refuses it.
  };
  explicit Checker(Takes takes) : takes_(takes) {}

  void Walk(const Spot& spot, const Json& value) {
    if (value.is_null()) return;
    if (spot.type == nullptr) return Anything(value);
    if (const Type* kept = KeptAsText(*spot.type)) return Walk({kept, nullptr}, value);
    switch (spot.type->shape) {
      case Shape::kBool:
        if (!value.is_boolean()) Say("expected boolean, got &{" + GoPlain(value) + "}");
        return;
      case Shape::kInt32:
      case Shape::kInt64:
      case Shape::kDouble:
        if (!value.is_number()) {
          Say("expected numeric (int or float), got " +
              (IsGoOddity(value) ? GoTypeOfOddity(value) : GoTypeOf(value)));
        }
        return;
      case Shape::kString:
      case Shape::kBytes:
      case Shape::kDuration:
        if (!value.is_string()) SayNoText(value);
        return;
      case Shape::kTime:
      case Shape::kMicroTime:
      case Shape::kQuantity:
        if (value.is_structured() || IsGoOddity(value)) {
          Say("expected any scalar, got &{" + GoPlain(value) + "}");
        }
        return;
      case Shape::kStruct:
      case Shape::kMap:
        return Members(spot, value);
      case Shape::kList:
        return Items(spot, value);
      default:
        return Anything(value);
    }
  }

  std::string Text() const {
    if (errors_.size() == 1) return errors_[0];
    std::string out;
    for (const std::string& error : errors_) out += (out.empty() ? "errors:\n  " : "\n  ") + error;
    return out;
  }

 private:
  // Of which no schema says anything.
  void Anything(const Json& value) {
    if (!takes_.oddities) return;
    if (IsGoOddity(value)) Say("expected map, got &{" + GoPlain(value) + "}");
    if (!value.is_structured()) return;
    const size_t length = path_.size();
    size_t index = 0;
    for (const auto& [name, member] : value.items()) {
      path_ += value.is_array() ? "[" + std::to_string(index++) + "]" : "." + name;
      Anything(member);
      path_.resize(length);
    }
  }

  // As PrintElement, which has no word for an oddity.
  static std::string Printed(const Spot& spot, const Json& item, const std::string& element) {
    std::string printed = PrintElement(element);
    if (spot.list_type() != ListType::kMap) return printed;
    for (const std::string_view key : spot.field->list_keys) {
      const auto found = item.find(std::string(key));
      if (found == item.end() || !IsGoOddity(*found)) continue;
      const std::string_view none = "null";
      const size_t at = printed.find(std::string(key) + "=" + std::string(none));
      if (at == printed.npos) continue;
      printed.replace(at + key.size() + 1, none.size(), "{{undefined}}");
    }
    return printed;
  }

  void SayNoText(const Json& value) {
    Say("expected string, got &value.valueUnstructured{Value:" + GoSyntax(value) + "}");
  }

  void Say(const std::string& message) {
    if (error_bytes_ > kErrorBytesMax) return;
    errors_.push_back(path_.empty() ? message : path_ + ": " + message);
    error_bytes_ += errors_.back().size();
  }

  void Members(const Spot& spot, const Json& value) {
    if (!value.is_object()) return Say("expected map, got &{" + GoPlain(value) + "}");
    const bool named = spot.type->type_meta;
    const size_t length = path_.size();
    size_t next = 0;
    for (const auto& [name, member] : value.get_ref<const Json::object_t&>()) {
      path_.append(".").append(name);
      if (named && (name == "kind" || name == "apiVersion")) {
        if (!member.is_string() && !member.is_null()) SayNoText(member);
        path_.resize(length);
        continue;
      }
      Spot below;
      if (spot.Member(name, next, below)) {
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
      if (IsGoOddity(value[i]) && spot.list_type() == ListType::kSet) {
        path_ += "[={{undefined}}]";
        Walk(spot.Item(), value[i]);
        path_.resize(length);
        continue;
      }
      const auto element = ItemElement(spot, value[i], i);
      if (!element) {
        return Say(element.error().message);  // The list is looked at no further.
      }
      const std::string printed = Printed(spot, value[i], *element);
      if (!takes_.twice && !seen.insert(*element).second) {
        Say("duplicate entries for key " + printed);
      }
      path_ += printed;
      Walk(spot.Item(), value[i]);
      path_.resize(length);
    }
  }

  const Takes takes_;
  std::string path_;  // Of the value that is looked at.
  std::vector<std::string> errors_;
  size_t error_bytes_ = 0;
};

std::string Check(const Type& type, const Json& document, Checker::Takes takes) {
  Checker checker(takes);
  checker.Walk({&type, nullptr}, document);
  return checker.Text();
}

}  // namespace

std::string CheckApplied(const Type& type, const Json& configuration) {
  return Check(type, configuration, {});
}

std::string CheckKept(const Type& type, const Json& object) {
  return Check(type, object, {.twice = true});
}

std::string CheckMade(const Type& type, const Json& configuration) {
  return Check(type, configuration, {.oddities = true});
}

}  // namespace skiff
