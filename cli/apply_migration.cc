#include "cli/apply_migration.h"

#include "cli/json_text.h"

namespace skiff::cli {
namespace {

bool IsClientSide(const Json& entry) {
  const std::string manager = TextAt(entry, "manager");
  return TextAt(entry, "operation") == "Update" && TextAt(entry, "subresource").empty() &&
         (manager == "kubectl-client-side-apply" || manager == "before-first-apply");
}

// The fields of both.
void Unite(Json& into, const Json& more) {
  if (!more.is_object()) return;
  for (const auto& [name, fields] : more.items()) {
    if (into.contains(name)) {
      Unite(into[name], fields);
    } else {
      into[name] = fields;
    }
  }
}

}  // namespace

Json MigratedManagedFields(const Json& object, const std::string& manager) {
  const Json& entries = At(object, "metadata", "managedFields");
  Json given;
  Json kept = Json::array();
  size_t own = 0;
  bool has_own = false;
  for (const Json& entry : entries) {
    if (IsClientSide(entry)) {
      Json fields = At(entry, "fieldsV1");
      // The annotation of the old way goes with it.
      if (given.is_null()) given = Json::object();
      Unite(given, fields);
      continue;
    }
    if (!has_own && TextAt(entry, "manager") == manager && TextAt(entry, "operation") == "Apply" &&
        TextAt(entry, "subresource").empty()) {
      has_own = true;
      own = kept.size();
    }
    kept.push_back(entry);
  }
  if (given.is_null() || !has_own) return nullptr;
  Unite(kept[own]["fieldsV1"], given);
  return kept;
}

}  // namespace skiff::cli
