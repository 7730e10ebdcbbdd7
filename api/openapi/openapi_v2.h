// OpenAPI v2, one document of everything, as older clients read it: in JSON, and in protobuf for
// kubectl before 1.27 and Helm.
#pragma once

#include <string>

#include "api/openapi/discovery.h"

namespace skiff {

// Some 2 MB of text, made anew each time; gzipped a tenth of it.
std::string OpenApiV2Document(KindList kinds);
// The same as a message openapi.v2.Document, what clients ask for as
// application/com.github.proto-openapi.spec.v2@v1.0+protobuf.
std::string OpenApiV2Protobuf(KindList kinds);

}  // namespace skiff
