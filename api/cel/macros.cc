// The macros: calls that are rewritten before they are checked. What they make stands where the
// call's parenthesis does.
#include <functional>
#include <map>

#include "api/cel/parser.h"

namespace skiff::cel {
namespace {

constexpr char kAccumulator[] = "@result";
constexpr char kAccumulatorAlias[] = "__result__";

class MacroExpander {
 public:
  MacroExpander(Ast& ast, Expr* call) : ast_(ast), call_(call), at_(call->position) {}

  Expr* Has() {
    Expr* arg = Arg(0);
    if (arg->kind == ExprKind::kSelect && !arg->test_only) {
      Expr* test = ast_.New(ExprKind::kSelect, at_);
      test->target = arg->target;
      test->name = arg->name;
      test->test_only = true;
      return test;
    }
    return Wrong(arg, "invalid argument to has() macro");
  }

  // all and exists: `&&` or `||` over the items, until it is decided.
  Expr* Quantifier(bool all, size_t variables) {
    if (Expr* wrong = BadVariables(variables, kSimpleName)) return wrong;
    Expr* go_on = Ident(kAccumulator);
    if (!all) go_on = Make("!_", {go_on});
    return Fold({.initial = Literal(Value::Bool(all)),
                 .condition = Make("@not_strictly_false", {go_on}),
                 .step = Make(all ? "_&&_" : "_||_", {Ident(kAccumulator), Arg(variables)}),
                 .result = Ident(kAccumulator)},
                variables);
  }

  Expr* ExistsOne(size_t variables) {
    if (Expr* wrong = BadVariables(variables, kSimpleName)) return wrong;
    Expr* more = Make("_+_", {Ident(kAccumulator), Literal(Value::Int(1))});
    return Fold({.initial = Literal(Value::Int(0)),
                 .condition = Literal(Value::Bool(true)),
                 .step = Make("_?_:_", {Arg(variables), more, Ident(kAccumulator)}),
                 .result = Make("_==_", {Ident(kAccumulator), Literal(Value::Int(1))})},
                variables);
  }

  // map(x, e), map(x, p, e), transformList.
  Expr* Collect(size_t variables, const char* wrong_name) {
    if (Expr* wrong = BadVariables(variables, wrong_name)) return wrong;
    return Gather(variables, Args() == variables + 2 ? Arg(variables) : nullptr,
                  Arg(Args() - 1));
  }

  Expr* Filter() {
    if (Expr* wrong = BadVariables(1, kIdentifier)) return wrong;
    return Gather(1, Arg(1), Ident(Arg(0)->name));
  }

  // transformMap and transformMapEntry.
  Expr* CollectMap(bool entries) {
    if (Expr* wrong = BadVariables(2, kSimpleName)) return wrong;
    std::vector<Expr*> insert = {Ident(kAccumulator)};
    if (!entries) insert.push_back(Ident(Arg(0)->name));
    insert.push_back(Arg(Args() - 1));
    Expr* step = Make("cel.@mapInsert", insert);
    step->op = Operator::kMapInsert;
    if (Args() == 4) step = Make("_?_:_", {Arg(2), step, Ident(kAccumulator)});
    return Fold({.initial = ast_.New(ExprKind::kMap, at_),
                 .condition = Literal(Value::Bool(true)),
                 .step = step,
                 .result = Ident(kAccumulator)},
                2);
  }

  Expr* OptionalMap(bool flat) {
    Expr* variable = Arg(0);
    if (variable->kind != ExprKind::kIdent || variable->name.starts_with('.')) {
      const char* name = flat ? "optFlatMap" : "optMap";
      return Wrong(variable,
                   std::string(name) + "() variable name must be a simple identifier");
    }
    Expr* inner = Bound(variable->name, Member(call_->target, "value", {}), Arg(1));
    if (!flat) inner = Make("optional.of", {inner});
    return Make("_?_:_", {Member(call_->target, "hasValue", {}), inner, Make("optional.none", {})});
  }

  Expr* Bind() {
    if (Arg(0)->kind != ExprKind::kIdent) {
      return Wrong(Arg(0), "cel.bind() variable names must be simple identifiers");
    }
    return Bound(Arg(0)->name, Arg(1), Arg(2));
  }

  Expr* SortBy() {
    constexpr char kInput[] = "@__sortBy_input__";
    const Expr& target = *call_->target;
    if (target.kind == ExprKind::kLiteral || target.kind == ExprKind::kMap ||
        target.kind == ExprKind::kStruct) {
      return Wrong(call_->target,
                   "sortBy can only be applied to a list, identifier, comprehension, call or "
                   "select expression");
    }
    if (Expr* wrong = BadVariables(1, kIdentifier)) return wrong;
    Expr* input = call_->target;
    call_->target = Ident(kInput);
    Expr* keys = Gather(1, nullptr, Arg(1));
    call_->target = input;
    return Bound(kInput, input, Member(Ident(kInput), "@sortByAssociatedKeys", {keys}));
  }

  static constexpr char kSimpleName[] = "argument must be a simple name";
  static constexpr char kIdentifier[] = "argument is not an identifier";

 private:
  struct Loop {
    Expr* initial;
    Expr* condition;
    Expr* step;
    Expr* result;
  };

  size_t Args() const { return call_->args.size(); }
  Expr* Arg(size_t i) const { return call_->args[i]; }

  Expr* Wrong(const Expr* at, std::string message) {
    ast_.issues.push_back({at->position, std::move(message)});
    return call_;
  }

  Expr* BadVariables(size_t count, const char* message) {
    for (size_t i = 0; i < count; ++i) {
      const Expr* arg = Arg(i);
      if (arg->kind != ExprKind::kIdent || arg->name.starts_with('.')) return Wrong(arg, message);
      if (arg->name == kAccumulator || arg->name == kAccumulatorAlias) {
        return Wrong(arg, "iteration variable overwrites accumulator variable");
      }
    }
    if (count == 2 && Arg(0)->name == Arg(1)->name) {
      return Wrong(Arg(1), "duplicate variable name: " + Arg(1)->name);
    }
    return nullptr;
  }

  Expr* Ident(const std::string& name) {
    Expr* out = ast_.New(ExprKind::kIdent, at_);
    out->name = name;
    return out;
  }

  Expr* Literal(Value value) {
    Expr* out = ast_.New(ExprKind::kLiteral, at_);
    out->literal = std::move(value);
    return out;
  }

  Expr* Make(std::string name, std::vector<Expr*> args) {
    Expr* out = ast_.New(ExprKind::kCall, at_);
    out->name = std::move(name);
    out->args = std::move(args);
    return out;
  }

  Expr* Member(Expr* target, std::string name, std::vector<Expr*> args) {
    Expr* out = Make(std::move(name), std::move(args));
    out->target = target;
    return out;
  }

  Expr* Gather(size_t variables, Expr* filter, Expr* item) {
    Expr* list = ast_.New(ExprKind::kList, at_);
    list->args = {item};
    Expr* step = Make("_+_", {Ident(kAccumulator), list});
    step->op = Operator::kAppend;
    if (filter != nullptr) step = Make("_?_:_", {filter, step, Ident(kAccumulator)});
    return Fold({.initial = ast_.New(ExprKind::kList, at_),
                 .condition = Literal(Value::Bool(true)),
                 .step = step,
                 .result = Ident(kAccumulator)},
                variables);
  }

  Expr* Fold(const Loop& loop, size_t variables) {
    Expr* out = ast_.New(ExprKind::kComprehension, at_);
    out->range = call_->target;
    out->variable = Arg(0)->name;
    if (variables == 2) out->second_variable = Arg(1)->name;
    out->accumulator = kAccumulator;
    out->initial = loop.initial;
    out->condition = loop.condition;
    out->step = loop.step;
    out->result = loop.result;
    return out;
  }

  // `inner` with `name` for `value`: a comprehension over nothing.
  Expr* Bound(const std::string& name, Expr* value, Expr* inner) {
    Expr* out = ast_.New(ExprKind::kComprehension, at_);
    out->range = ast_.New(ExprKind::kList, at_);
    out->variable = "#unused";
    out->accumulator = name;
    out->initial = value;
    out->condition = Literal(Value::Bool(false));
    out->step = Ident(name);
    out->result = inner;
    return out;
  }

  Ast& ast_;
  Expr* call_;
  int at_;
};

using Expansion = std::function<Expr*(MacroExpander&)>;
struct MacroKey {
  std::string_view name;
  size_t args;
  auto operator<=>(const MacroKey&) const = default;
};

const std::map<MacroKey, Expansion>& MemberMacros() {
  static const std::map<MacroKey, Expansion> macros = {
      {{"all", 2}, [](MacroExpander& m) { return m.Quantifier(true, 1); }},
      {{"exists", 2}, [](MacroExpander& m) { return m.Quantifier(false, 1); }},
      {{"exists_one", 2}, [](MacroExpander& m) { return m.ExistsOne(1); }},
      {{"map", 2}, [](MacroExpander& m) { return m.Collect(1, MacroExpander::kIdentifier); }},
      {{"map", 3}, [](MacroExpander& m) { return m.Collect(1, MacroExpander::kIdentifier); }},
      {{"filter", 2}, [](MacroExpander& m) { return m.Filter(); }}};
  return macros;
}

const std::map<MacroKey, Expansion>& TwoVariableMacros() {
  static const std::map<MacroKey, Expansion> macros = {
      {{"all", 3}, [](MacroExpander& m) { return m.Quantifier(true, 2); }},
      {{"exists", 3}, [](MacroExpander& m) { return m.Quantifier(false, 2); }},
      {{"exists_one", 3}, [](MacroExpander& m) { return m.ExistsOne(2); }},
      {{"existsOne", 3}, [](MacroExpander& m) { return m.ExistsOne(2); }},
      {{"transformList", 3},
       [](MacroExpander& m) { return m.Collect(2, MacroExpander::kSimpleName); }},
      {{"transformList", 4},
       [](MacroExpander& m) { return m.Collect(2, MacroExpander::kSimpleName); }},
      {{"transformMap", 3}, [](MacroExpander& m) { return m.CollectMap(false); }},
      {{"transformMap", 4}, [](MacroExpander& m) { return m.CollectMap(false); }},
      {{"transformMapEntry", 3}, [](MacroExpander& m) { return m.CollectMap(true); }},
      {{"transformMapEntry", 4}, [](MacroExpander& m) { return m.CollectMap(true); }}};
  return macros;
}

}  // namespace

Expr* ExpandMacro(Ast& ast, const MacroSet& macros, Expr* call) {
  MacroExpander expander(ast, call);
  const MacroKey key{call->name, call->args.size()};
  if (call->target == nullptr) {
    return key == MacroKey{"has", 1} ? expander.Has() : nullptr;
  }
  const auto& member = MemberMacros();
  if (const auto found = member.find(key); found != member.end()) return found->second(expander);
  if (macros.two_variables) {
    const auto& two = TwoVariableMacros();
    if (const auto found = two.find(key); found != two.end()) return found->second(expander);
  }
  if (macros.optionals && key == MacroKey{"optMap", 2}) return expander.OptionalMap(false);
  if (macros.optionals && key == MacroKey{"optFlatMap", 2}) return expander.OptionalMap(true);
  if (macros.sort_by && key == MacroKey{"sortBy", 2}) return expander.SortBy();
  const bool on_cel = call->target->kind == ExprKind::kIdent && call->target->name == "cel";
  if (macros.bind && on_cel && key == MacroKey{"bind", 3}) return expander.Bind();
  return nullptr;
}

}  // namespace skiff::cel
