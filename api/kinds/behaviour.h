// What a kind does that its tables do not say. Every KindInfo leads to its own: that of a built-in
// kind is a row of the one constant table in built_in.cc, that of a custom kind is made of its
// definition, and a kind made of tables alone has kPlainBehaviour until it is given another. Who
// holds a kind asks it, and looks nothing up.
//
//   const Rules& rules = *object.kind().behaviour->rules;
//   if (rules.validate) rules.validate(object.raw(), wrong);
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "api/select/selectable_fields.h"
#include "api/type.h"

namespace skiff {

class VersionConverter;
struct Rules;
struct TableFormat;
namespace crd {
struct ScalePaths;
}

extern const Rules kPlainRules;
extern const TableFormat kPlainTable;

// What a write through one endpoint leaves as it was, so that nobody owns it.
struct EndpointResets {
  std::string_view subresource;            // "": the object itself.
  std::array<std::string_view, 3> paths{};  // "status", "metadata.labels"; the rest is "".
};

// Kubernetes checks the metadata of an update for every kind, and then each kind's own validation
// checks it again: what is wrong stands among the causes as often as it is looked at.
enum class MetadataCheck : uint8_t {
  kNothing,
  kWhole,    // All that is checked of a new object, the name by the kind's own rule.
  kChanges,  // What an update may not change, and labels, annotations and owners once more.
};
struct MetadataChecks {
  using InOrder = std::array<MetadataCheck, 2>;
  InOrder update{MetadataCheck::kChanges};
  InOrder status_update{MetadataCheck::kChanges};
  bool finalizers = true;     // Those without a domain have to be Kubernetes' own.
  bool generate_name = true;  // A new object's has to be what the kind's names may begin with.
};

struct KindBehaviour {
  const Rules* rules = &kPlainRules;        // api/rules/rules.h; of structs only.
  MetadataChecks metadata;
  const TableFormat* table = &kPlainTable;  // Of objects as they are stored.
  SelectableFields selectable;
  // Endpoints that differ from the rule: the object resets "status", /status resets "spec".
  std::span<const EndpointResets> resets;
  // The kinds that show the same objects, first the one that they are stored as. Empty: it alone.
  std::span<const KindInfo* const> versions;
  const VersionConverter* converter = nullptr;  // nullptr: versions differ in apiVersion alone.
  const crd::ScalePaths* scale = nullptr;  // nullptr: replicas are where built-in kinds have them.
  std::string_view list_kind;              // "": the kind and "List".
  std::string_view deprecation;            // Each request is warned of it; "": of nothing.
  std::string_view removed_release;        // Of Kubernetes, "1.38"; "": no end of it is planned.
  // Why nothing acts on it; "": something does, as far as it would in Kubernetes.
  std::string_view unserved;
  // Dependents stay when an object goes, where nobody says otherwise; "": without a warning.
  bool orphans_dependents = false;
  std::string_view orphaning_warning;
  // Deletion begins by a mark of the kind's own, and words its conflicts so.
  bool marks_own_end = false;
  bool counts_replicas = false;  // An empty object of Go's internal type says "replicas": 0.
  bool keeps_generate_name = false;  // generateName is the whole name.
};

}  // namespace skiff
