// What a CustomResourceDefinition makes of one of its versions: the tables of a kind, and beside
// them the schema that its documents are pruned, filled in and judged by.
//
//   for (auto& kind : MakeKinds(definition)) ...       // One a served version.
//   const crd::CustomKind& custom = *kind->custom;
//   TRY(custom.Complete(content, &unknown));
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/crd/definition_mark.h"
#include "api/crd/definition_text.h"
#include "api/crd/unchanged.h"
#include "api/crd/version_schema.h"
#include "api/kinds/behaviour.h"
#include "api/kinds/versions.h"
#include "api/registry.h"
#include "api/text/json_path.h"
#include "api/text/table.h"
#include "api/values.h"
#include "api/violations.h"

namespace skiff::crd {

// Paths without their leading dot: "spec.replicas". `selector` is "" where there is none.
struct ScalePaths {
  std::string replicas;
  std::string actual;
  std::string selector;
  // `replicas` of all versions, by apiVersion; "" for one that has no scale.
  std::shared_ptr<const std::map<std::string, std::string, std::less<>>> replicas_of_versions = {};
};

using ConverterPtr = std::shared_ptr<const VersionConverter>;

struct CustomKind {
  // What others see of the rest.
  KindBehaviour behaviour;
  std::string list_kind;
  std::string stored_version;  // apiVersion
  // The newest revision of the definition that is known to say all this: it rises while the
  // definition is written and goes on saying so. One for all versions.
  std::shared_ptr<std::atomic<uint64_t>> defined_at;
  std::shared_ptr<const DefinitionMark> mark;  // Of the definition.
  bool terminating = false;
  bool has_status = false;
  std::optional<ScalePaths> scale;
  std::string deprecation;  // Of requests for this version; "" for none.
  std::shared_ptr<const VersionSchema> own;     // Of this version.
  std::shared_ptr<const VersionSchema> stored;  // Of the one that objects are stored in.
  // Of all versions, those that are not served too: objects may be kept in any.
  std::shared_ptr<const VersionSchemas> versions;
  ConverterPtr converter;  // Null: versions differ in nothing but their apiVersion.
  // Whether an object may have to be converted on its way to or from this version: else all that
  // are kept are known to be in it.
  bool may_convert = false;
  // An object was met that is kept in another version than the definition's status tells of: it is
  // what somebody writes there. One for all versions.
  std::shared_ptr<std::atomic<bool>> met_others;
  TableFormat table;
  // What the columns point into.
  std::vector<TableColumn> columns;
  std::deque<std::string> texts;
  std::deque<JsonPath> paths;
  std::vector<SelectableField> selectable;

  // `content` is always an object without apiVersion, kind and metadata. Those who fill in defaults
  // tell whether they did: an object that would become too large with them, all together, gets none
  // (ApplyDefaults).
  //
  // What a client sent becomes what is judged and kept: pruned, with defaults, its text no longer
  // than `bytes_max`. `unknown` gets the paths of what went; null: nobody asks.
  Result<bool> Complete(Json& content, size_t bytes_max, std::vector<std::string>* unknown) const;
  // What apply made only gets defaults: nulls that the schema does not allow are there to be
  // refused.
  bool FillIn(Json& content, size_t bytes_max) const;
  // The same of what was stored, by the version that it was stored in; defaults may add `room`
  // bytes to its text. Fails for a version that the definition no longer has; and where nothing may
  // take long, if it is the first of its version.
  Result<bool> FromStore(std::string_view api_version, Json& content, size_t room) const;
  // How an object will be read that is kept with this content, as long as the schema stays what it
  // is: as it is kept; otherwise; or without its defaults. Where it is the first, the same is kept
  // as is given to be: ForStore does a part of what reading does.
  enum class Reading : uint8_t { kAsKept, kOtherwise, kWithoutDefaults };
  Reading ReadingOf(const Json& content, size_t room) const;
  // What was another version, and is this one now. Defaults are not filled in.
  void Converted(Json& content) const;
  // Fails where what was sent in another version has, at the place of an embedded resource that
  // the kept one alone knows of, something else.
  Result<> ForStore(Json& content) const;
  // Whole documents. `old` is null on create. `warnings` gets what breaks a rule, and did before.
  void Validate(const Json& document, const Json* old, std::string_view subresource,
                Violations& out, std::vector<std::string>& warnings) const;

 private:
  void ValidateRules(const Json& document, const Json* old, const Unchanged& unchanged,
                     Violations& out, std::vector<std::string>& warnings) const;
};

// `definition` is a CustomResourceDefinition, as the API shows it, that was found valid. None where
// its names are not accepted. `make_converter` is asked where a webhook converts versions, and gets
// the definition without its schemas; without it only the version that is stored is served of such
// a definition.
using MakeConverter = std::function<ConverterPtr(const Json& definition)>;
RuntimeKinds MakeKinds(const DefinitionText& definition, const MakeConverter& make_converter = {});
RuntimeKinds MakeKinds(const Json& definition, const MakeConverter& make_converter = {});
// Whether its names are accepted: one that does not say so makes no kinds.
bool MakesKinds(const Json& definition);

// Whether FromStore failed so for a version that the definition does not have.
bool IsOfUnknownVersion(const Error& error);

// What apply and managed fields work by. Of a kind that a definition makes, kind.type says only
// that there is no struct: its fields are found out when this is asked.
const Type& WholeType(const KindInfo& kind);

// Columns of a Table, from additionalPrinterColumns.
void MakeColumns(const Json& version, CustomKind& out);

// The value at a dotted path that an integer is expected at; nullopt when there is none. Fails with
// Go's text when it is something else.
Result<std::optional<int64_t>> IntegerAt(const Json& document, std::string_view path);
// The same of a text; "" when there is none.
Result<std::string> StringAt(const Json& document, std::string_view path);

}  // namespace skiff::crd
