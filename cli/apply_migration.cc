#include "cli/apply_migration.h"

#include <set>
#include <string>

#include "cli/json_text.h"
#include "cli/writing.h"

namespace skiff::cli {
namespace {

bool IsUpdate(const Json& entry) {
  return TextAt(entry, "operation") == "Update" && TextAt(entry, "subresource").empty();
}

// Who has applied by a client, whatever his name is: he owns the annotation of it.
std::set<std::string> ClientSideManagers(const Json& entries) {
  const std::string annotation = std::string("f:") + kLastApplied;
  std::set<std::string> managers;
  for (const Json& entry : entries) {
    const Json& annotations = At(entry, "fieldsV1", "f:metadata", "f:annotations");
    const bool is_update = TextAt(entry, "operation") == "Update";
    if (is_update && annotations.is_object() && annotations.contains(annotation)) {
      managers.insert(TextAt(entry, "manager"));
    }
  }
  return managers;
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
  const std::set<std::string> client_side = ClientSideManagers(entries);
  Json given;
  Json kept = Json::array();
  size_t own = 0;
  bool has_own = false;
  for (const Json& entry : entries) {
    if (IsUpdate(entry) && client_side.contains(TextAt(entry, "manager"))) {
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
