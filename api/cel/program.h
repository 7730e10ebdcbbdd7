// CEL for whoever needs it: an environment says what expressions may name, Compile makes programs,
// and a program is run as often as one likes, by several threads at once.
//
//   const auto environment = Environment::Kubernetes({{"self", type}, {"oldSelf", type}});
//   const auto program = TRY(Compile("self.replicas <= self.max", environment));
//   const Value bindings[] = {Value::Document(object, type.get()), Value::Document(old)};
//   const Outcome outcome = program->Eval(bindings, kCallCostMax);
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/cel/checker.h"
#include "api/cel/limits.h"
#include "api/cel/made_bytes.h"
#include "api/cel/parser.h"
#include "api/cel/value.h"
#include "base/error.h"

namespace skiff::cel {

class Plan;  // api/cel/plan.h

// What one evaluation may cost, and what all of one object's may.
inline constexpr uint64_t kCallCostMax = 1000000;
inline constexpr uint64_t kObjectCostMax = 10000000;
// Said of rules and conditions where that of the object is spent.
inline constexpr char kCostsSpent[] =
    "validation failed due to running out of cost budget, no further validation rules will be run";
// Of a webhook's or a policy's match conditions.
inline constexpr uint64_t kMatchConditionsCostMax = 2500000;

struct Environment {
  // All that Kubernetes enables for rules and policies, with these variables.
  static Environment Kubernetes(std::vector<Variable> variables);
  // And what mutations make of objects: Object, JSONPatch, jsonpatch.escapeKey.
  static Environment Mutations(std::vector<Variable> variables);

  std::shared_ptr<const FunctionTable> functions;
  std::vector<Variable> variables;
  MacroSet macros = {};
  // Refuse literals that can only fail, and lists of mixed types.
  bool check_literals = true;
  // Called for every node of a checked tree, which may come to name something else; null: all names
  // are as they were written.
  void (*rename)(Expr& node) = nullptr;
};

struct Outcome {
  Value value;
  uint64_t cost = 0;
  bool over_budget = false;  // It cost more than it may, or was interrupted; `value` is an error.
  bool interrupted = false;  // By who waits for it (GiveUpScope): nothing more may be evaluated.

  bool failed() const { return value.IsError(); }
};

class Program {
 public:
  // Nothing of `ast` changes any more.
  Program(std::shared_ptr<const Ast> ast, Environment environment);
  ~Program();
  // `bindings` are the values of the environment's variables, in their order; Value::Error stands
  // for one that is not there. The value may look into the bindings and into the program. `made`
  // is shared by evaluations whose values are kept; null: this one is on its own.
  Outcome Eval(std::span<const Value> bindings, uint64_t cost_max,
               MadeBytes* made = nullptr) const;
  // Of its values; dyn: known only then.
  const TypeRef& type() const { return ast_->root->type; }
  // Whether it names this variable.
  bool Uses(std::string_view variable) const;
  const Ast& ast() const { return *ast_; }
  const Plan& plan() const;

 private:
  std::shared_ptr<const Ast> ast_;
  Environment environment_;  // Holds the functions and types that the tree points to.
  // Made when it first runs: many are compiled to see whether they can be, and no more.
  mutable std::once_flag planned_;
  mutable std::unique_ptr<const Plan> plan_;
  mutable std::atomic<bool> is_planned_ = false;  // Sooner asked than the flag.
};

// Fails with "compilation failed: ERROR: <input>:1:5: ..." or "program instantiation failed: ...".
// What takes long is looks of this thread: within a LookScope whose budget is spent nothing is
// compiled any more. `wrong` says what is wrong with the type of the values, "" for nothing: known
// before what the constants come to, which may be an error, too.
using TypeJudge = std::function<std::string(const Type& type)>;
Result<std::shared_ptr<const Program>> Compile(std::string_view expression,
                                               const Environment& environment,
                                               const TypeJudge& wrong = nullptr);

// Calls `visit` once for every node below and including `root`, in no order.
void VisitExpressions(const Expr& root, const std::function<void(const Expr&)>& visit);

}  // namespace skiff::cel
