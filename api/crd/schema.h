// The schema of a custom resource, read once from the JSON of a CustomResourceDefinition: a tree of
// nodes, of which the structural part says what is kept and filled in, and all of it what is valid.
//
//   const auto schema = ReadSchema(definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]);
//   const Schema* replicas = schema->Property("spec")->Property("replicas");
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/type.h"
#include "api/values.h"

namespace skiff::crd {

// Deeper schemas are refused: every walk over documents follows them.
inline constexpr int kSchemaDepthMax = 3500;

struct Schema;
struct SchemaDeleter {
  void operator()(const Schema* schema) const;
};
using SchemaPtr = std::unique_ptr<const Schema, SchemaDeleter>;

// What is valid of a value beyond its structure; of most values nothing is said.
struct SchemaLimits {
  std::string format;  // "" for none, and for those that nobody checks.
  std::optional<double> maximum, minimum, multiple_of;
  bool exclusive_maximum = false, exclusive_minimum = false;
  std::optional<int64_t> max_length, min_length, max_items, min_items, max_properties,
      min_properties;
  std::string pattern;
  std::vector<Json> values;  // enum
  std::vector<SchemaPtr> all_of, any_of, one_of;
  SchemaPtr none_of;  // not
};

// There are as many as a schema has properties, so each is small.
struct Schema {
  Schema();
  ~Schema();

  std::string type;  // "object", "string", ...; "" for any.
  bool nullable = false;
  bool preserve_unknown = false;
  bool embedded = false;
  bool int_or_string = false;
  bool has_format = false;  // Whichever; SchemaLimits::format is what is checked.
  bool atomic_map = false;
  ListType list_type = ListType::kAtomic;
  std::vector<std::string> list_keys;
  std::optional<Json> default_value;

  std::vector<std::pair<std::string, SchemaPtr>> properties;  // By name.
  // The places among them of those that have a default; null: none has. Each object of a list is
  // looked at for these alone, however many properties there are.
  std::unique_ptr<const std::vector<uint32_t>> defaulted;
  SchemaPtr items;
  // additionalProperties: nothing said, true (`additional` is null then), or a schema.
  bool has_additional = false;
  bool forbids_additional = false;  // false
  SchemaPtr additional;

  std::vector<std::string> required;
  std::unique_ptr<const SchemaLimits> limits;  // Null: none.

  // What stands in it or anywhere below: a walk that is about nothing else goes no further where
  // there is none.
  bool has_defaults = false;
  bool has_embedded = false;
  bool has_keyed_lists = false;  // Maps and sets.

  // nullptr when there is none.
  const Schema* Property(std::string_view name) const;
  // Empty ones where there are none.
  const SchemaLimits& Limits() const;
  const std::vector<uint32_t>& Defaulted() const;
};

// Looks properties up one after the other, by names that rise, as those of a document do: what is
// asked for is mostly the next one.
class PropertySearch {
 public:
  PropertySearch() = default;  // There are none.
  explicit PropertySearch(const Schema& schema)
      : next_(schema.properties.begin()), end_(schema.properties.end()) {}
  // nullptr when there is none. `name` is greater than the one before.
  const Schema* Find(std::string_view name);

 private:
  std::vector<std::pair<std::string, SchemaPtr>>::const_iterator next_, end_;
};

// Of JSONSchemaProps as the API shows them. Parts that are deeper than kSchemaDepthMax are left
// out.
SchemaPtr ReadSchema(const Json& props);
// How many schemas stand in one another; looks no deeper than kSchemaDepthMax + 1.
int SchemaDepth(const Json& props);

}  // namespace skiff::crd
