// What the schema cannot say about a CSINode.
#include <map>
#include <set>
#include <string_view>

#include "api/gen/storage_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/go_struct.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"
#include "api/violations.h"

namespace skiff {
namespace {

using storage_v1::CSINode;
using storage_v1::CSINodeDriver;

constexpr size_t kNodeIdBytesMax = 256;

void ValidateDriver(const CSINodeDriver& driver, bool twice, const FieldPath& path,
                    Violations& out) {
  ValidateCsiDriverName(driver.name, path.Child("name"), out);
  if (driver.node_id.empty()) {
    out.Required(path.Child("nodeID"));
  } else if (driver.node_id.size() > kNodeIdBytesMax) {
    out.Invalid(path.Child("nodeID"), driver.node_id, "must be 256 characters or less");
  }
  if (driver.allocatable && driver.allocatable->count) {
    ValidateNonNegative(*driver.allocatable->count, path.Child("allocatable").Child("count"), out);
  }
  if (twice) out.Duplicate(path.Child("name"), driver.name);
  std::set<std::string_view> keys;
  for (const std::string& key : driver.topology_keys) {
    if (key.empty()) out.Required(path);
    if (!keys.insert(key).second) out.Duplicate(path, key);
    CheckFormat(LabelKeyErrors, key, path, out);
  }
}

void Validate(const CSINode& object, Violations& out) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < object.spec.drivers.size(); ++i) {
    const CSINodeDriver& driver = object.spec.drivers[i];
    ValidateDriver(driver, !names.insert(driver.name).second,
                   FieldPath("spec").Child("drivers").Index(i), out);
  }
}

// A driver may come and go; while it is there, only its capacity changes.
void ValidateUpdate(const CSINode& object, const CSINode& old, Violations& out) {
  // Kubernetes looks at all of it twice: causes stand twice, the message says them once.
  Violations of_node;
  Validate(object, of_node);
  out.Append(of_node);
  out.Append(of_node);
  std::multimap<std::string_view, const CSINodeDriver*> by_name;
  for (const CSINodeDriver& now : object.spec.drivers) by_name.emplace(now.name, &now);
  for (const CSINodeDriver& before : old.spec.drivers) {
    const auto [begin, end] = by_name.equal_range(before.name);
    for (auto entry = begin; entry != end; ++entry) {
      const CSINodeDriver& now = *entry->second;
      if (now.node_id == before.node_id && now.topology_keys == before.topology_keys) continue;
      CSINodeDriver compared = now;
      compared.allocatable.reset();
      out.Invalid(FieldPath("spec").Child("drivers"), GoStruct(compared), kFieldImmutable);
    }
  }
}

}  // namespace

constexpr RulesOf<CSINode> kTypedCSINodeRules = {
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .allow_unconditional_update = false,
};
constinit const Rules kCSINodeRules = Erase<kTypedCSINodeRules>();

}  // namespace skiff
