// Kinds by their groups, for who makes all documents: each tells of one group, and of ten thousand
// others nothing.
#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "api/openapi/discovery.h"

namespace skiff {

// `kinds` outlive it.
class KindsByGroup {
 public:
  explicit KindsByGroup(KindList kinds) {
    for (const KindInfo* kind : kinds) groups_[kind->group].push_back(kind);
  }
  // Those that the document of that key ("apis/apps", "api/v1") may tell of, in their order.
  KindList Of(std::string_view key) const {
    constexpr std::string_view kGroups = "apis/";
    std::string_view group;
    if (key.starts_with(kGroups)) {
      group = key.substr(kGroups.size());
      group = group.substr(0, group.find('/'));
    }
    const auto found = groups_.find(group);
    return found == groups_.end() ? KindList() : KindList(found->second);
  }

 private:
  std::map<std::string_view, std::vector<const KindInfo*>> groups_;
};

}  // namespace skiff
