// The definitions of OpenAPI documents, from the tables of types. A definition is named after the
// Go package of its type, "io.k8s.api.core.v1.Pod", because every client knows it so.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "api/gen/meta_v1.h"
#include "api/registry.h"
#include "api/type.h"
#include "api/values.h"

namespace skiff::openapi {

enum class Version : uint8_t { kV2, kV3 };
// Whose words kinds that many groups have are told in: a document of custom kinds alone knows no
// groups that only servers do.
enum class Scheme : uint8_t { kServers, kClients };

// "apps/v1", "Deployment" as one.
meta_v1::GroupVersionKind KindOf(std::string_view api_version, std::string_view kind);
// The definition of a kind; of a custom one, "com.example.v1.CronTab". With "List" behind a
// built-in kind, that of its list.
std::string DefinitionOf(const meta_v1::GroupVersionKind& kind);
// Of the list of a custom kind, whose name is its definition's to choose.
std::string ListDefinitionOf(const RuntimeKind& kind);

// Collects definitions with all they refer to.
class Definitions {
 public:
  // `kinds` are those whose definitions may be asked for, of which the custom ones say their own.
  Definitions(Version version, std::span<const KindInfo* const> kinds,
              Scheme scheme = Scheme::kServers);
  // `name` as DefinitionOf makes it, or one of a few that no kind has (Status, Patch, WatchEvent,
  // version.Info). `kind` is what it is, for custom kinds.
  void Add(const std::string& name, const meta_v1::GroupVersionKind* kind = nullptr);
  // By name.
  const std::map<std::string, Json>& all() const { return all_; }
  std::map<std::string, Json> Take() && { return std::move(all_); }
  // "#/definitions/" or "#/components/schemas/" and the name.
  static std::string Reference(Version version, std::string_view name);

 private:
  Json Schema(const Type& type);
  Json FieldSchema(const Field& field);
  Json ElementSchema(const Type& type);
  Json ValueSchema(const Type& type);
  void AddType(const std::string& name, const Type& type);
  void AddList(const std::string& name, const std::string& item);
  void AddCustom(const std::string& name, const RuntimeKind& kind);
  void AddCustomList(const std::string& name, const RuntimeKind& kind);

  const RuntimeKind* FindCustom(const meta_v1::GroupVersionKind& kind) const;

  const Version version_;
  const Scheme scheme_;
  // By group, version and kind.
  std::map<std::tuple<std::string_view, std::string_view, std::string_view>, const RuntimeKind*>
      custom_;
  std::map<std::string, Json> all_;
};

}  // namespace skiff::openapi
