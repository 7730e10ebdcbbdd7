#include "api/crd/light_definition.h"

#include <algorithm>
#include <initializer_list>
#include <utility>
#include <vector>

#include "api/codec/struct_text.h"
#include "api/registry.h"

namespace skiff::crd {
namespace {

using apiextensions_v1::CustomResourceDefinition;
using apiextensions_v1::CustomResourceDefinitionSpec;
using apiextensions_v1::CustomResourceDefinitionVersion;

// The type of a struct as if some fields did not exist, and others had other tables. The struct is
// the same: a field says where it stands.
const Type& Narrowed(TableArena& tables, const Type& whole,
                     std::initializer_list<std::string_view> without,
                     std::initializer_list<std::pair<std::string_view, const Type*>> narrowed) {
  std::vector<Field> fields;
  for (Field field : whole.fields) {
    if (std::ranges::count(without, field.name) > 0) continue;
    for (const auto& [name, type] : narrowed) {
      if (field.name == name) field.type = type;
    }
    fields.push_back(field);
  }
  Type& type = tables.NewType();
  type = whole;
  type.fields = tables.Keep(std::move(fields));
  type.by_number = {};  // Read from JSON alone.
  return type;
}

const Type& MakeLightTable(TableArena& tables) {
  const Type& spec = CustomResourceDefinitionSpec::Describe();
  const Type& version = Narrowed(tables, CustomResourceDefinitionVersion::Describe(),
                                 {"schema", "additionalPrinterColumns"}, {});
  Type& versions = tables.NewType();
  versions = *spec.Find("versions")->type;
  versions.element = &version;
  const Type& metadata = Narrowed(tables, meta_v1::ObjectMeta::Describe(), {"managedFields"}, {});
  return Narrowed(
      tables, CustomResourceDefinition::Describe(), {},
      {{"metadata", &metadata}, {"spec", &Narrowed(tables, spec, {}, {{"versions", &versions}})}});
}

}  // namespace

Result<> ReadLightDefinition(std::string_view text, CustomResourceDefinition& out) {
  static TableArena tables;
  static const Type& light = MakeLightTable(tables);
  TRY(DecodeStruct(light, text, FieldValidation::kIgnore, &out));
  return {};
}

}  // namespace skiff::crd
