// The rules of a stored schema as documents are walked by: a tree that has the schema's shape, but
// only the branches that lead to rules.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/crd/rule.h"
#include "api/type.h"

namespace skiff::crd {

struct RuleNode;
struct RuleNodeDeleter {
  void operator()(const RuleNode* node) const;
};
using RuleNodePtr = std::unique_ptr<const RuleNode, RuleNodeDeleter>;

// Immutable once it is made.
struct RuleNode {
  std::string type;  // As the schema says: "object", ...; "" of an int-or-string.
  cel::TypeRef self;
  std::shared_ptr<const RuleList> rules;
  ListType list_type = ListType::kAtomic;
  std::vector<std::string> list_keys;
  std::map<std::string, RuleNodePtr, std::less<>> properties;
  RuleNodePtr items;
  RuleNodePtr additional;
};

// Null: no rules, or none that anybody could evaluate.
RuleNodePtr MakeRuleTree(const Json& schema, RuleCompiler& compiler);

}  // namespace skiff::crd
