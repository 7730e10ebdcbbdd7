#include "controllers/machinery/light_definitions.h"

namespace skiff {

using apiextensions_v1::CustomResourceDefinition;

Informer<CustomResourceDefinition> LightDefinitions(InformerFactory& informers) {
  const auto definitions = informers.For<CustomResourceDefinition>();
  definitions.cache().HoldWhole([](std::string_view text) -> Result<CachedObject> {
    auto object = TRY(DecodeObject<CustomResourceDefinition>(text));
    object->metadata.managed_fields.clear();
    for (auto& version : object->spec.versions) version.schema.reset();
    const meta_v1::ObjectMeta* metadata = &object->metadata;
    return CachedObject{std::move(object), metadata};
  });
  return definitions;
}

}  // namespace skiff
