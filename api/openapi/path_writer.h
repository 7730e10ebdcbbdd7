// How both versions of OpenAPI write a path; openapi_v2 and openapi_v3 say where they differ.
#pragma once

#include <string>
#include <string_view>

#include "api/openapi/openapi_paths.h"
#include "api/openapi/openapi_schema.h"
#include "api/values.h"

namespace skiff::openapi {

class PathWriter {
 public:
  virtual ~PathWriter() = default;

  // Collects the definitions that the path refers to.
  Json Write(const Path& path);
  std::map<std::string, Json> TakeDefinitions() { return std::move(definitions_).Take(); }

 protected:
  PathWriter(Version version, KindList kinds, Scheme scheme = Scheme::kServers)
      : version_(version), definitions_(version, kinds, scheme) {}

  // A reference to a definition; "" is a string.
  Json SchemaOf(const std::string& definition) const;
  // Name, place and description.
  static Json ParameterHead(const Parameter& parameter);

  virtual Json ParameterJson(const Parameter& parameter) = 0;
  // What the version says of an operation before its parameters, and of its body.
  virtual void AddBody(const Operation& operation, Json& out) = 0;
  virtual void AddContent(const Operation& operation, Json& response) = 0;

 private:
  Json OperationJson(const Operation& operation);

  const Version version_;
  Definitions definitions_;
};

// "key":value, one by one, so that no document is held as a tree.
void AppendMember(std::string& text, const std::string& key, const Json& value);

}  // namespace skiff::openapi
