// What the schema says, as constant tables: a Type for every API type, a Field for every field of a
// structure, a KindInfo for every kind that has a resource. The schema compiler makes the tables of
// the built-in kinds; a CustomResourceDefinition becomes the same tables at run time. Decoding,
// defaulting, validation, patching, apply, OpenAPI and printing are each one routine over them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace skiff {

struct Field;
struct KindBehaviour;
struct Type;

// Of kinds that do nothing but what tables say.
extern const KindBehaviour kPlainBehaviour;

// How a value looks in JSON, and which C++ type holds it in a generated struct.
enum class Shape : uint8_t {
  kBool,         // bool
  kInt32,        // int32_t
  kInt64,        // int64_t
  kDouble,       // double
  kString,       // std::string; `values` lists the known ones when the type is an enumeration
  kBytes,        // std::string, base64 in JSON
  kTime,         // Time, RFC 3339 in seconds
  kMicroTime,    // Time, RFC 3339 with six decimals
  kDuration,     // Duration, Go's text ("1h2m")
  kQuantity,     // Quantity
  kIntOrString,  // IntOrString
  kJson,         // RawJson: any value (RawExtension, FieldsV1, JSON Schema unions)
  kStruct,       // a generated struct
  kList,         // std::vector
  kMap,          // std::map<std::string, ...>
};

// How server-side apply merges a list (x-kubernetes-list-type).
enum class ListType : uint8_t { kAtomic, kSet, kMap };

// Access to the C++ containers behind a table, so that one routine serves every struct.
struct ListOps {
  size_t (*size)(const void* list);
  const void* (*at)(const void* list, size_t index);
  void* (*append)(void* list);  // Returns the new, empty element.
  void (*clear)(void* list);
};
struct MapOps {
  size_t (*size)(const void* map);
  void (*each)(const void* map, void* context,
               void (*visit)(void* context, const std::string& key, const void* value));
  void* (*insert)(void* map, std::string_view key);  // Returns the value, new or old.
  void (*clear)(void* map);
};
struct PointerOps {
  const void* (*get)(const void* pointer);  // nullptr: absent.
  void* (*emplace)(void* pointer);          // Returns the new, empty value.
  void (*reset)(void* pointer);
};

struct StructOps {
  void* (*create)();  // A new, empty struct.
  void* (*copy)(const void* object);
  void (*destroy)(void* object);
};

struct Type {
  Shape shape = Shape::kJson;
  std::string_view name;         // "PodSpec"; "" for lists and maps without a name of their own
  std::string_view api_version;  // group/version that defines it: "apps/v1", "v1", "meta/v1"
  std::string_view go_package;   // "k8s.io/api/core/v1"
  // kStruct: in declaration order, fields of inlined types in place. typeMeta is not among them.
  // kMap of a custom resource: one without a name, where its members are lists that apply merges.
  std::span<const Field> fields;
  // Indices of the fields that protobuf knows, by the numbers that lead to them.
  std::span<const uint16_t> by_number;
  const Type* element = nullptr;             // kList, kMap: what they hold.
  std::span<const std::string_view> values;  // kString: the known values.
  bool closed = false;                       // kString: no other value is allowed.
  bool type_meta =
      false;  // kStruct: begins with kind and apiVersion in JSON (in C++ they are implied).
  bool atomic = false;             // kStruct: apply treats it as one value.
  bool message = false;            // kList: a protobuf message whose field 1 repeats the items.
  bool preserve_unknown = false;   // CRDs: x-kubernetes-preserve-unknown-fields.
  const ListOps* list = nullptr;   // kList of a generated struct.
  const MapOps* map = nullptr;     // kMap of a generated struct.
  const StructOps* ops = nullptr;  // kStruct with a generated struct.

  // The field with this JSON name; nullptr when there is none.
  const Field* Find(std::string_view json_name) const;
};

struct Field {
  std::string_view name;  // JSON
  const Type* type = nullptr;
  uint16_t number = 0;         // protobuf
  uint16_t inline_number = 0;  // Not 0: protobuf nests it in a message with this number,
  uint16_t inline_inner = 0;   // and, not 0, in there in another with this one.
  bool pointer = false;        // May be absent, which differs from empty.
  bool required = false;       // Must be given.
  bool always = false;         // Written to JSON even when empty.
  bool omit_zero = false;      // Held by value, yet left out of JSON when zero.
  bool keep_empty = false;     // An empty list in a request is not the same as none.
  bool granular = false;       // Apply owns each key or field even where the type is atomic.
  ListType list_type = ListType::kAtomic;
  std::span<const std::string_view> list_keys;  // ListType::kMap
  bool patch_merge = false;        // Strategic merge merges the list instead of replacing it.
  bool patch_retain_keys = false;  // Strategic merge: "retainKeys".
  bool patch_replace = false;      // Strategic merge replaces the structure: "replace".
  std::string_view merge_key;      // Of patch_merge lists of structures.
  std::string_view default_json;   // JSON text; "" for none.
  bool atomic = false;           // Struct or map field that apply treats as one value.
  // Names of the types that the field was inlined from, the outermost first, with dots; "" for own.
  std::string_view inline_type;
  std::string_view go_type;  // Go's name of its type where that is another than the type's own.
  uint32_t offset = 0;           // In the generated struct.
  const PointerOps* pointer_ops = nullptr;  // `pointer` fields of a generated struct.
};

struct Subresource {
  std::string_view name;         // "status"
  std::string_view api_version;  // Of its kind.
  std::string_view kind;
  std::span<const std::string_view> verbs;
};

// A kind that is served as a resource.
struct KindInfo {
  std::string_view group;        // "" for core
  std::string_view version;      // "v1"
  std::string_view api_version;  // "apps/v1", "v1"
  std::string_view kind;         // "Deployment"
  std::string_view resource;     // "deployments"
  std::string_view singular;
  bool namespaced = true;
  std::span<const std::string_view> short_names;
  std::span<const std::string_view> categories;
  std::span<const std::string_view> verbs;  // sorted
  // "<storage_key>/<namespace>/<name>" is where an object is kept. "" when it is never stored.
  std::string_view storage_key;
  std::string_view storage_version;  // apiVersion it is stored as; "" when it is never stored.
  bool delete_returns_object = false;
  bool graceful = false;  // Deletion waits for a grace period.
  std::span<const Subresource> subresources;
  std::span<const std::string_view> selectable_fields;  // Beyond metadata.name and .namespace.
  int group_priority = 0;
  int version_priority = 0;
  const Type* type = nullptr;
  // What it does that no table says (api/kinds/behaviour.h); lives as long as the kind.
  const KindBehaviour* behaviour = &kPlainBehaviour;

  const Subresource* FindSubresource(std::string_view name) const;
  bool HasVerb(std::string_view verb) const;
};

// All kinds of the schema, in discovery order (group priority, then alphabetical by resource).
std::span<const KindInfo* const> BuiltInKinds();
// Kinds of versions that are not served unless the server is asked to: none of those above.
std::span<const KindInfo* const> KindsOnRequest();
// All named types of the schema, kinds or not.
std::span<const Type* const> BuiltInTypes();
// nullptr when the schema has no such type. `api_version` as in Type.
const Type* FindBuiltInType(std::string_view api_version, std::string_view name);

}  // namespace skiff
