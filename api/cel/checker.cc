#include "api/cel/checker.h"

#include <algorithm>
#include <map>
#include <utility>

#include "api/cel/limits.h"
#include "api/cel/well_known.h"

namespace skiff::cel {
namespace {

// No more are repeated: of macros in one another each would double them.
constexpr size_t kRepeatedIssuesMax = 1000;
constexpr char kInContainer[] = "' (in container '')";

// "a.b.c" for names joined by selections; "" for anything else.
std::string QualifiedName(const Expr& expr) {
  std::vector<const Expr*> parts = {&expr};
  while (parts.back()->kind == ExprKind::kSelect && !parts.back()->test_only) {
    parts.push_back(parts.back()->target);
  }
  if (parts.back()->kind != ExprKind::kIdent) return "";
  std::string name = parts.back()->name;
  for (size_t i = parts.size() - 1; i-- > 0;) name.append(".").append(parts[i]->name);
  return name;
}

std::string_view WithoutDot(std::string_view name) {
  if (name.starts_with('.')) name.remove_prefix(1);
  return name;
}

class Checker {
 public:
  Checker(Ast& ast, const Scope& scope)
      : ast_(ast), scope_(scope), learnt_(kStepsAtLeast + kStepsPerNode * ast.size()) {}

  void Run() {
    Check(*ast_.root);
    for (Expr* expr : checked_) expr->type = learnt_.Apply(expr->type, true);
    looks_of_thread += learnt_.steps() / kStepsPerLook;
    // What else there is to say may be wrong.
    if (learnt_.TooComplex()) {
      ast_.issues = {{kNoPosition,
                      "expression type limit exceeded: " + std::to_string(kTypePartsMax)}};
    }
  }

 private:
  // Most calls take some fifty.
  static constexpr uint64_t kStepsAtLeast = 1'000'000, kStepsPerNode = 400, kStepsPerLook = 4;

  struct Local {
    std::string name;
    TypeRef type;
    int slot;
  };

  void Complain(const Expr& at, std::string message) {
    ast_.issues.push_back({at.position, std::move(message)});
  }

  // As messages show it: nobody is told of parameters.
  std::string Shown(const TypeRef& type) { return TypeText(*learnt_.Apply(type, true)); }

  void Mismatch(const Expr& at, const TypeRef& wanted, const TypeRef& found) {
    Complain(at, "expected type '" + Shown(wanted) + "' but found '" + Shown(found) + "'");
  }

  void Undeclared(const Expr& at, std::string_view name) {
    Complain(at, "undeclared reference to '" + std::string(name) + kInContainer);
  }

  void SetType(Expr& expr, TypeRef type) {
    expr.type = type->parts > kTypePartsMax ? learnt_.TooLarge() : std::move(type);
    checked_.push_back(&expr);
  }

  TypeRef Known(const TypeRef& type) { return learnt_.Apply(type, false); }
  TypeRef Fresh() { return types::Param("_var" + std::to_string(fresh_++)); }

  void Check(Expr& expr) {
    if (expr.type != nullptr) return Repeat(expr);
    const size_t before = ast_.issues.size();
    CheckOnce(expr);
    if (ast_.issues.size() > before) told_[&expr] = {before, ast_.issues.size()};
  }

  // Macros use some operands twice: as cel-go tells what is wrong with these, for it copies them.
  void Repeat(const Expr& expr) {
    const auto found = told_.find(&expr);
    if (found == told_.end()) return;
    for (size_t i = found->second.first; i < found->second.second; ++i) {
      if (ast_.issues.size() >= kRepeatedIssuesMax) return;
      Issue issue = ast_.issues[i];
      ast_.issues.push_back(std::move(issue));
    }
  }

  void CheckOnce(Expr& expr) {
    if (learnt_.TooComplex()) return SetType(expr, types::Error());
    switch (expr.kind) {
      case ExprKind::kLiteral: return SetType(expr, LiteralType(expr.literal));
      case ExprKind::kIdent: return CheckIdent(expr);
      case ExprKind::kSelect: return CheckSelect(expr, QualifiedName(expr));
      case ExprKind::kCall: return CheckCall(expr);
      case ExprKind::kList: return CheckList(expr);
      case ExprKind::kMap: return CheckMap(expr);
      case ExprKind::kStruct: return CheckStruct(expr);
      case ExprKind::kComprehension: return CheckComprehension(expr);
    }
  }

  static TypeRef LiteralType(const Value& literal) {
    switch (literal.kind()) {
      case Kind::kBool: return types::Bool();
      case Kind::kInt: return types::Int();
      case Kind::kUint: return types::Uint();
      case Kind::kDouble: return types::Double();
      case Kind::kString: return types::String();
      case Kind::kBytes: return types::Bytes();
      default: return types::Null();
    }
  }

  // Variables of comprehensions hide those of the environment, unless the name begins with a dot.
  bool Resolve(Expr& expr, std::string_view name) {
    if (!name.starts_with('.')) {
      for (size_t i = locals_.size(); i-- > 0;) {
        if (locals_[i].name != name) continue;
        expr.slot = kLocalSlots + locals_[i].slot;
        SetType(expr, locals_[i].type);
        return true;
      }
    }
    const std::string_view plain = WithoutDot(name);
    for (size_t i = 0; i < scope_.variables.size(); ++i) {
      if (scope_.variables[i].name != plain) continue;
      expr.slot = static_cast<int>(i);
      SetType(expr, scope_.variables[i].type);
      return true;
    }
    if (const TypeRef type = scope_.functions->FindType(plain)) {
      expr.is_constant = true;
      expr.literal = Value::TypeNamed(InstanceTypeName(*type));
      SetType(expr, types::TypeOf(type));
      return true;
    }
    if (plain == kNullValueName) {
      expr.is_constant = true;
      expr.literal = Value::Int(0);
      SetType(expr, types::Int());
      return true;
    }
    // The planner refuses most of them.
    TypeRef message = scope_.functions->FindMessage(plain);
    if (const WellKnownMessage* known = FindWellKnown(plain)) message = known->type;
    if (message == nullptr) return false;
    expr.is_constant = true;
    expr.literal = Value::TypeNamed(std::string(plain));
    SetType(expr, types::TypeOf(message));
    return true;
  }

  bool IsLocal(std::string_view name) const {
    for (const Local& local : locals_) {
      if (local.name == name) return true;
    }
    return false;
  }

  void CheckIdent(Expr& expr) {
    if (Resolve(expr, expr.name)) return;
    SetType(expr, types::Error());
    Undeclared(expr, expr.name);
  }

  // `name`: the whole of it, where it is one. Of those that it begins with the longest is meant.
  void CheckSelect(Expr& expr, std::string_view name) {
    if (!name.empty()) {
      if (!IsLocal(name.substr(0, name.find('.'))) && Resolve(expr, name)) return;
      name.remove_suffix(expr.name.size() + 1);
    }
    if (!name.empty() && expr.target->kind == ExprKind::kSelect && expr.target->type == nullptr) {
      CheckSelect(*expr.target, name);
    } else {
      Check(*expr.target);
    }
    TypeRef type = FieldType(expr, *expr.target, expr.name, false);
    if (expr.test_only) type = types::Bool();
    SetType(expr, Known(type));
  }

  TypeRef FieldType(const Expr& at, const Expr& operand, const std::string& field, bool optional) {
    TypeRef target = Known(operand.type);
    const bool unwrap = IsOptional(*target);
    if (unwrap) target = target->params[0];
    TypeRef result = types::Error();
    switch (target->kind) {
      case TypeKind::kMap: result = target->params[1]; break;
      case TypeKind::kObject:
        if (const auto found = target->fields.find(field); found != target->fields.end()) {
          result = found->second.type;
        } else if (target->is_open) {
          result = types::Dyn();
        } else {
          Complain(at, "undefined field '" + field + "'");
        }
        break;
      case TypeKind::kParam:
        learnt_.Assign(types::Dyn(), target);
        result = types::Dyn();
        break;
      case TypeKind::kDyn:
      case TypeKind::kError: result = types::Dyn(); break;
      default:
        Complain(at, "type '" + Shown(target) + "' does not support field selection");
        result = types::Dyn();
    }
    return unwrap || optional ? types::Optional(result) : result;
  }

  void CheckCall(Expr& expr) {
    if (expr.name == "_?._") return CheckOptionalSelect(expr);
    for (Expr* arg : expr.args) Check(*arg);
    if (expr.name == "_&&_" || expr.name == "_||_") return CheckLogic(expr);
    if (expr.target == nullptr) {
      const Function* function = scope_.functions->Find(WithoutDot(expr.name));
      return ResolveCall(expr, function);
    }
    // "sets.contains(...)" names a function; "a.contains(...)" is a's.
    if (const std::string prefix = QualifiedName(*expr.target); !prefix.empty()) {
      const std::string name = std::string(WithoutDot(prefix)) + "." + expr.name;
      if (const Function* function = scope_.functions->Find(name)) {
        expr.target = nullptr;
        expr.name = name;
        return ResolveCall(expr, function);
      }
    }
    Check(*expr.target);
    ResolveCall(expr, scope_.functions->Find(expr.name));
  }

  void CheckLogic(Expr& expr) {
    for (const Expr* arg : expr.args) {
      const TypeRef type = Known(arg->type);
      if (!learnt_.Assign(types::Bool(), arg->type)) Mismatch(*arg, types::Bool(), type);
    }
    SetType(expr, types::Bool());
  }

  void CheckOptionalSelect(Expr& expr) {
    Check(*expr.args[0]);
    SetType(*expr.args[1], types::String());
    const std::string field(expr.args[1]->literal.text());
    SetType(expr, Known(FieldType(expr, *expr.args[0], field, true)));
  }

  void ResolveCall(Expr& expr, const Function* function) {
    if (function == nullptr) {
      Undeclared(expr, expr.name);
      return SetType(expr, types::Error());
    }
    std::vector<TypeRef> given;
    if (expr.target != nullptr) given.push_back(expr.target->type);
    for (const Expr* arg : expr.args) given.push_back(arg->type);
    TypeRef result;
    for (const Overload& overload : function->overloads) {
      if (overload.signature.member != (expr.target != nullptr)) continue;
      if (overload.signature.args.size() != given.size()) continue;
      std::map<std::string, TypeRef> renamed;
      std::vector<TypeRef> wanted;
      for (const TypeRef& arg : overload.signature.args) wanted.push_back(Renamed(arg, renamed));
      if (!learnt_.AssignAll(wanted, given)) continue;
      expr.overloads.push_back(&overload);
      const TypeRef one = Known(Renamed(overload.signature.result, renamed));
      if (result == nullptr) {
        result = one;
      } else if (result->kind != TypeKind::kDyn && !SameType(*result, *one)) {
        result = types::Dyn();
      }
    }
    if (result == nullptr) {
      NoOverload(expr, given);
      result = types::Error();
    }
    SetType(expr, result);
  }

  void NoOverload(const Expr& expr, const std::vector<TypeRef>& given) {
    std::string text;
    size_t i = 0;
    if (expr.target != nullptr) text = Shown(given[i++]) + ".";
    text += "(";
    for (const size_t first = i; i < given.size(); ++i) {
      if (i > first) text += ", ";
      text += Shown(given[i]);
    }
    Complain(expr, "found no matching overload for '" + std::string(WithoutDot(expr.name)) +
                       "' applied to '" + text + ")'");
  }

  // With a parameter of its own for each of the signature's.
  TypeRef Renamed(const TypeRef& type, std::map<std::string, TypeRef>& renamed) {
    if (type->kind == TypeKind::kParam) {
      TypeRef& own = renamed[type->name];
      if (own == nullptr) own = Fresh();
      return own;
    }
    if (type->params.empty()) return type;
    std::vector<TypeRef> params;
    for (const TypeRef& param : type->params) params.push_back(Renamed(param, renamed));
    return types::WithParams(*type, std::move(params));
  }

  // Lists of mixed types are lists of dyn here; CheckLiterals refuses them where Kubernetes does.
  TypeRef Join(const TypeRef& before, const TypeRef& next) {
    if (before == nullptr) return next;
    if (learnt_.Assign(before, next)) return MoreGeneral(before, next);
    return types::Dyn();
  }

  // What an item written with "?" holds.
  TypeRef Unwrapped(const Expr& item, bool optional) {
    const TypeRef type = Known(item.type);
    if (!optional) return type;
    if (IsOptional(*type)) return type->params[0];
    if (type->kind != TypeKind::kDyn && type->kind != TypeKind::kError) {
      Mismatch(item, types::Optional(type), type);
    }
    return type;
  }

  void CheckList(Expr& expr) {
    TypeRef item;
    for (size_t i = 0; i < expr.args.size(); ++i) {
      Check(*expr.args[i]);
      item = Join(item, Unwrapped(*expr.args[i], !expr.optional.empty() && expr.optional[i]));
    }
    SetType(expr, types::List(item == nullptr ? Fresh() : item));
  }

  void CheckMap(Expr& expr) {
    TypeRef key;
    TypeRef value;
    for (size_t i = 0; i + 1 < expr.args.size(); i += 2) {
      Check(*expr.args[i]);
      key = Join(key, expr.args[i]->type);
      Check(*expr.args[i + 1]);
      const bool optional = !expr.optional.empty() && expr.optional[i + 1];
      value = Join(value, Unwrapped(*expr.args[i + 1], optional));
    }
    if (key == nullptr) {
      key = Fresh();
      value = Fresh();
    }
    SetType(expr, types::Map(key, value));
  }

  // `type_of`: what a field of a name takes; nullptr: there is none. `nothing`: what is said then.
  template <typename TypeOf, typename Nothing>
  void CheckFields(Expr& expr, const TypeOf& type_of, const Nothing& nothing) {
    for (size_t i = 0; i < expr.args.size(); ++i) {
      Expr& value = *expr.args[i];
      Check(value);
      const TypeRef given = Unwrapped(value, !expr.optional.empty() && expr.optional[i]);
      const TypeRef wanted = type_of(expr.fields[i]);
      if (wanted != nullptr && learnt_.Assign(wanted, given)) continue;
      ast_.issues.push_back(
          {expr.colons[i], wanted == nullptr ? nothing(expr.fields[i], given)
                                             : Misgiven(expr.fields[i], TypeText(*wanted), given)});
    }
  }

  static std::string Misgiven(const std::string& field, const std::string& wanted,
                              const TypeRef& given) {
    return "expected type of field '" + field + "' is '" + wanted + "' but provided type is '" +
           TypeText(*given) + "'";
  }

  void CheckPatchMessage(Expr& expr, const TypeRef& type) {
    CheckFields(
        expr,
        [&](const std::string& name) {
          if (type->is_open) return types::Dyn();
          const auto field = type->fields.find(name);
          return field == type->fields.end() ? nullptr : field->second.type;
        },
        [](const std::string& name, const TypeRef& given) { return Misgiven(name, "", given); });
    SetType(expr, type);
  }

  void CheckWellKnown(Expr& expr, const WellKnownMessage& message) {
    expr.message = &message;
    CheckFields(
        expr,
        [&](const std::string& name) {
          const WellKnownField* field = message.Find(name);
          return field == nullptr ? nullptr : field->type;
        },
        [](const std::string& name, const TypeRef&) { return "undefined field '" + name + "'"; });
    SetType(expr, message.type);
  }

  void CheckStruct(Expr& expr) {
    const std::string_view name = WithoutDot(expr.name);
    if (const TypeRef type = scope_.functions->FindMessage(name)) {
      return CheckPatchMessage(expr, type);
    }
    if (const WellKnownMessage* message = FindWellKnown(name)) {
      return CheckWellKnown(expr, *message);
    }
    const auto variable = std::ranges::find(scope_.variables, name, &Variable::name);
    if (const TypeRef type = scope_.functions->FindType(name)) {
      Complain(expr, "'" + TypeText(*type) + "' is not a message type");
    } else if (variable != scope_.variables.end()) {
      Complain(expr, "'" + TypeText(*variable->type) + "' is not a type");
    } else {
      Undeclared(expr, expr.name);
    }
    for (Expr* value : expr.args) Check(*value);
    SetType(expr, types::Error());
  }

  void Require(const Expr& expr, const TypeRef& wanted) {
    if (learnt_.Assign(wanted, expr.type)) return;
    Mismatch(expr, wanted, expr.type);
  }

  void CheckComprehension(Expr& expr) {
    Check(*expr.range);
    Check(*expr.initial);
    const TypeRef accumulator = expr.initial->type;
    const auto [first, second] = RangeTypes(expr);
    const size_t before = locals_.size();
    const int slot = static_cast<int>(before);
    locals_.push_back({expr.accumulator, accumulator, slot});
    locals_.push_back({expr.variable, first, slot + 1});
    if (!expr.second_variable.empty()) {
      locals_.push_back({expr.second_variable, second, slot + 2});
    }
    ast_.locals = std::max(ast_.locals, static_cast<int>(locals_.size()));
    expr.slot = kLocalSlots + slot;
    Check(*expr.condition);
    Require(*expr.condition, types::Bool());
    Check(*expr.step);
    Require(*expr.step, accumulator);
    locals_.resize(before + 1);
    Check(*expr.result);
    locals_.resize(before);
    SetType(expr, Known(expr.result->type));
  }

  // Of the one or two variables.
  std::pair<TypeRef, TypeRef> RangeTypes(const Expr& expr) {
    const TypeRef range = Known(expr.range->type);
    const bool two = !expr.second_variable.empty();
    switch (range->kind) {
      case TypeKind::kList:
        return {two ? types::Int() : range->params[0], range->params[0]};
      case TypeKind::kMap: return {range->params[0], range->params[1]};
      case TypeKind::kDyn:
      case TypeKind::kError:
      case TypeKind::kParam:
        if (IsAny(*range)) break;
        learnt_.Assign(types::Dyn(), range);
        return {types::Dyn(), types::Dyn()};
      default: break;
    }
    Complain(*expr.range, "expression of type '" + Shown(range) +
                              "' cannot be range of a comprehension (must be list, map, or "
                              "dynamic)");
    return {types::Error(), types::Error()};
  }

  Ast& ast_;
  const Scope& scope_;
  Substitution learnt_;
  std::vector<Local> locals_;
  std::vector<Expr*> checked_;
  // Which issues are about an expression that has any, from the first to behind the last.
  std::map<const Expr*, std::pair<size_t, size_t>> told_;
  int fresh_ = 0;
};

}  // namespace

void CheckTypes(Ast& ast, const Scope& scope) {
  Checker(ast, scope).Run();
}

}  // namespace skiff::cel
