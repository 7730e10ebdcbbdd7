// What one version of a definition says of its objects. Most definitions are there for years
// before, or without, an object of theirs: what is held of a version is its schema's text, packed,
// and all else is made of that when it is first asked for, and then kept.
//
//   const VersionSchema version("CronTab", "example.com/v1", props);
//   ValidateValue(version.schema(), ...);
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "api/crd/rule_tree.h"
#include "api/crd/schema.h"
#include "api/registry.h"

namespace skiff::crd {

// Thread-safe: whoever comes while a part is made waits, and nobody else does.
class VersionSchema {
 public:
  // `props` is the text of the version's openAPIV3Schema; "": it has none.
  VersionSchema(std::string kind, std::string api_version, std::string_view props);

  // openAPIV3Schema; an empty object for none.
  Json Props() const;
  // Says which schema of which version this is, and stands beside what was kept by it: 12 bytes.
  const std::string& digest() const { return digest_; }
  // Whether there are x-kubernetes-validations, anywhere in the schema's structure.
  bool has_rules() const { return has_rules_; }

  // Whether schema() is there already.
  bool IsMade() const { return made_.load(std::memory_order_acquire) != nullptr; }
  const Schema& schema() const;
  // The tables that apply and managed fields work by.
  const Type& type() const;
  // Null: no rules, or none that anybody could evaluate.
  const RuleNode* rules() const;

 private:
  const std::string kind_, api_version_;
  const std::string packed_;
  const std::string digest_;
  const bool has_rules_;
  mutable std::once_flag schema_once_, type_once_, rules_once_;
  mutable SchemaPtr schema_;
  mutable std::atomic<const Schema*> made_ = nullptr;
  mutable std::unique_ptr<TableArena> tables_;
  mutable const Type* type_ = nullptr;
  mutable RuleNodePtr rules_;
};

// By apiVersion.
using VersionSchemas = std::map<std::string, std::shared_ptr<const VersionSchema>, std::less<>>;

}  // namespace skiff::crd
