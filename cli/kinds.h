// From the words people use ("po", "deploy.apps", "Service") to resources: the built-in kinds at
// once, all others by asking the server.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/type.h"
#include "client/resource.h"

namespace skiff::cli {

class Api;

struct ServedKind {
  Resource resource;
  std::string singular;
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  std::vector<std::string> verbs;
  const KindInfo* info = nullptr;  // Of a built-in kind.
  // "pods", "deployments.apps"
  std::string FullName() const;
};

// "deployment.apps", "pod": how kubectl names a kind in its answers.
std::string KindName(const Resource& resource);
// "Deployment.apps", "ConfigMap"
std::string GroupKind(const Resource& resource);

class Kinds {
 public:
  explicit Kinds(Api& api) : api_(api) {}
  // "TYPE", "TYPE.GROUP" or "TYPE.VERSION.GROUP".
  Result<ServedKind> Find(const std::string& word);
  // What a document says it is; nullopt when nothing serves it.
  Result<std::optional<ServedKind>> FindByKind(const std::string& api_version,
                                               const std::string& kind);
  // The kinds of a category such as "all"; empty when there is none of that name.
  Result<std::vector<ServedKind>> InCategory(const std::string& category);
  // Everything the server says it serves, core first.
  Result<std::vector<ServedKind>> Discover();

 private:
  Result<> LoadServed();
  Result<> LoadVersion(const std::string& api_version);

  Api& api_;
  bool loaded_ = false;
  std::vector<ServedKind> served_;
};

}  // namespace skiff::cli
