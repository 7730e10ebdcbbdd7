// An OpenAPI v2 document as the protobuf message openapi.v2.Document (the model of gnostic).
#pragma once

#include <string>

#include "api/values.h"

namespace skiff::openapi {

// Takes the parts of a document in JSON, in the order of the methods, and puts the message
// together.
class ProtobufSink {
 public:
  void BeginPaths() {}
  void Path(const std::string& path, const Json& item);
  void BeginDefinitions() {}
  void Definition(const std::string& name, const Json& schema);
  void BeginParameters() {}
  void Parameter(const std::string& name, const Json& parameter);
  void End();
  // After End().
  std::string Take() && { return std::move(document_); }

 private:
  std::string paths_, definitions_, parameters_, document_;
};

}  // namespace skiff::openapi
