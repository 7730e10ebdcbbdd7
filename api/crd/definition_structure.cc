#include "api/crd/definition_structure.h"

#include <algorithm>

#include "api/crd/schema_path.h"
#include "api/text/patterns.h"

namespace skiff::crd {
namespace {

using namespace std::string_view_literals;

enum class Level { kRoot, kItem, kField };

constexpr std::string_view kEmbedded = "x-kubernetes-embedded-resource";
constexpr std::string_view kIntOrString = "x-kubernetes-int-or-string";
constexpr std::string_view kPreserve = "x-kubernetes-preserve-unknown-fields";

// Of a pattern, and of all patterns of a schema. Of those that people write few have a hundred.
constexpr int kPatternInstructionsMax = 1 << 15;
constexpr int64_t kAllInstructionsMax = int64_t{1} << 20;

// Of one that is no pattern, what it took to find that out.
int InstructionsOf(const RE2& pattern) {
  if (pattern.ok()) return pattern.ProgramSize();
  const bool large = pattern.error_code() == RE2::ErrorPatternTooLarge;
  return large ? kPatternInstructionsMax : kPatternInstructionsMax / 8;
}

// Whether the schema says that type and nothing else that matters to what is valid.
bool IsOfType(Json props, const char* type) {
  if (!props.is_object()) return false;
  for (const char* remark : {"externalDocs", "example"}) props.erase(remark);
  return props == Json{{"type", type}};
}

// anyOf: [{type: integer}, {type: string}] and nothing else: what int-or-string may spell out.
bool IsIntOrString(const Json& props) {
  const Json* any = PartOf(props, "anyOf");
  return any != nullptr && any->is_array() && any->size() == 2 && IsOfType((*any)[0], "integer") &&
         IsOfType((*any)[1], "string");
}

// Violations that are told in the order of their text. What comes past the bounds is not told: each
// may hold paths as long as the schema.
class SortedErrors {
 public:
  void Required(const FieldPath& path, std::string_view detail) {
    Add([&](Violations& error) { error.Required(path, detail); });
  }
  void Forbidden(const FieldPath& path, std::string_view detail) {
    Add([&](Violations& error) { error.Forbidden(path, detail); });
  }
  void Invalid(const FieldPath& path, const Json& value, std::string_view detail) {
    Add([&](Violations& error) { error.Invalid(path, value, detail); });
  }
  bool is_full() const { return errors_.size() >= kErrorsMax || bytes_ >= kBytesMax; }
  void AppendTo(Violations& out) {
    std::stable_sort(errors_.begin(), errors_.end(),
                     [](const Told& a, const Told& b) { return a.text < b.text; });
    for (const Told& told : errors_) out.Append(told.error);
  }

 private:
  static constexpr size_t kErrorsMax = 10'000;
  static constexpr size_t kBytesMax = 4 << 20;
  struct Told {
    std::string text;
    Violations error;
  };
  template <typename Say>
  void Add(const Say& say) {
    if (is_full()) return;
    Violations error;
    say(error);
    std::string text = error.Text();
    bytes_ += text.size();
    errors_.push_back({std::move(text), std::move(error)});
  }

  std::vector<Told> errors_;
  size_t bytes_ = 0;
};

class StructureCheck {
 public:
  StructureCheck(SortedErrors& out, PatternBounds bounds)
      : out_(out), bounded_(bounds == PatternBounds::kOurs) {}

  void Node(const Json& props, Level level, const SchemaPath& path) {
    if (out_.is_full()) return;
    const Json* given = PartOf(props, "items");
    const bool none = given == nullptr || (given->is_array() && given->empty());
    if (WordOf(props, "type") == "array" && none) {
      out_.Required(path.Child("items"), "must be specified");
    }
    if (const Json* items = PartOf(props, "items"); items && items->is_object()) {
      Node(*items, Level::kItem, path.Child("items"));
    }
    if (const Json* properties = PartOf(props, "properties")) {
      for (const auto& [name, each] : properties->items()) {
        Node(each, Level::kField, path.Child("properties").Key(name));
      }
    }
    const Json* additional = PartOf(props, "additionalProperties");
    if (additional && additional->is_object()) {
      Node(*additional, Level::kField, path.Child("additionalProperties"));
    }
    if (additional != nullptr && level == Level::kRoot) {
      out_.Forbidden(path.Child("additionalProperties"), "must not be used at the root");
    }
    Extensions(props, level, path);
    if (FlagOf(props, kEmbedded) || level == Level::kRoot) OwnFields(props, level, path);
    Values(props, 2, path);
    if (level == Level::kRoot) Alternatives(props, props, path, path);
  }

 private:
  // What alternatives of the root say of properties and items has to be in the structure as well:
  // `judged` only judges what `props` describes. Further down nobody looks for that.
  void Described(const Json& judged, const Json* props, const SchemaPath& path,
                 const SchemaPath& judged_path) {
    if (out_.is_full()) return;
    if (props == nullptr) {
      return out_.Required(path, "because it is defined in " + judged_path.Text());
    }
    Alternatives(judged, *props, path, judged_path);
    if (const Json* items = PartOf(judged, "items"); items && items->is_object()) {
      Described(*items, PartOf(*props, "items"), path.Child("items"), judged_path.Child("items"));
    }
    const Json* properties = PartOf(judged, "properties");
    if (properties == nullptr) return;
    const Json* known = PartOf(*props, "properties");
    for (const auto& [name, each] : properties->items()) {
      Described(each, known == nullptr ? nullptr : PartOf(*known, name),
                path.Child("properties").Key(name), judged_path.Child("properties").Key(name));
    }
  }

  void Alternatives(const Json& judged, const Json& props, const SchemaPath& path,
                    const SchemaPath& judged_path) {
    if (const Json* none = PartOf(judged, "not")) {
      Described(*none, &props, path, judged_path.Child("not"));
    }
    for (const std::string_view name : {"allOf"sv, "anyOf"sv, "oneOf"sv}) {
      const Json* all = PartOf(judged, name);
      for (size_t i = 0; all != nullptr && i < all->size(); ++i) {
        Described((*all)[i], &props, path, judged_path.Child(name).Index(i));
      }
    }
  }

  void Extensions(const Json& props, Level level, const SchemaPath& path) {
    const std::string type = WordOf(props, "type");
    const bool embedded = FlagOf(props, kEmbedded);
    if (FlagOf(props, kIntOrString)) {
      for (const std::string_view other : {kPreserve, kEmbedded}) {
        if (!FlagOf(props, other)) continue;
        out_.Invalid(path.Child(other), true,
                     "must be false if x-kubernetes-int-or-string is true");
      }
    }
    if (embedded && type != "object") {
      constexpr std::string_view kWhy = "must be object if x-kubernetes-embedded-resource is true";
      if (type.empty()) {
        out_.Required(path.Child("type"), kWhy);
      } else {
        out_.Invalid(path.Child("type"), type, kWhy);
      }
    } else if (type.empty() && !FlagOf(props, kIntOrString) && !FlagOf(props, kPreserve)) {
      out_.Required(path.Child("type"),
                    level == Level::kRoot   ? "must not be empty at the root"
                    : level == Level::kItem ? "must not be empty for specified array items"
                                            : "must not be empty for specified object fields");
    }
    if (embedded && PartOf(props, "additionalProperties") != nullptr) {
      out_.Forbidden(path.Child("additionalProperties"),
                     "must not be used if x-kubernetes-embedded-resource is set");
    }
    if (level == Level::kRoot && !type.empty() && type != "object") {
      out_.Invalid(path.Child("type"), type, "must be object at the root");
    }
    const Json* properties = PartOf(props, "properties");
    if (embedded && !FlagOf(props, kPreserve) && (properties == nullptr || properties->empty())) {
      out_.Required(path.Child("properties"),
                    "must not be empty if x-kubernetes-embedded-resource is true without "
                    "x-kubernetes-preserve-unknown-fields");
    }
  }

  // What every resource has, where the schema speaks of it.
  void OwnFields(const Json& props, Level level, const SchemaPath& path) {
    const Json* properties = PartOf(props, "properties");
    if (properties == nullptr) return;
    for (const char* name : {"kind", "apiVersion"}) {
      const Json* own = PartOf(*properties, name);
      if (own == nullptr || WordOf(*own, "type") == "string") continue;
      out_.Invalid(path.Child("properties").Key(name).Child("type"), WordOf(*own, "type"),
                   "must be string");
    }
    const Json* metadata = PartOf(*properties, "metadata");
    if (metadata == nullptr) return;
    const SchemaPath at = path.Child("properties").Key("metadata");
    if (WordOf(*metadata, "type") != "object") {
      out_.Invalid(at.Child("type"), WordOf(*metadata, "type"), "must be object");
    }
    if (level != Level::kRoot) return;
    Json rest = *metadata;
    // Of a default more is told than that (ValidateDefaults).
    for (const char* name : {"type", "description", "title", "default"}) rest.erase(name);
    if (rest.contains("properties") && rest["properties"].is_object()) {
      rest["properties"].erase("name");
      rest["properties"].erase("generateName");
      if (rest["properties"].empty()) rest.erase("properties");
    }
    if (!rest.empty()) {
      out_.Forbidden(at,
                     "must not specify anything other than name and generateName, but metadata is "
                     "implicitly specified");
    }
  }

  // The parts that only judge values. That they are an int or a string anyOf may spell out for so
  // many levels, of which the second is the first of allOf.
  void Values(const Json& props, int levels, const SchemaPath& path) {
    const std::string pattern = WordOf(props, "pattern");
    if (!pattern.empty()) Pattern(pattern, path.Child("pattern"));
    const bool spelled = levels > 0 && IsIntOrString(props);
    for (const std::string_view name : {"allOf"sv, "anyOf"sv, "oneOf"sv}) {
      const Json* all = PartOf(props, name);
      if (all == nullptr || (spelled && name == "anyOf")) continue;
      for (size_t i = 0; i < all->size(); ++i) {
        const bool is_second = i == 0 && name == "allOf" && levels == 2;
        Nested((*all)[i], is_second ? 1 : 0, path.Child(name).Index(i));
      }
    }
    if (const Json* none = PartOf(props, "not")) Nested(*none, 0, path.Child("not"));
  }

  void Pattern(const std::string& pattern, const SchemaPath& at) {
    if (bounded_ && instructions_left_ < 0) return;  // It is told already.
    const auto compiled = TakePattern(pattern).compiled;
    const int size = InstructionsOf(*compiled);
    instructions_left_ -= size;
    const std::string error = GoPatternError(*compiled);
    if (!error.empty()) {
      out_.Invalid(at, pattern, "must be a valid regular expression, but isn't: " + error);
    } else if (!bounded_) {
      return;
    } else if (size > kPatternInstructionsMax) {
      out_.Invalid(at, pattern,
                   "must not be larger than " + std::to_string(kPatternInstructionsMax) +
                       " instructions, but has " + std::to_string(size));
    } else if (instructions_left_ < 0) {
      out_.Invalid(at, pattern,
                   "must not be larger than " + std::to_string(kAllInstructionsMax) +
                       " instructions, together with the patterns before it");
    }
  }

  void Nested(const Json& props, int levels, const SchemaPath& path) {
    Values(props, levels, path);
    if (const Json* items = PartOf(props, "items"); items && items->is_object()) {
      Nested(*items, 0, path.Child("items"));
    }
    if (const Json* properties = PartOf(props, "properties")) {
      for (const auto& [name, each] : properties->items()) {
        Nested(each, 0, path.Child("properties").Key(name));
      }
      if (properties->contains("metadata")) {
        out_.Forbidden(path.Child("properties").Key("metadata"),
                       "must not be specified in a nested context");
      }
    }
    if (!WordOf(props, "type").empty()) {
      out_.Forbidden(path.Child("type"), "must be empty to be structural");
    }
    for (const char* name :
         {"additionalProperties", "default", "x-kubernetes-list-type", "x-kubernetes-map-type"}) {
      if (PartOf(props, name) == nullptr) continue;
      out_.Forbidden(path.Child(name), "must be undefined to be structural");
    }
    for (const char* name :
         {"title", "description", "x-kubernetes-list-map-keys", "x-kubernetes-validations"}) {
      const Json* part = PartOf(props, name);
      if (part == nullptr || *part == "" || (part->is_array() && part->empty())) continue;
      out_.Forbidden(path.Child(name), "must be empty to be structural");
    }
    for (const std::string_view name : {"nullable"sv, kPreserve, kEmbedded, kIntOrString}) {
      if (FlagOf(props, name)) out_.Forbidden(path.Child(name), "must be false to be structural");
    }
  }

  SortedErrors& out_;
  const bool bounded_;
  int64_t instructions_left_ = kAllInstructionsMax;
};

}  // namespace

std::string WordOf(const Json& props, std::string_view name) {
  const Json* part = PartOf(props, name);
  return part != nullptr && part->is_string() ? part->get<std::string>() : "";
}

bool FlagOf(const Json& props, std::string_view name) {
  const Json* part = PartOf(props, name);
  return part != nullptr && part->is_boolean() && part->get<bool>();
}

const Json* PartOf(const Json& props, std::string_view name) {
  const auto* members = props.get_ptr<const Json::object_t*>();
  if (members == nullptr) return nullptr;
  const auto found = members->find(name);
  return found == members->end() || found->second.is_null() ? nullptr : &found->second;
}

void ValidateStructure(const Json& props, const FieldPath& path, PatternBounds bounds,
                       Violations& out) {
  SortedErrors found;
  StructureCheck(found, bounds).Node(props, Level::kRoot, SchemaPath(path));
  found.AppendTo(out);
}

}  // namespace skiff::crd
