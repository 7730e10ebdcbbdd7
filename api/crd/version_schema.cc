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

std::string DigestOf(std::string_view api_version, std::string_view props) {
  std::string told(kWayOfKeeping);
  told.append("\n").append(api_version).append("\n").append(props);
  return Sha256(told).substr(0, kDigestBytes);
}

// Most schemas have none, and do not say the word: then they need not be read. In a text that has
// it between quotes, those of the text are escaped.
bool MayHaveRules(std::string_view props) {
  return props.find("\"" + std::string(kRules) + "\"") != props.npos;
}

// HasRules, of the value that `token` begins: reads all of it, or up to the first rule.
bool MeetsRules(JsonReader& in, JsonToken token) {
  if (token != JsonToken::kObject) {
    in.SkipEntered(token);
    return false;
  }
  std::string_view key;
  while (in.NextKey(key)) {
    const bool is_schema = key == "items" || key == "additionalProperties";
    const bool holds_schemas = key == "properties", holds_rules = key == kRules;
    const JsonToken value = in.Next();
    if (holds_rules && value == JsonToken::kArray && in.NextItem()) return true;
    if (is_schema) {
      if (MeetsRules(in, value)) return true;
    } else if (holds_schemas && value == JsonToken::kObject) {
      while (in.NextKey(key)) {
        if (MeetsRules(in, in.Next())) return true;
      }
    } else if (!holds_rules || value != JsonToken::kArray) {
      in.SkipEntered(value);
    }
  }
  return false;
}

bool HasRulesIn(std::string_view props) {
  if (!MayHaveRules(props)) return false;
  JsonReader in(props);
  return MeetsRules(in, in.Next());
}

}  // namespace

VersionSchema::VersionSchema(std::string kind, std::string api_version, std::string_view props)
    : kind_(std::move(kind)),
      api_version_(std::move(api_version)),
      packed_(props.empty() ? "" : Gzip(props)),
      digest_(DigestOf(api_version_, props)),
      has_rules_(HasRulesIn(props)) {}

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
