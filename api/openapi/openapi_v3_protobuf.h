// An OpenAPI v3 document as the protobuf message openapi.v3.Document (the model of gnostic).
#pragma once

#include <string>
#include <string_view>

#include "api/values.h"

namespace skiff::openapi {

// Takes the parts of a document in JSON and puts the message together.
class ProtobufSinkV3 {
 public:
  void Begin(std::string_view title, std::string_view version);
  void Path(const std::string& path, const Json& item);
  void BeginSchemas() {}
  void Schema(const std::string& name, const Json& schema);
  // Null: nothing is said of how clients show who they are.
  void End(const Json& security_schemes);
  // After End().
  std::string Take() && { return std::move(document_); }

 private:
  std::string info_, paths_, schemas_, document_;
};

}  // namespace skiff::openapi
