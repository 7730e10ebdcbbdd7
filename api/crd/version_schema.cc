#include "api/crd/version_schema.h"

#include "api/codec/json.h"
#include "api/crd/tables.h"
#include "base/gzip.h"
#include "base/hash.h"

namespace skiff::crd {
namespace {

// Rises when objects of the same schema are pruned, filled in or written otherwise than before.
constexpr std::string_view kWayOfKeeping = "1";
constexpr size_t kDigestBytes = 12;

std::string DigestOf(std::string_view api_version, const Json* props) {
  std::string told(kWayOfKeeping);
  told.append("\n").append(api_version).append("\n");
  if (props != nullptr) AppendJson(*props, told);
  return Sha256(told).substr(0, kDigestBytes);
}

}  // namespace

VersionSchema::VersionSchema(std::string kind, std::string api_version, const Json* props)
    : kind_(std::move(kind)),
      api_version_(std::move(api_version)),
      packed_(props == nullptr ? "" : Gzip(DumpJson(*props))),
      digest_(DigestOf(api_version_, props)),
      has_rules_(props != nullptr && HasRules(*props)) {}

Json VersionSchema::Props() const {
  if (packed_.empty()) return Json::object();
  auto props = ParseJson(Gunzip(packed_));
  return props ? *std::move(props) : Json::object();
}

const Schema& VersionSchema::schema() const {
  std::call_once(schema_once_, [this] {
    schema_ = ReadSchema(Props());
    made_.store(schema_.get(), std::memory_order_release);
  });
  return *schema_;
}

const Type& VersionSchema::type() const {
  std::call_once(type_once_, [this] {
    tables_ = std::make_unique<TableArena>();
    type_ = &MakeType(schema(), kind_, api_version_, *tables_);
  });
  return *type_;
}

const RuleNode* VersionSchema::rules() const {
  if (!has_rules_) return nullptr;
  std::call_once(rules_once_, [this] {
    const Json props = Props();
    RuleCompiler compiler(props);
    rules_ = MakeRuleTree(props, compiler);
  });
  return rules_.get();
}

}  // namespace skiff::crd
