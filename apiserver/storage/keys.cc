#include "apiserver/storage/keys.h"

#include <fmt/format.h>

namespace skiff {
namespace {

constexpr std::string_view kRoot = "/registry/";

}  // namespace

std::string StoreKey(std::string_view storage_key, std::string_view object_namespace,
                     std::string_view name) {
  return StorePrefix(storage_key, object_namespace).append(name);
}

std::string StorePrefix(std::string_view storage_key) {
  return fmt::format("{}{}/", kRoot, storage_key);
}

std::string StorePrefix(std::string_view storage_key, std::string_view object_namespace) {
  if (object_namespace.empty()) return StorePrefix(storage_key);
  return fmt::format("{}{}/{}/", kRoot, storage_key, object_namespace);
}

std::string_view KeyAboveStore(std::string_view key) {
  return key.starts_with(kRoot) ? key.substr(kRoot.size() - 1) : key;
}

std::optional<StoreKeyParts> ParseStoreKey(std::string_view storage_key, std::string_view key) {
  if (!key.starts_with(kRoot)) return std::nullopt;
  key.remove_prefix(kRoot.size());
  if (!key.starts_with(storage_key)) return std::nullopt;
  key.remove_prefix(storage_key.size());
  if (!key.starts_with('/')) return std::nullopt;
  key.remove_prefix(1);
  StoreKeyParts parts{.object_namespace = "", .name = key};
  if (const size_t slash = key.find('/'); slash != std::string_view::npos) {
    parts = {.object_namespace = key.substr(0, slash), .name = key.substr(slash + 1)};
    if (parts.object_namespace.empty()) return std::nullopt;
  }
  if (parts.name.empty() || parts.name.find('/') != std::string_view::npos) return std::nullopt;
  return parts;
}

}  // namespace skiff
