#include "api/crd/documents.h"

#include <algorithm>

#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/crd/own_members.h"
#include "api/crd/place.h"
#include "api/gen/meta_v1.h"
#include "api/violations.h"

namespace skiff::crd {
namespace {

bool HasAdditional(const Schema& schema) {
  return schema.has_additional && !schema.forbids_additional;
}

// Where fields stood that nobody knows. One name may be as long as the document, and stand before
// each of them: paths are as few, and as long together, as anybody reads.
class UnknownPaths {
 public:
  explicit UnknownPaths(std::vector<std::string>* out) : out_(out) {}
  bool has_room() const {
    return out_ != nullptr && out_->size() < kUnknownFieldsMax && bytes_ <= kBytesMax;
  }
  // Where there is room.
  void Add(std::string path) {
    bytes_ += path.size();
    out_->push_back(std::move(path));
  }

 private:
  static constexpr size_t kBytesMax = 1 << 20;
  std::vector<std::string>* const out_;
  size_t bytes_ = 0;
};

class Pruner {
 public:
  explicit Pruner(std::vector<std::string>* unknown) : unknown_(unknown) {}

  // `schema` null: nothing is known of what stands here.
  void Value(const Schema* schema, Json& value, const Place& place) {
    saw_null_ |= value.is_null();
    if (schema != nullptr && schema->preserve_unknown) return Keep(*schema, value, place);
    if (value.is_array()) {
      const Schema* items = schema ? schema->items.get() : nullptr;
      for (size_t i = 0; i < value.size(); ++i) Value(items, value[i], place.Item(i));
      return;
    }
    if (!value.is_object()) return;
    auto& members = value.get_ref<Json::object_t&>();
    PropertySearch properties = schema ? PropertySearch(*schema) : PropertySearch();
    for (auto member = members.begin(); member != members.end();) {
      const std::string& name = member->first;
      const Schema* property = properties.Find(name);
      if (schema != nullptr && schema->embedded && IsOwnMember(name)) {
        saw_null_ = true;  // Nobody has looked.
      } else if (property != nullptr || (schema != nullptr && HasAdditional(*schema))) {
        const Schema* below = property ? property : schema->additional.get();
        Value(below, member->second, place.Member(name));
      } else {
        Report(place, name);
        member = members.erase(member);
        continue;
      }
      ++member;
    }
  }

  bool saw_null() const { return saw_null_; }

 private:
  // What the schema names is pruned by it, all else stays.
  void Keep(const Schema& schema, Json& value, const Place& place) {
    saw_null_ |= value.is_null();
    if (value.is_array()) {
      if (schema.items == nullptr) return;
      for (size_t i = 0; i < value.size(); ++i) {
        if (schema.items->preserve_unknown || !value[i].is_structured()) {
          Value(schema.items.get(), value[i], place.Item(i));
        } else {
          Keep(*schema.items, value[i], place.Item(i));
        }
      }
      return;
    }
    if (!value.is_object()) return;
    PropertySearch properties(schema);
    for (auto& [name, below] : value.get_ref<Json::object_t&>()) {
      const Schema* property = properties.Find(name);
      if (schema.embedded && IsOwnMember(name)) {
        saw_null_ = true;  // Nobody has looked.
        continue;
      }
      if (property == nullptr && !HasAdditional(schema)) continue;
      Value(property ? property : schema.additional.get(), below, place.Member(name));
    }
  }

  void Report(const Place& place, const std::string& name) {
    if (unknown_.has_room()) unknown_.Add(place.Member(name).Text());
  }

  UnknownPaths unknown_;
  bool saw_null_ = false;
};

// What walks that change a document would find to change in it: all of it in one walk, since of
// most documents that is nothing.
class Inspector {
 public:
  void Value(const Schema& schema, const Json& value) {
    if (value.is_object()) return Members(schema, value, schema.preserve_unknown);
    if (value.is_array()) return Items(schema, value, schema.preserve_unknown);
    found_.nulls |= value.is_null();
  }

  const Findings& found() const { return found_; }

 private:
  // `keeps`: what the schema does not name stays, and nobody looks at it.
  void Members(const Schema& schema, const Json& object, bool keeps) {
    PropertySearch properties(schema);
    size_t found_defaults = 0;
    for (const auto& [name, value] : object.get_ref<const Json::object_t&>()) {
      if (const Schema* property = properties.Find(name)) {
        found_defaults += property->default_value.has_value();
        Value(*property, value);
      } else if (schema.additional != nullptr) {
        Value(*schema.additional, value);
      } else if (HasAdditional(schema)) {
        Undescribed(value);
      } else {
        found_.unknown |= !keeps;
      }
    }
    if (schema.has_defaults) found_.lacks_defaults |= found_defaults < schema.Defaulted().size();
  }

  void Items(const Schema& schema, const Json& list, bool keeps) {
    if (schema.items == nullptr && keeps) return;
    for (const Json& item : list.get_ref<const Json::array_t&>()) {
      if (schema.items == nullptr) {
        Undescribed(item);
      } else if (!keeps || !item.is_structured()) {
        Value(*schema.items, item);
      } else if (item.is_object()) {
        Members(*schema.items, item, true);
      } else {
        Items(*schema.items, item, true);
      }
    }
  }

  // No member of it is known.
  void Undescribed(const Json& value) {
    found_.nulls |= value.is_null();
    found_.unknown |= value.is_object() && !value.empty();
    if (!value.is_array()) return;
    for (const Json& item : value.get_ref<const Json::array_t&>()) Undescribed(item);
  }

  Findings found_;
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
      if (schema.items == nullptr || !schema.items->has_embedded) return {};
      for (size_t i = 0; i < value.size(); ++i) {
        TRY(Value(*schema.items, value[i], place.Item(i)));
      }
      return {};
    }
    if (!value.is_object() || !schema.has_embedded) return {};
    if (schema.embedded) TRY(Resource(value, place));
    for (auto& [name, below] : value.get_ref<Json::object_t&>()) {
      if (schema.embedded && IsOwnMember(name)) continue;
      if (const Schema* property = schema.Property(name)) {
        TRY(Value(*property, below, place.Member(name)));
      } else if (schema.additional != nullptr) {
        TRY(Value(*schema.additional, below, place.Key(name)));
      }
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
    const auto validation = unknown_.has_room() ? FieldValidation::kWarn : FieldValidation::kIgnore;
    auto decoded =
        DecodeJson(meta_v1::ObjectMeta::Describe(), DumpJson(*metadata), validation);
    if (!decoded && strict_) {
      return Refuse(place.Text() + ".metadata", *metadata, decoded.error().message);
    }
    if (!decoded) {
      KeepFields(*metadata);
      return {};
    }
    for (const std::string& error : decoded->strict_errors) {
      constexpr std::string_view kUnknown = "unknown field \"";
      if (!error.starts_with(kUnknown) || !unknown_.has_room()) continue;
      unknown_.Add(place.Text() + ".metadata." +
                   error.substr(kUnknown.size(), error.size() - kUnknown.size() - 1));
    }
    *metadata = WithoutNoTime(std::move(decoded->document));
    return {};
  }

  static Json WithoutNoTime(Json metadata) {
    if (!metadata.is_object()) return metadata;
    const auto time = metadata.find("creationTimestamp");
    if (time != metadata.end() && time->is_null()) metadata.erase(time);
    return metadata;
  }

  // Of metadata that cannot be read, the fields that can. What has no fields stays what it is.
  static void KeepFields(Json& metadata) {
    if (!metadata.is_object()) return;
    Json kept = Json::object();
    for (const auto& [name, value] : metadata.get_ref<const Json::object_t&>()) {
      Json alone;
      alone[name] = value;
      auto decoded =
          DecodeJson(meta_v1::ObjectMeta::Describe(), DumpJson(alone), FieldValidation::kIgnore);
      if (!decoded || !decoded->document.contains(name)) continue;
      kept[name] = std::move(decoded->document[name]);
    }
    metadata = WithoutNoTime(std::move(kept));
  }

  static Result<> Refuse(const std::string& path, const Json& value, std::string_view why) {
    Violations wrong;
    wrong.Invalid(FieldPath(path), value, why);
    return Fail(Reason::kBadRequest, wrong.Text());
  }

  const bool strict_;
  UnknownPaths unknown_;
};

}  // namespace

bool Prune(const Schema& schema, Json& content, std::vector<std::string>* unknown) {
  Pruner pruner(unknown);
  pruner.Value(&schema, content, {});
  if (unknown != nullptr) std::sort(unknown->begin(), unknown->end());
  return pruner.saw_null();
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

namespace {

class Defaulter {
 public:
  explicit Defaulter(size_t room) : room_(room) {}

  // False, and nothing is filled in, once they are too long.
  bool Apply(const Schema& schema, Json& content) {
    FillBelow(schema, content);
    if (!is_full()) return true;
    // The last first: it may stand in one that was put there before.
    for (auto put = puts_.rbegin(); put != puts_.rend(); ++put) put->TakeBack();
    return false;
  }

 private:
  struct Put {
    Json* at;  // An object that got the member `name`, or a null that became something.
    const std::string* name;

    void TakeBack() const {
      if (name == nullptr) {
        *at = nullptr;
      } else {
        at->erase(*name);
      }
    }
  };

  bool is_full() const { return bytes_ > room_; }

  // Does nothing more once they are too long.
  void FillBelow(const Schema& schema, Json& content) {
    if (!schema.has_defaults || is_full()) return;
    if (content.is_array()) {
      for (Json& item : content) Fill(schema.items.get(), item);
    }
    if (!content.is_object()) return;
    for (const uint32_t place : schema.Defaulted()) {
      const auto& [name, property] = schema.properties[place];
      if (content.contains(name)) continue;
      constexpr size_t kQuotesAndSigns = 4;  // "name":value,
      if (!Take(name.size() + kQuotesAndSigns, *property->default_value)) return;
      content[name] = *property->default_value;
      puts_.push_back({&content, &name});
    }
    PropertySearch properties(schema);
    for (auto& [name, value] : content.get_ref<Json::object_t&>()) {
      const Schema* property = properties.Find(name);
      Fill(property != nullptr ? property : schema.additional.get(), value);
    }
  }

  void Fill(const Schema* known, Json& value) {
    if (known == nullptr || !known->has_defaults) return;
    if (IsRefusedNull(known, value) && known->default_value) {
      if (!Take(0, *known->default_value)) return;
      value = *known->default_value;
      puts_.push_back({&value, nullptr});
    }
    FillBelow(*known, value);
  }

  bool Take(size_t bytes, const Json& value) {
    scratch_.clear();
    AppendJson(value, scratch_);
    bytes_ += bytes + scratch_.size();
    return !is_full();
  }

  const size_t room_;
  size_t bytes_ = 0;
  std::vector<Put> puts_;
  std::string scratch_;
};

}  // namespace

bool ApplyDefaults(const Schema& schema, Json& content, size_t room) {
  return Defaulter(room).Apply(schema, content);
}

bool LacksDefaults(const Schema& schema, const Json& content) {
  if (!schema.has_defaults) return false;
  const auto lacks = [](const Schema* known, const Json& value) {
    if (known == nullptr || !known->has_defaults) return false;
    if (IsRefusedNull(known, value) && known->default_value) return true;
    return LacksDefaults(*known, value);
  };
  if (content.is_array()) {
    return std::any_of(content.begin(), content.end(),
                       [&](const Json& item) { return lacks(schema.items.get(), item); });
  }
  if (!content.is_object()) return false;
  const auto is_missing = [&](uint32_t place) {
    return !content.contains(schema.properties[place].first);
  };
  if (std::ranges::any_of(schema.Defaulted(), is_missing)) return true;
  PropertySearch properties(schema);
  for (const auto& [name, value] : content.get_ref<const Json::object_t&>()) {
    const Schema* property = properties.Find(name);
    if (lacks(property != nullptr ? property : schema.additional.get(), value)) return true;
  }
  return false;
}

Findings Inspect(const Schema& schema, const Json& content) {
  Inspector inspector;
  inspector.Value(schema, content);
  return inspector.found();
}

bool IsSurelyComplete(const Schema& schema, const Json& content) {
  if (schema.has_embedded) return false;
  const Findings found = Inspect(schema, content);
  return !found.unknown && !found.nulls && !found.lacks_defaults;
}

Result<> CoerceEmbedded(const Schema& schema, Json& content, bool strict,
                        std::vector<std::string>* unknown) {
  return Coercer(strict, unknown).Value(schema, content, {});
}

}  // namespace skiff::crd
