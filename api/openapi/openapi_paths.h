// The operations of the API as OpenAPI describes them, made from the kinds' tables. Both versions
// of the document are written from this model: openapi_v2 and openapi_v3.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/openapi/discovery.h"

namespace skiff::openapi {

struct Parameter {
  std::string_view name;
  std::string_view type;  // "string", "integer", "boolean"
  std::string_view doc;
  std::string_view shared;  // Suffix of its name among v2's shared parameters; "": never shared.
  bool in_path = false;     // Else in the query.
};

struct Operation {
  std::string_view method;  // "get"
  std::string id;           // "readCoreV1NamespacedPod"
  std::string tag;          // "core_v1"
  std::string doc;
  std::string_view action;            // x-kubernetes-action; "": discovery.
  meta_v1::GroupVersionKind kind;     // x-kubernetes-group-version-kind; of the body.
  std::vector<Parameter> parameters;  // By name; what the path has in common is not among them.
  std::string body;                   // Definition; "": none.
  bool body_required = true;
  std::vector<std::string_view> consumes;
  std::vector<std::string_view> produces;
  std::vector<int> codes;  // 200, 201, 202; 401 is always possible.
  std::string response;    // Definition; "": a string.
};

struct Path {
  std::string path;                   // "/api/v1/namespaces/{namespace}/pods"
  std::vector<Parameter> parameters;  // By name; of all operations.
  std::vector<Operation> operations;
};

// A document of v3: the paths of one group and version, of one group, or of one odd corner. Keys
// are "api", "api/v1", "apis", "apis/apps", "apis/apps/v1", "version", ...
std::vector<std::string> Keys(KindList kinds);
// Empty when there is no such document. Sorted by path. Looks at all the kinds, so who makes many
// documents gives it those that each tells of (kinds_by_document.h).
std::vector<Path> PathsOf(KindList kinds, std::string_view key);

}  // namespace skiff::openapi
