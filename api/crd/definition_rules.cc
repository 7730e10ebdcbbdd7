#include "api/crd/definition_rules.h"

#include <algorithm>

#include "api/cel/estimate.h"
#include "api/cel/estimate_size.h"
#include "api/crd/definition_structure.h"

namespace skiff::crd {
namespace {

// So many are named of the rules that cost too much together, if they cost that at least.
constexpr size_t kExpensiveMax = 4;
constexpr uint64_t kExpensive = cel::kSchemaCostMax / 100;

// How many values stand in one of `props`; nullopt: as many as one likes.
std::optional<uint64_t> CountIn(const Json& props) {
  const std::string type = WordOf(props, "type");
  const char* limit = nullptr;
  if (type == "array") limit = "maxItems";
  if (type == "object" && PartOf(props, "additionalProperties")) limit = "maxProperties";
  if (limit == nullptr) return 1;
  const Json* count = PartOf(props, limit);
  if (count == nullptr || !count->is_number_integer()) return std::nullopt;
  return static_cast<uint64_t>(std::max<int64_t>(count->get<int64_t>(), 0));
}

}  // namespace

RuleScope RuleScope::Inside(const Json& props) const {
  RuleScope inside = *this;
  const auto count = CountIn(props);
  inside.times = times && count ? std::optional(cel::TimesCost(*times, *count)) : std::nullopt;
  return inside;
}

void RuleCheck::Node(const Json& props, const RuleScope& scope, const SchemaPath& path) {
  const SchemaPath at = path.Child(kRules);
  const cel::TypeRef self = compiler_.TypeAt(props);
  if (self == nullptr) {
    return out_.Internal(at,
                         "internal error: failed to construct type information for "
                         "x-kubernetes-validations rules: unable to convert structural schema to "
                         "CEL declarations");
  }
  const auto rules = compiler_.RulesAt(props);
  const Json& given = *RulesOf(props);
  for (size_t i = 0; i < rules->size(); ++i) {
    const Rule& rule = (*rules)[i];
    const SchemaPath place = at.Index(i);
    if (rule.program != nullptr) {
      const uint64_t times = scope.times.value_or(cel::CardinalityMax(*self));
      Cost("rule", cel::TimesCost(cel::EstimateCost(*rule.program, *self), times),
           place.Child("rule"));
    }
    if (!rule.error.empty()) {
      out_.Invalid(place.Child("rule"), Printed::Verbatim(PrintedRule(given[i])), rule.error);
    }
    if (!rule.message_error.empty()) {
      out_.Invalid(place.Child("messageExpression"), Printed::Verbatim(PrintedRule(given[i])),
                   rule.message_error);
    } else if (rule.message_program != nullptr) {
      Cost("messageExpression", cel::EstimateCost(*rule.message_program, *self),
           place.Child("messageExpression"));
    }
    Report(given[i], rule, scope, place);
  }
}

// Rules about what was there before, where that is not known, and flags without a meaning.
void RuleCheck::Report(const Json& given, const Rule& rule, const RuleScope& scope,
                       const SchemaPath& path) {
  if (rule.uses_old && scope.uncorrelated != nullptr) {
    out_.Invalid(path.Child("rule"), WordOf(given, "rule"),
                 "oldSelf cannot be used on the uncorrelatable portion of the schema within " +
                     scope.uncorrelated->Text());
  }
  const Json* optional_old = PartOf(given, "optionalOldSelf");
  if (!rule.uses_old && optional_old != nullptr) {
    out_.Invalid(path.Child("optionalOldSelf"), *optional_old,
                 "may not be set if oldSelf is not used in rule");
  }
}

void RuleCheck::Cost(const std::string& what, uint64_t cost, const SchemaPath& path) {
  const std::string excess = cel::CostExcess(what, cost, cel::kRuleCostMax);
  if (!excess.empty()) out_.Forbidden(path, excess);
  total_ = cel::SaturatingAdd(total_, cost);
  if (cost < kExpensive) return;
  const auto after = std::find_if(most_.begin(), most_.end(),
                                  [&](const Expensive& each) { return each.cost < cost; });
  most_.insert(after, {path, cost});
  if (most_.size() > kExpensiveMax) most_.pop_back();
}

void RuleCheck::Total(const SchemaPath& path) {
  if (total_ <= cel::kSchemaCostMax) return;
  for (const Expensive& each : most_) {
    out_.Forbidden(each.path,
                   "contributed to estimated rule cost total exceeding cost limit for entire "
                   "OpenAPIv3 schema");
  }
  std::string excess = cel::CostExcess("rule", total_, cel::kSchemaCostMax);
  constexpr std::string_view kOne = "estimated rule cost";
  excess.replace(0, kOne.size(),
                 "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema");
  out_.Forbidden(path, excess);
}

}  // namespace skiff::crd
