#include "api/cel/program.h"

#include <map>
#include <unordered_set>

#include "api/cel/evaluator.h"
#include "api/cel/libraries.h"
#include "api/cel/lookup.h"
#include "api/cel/patterns.h"
#include "api/cel/plan.h"
#include "api/cel/well_known.h"

namespace skiff::cel {
namespace {

// Which of its calls the evaluator handles itself, by name.
Operator OperatorOf(const Expr& expr) {
  static const std::map<std::string_view, Operator> operators = {
      {"_&&_", Operator::kAnd},
      {"_||_", Operator::kOr},
      {"_?_:_", Operator::kConditional},
      {"@not_strictly_false", Operator::kNotStrictlyFalse},
      {"_[_]", Operator::kIndex},
      {"_[?_]", Operator::kOptionalIndex},
      {"_?._", Operator::kOptionalSelect}};
  if (const auto found = operators.find(expr.name); found != operators.end()) return found->second;
  // Only optionals have them.
  if (expr.name == "or" && expr.target != nullptr) return Operator::kOptionalOr;
  if (expr.name == "orValue" && expr.target != nullptr) return Operator::kOptionalOrValue;
  return expr.op;
}

bool IsConversion(std::string_view name) {
  static const std::unordered_set<std::string_view> names = {
      "bool", "bytes",  "double",    "duration", "dyn",
      "int",  "string", "timestamp", "type",     "uint"};
  return names.contains(name);
}

bool IsKnown(const Expr& expr) {
  return expr.kind == ExprKind::kLiteral || expr.is_folded;
}

bool AllLiteral(const Expr& expr) {
  for (const Expr* arg : expr.args) {
    if (!IsKnown(*arg)) return false;
  }
  return expr.optional.empty();
}

void Become(Expr& expr, Value value) {
  expr.literal = std::move(value);
  expr.is_folded = true;
}

// The name of a type that expressions make, but cannot name by itself.
bool NamesMessage(const Expr& expr) {
  if (!expr.is_constant || expr.type->kind != TypeKind::kType || expr.type->params.empty()) {
    return false;
  }
  const WellKnownMessage* message = FindWellKnown(expr.literal.text());
  return message != nullptr ? !message->is_type : expr.type->params[0]->kind == TypeKind::kObject;
}

// What nothing is in, whatever it is: cel-go does not look at it.
bool LooksIntoNothing(const Expr& expr) {
  if (expr.name != "@in" || expr.overloads.size() != 1) return false;
  const Expr& list = *expr.args[1];
  return list.kind == ExprKind::kList && list.args.empty();
}

// Evaluates what is known before any binding is, as cel-go's optimiser does, and finds the patterns
// that can match nothing. Children first; the tree is as deep as the parser allows.
class Instantiation {
 public:
  explicit Instantiation(Ast& ast) : ast_(ast) {}

  // "": all is well.
  std::string Run() {
    // It ends soon, and whoever waits for it is not the only one who will use it.
    const GiveUpScope never([] { return false; });
    Visit(*ast_.root);
    return error_;
  }

 private:
  void Visit(Expr& expr) {
    if (!error_.empty() || !seen_.insert(&expr).second) return;
    if (NamesMessage(expr)) {
      error_ = "reference to undefined type: " + std::string(expr.literal.text());
      return;
    }
    if (expr.kind == ExprKind::kIdent && expr.is_constant) return;
    if (expr.target != nullptr && expr.slot < 0 && !expr.is_constant) Visit(*expr.target);
    for (Expr* arg : expr.args) Visit(*arg);
    if (expr.kind == ExprKind::kComprehension) {
      for (Expr* part : {expr.range, expr.initial, expr.condition, expr.step, expr.result}) {
        Visit(*part);
      }
      return;
    }
    if (expr.kind == ExprKind::kCall) return VisitCall(expr);
    const bool collection = expr.kind == ExprKind::kList || expr.kind == ExprKind::kMap;
    // An empty one may be what a comprehension begins with, and becomes its own.
    if (collection && AllLiteral(expr) && !expr.args.empty()) Fold(expr);
  }

  void VisitCall(Expr& expr) {
    expr.op = OperatorOf(expr);
    if (!error_.empty()) return;
    if (expr.op == Operator::kIndex || expr.op == Operator::kOptionalIndex) {
      const Expr& key = *expr.args[1];
      const bool known = IsKnown(key) || key.is_constant;
      if (known && !IsQualifier(key.literal)) error_ = NoQualifier(key.literal).text();
    }
    if (expr.op != Operator::kNone) return;
    if (LooksIntoNothing(expr)) return Become(expr, Value::Bool(false));
    if (expr.args.size() == 1 && expr.target == nullptr && IsConversion(expr.name) &&
        IsKnown(*expr.args[0])) {
      return Fold(expr);
    }
    if (expr.name != "matches" && expr.name != "find" && expr.name != "findAll") return;
    const size_t pattern = expr.target != nullptr ? 0 : 1;
    if (pattern >= expr.args.size()) return;
    const Expr& arg = *expr.args[pattern];
    if (arg.kind != ExprKind::kLiteral || !arg.literal.Is(Kind::kString)) return;
    error_ = patterns_.Error(arg.literal.text());
  }

  void Fold(Expr& expr) {
    const Plan plan(expr, ast_.locals);
    Evaluator evaluator(plan, {}, UINT64_MAX, made_);
    Value value = evaluator.Run();
    if (value.IsError()) {
      error_ = value.text();
      return;
    }
    Become(expr, std::move(value));
  }

  Ast& ast_;
  std::unordered_set<const Expr*> seen_;
  const PatternAllowance patterns_;
  // Of all constants, which the program keeps: no more than its text says, and not to be found too
  // much as others make much, as what comes of it is remembered.
  MadeRoom room_{kMadeBytesMax, kMadeBytesMax};
  MadeBytes made_{room_};
  std::string error_;
};

template <typename E, typename Visit>
void VisitAll(E& root, const Visit& visit) {
  std::unordered_set<const Expr*> seen;
  std::vector<E*> open = {&root};
  while (!open.empty()) {
    E* expr = open.back();
    open.pop_back();
    if (expr == nullptr || !seen.insert(expr).second) continue;
    visit(*expr);
    open.push_back(expr->target);
    open.insert(open.end(), expr->args.begin(), expr->args.end());
    for (Expr* part : {expr->range, expr->initial, expr->condition, expr->step, expr->result}) {
      open.push_back(part);
    }
  }
}

}  // namespace

Environment Environment::Kubernetes(std::vector<Variable> variables) {
  return {.functions = KubernetesFunctions(), .variables = std::move(variables)};
}

Environment Environment::Mutations(std::vector<Variable> variables) {
  return {.functions = MutationFunctions(), .variables = std::move(variables)};
}

Result<std::shared_ptr<const Program>> Compile(std::string_view expression,
                                               const Environment& environment,
                                               const TypeJudge& wrong) {
  const std::shared_ptr<Ast> ast = ParseExpression(expression, environment.macros);
  const auto failed = [&] {
    return Fail(Reason::kInvalid, "compilation failed: " + ast->source.Show(ast->issues));
  };
  if (!ast->issues.empty()) return failed();
  if (LooksAreSpent()) {
    return Fail(Reason::kInvalid, std::string("program instantiation failed: ") + kBudgetText);
  }
  CheckTypes(*ast, {environment.functions.get(), environment.variables});
  if (!ast->issues.empty()) return failed();
  if (environment.check_literals) CheckLiterals(*ast);
  if (!ast->issues.empty()) return failed();
  if (wrong) {
    if (std::string error = wrong(*ast->root->type); !error.empty()) {
      return Fail(Reason::kInvalid, std::move(error));
    }
  }
  if (const std::string error = Instantiation(*ast).Run(); !error.empty()) {
    return Fail(Reason::kInvalid, "program instantiation failed: " + error);
  }
  if (environment.rename != nullptr) VisitAll(*ast->root, environment.rename);
  return std::make_shared<const Program>(ast, environment);
}

Program::Program(std::shared_ptr<const Ast> ast, Environment environment)
    : ast_(std::move(ast)), environment_(std::move(environment)) {}

Program::~Program() = default;

const Plan& Program::plan() const {
  if (is_planned_.load(std::memory_order_acquire)) return *plan_;
  std::call_once(planned_, [this] {
    plan_ = std::make_unique<Plan>(*ast_->root, ast_->locals);
    is_planned_.store(true, std::memory_order_release);
  });
  return *plan_;
}

Outcome Program::Eval(std::span<const Value> bindings, uint64_t cost_max, MadeBytes* made) const {
  CHECK(bindings.size() >= environment_.variables.size());
  MadeBytes alone;
  Evaluator evaluator(plan(), bindings, cost_max, made == nullptr ? alone : *made);
  Value value = evaluator.Run();
  if (evaluator.over_budget()) {
    value = Value::Error(look_end_of_thread.interrupted ? kInterruptedText : kBudgetText);
  }
  const bool over = evaluator.over_budget();
  return {std::move(value), evaluator.cost(), over, over && look_end_of_thread.interrupted};
}

bool Program::Uses(std::string_view variable) const {
  bool found = false;
  VisitExpressions(*ast_->root, [&](const Expr& expr) {
    const bool global = expr.slot >= 0 && expr.slot < kLocalSlots;
    found |= global && environment_.variables[expr.slot].name == variable;
  });
  return found;
}

void VisitExpressions(const Expr& root, const std::function<void(const Expr&)>& visit) {
  VisitAll(root, visit);
}

}  // namespace skiff::cel
