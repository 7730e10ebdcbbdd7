// Which fields of which kinds a build changes, and the way to them.
//
//   spec/template/spec/containers[]/image
//
// Lists are gone through item by item, whether the path has "[]" there or not; "[]" says that
// nothing is made where the list is not there. A slash in a name is written "\/".
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/kustomize/resource.h"

namespace skiff::cli::kustomize {

struct FieldSpec {
  Gvk gvk = {};  // Empty parts mean any.
  std::string path = {};
  bool create = false;
};
using FieldSpecs = std::vector<FieldSpec>;

// Fields that name objects of a kind.
struct NameReferences {
  Gvk target = {};
  FieldSpecs referrers = {};
};

struct FieldTables {
  FieldSpecs name_prefix = {};
  FieldSpecs name_suffix = {};
  FieldSpecs namespaces = {};
  FieldSpecs common_labels = {};
  FieldSpecs labels = {};
  FieldSpecs template_labels = {};
  FieldSpecs common_annotations = {};
  FieldSpecs variables = {};
  FieldSpecs images = {};
  FieldSpecs replicas = {};
  std::vector<NameReferences> references = {};

  Result<> Merge(const FieldTables& from);
  bool empty() const;
};

// Those that kustomize has built in.
FieldTables DefaultFieldTables();
// These, and more.
Result<FieldTables> DefaultFieldTablesWith(const FieldTables& more);
// What a file of `configurations` says.
Result<FieldTables> ReadFieldTables(std::string_view text);
// What the OpenAPI definitions of a file of `crds` say of their fields.
Result<FieldTables> ReadCrdFields(std::string_view text);

// Adds those that are not there; fails where one is there that makes its field, and the other not.
Result<> MergeSpecs(FieldSpecs& into, const FieldSpecs& from);

// "a/b\/c" -> a, b/c
std::vector<std::string> SplitPath(std::string_view path, char separator);

// What stands at the end of a path that is made.
enum class Make : uint8_t { kNothing, kMap, kScalar };
using SetField = std::function<Result<>(Json& field)>;
// Calls `set` with each field that the path leads to in an object that the spec means.
Result<> ChangeField(Json& object, const FieldSpec& spec, Make make, const SetField& set);

// "wrong node kind: expected ScalarNode but got MappingNode: node contents:\n..."
tl::unexpected<Error> WrongForm(const char* expected, const Json& value);

}  // namespace skiff::cli::kustomize
