// Whether the rules of a definition compile, and whether they cost no more than rules may: decided
// before the definition is taken, from the bounds that its schema sets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/crd/rule.h"
#include "api/crd/schema_path.h"
#include "api/violations.h"

namespace skiff::crd {

// Where a schema stands in the others.
struct RuleScope {
  // How many values of it one object can hold; nullopt: no schema around it says.
  std::optional<uint64_t> times = 1;
  // The list around it, if any, of whose items nobody knows which was which: the outermost.
  const SchemaPath* uncorrelated = nullptr;

  // Of what is in a value of `props`.
  RuleScope Inside(const Json& props) const;
};

// Of one schema.
class RuleCheck {
 public:
  // Both outlive it.
  RuleCheck(RuleCompiler& compiler, Violations& out) : compiler_(compiler), out_(out) {}

  // The rules of `props` itself, which has some.
  void Node(const Json& props, const RuleScope& scope, const SchemaPath& path);
  // What all rules seen cost together; `path` is the schema's.
  void Total(const SchemaPath& path);

 private:
  struct Expensive {
    SchemaPath path;
    uint64_t cost;
  };
  void Report(const Json& given, const Rule& rule, const RuleScope& scope, const SchemaPath& path);
  void Cost(const std::string& what, uint64_t cost, const SchemaPath& path);

  RuleCompiler& compiler_;
  Violations& out_;
  uint64_t total_ = 0;
  std::vector<Expensive> most_;  // The dearest first.
};

}  // namespace skiff::crd
