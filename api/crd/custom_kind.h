// What a CustomResourceDefinition makes of one of its versions: the tables of a kind, and beside
// them the schema that its documents are pruned, filled in and judged by.
//
//   for (auto& kind : MakeKinds(definition)) ...       // One a served version.
//   const crd::CustomKind& custom = *kind->custom;
//   TRY(custom.Complete(content, &unknown));
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/crd/rule_tree.h"
#include "api/crd/schema.h"
#include "api/json_path.h"
#include "api/registry.h"
#include "api/table.h"
#include "api/values.h"
#include "api/violations.h"

namespace skiff::crd {

// Paths without their leading dot: "spec.replicas". `selector` is "" where there is none.
struct ScalePaths {
  std::string replicas;
  std::string actual;
  std::string selector;
};

using Schemas = std::map<std::string, std::shared_ptr<const Schema>, std::less<>>;

struct CustomKind {
  std::string list_kind;
  std::string stored_version;  // apiVersion
  bool terminating = false;
  bool has_status = false;
  std::optional<ScalePaths> scale;
  std::string deprecation;  // Of requests for this version; "" for none.
  bool has_rules = false;   // x-kubernetes-validations, anywhere in the schema's structure.
  std::shared_ptr<const Schema> schema;
  std::shared_ptr<const Schema> stored_schema;
  // Of all versions, those that are not served too: objects may be kept in any. By apiVersion.
  std::shared_ptr<const Schemas> schemas;
  std::string schema_text;  // JSON of openAPIV3Schema, for those who publish it.
  LazyRuleTree rules;       // Of that text.
  TableFormat table;
  // What the columns point into.
  std::vector<TableColumn> columns;
  std::deque<std::string> texts;
  std::deque<JsonPath> paths;

  // `content` is always an object without apiVersion, kind and metadata.
  //
  // What a client sent becomes what is judged and kept: pruned, with defaults. `unknown` gets the
  // paths of what went; null: nobody asks.
  Result<> Complete(Json& content, std::vector<std::string>* unknown) const;
  // The same of what was stored, in the version that it was stored in; then by this one. Fails for
  // a version that the definition no longer has.
  Result<> FromStore(std::string_view api_version, Json& content) const;
  void ForStore(Json& content) const;
  // Whole documents. `old` is null on create. `warnings` gets what breaks a rule, and did before.
  void Validate(const Json& document, const Json* old, std::string_view subresource,
                Violations& out, std::vector<std::string>& warnings) const;

 private:
  void ValidateRules(const Json& document, const Json* old, Violations& out,
                     std::vector<std::string>& warnings) const;
};

// `definition` is a CustomResourceDefinition, as the API shows it, that was found valid. None where
// its names are not accepted.
RuntimeKinds MakeKinds(const Json& definition);

// The tables that apply works by.
const Type& MakeType(const Schema& schema, std::string_view kind, std::string_view api_version,
                     TableArena& tables);

// Columns of a Table, from additionalPrinterColumns.
void MakeColumns(const Json& version, CustomKind& out);

// The value at a dotted path that an integer is expected at; nullopt when there is none. Fails with
// Go's text when it is something else.
Result<std::optional<int64_t>> IntegerAt(const Json& document, std::string_view path);

}  // namespace skiff::crd
