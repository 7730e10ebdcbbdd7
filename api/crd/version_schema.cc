#include "api/crd/version_schema.h"

#include "api/codec/json.h"
#include "api/crd/tables.h"
#include "base/gzip.h"

namespace skiff::crd {

VersionSchema::VersionSchema(std::string kind, std::string api_version, const Json* props)
    : kind_(std::move(kind)),
      api_version_(std::move(api_version)),
      packed_(props == nullptr ? "" : Gzip(DumpJson(*props))),
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
