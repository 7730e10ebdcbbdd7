// Makes the container access tables of generated structs. Included by generated code only.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/type.h"
#include "api/values.h"

namespace skiff::struct_ops {

template <typename T>
constexpr ListOps kList = {
    [](const void* list) { return static_cast<const std::vector<T>*>(list)->size(); },
    [](const void* list, size_t index) -> const void* {
      return &(*static_cast<const std::vector<T>*>(list))[index];
    },
    [](void* list) -> void* { return &static_cast<std::vector<T>*>(list)->emplace_back(); },
    [](void* list) { static_cast<std::vector<T>*>(list)->clear(); },
};

template <typename T>
constexpr MapOps kMap = {
    [](const void* map) { return static_cast<const std::map<std::string, T>*>(map)->size(); },
    [](const void* map, void* context, void (*visit)(void*, const std::string&, const void*)) {
      for (const auto& [key, value] : *static_cast<const std::map<std::string, T>*>(map)) {
        visit(context, key, &value);
      }
    },
    [](void* map, std::string_view key) -> void* {
      return &(*static_cast<std::map<std::string, T>*>(map))[std::string(key)];
    },
    [](void* map) { static_cast<std::map<std::string, T>*>(map)->clear(); },
};

// P is Box<T> or std::optional<T>.
template <typename P>
constexpr PointerOps kPointer = {
    [](const void* pointer) -> const void* {
      const P& value = *static_cast<const P*>(pointer);
      return value ? &*value : nullptr;
    },
    [](void* pointer) -> void* { return &static_cast<P*>(pointer)->emplace(); },
    [](void* pointer) { static_cast<P*>(pointer)->reset(); },
};

template <typename T>
constexpr StructOps kStruct = {
    []() -> void* { return new T(); },
    [](const void* object) -> void* { return new T(*static_cast<const T*>(object)); },
    [](void* object) { delete static_cast<T*>(object); },
};

// Both assignments. By value, so that `from` may come from within `to`. Member by member they would
// be a quarter of all generated code.
template <typename T>
T& Assign(T& to, T from) noexcept {
  std::destroy_at(&to);
  return *std::construct_at(&to, std::move(from));
}

}  // namespace skiff::struct_ops
