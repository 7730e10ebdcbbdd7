// What rules say of a document, in the words of apiextensions-apiserver. Bounded: each evaluation
// by what one may cost, all of a document's by what they may cost together.
#pragma once

#include <cstdint>

#include "api/crd/rule_tree.h"
#include "api/crd/unchanged.h"
#include "api/select/field_path.h"
#include "api/values.h"
#include "api/violations.h"

namespace skiff::crd {

// Of one document.
struct RuleLimits {
  uint64_t cost = cel::kObjectCostMax;
  // Rules that cost nothing are counted, too: a document can hold very many places for them.
  uint64_t runs = cel::kObjectCostMax;
};

class RuleRun {
 public:
  // Gets what is wrong with what an update leaves as it is.
  struct Forgiven {
    Violations& out;
    const Unchanged& unchanged;
  };
  // `forgiven` null: nothing was there before, so that all of it is an error. Else it outlives
  // this.
  RuleRun(Violations& out, const Forgiven* forgiven, RuleLimits limits = {})
      : out_(out), forgiven_(forgiven), left_(limits) {}

  // `at`: where the value stands. `old` is what it was, or null. May be called for several values;
  // their rules share what they may cost.
  void Validate(const RuleNode& rules, const Json& value, const Json* old, const FieldPath& at);

 private:
  friend class RuleWalk;
  Violations& out_;
  const Forgiven* forgiven_;
  RuleLimits left_;
  size_t told_ = 0, told_of_ratcheted_ = 0;  // Bytes.
  bool stopped_ = false;
};

}  // namespace skiff::crd
