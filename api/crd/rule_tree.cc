#include "api/crd/rule_tree.h"

#include "api/crd/definition_structure.h"
#include "api/crd/schema.h"

namespace skiff::crd {
namespace {

class TreeMaker {
 public:
  explicit TreeMaker(RuleCompiler& compiler) : compiler_(compiler) {}

  RuleNodePtr Make(const Json& props, int depth) {
    if (!props.is_object() || depth > kSchemaDepthMax) return nullptr;
    // Nothing below a value that expressions cannot see is asked either.
    const cel::TypeRef self = compiler_.TypeAt(props);
    if (self == nullptr) return nullptr;
    auto* node = new RuleNode;
    RuleNodePtr owned(node);
    node->type = WordOf(props, "type");
    node->self = self;
    node->rules = compiler_.RulesAt(props);
    if (const Json* items = PartOf(props, "items")) node->items = Make(*items, depth + 1);
    if (const Json* additional = PartOf(props, "additionalProperties")) {
      node->additional = Make(*additional, depth + 1);
    }
    const Json* properties = PartOf(props, "properties");
    if (properties != nullptr && properties->is_object()) {
      for (const auto& [name, each] : properties->items()) {
        if (RuleNodePtr below = Make(each, depth + 1)) {
          node->properties.emplace(name, std::move(below));
        }
      }
    }
    SetListType(props, *node);
    const bool leads_nowhere = node->rules->empty() && node->items == nullptr &&
                               node->additional == nullptr && node->properties.empty();
    return leads_nowhere ? nullptr : std::move(owned);
  }

 private:
  static void SetListType(const Json& props, RuleNode& node) {
    if (WordOf(props, "x-kubernetes-list-type") != "map") return;
    node.list_type = ListType::kMap;
    const Json* keys = PartOf(props, "x-kubernetes-list-map-keys");
    if (keys == nullptr || !keys->is_array()) return;
    for (const Json& key : *keys) {
      if (key.is_string()) node.list_keys.push_back(key.get<std::string>());
    }
  }

  RuleCompiler& compiler_;
};

}  // namespace

void RuleNodeDeleter::operator()(const RuleNode* node) const {
  delete node;
}

RuleNodePtr MakeRuleTree(const Json& schema, RuleCompiler& compiler) {
  return HasRules(schema) ? TreeMaker(compiler).Make(schema, 0) : nullptr;
}

}  // namespace skiff::crd
