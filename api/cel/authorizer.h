// `authorizer`: expressions that ask what a user may do. Who may what is the caller's to say.
#pragma once

#include <memory>
#include <string>

#include "api/cel/value.h"

namespace skiff::cel {

// What one check asks. A path, or a resource.
struct AccessQuestion {
  std::string verb;
  std::string path;  // "": a resource.
  std::string group;
  std::string version = "*";
  std::string resource;
  std::string subresource;
  std::string name_space;
  std::string name;
  std::string field_selector;
  std::string label_selector;
  // The service account in whose name is asked; "": the user of the request.
  std::string service_account;
  std::string service_account_namespace;
};

struct AccessAnswer {
  bool allowed = false;
  std::string reason;
  std::string error;  // "": the question could be answered.
};

class Authorizer {
 public:
  virtual ~Authorizer() = default;
  virtual AccessAnswer Check(const AccessQuestion& question) const = 0;
};

// The types of `authorizer` and `authorizer.requestResource`, to declare them by.
TypeRef AuthorizerType();
TypeRef ResourceCheckType();
// Their values. The authorizer outlives every value made of them.
Value AuthorizerValue(const Authorizer& authorizer);
// `request` is the resource that the request is about.
Value RequestResourceValue(const Authorizer& authorizer, AccessQuestion request);

}  // namespace skiff::cel
