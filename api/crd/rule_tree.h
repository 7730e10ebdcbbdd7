// The rules of a stored schema as documents are walked by: a tree that has the schema's shape, but
// only the branches that lead to rules.
#pragma once

#include <map>
#include <memory>
#include <mutex>
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

// Made when it is first asked for, as few definitions' objects are ever written, and then shared.
// Thread-safe: whoever comes while it is made waits, and nobody else does.
class LazyRuleTree {
 public:
  // `schema` is the text of a schema, each time the same.
  const RuleNode* Of(const std::string& schema) const;

 private:
  mutable std::once_flag once_;
  mutable RuleNodePtr tree_;
};

}  // namespace skiff::crd
