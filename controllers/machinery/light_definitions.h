// CustomResourceDefinitions as controllers read them: without their schemas, which in structs take
// ten times the room of their JSON.
#pragma once

#include "api/gen/apiextensions_v1.h"
#include "client/informer.h"

namespace skiff {

// The one cache of them. Before it is started.
Informer<apiextensions_v1::CustomResourceDefinition> LightDefinitions(InformerFactory& informers);

}  // namespace skiff
