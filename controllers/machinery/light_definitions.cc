#include "controllers/machinery/light_definitions.h"

#include "api/crd/light_definition.h"

namespace skiff {

using apiextensions_v1::CustomResourceDefinition;

Informer<CustomResourceDefinition> LightDefinitions(InformerFactory& informers) {
  const auto definitions = informers.For<CustomResourceDefinition>();
  definitions.cache().HoldWhole([](std::string_view text) -> Result<CachedObject> {
    auto object = std::make_shared<CustomResourceDefinition>();
    TRY(crd::ReadLightDefinition(text, *object));
    const meta_v1::ObjectMeta* metadata = &object->metadata;
    return CachedObject{std::move(object), metadata};
  });
  return definitions;
}

}  // namespace skiff
