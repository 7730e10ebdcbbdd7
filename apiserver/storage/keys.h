// The grammar of the store's keys, as etcd's users know it:
//
//   key     = "/registry/" storage_key "/" [ namespace "/" ] name
//
// storage_key is Kind::storage_key ("pods", "services/specs"); it may hold slashes, a namespace and
// a name never do. So each resource, and each namespace of a resource, is one prefix.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace skiff {

// "/registry/pods/default/web", or "/registry/minions/n1" when `object_namespace` is "".
std::string StoreKey(std::string_view storage_key, std::string_view object_namespace,
                     std::string_view name);
// Of all objects of a resource: "/registry/pods/".
std::string StorePrefix(std::string_view storage_key);
// Of those in one namespace: "/registry/pods/default/"; with "" as the one above.
std::string StorePrefix(std::string_view storage_key, std::string_view object_namespace);

// The end of a key that Kubernetes calls it by above its store: "/pods/default/web".
std::string_view KeyAboveStore(std::string_view key);

// The parts of a key; views into it.
struct StoreKeyParts {
  std::string_view object_namespace;  // "" when the resource has none.
  std::string_view name;
  bool operator==(const StoreKeyParts&) const = default;
};
// nullopt when `key` is not one of this resource's objects.
std::optional<StoreKeyParts> ParseStoreKey(std::string_view storage_key, std::string_view key);

}  // namespace skiff
