#include "api/crd/schema.h"

#include <algorithm>

#include "api/codec/document.h"
#include "api/crd/default_schema.h"
#include "api/crd/documents.h"
#include "api/crd/formats.h"
#include "api/crd/own_members.h"

namespace skiff::crd {
namespace {

bool IsTrue(const Json& props, const char* name) {
  const auto found = props.find(name);
  return found != props.end() && found->is_boolean() && found->get<bool>();
}

template <typename Number>
std::optional<Number> NumberOf(const Json& props, const char* name) {
  const auto found = props.find(name);
  if (found == props.end() || !found->is_number()) return std::nullopt;
  return found->get<Number>();
}

std::vector<std::string> Texts(const Json& props, const char* name) {
  std::vector<std::string> texts;
  const auto found = props.find(name);
  if (found == props.end() || !found->is_array()) return texts;
  for (const Json& text : *found) {
    if (text.is_string()) texts.push_back(text.get<std::string>());
  }
  return texts;
}

ListType ListTypeOf(std::string_view word) {
  if (word == "map") return ListType::kMap;
  return word == "set" ? ListType::kSet : ListType::kAtomic;
}

// Which are kept: those that are checked, or whichever is named.
enum class Formats { kChecked, kAll };

// Where a field is that each embedded resource has, or something below it: what is there is kept
// whatever its schema says of it.
struct OwnField {
  const OwnField* above;  // Null for those of the resource itself.
  std::string_view name;  // "" of the items of a list, "*" of the values of a map.
};

struct Reading {
  Formats formats;
  const OwnField* own = nullptr;  // Null: something else.
};

SchemaPtr Read(const Json& props, Reading how, int depth);

std::vector<SchemaPtr> ReadAll(const Json& props, const char* name, Reading how, int depth) {
  std::vector<SchemaPtr> schemas;
  const auto found = props.find(name);
  if (found == props.end() || !found->is_array()) return schemas;
  for (const Json& each : *found) schemas.push_back(Read(each, how, depth));
  return schemas;
}

void ReadStructure(const Json& props, Reading how, int depth, Schema& out) {
  out.type = TextAt(props, "type");
  out.nullable = IsTrue(props, "nullable");
  out.preserve_unknown = IsTrue(props, "x-kubernetes-preserve-unknown-fields");
  out.embedded = IsTrue(props, "x-kubernetes-embedded-resource");
  out.int_or_string = IsTrue(props, "x-kubernetes-int-or-string");
  out.has_format = !TextAt(props, "format").empty();
  out.atomic_map = TextAt(props, "x-kubernetes-map-type") == "atomic";
  out.list_type = ListTypeOf(TextAt(props, "x-kubernetes-list-type"));
  out.list_keys = Texts(props, "x-kubernetes-list-map-keys");
  const auto value = props.find("default");
  if (value != props.end() && !value->is_null()) out.default_value = *value;
  const auto properties = props.find("properties");
  if (properties != props.end() && properties->is_object()) {
    out.properties.reserve(properties->size());
    for (const auto& [name, each] : properties->items()) {
      const bool is_own = out.embedded && IsOwnMember(name);
      const OwnField field{how.own, name};
      const bool is_below = how.own != nullptr;
      out.properties.emplace_back(
          name, Read(each, {how.formats, is_own || is_below ? &field : nullptr}, depth));
    }
  }
  const OwnField below{how.own, ""};
  const Reading how_below{how.formats, how.own == nullptr ? nullptr : &below};
  const auto items = props.find("items");
  if (items != props.end() && items->is_object()) out.items = Read(*items, how_below, depth);
  const auto additional = props.find("additionalProperties");
  if (additional == props.end() || additional->is_null()) return;
  out.has_additional = true;
  out.forbids_additional = additional->is_boolean() && !additional->get<bool>();
  const OwnField any{how.own, "*"};
  const Reading how_any{how.formats, how.own == nullptr ? nullptr : &any};
  if (additional->is_object()) out.additional = Read(*additional, how_any, depth);
}

// Of formats, those of numbers are many, and of what is no default nobody looks at them.
std::string FormatOf(const Json& props, Formats formats) {
  std::string format = TextAt(props, "format");
  return formats == Formats::kAll ? format : KnownFormat(format);
}

// Whether anything of these is said.
bool HasLimits(const Json& props, Formats formats) {
  static constexpr const char* kNames[] = {
      "maximum",   "minimum",   "multipleOf",    "exclusiveMaximum", "exclusiveMinimum",
      "maxLength", "minLength", "maxItems",      "minItems",         "maxProperties",
      "pattern",   "enum",      "minProperties", "allOf",            "anyOf",
      "oneOf",     "not"};
  return !FormatOf(props, formats).empty() ||
         std::any_of(std::begin(kNames), std::end(kNames),
                     [&](const char* name) { return props.contains(name); });
}

void ReadLimits(const Json& props, Reading how, int depth, SchemaLimits& out) {
  out.format = FormatOf(props, how.formats);
  out.maximum = NumberOf<double>(props, "maximum");
  out.minimum = NumberOf<double>(props, "minimum");
  out.multiple_of = NumberOf<double>(props, "multipleOf");
  out.exclusive_maximum = IsTrue(props, "exclusiveMaximum");
  out.exclusive_minimum = IsTrue(props, "exclusiveMinimum");
  out.max_length = NumberOf<int64_t>(props, "maxLength");
  out.min_length = NumberOf<int64_t>(props, "minLength");
  out.max_items = NumberOf<int64_t>(props, "maxItems");
  out.min_items = NumberOf<int64_t>(props, "minItems");
  out.max_properties = NumberOf<int64_t>(props, "maxProperties");
  out.min_properties = NumberOf<int64_t>(props, "minProperties");
  out.pattern = TextAt(props, "pattern");
  const auto values = props.find("enum");
  if (values != props.end() && values->is_array()) {
    out.values.assign(values->begin(), values->end());
  }
  out.all_of = ReadAll(props, "allOf", how, depth);
  out.any_of = ReadAll(props, "anyOf", how, depth);
  out.one_of = ReadAll(props, "oneOf", how, depth);
  const auto none = props.find("not");
  if (none != props.end() && none->is_object()) out.none_of = Read(*none, how, depth);
}

// What of the schema and of those right below it matters to walks that are about nothing else.
void SumUp(Schema& schema) {
  schema.has_defaults = schema.default_value.has_value();
  schema.has_embedded = schema.embedded;
  schema.has_keyed_lists = schema.list_type != ListType::kAtomic;
  const auto add = [&](const SchemaPtr& below) {
    if (below == nullptr) return;
    schema.has_defaults |= below->has_defaults;
    schema.has_embedded |= below->has_embedded;
    schema.has_keyed_lists |= below->has_keyed_lists;
  };
  std::vector<uint32_t> defaulted;
  for (size_t i = 0; i < schema.properties.size(); ++i) {
    const SchemaPtr& property = schema.properties[i].second;
    add(property);
    if (property->default_value) defaulted.push_back(static_cast<uint32_t>(i));
  }
  if (!defaulted.empty()) {
    schema.defaulted = std::make_unique<const std::vector<uint32_t>>(std::move(defaulted));
  }
  add(schema.items);
  add(schema.additional);
}

// A resource that has nothing but this value in one of its own fields.
Json ResourceWith(const OwnField* field, Json value) {
  for (; field != nullptr; field = field->above) {
    Json outer;
    if (field->name.empty()) {
      outer.push_back(std::move(value));
    } else {
      outer[std::string(field->name)] = std::move(value);
    }
    value = std::move(outer);
  }
  return value;
}

// What the resource has there; nullptr for nothing.
const Json* ValueIn(const Json& resource, const OwnField* field) {
  if (field == nullptr) return &resource;
  const Json* outer = ValueIn(resource, field->above);
  if (outer == nullptr) return nullptr;
  if (field->name.empty()) return outer->is_array() && !outer->empty() ? &(*outer)[0] : nullptr;
  if (!outer->is_object()) return nullptr;
  const auto found = outer->find(std::string(field->name));
  return found == outer->end() ? nullptr : &*found;
}

// What a default fills in is not looked at again, and those of a map's values may be anything: they
// are brought into the form of what is sent, once, as Kubernetes does it. Of one for what each
// resource has stays what the metadata of a resource can have there.
void CompleteDefault(Reading how, Schema& schema) {
  if (!schema.default_value) return;
  // Drops what does not fit, and so does not fail.
  if (how.own == nullptr) {
    (void)CoerceEmbedded(schema, *schema.default_value, false, nullptr);
    Prune(schema, *schema.default_value, nullptr);
    return;
  }
  Schema any;
  any.embedded = any.has_embedded = true;
  Json resource = ResourceWith(how.own, std::move(*schema.default_value));
  (void)CoerceEmbedded(any, resource, false, nullptr);
  const Json* left = ValueIn(resource, how.own);
  schema.default_value = left == nullptr || left->is_null() ? std::nullopt : std::optional(*left);
}

SchemaPtr Read(const Json& props, Reading how, int depth) {
  auto* schema = new Schema;
  SchemaPtr owned(schema);
  if (!props.is_object() || depth > kSchemaDepthMax) return owned;
  ReadStructure(props, how, depth + 1, *schema);
  SumUp(*schema);
  CompleteDefault(how, *schema);
  schema->required = Texts(props, "required");
  if (!HasLimits(props, how.formats)) return owned;
  auto limits = std::make_unique<SchemaLimits>();
  ReadLimits(props, how, depth + 1, *limits);
  schema->limits = std::move(limits);
  return owned;
}

int DepthFrom(const Json& value, int depth) {
  if (depth > kSchemaDepthMax || !value.is_structured()) return depth;
  // Those that say what a value's schema is, each by a schema below it or a list of them.
  static constexpr const char* kWords[] = {"type",  "items", "properties",
                                           "not",   "allOf", "anyOf",
                                           "oneOf", "additionalProperties"};
  const bool is_schema = value.is_object() &&
                         std::any_of(std::begin(kWords), std::end(kWords),
                                     [&](const char* word) { return value.contains(word); });
  int deepest = depth;
  for (const auto& each : value) {
    deepest = std::max(deepest, DepthFrom(each, depth + (is_schema ? 1 : 0)));
  }
  return deepest;
}

}  // namespace

void SchemaDeleter::operator()(const Schema* schema) const {
  delete schema;
}

Schema::Schema() = default;
Schema::~Schema() = default;

const Schema* Schema::Property(std::string_view name) const {
  return PropertySearch(*this).Find(name);
}

const Schema* PropertySearch::Find(std::string_view name) {
  if (next_ == end_) return nullptr;
  if (next_->first == name) return (next_++)->second.get();
  next_ = std::lower_bound(next_, end_, name, [](const auto& property, std::string_view wanted) {
    return property.first < wanted;
  });
  return next_ == end_ || next_->first != name ? nullptr : (next_++)->second.get();
}

const SchemaLimits& Schema::Limits() const {
  static const SchemaLimits kNone;
  return limits == nullptr ? kNone : *limits;
}

const std::vector<uint32_t>& Schema::Defaulted() const {
  static const std::vector<uint32_t> kNone;
  return defaulted == nullptr ? kNone : *defaulted;
}

SchemaPtr ReadSchema(const Json& props) {
  return Read(props, {Formats::kChecked}, 0);
}

SchemaPtr ReadSchemaOfDefaults(const Json& props) {
  return Read(props, {Formats::kAll}, 0);
}

int SchemaDepth(const Json& props) {
  return DepthFrom(props, 0);
}

}  // namespace skiff::crd
