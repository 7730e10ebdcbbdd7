// Which kinds an OpenAPI document tells of: those of one version of a group, and not the thousands
// of other versions that a definition may have. That of a whole group is there for built-in ones.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/openapi/discovery.h"
#include "api/registry.h"

namespace skiff {

// Those that the document of that key ("apis/apps", "apis/apps/v1", "api/v1") tells of, in their
// order.
inline std::vector<const KindInfo*> KindsOfDocument(KindList kinds, std::string_view key) {
  const bool is_core = key.starts_with("api/");
  if (!is_core && !key.starts_with("apis/")) return {};
  const std::string_view name = key.substr(key.find('/') + 1);
  std::vector<const KindInfo*> own;
  for (const KindInfo* kind : kinds) {
    if (kind->group.empty() != is_core) continue;
    const bool is_of_group = kind->group == name && RuntimeKindOf(*kind) == nullptr;
    if (kind->api_version == name || is_of_group) own.push_back(kind);
  }
  return own;
}

// The same of all documents, for who makes each of them. `kinds` outlive it.
class KindsByDocument {
 public:
  explicit KindsByDocument(KindList kinds) {
    for (const KindInfo* kind : kinds) {
      const std::string start = kind->group.empty() ? "api/" : "apis/";
      documents_[start + std::string(kind->api_version)].push_back(kind);
      if (kind->group.empty() || RuntimeKindOf(*kind) != nullptr) continue;
      documents_[start + std::string(kind->group)].push_back(kind);
    }
  }
  KindList Of(std::string_view key) const {
    const auto found = documents_.find(key);
    return found == documents_.end() ? KindList() : KindList(found->second);
  }

 private:
  std::map<std::string, std::vector<const KindInfo*>, std::less<>> documents_;
};

}  // namespace skiff
