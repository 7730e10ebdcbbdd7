#include "api/crd/documents.h"

#include <algorithm>

#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/crd/place.h"
#include "api/gen/meta_v1.h"
#include "api/violations.h"

namespace skiff::crd {
namespace {

bool IsTypeMeta(const std::string& name) {
  return name == "apiVersion" || name == "kind" || name == "metadata";
}

// One walk; the path is only kept where somebody wants to know what went.
class Pruner {
 public:
  explicit Pruner(std::vector<std::string>* unknown) : unknown_(unknown) {}

  // `schema` null: nothing is known of what stands here.
  void Value(const Schema* schema, Json& value) {
    if (schema != nullptr && schema->preserve_unknown) return Keep(*schema, value);
    if (value.is_array()) {
      return Items(value, [&](Json& item) { Value(schema ? schema->items.get() : nullptr, item); });
    }
    if (!value.is_object()) return;
    auto& members = value.get_ref<Json::object_t&>();
    for (auto member = members.begin(); member != members.end();) {
      const auto& [name, below] = *member;
      const bool kept = schema != nullptr && schema->embedded && IsTypeMeta(name);
      const Schema* property = schema ? schema->Property(name) : nullptr;
      const bool known = property != nullptr || (schema != nullptr && HasAdditional(*schema));
      if (!kept && !known) {
        Report(name);
        member = members.erase(member);
        continue;
      }
      if (!kept) {
        Below(name, [&] { Value(property ? property : schema->additional.get(), member->second); });
      }
      ++member;
    }
  }

 private:
  static bool HasAdditional(const Schema& schema) {
    return schema.has_additional && !schema.forbids_additional;
  }

  // What the schema names is pruned by it, all else stays.
  void Keep(const Schema& schema, Json& value) {
    if (value.is_array()) {
      if (schema.items == nullptr) return;
      return Items(value, [&](Json& item) {
        if (schema.items->preserve_unknown || !item.is_structured()) {
          Value(schema.items.get(), item);
        } else {
          Keep(*schema.items, item);
        }
      });
    }
    if (!value.is_object()) return;
    for (auto& [name, below] : value.get_ref<Json::object_t&>()) {
      if (schema.embedded && IsTypeMeta(name)) continue;
      const Schema* property = schema.Property(name);
      if (property == nullptr && !HasAdditional(schema)) continue;
      Below(name, [&] { Value(property ? property : schema.additional.get(), below); });
    }
  }

  template <typename Visit>
  void Items(Json& list, const Visit& visit) {
    const size_t length = path_.size();
    for (size_t i = 0; i < list.size(); ++i) {
      if (unknown_ != nullptr) path_ += "[" + std::to_string(i) + "]";
      visit(list[i]);
      path_.resize(length);
    }
  }
  template <typename Visit>
  void Below(const std::string& name, const Visit& visit) {
    const size_t length = path_.size();
    if (unknown_ != nullptr) path_.append(path_.empty() ? "" : ".").append(name);
    visit();
    path_.resize(length);
  }
  void Report(const std::string& name) {
    if (unknown_ == nullptr || unknown_->size() >= kUnknownFieldsMax) return;
    unknown_->push_back(path_.empty() ? name : path_ + "." + name);
  }

  std::vector<std::string>* unknown_;
  std::string path_;
};

bool IsRefusedNull(const Schema* schema, const Json& value) {
  return value.is_null() && schema != nullptr && !schema->nullable;
}

// The schema of a member; nullptr where nothing is said of it.
const Schema* SchemaOf(const Schema& schema, std::string_view name) {
  const Schema* property = schema.Property(name);
  return property != nullptr ? property : schema.additional.get();
}

class Coercer {
 public:
  Coercer(bool strict, std::vector<std::string>* unknown) : strict_(strict), unknown_(unknown) {}

  Result<> Value(const Schema& schema, Json& value, const Place& place) {
    if (value.is_array()) {
      if (schema.items == nullptr) return {};
      for (size_t i = 0; i < value.size(); ++i) {
        TRY(Value(*schema.items, value[i], place.Item(i)));
      }
      return {};
    }
    if (!value.is_object()) return {};
    if (schema.embedded) TRY(Resource(value, place));
    for (auto& [name, below] : value.get_ref<Json::object_t&>()) {
      if (schema.embedded && IsTypeMeta(name)) continue;
      const Schema* known = SchemaOf(schema, name);
      if (known != nullptr) TRY(Value(*known, below, place.Member(name)));
    }
    return {};
  }

 private:
  Result<> Resource(Json& value, const Place& place) {
    for (const char* name : {"apiVersion", "kind"}) {
      const auto member = value.find(name);
      if (member == value.end() || member->is_string()) continue;
      if (strict_) return Refuse(place.Text() + "." + name, *member, "must be a string");
      value.erase(member);
    }
    const auto metadata = value.find("metadata");
    if (metadata == value.end()) return {};
    const auto validation = unknown_ != nullptr ? FieldValidation::kWarn : FieldValidation::kIgnore;
    auto decoded =
        DecodeJson(meta_v1::ObjectMeta::Describe(), DumpJson(*metadata), validation);
    if (!decoded && strict_) {
      return Refuse(place.Text() + ".metadata", *metadata, decoded.error().message);
    }
    if (!decoded) {
      value.erase(metadata);
      return {};
    }
    for (const std::string& error : decoded->strict_errors) {
      constexpr std::string_view kUnknown = "unknown field \"";
      if (!error.starts_with(kUnknown)) continue;
      unknown_->push_back(place.Text() + ".metadata." +
                          error.substr(kUnknown.size(), error.size() - kUnknown.size() - 1));
    }
    if (decoded->document.is_object() && decoded->document.contains("creationTimestamp") &&
        decoded->document["creationTimestamp"].is_null()) {
      decoded->document.erase("creationTimestamp");
    }
    *metadata = std::move(decoded->document);
    return {};
  }

  static Result<> Refuse(const std::string& path, const Json& value, std::string_view why) {
    Violations wrong;
    wrong.Invalid(FieldPath(path), value, why);
    return Fail(Reason::kBadRequest, wrong.Text());
  }

  const bool strict_;
  std::vector<std::string>* const unknown_;
};

}  // namespace

void Prune(const Schema& schema, Json& content, std::vector<std::string>* unknown) {
  Pruner(unknown).Value(&schema, content);
  if (unknown != nullptr) std::sort(unknown->begin(), unknown->end());
}

void PruneNulls(const Schema& schema, Json& content) {
  if (content.is_array()) {
    if (schema.items == nullptr) return;
    for (Json& item : content) PruneNulls(*schema.items, item);
  }
  if (!content.is_object()) return;
  auto& members = content.get_ref<Json::object_t&>();
  for (auto member = members.begin(); member != members.end();) {
    const Schema* known = SchemaOf(schema, member->first);
    if (IsRefusedNull(known, member->second) && !known->default_value) {
      member = members.erase(member);
      continue;
    }
    if (known != nullptr) PruneNulls(*known, member->second);
    ++member;
  }
}

void ApplyDefaults(const Schema& schema, Json& content) {
  const auto fill = [](const Schema* known, Json& value) {
    if (IsRefusedNull(known, value) && known->default_value) value = *known->default_value;
    if (known != nullptr) ApplyDefaults(*known, value);
  };
  if (content.is_array()) {
    for (Json& item : content) fill(schema.items.get(), item);
  }
  if (!content.is_object()) return;
  for (const auto& [name, property] : schema.properties) {
    if (property->default_value && !content.contains(name)) {
      content[name] = *property->default_value;
    }
  }
  for (auto& [name, value] : content.get_ref<Json::object_t&>()) {
    fill(SchemaOf(schema, name), value);
  }
}

Result<> CoerceEmbedded(const Schema& schema, Json& content, bool strict,
                        std::vector<std::string>* unknown) {
  return Coercer(strict, unknown).Value(schema, content, {});
}

}  // namespace skiff::crd
