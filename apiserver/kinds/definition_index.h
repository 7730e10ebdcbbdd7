// What has to be known of all definitions to settle one: which names are taken in its group, and
// which versions of groups are served by any. Kept definition by definition, as there may be ten
// thousand of them.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/kinds/custom_definitions.h"

namespace skiff {

struct GroupVersion {
  std::string group;
  std::string version;
  bool operator==(const GroupVersion&) const = default;
};

// One thread at a time.
class DefinitionIndex {
 public:
  // What the definition of that name has become; null: it is gone. Returns the names of the
  // APIServices that this may be news to.
  std::set<std::string> Put(const std::string& name, const CustomResourceDefinition* definition);
  // Those of all definitions of a group.
  const TakenNames& TakenIn(std::string_view group) const;
  // What an APIService of that name ("v1.example.com") is of; nullopt: nothing of that is served.
  std::optional<GroupVersion> ServedAs(std::string_view api_service) const;
  // Of all that is served.
  std::set<std::string> ApiServices() const;

 private:
  struct Known {
    std::string group;
    AcceptedNames names;
    std::vector<GroupVersion> served;
  };
  struct Serving {
    GroupVersion version;
    size_t definitions = 0;
  };
  void Forget(const Known& known);

  std::map<std::string, Known, std::less<>> known_;       // By the definition's name.
  std::map<std::string, TakenNames, std::less<>> taken_;  // By group.
  std::map<std::string, Serving, std::less<>> serving_;   // By the APIService's name.
};

}  // namespace skiff
