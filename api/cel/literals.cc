// What Kubernetes checks of literals once an expression's types are known.
#include <unordered_set>

#include "api/cel/checker.h"
#include "api/cel/conversions.h"
#include "api/cel/format.h"
#include "api/cel/libraries.h"
#include "api/cel/patterns.h"

namespace skiff::cel {
namespace {

class LiteralChecker {
 public:
  explicit LiteralChecker(Ast& ast) : ast_(ast) {}

  void Visit(const Expr& expr, bool in_format) {
    if (!seen_.insert(&expr).second) return;
    if (expr.kind == ExprKind::kCall) CheckCallLiterals(expr);
    if (expr.kind == ExprKind::kCall && expr.name == "format") CheckFormat(expr);
    if (expr.kind == ExprKind::kList && !in_format) CheckItems(expr, 0, 1);
    if (expr.kind == ExprKind::kMap && !in_format) {
      CheckItems(expr, 0, 2);
      CheckItems(expr, 1, 2);
    }
    in_format |= expr.kind == ExprKind::kCall && expr.name == "format";
    if (expr.target != nullptr) Visit(*expr.target, in_format);
    for (const Expr* arg : expr.args) Visit(*arg, in_format);
    if (expr.kind != ExprKind::kComprehension) return;
    for (const Expr* part : {expr.range, expr.initial, expr.condition, expr.step, expr.result}) {
      Visit(*part, in_format);
    }
  }

 private:
  void Complain(const Expr& at, std::string message) {
    ast_.issues.push_back({at.position, std::move(message)});
  }

  void CheckCallLiterals(const Expr& expr) {
    if (expr.args.empty() || expr.args[0]->kind != ExprKind::kLiteral) return;
    const Expr& arg = *expr.args[0];
    if (arg.literal.Is(Kind::kInt)) {
      const int64_t number = arg.literal.integer();
      const bool wrong = expr.name == "duration" ||
                         (expr.name == "timestamp" && !InTimestampRange({number, 0}));
      if (wrong) Complain(arg, "invalid " + expr.name + " argument");
    }
    if (!arg.literal.Is(Kind::kString)) return;
    const std::string_view text = arg.literal.text();
    const bool bad = (expr.name == "duration" && !ReadDuration(text)) ||
                     (expr.name == "timestamp" && !IsTimestamp(text)) ||
                     (expr.name == "matches" && !patterns_.Error(text).empty());
    if (bad) Complain(arg, "invalid " + expr.name + " argument");
  }

  // A format and a list that are both written out: each clause with the item it shows. What an
  // item cannot be shown as is said at the item, all else at the call.
  void CheckFormat(const Expr& expr) {
    if (expr.target == nullptr || expr.target->kind != ExprKind::kLiteral) return;
    if (!expr.target->literal.Is(Kind::kString) || expr.args[0]->kind != ExprKind::kList) return;
    const std::vector<Expr*>& items = expr.args[0]->args;
    const Expr* wrong = &expr;
    size_t used = 0;
    const auto text = [&](size_t index, char clause, int precision) -> Value {
      ++used;
      const Expr* taken = clause == 's' ? FirstUnshown(*items[index]) : items[index];
      Value part = FormatItem(taken == nullptr ? *items[index] : *taken, clause, precision);
      wrong = part.IsError() ? taken : &expr;
      return part;
    };
    const Value shown = ExpandFormat(expr.target->literal.text(),
                                     {.count = items.size(), .are_written = true}, text);
    if (shown.IsError()) {
      Complain(*wrong, std::string(shown.text()));
    } else if (used < items.size()) {
      Complain(expr, "too many arguments supplied to string.format (expected " +
                         std::to_string(used) + ", got " + std::to_string(items.size()) + ")");
    }
  }

  // An example of the item's type tells whether the clause takes it.
  static Value FormatItem(const Expr& item, char clause, int precision) {
    const auto format = [&](const Value& value) { return FormatValue(value, clause, precision); };
    switch (item.type->kind) {
      case TypeKind::kNull:
        return format(Value());
      case TypeKind::kBool:
        return format(Value::Bool(false));
      case TypeKind::kInt:
        return format(Value::Int(0));
      case TypeKind::kUint:
        return format(Value::Uint(0));
      case TypeKind::kDouble:
        return format(Value::Double(0));
      case TypeKind::kString:
        return format(Value::StringView("NaN"));
      case TypeKind::kBytes:
        return format(Value::Bytes(""));
      case TypeKind::kDuration:
        return format(Value::Duration(0));
      case TypeKind::kTimestamp:
        return format(Value::Timestamp({}));
      case TypeKind::kType:
        return format(Value::TypeNamed("type"));
      case TypeKind::kList:
        return format(Value::List(std::vector<Value>()));
      case TypeKind::kMap:
        return format(MapBuilder::Make({}));
      case TypeKind::kOpaque:
      case TypeKind::kObject:
        return UnfitForClause(clause, item.type->name);
      default: return Value::StringView("");
    }
  }

  // What %s cannot show of an expression, or of the lists and maps written in it.
  static const Expr* FirstUnshown(const Expr& expr) {
    if (FormatItem(expr, 's', -1).IsError()) return &expr;
    if (expr.kind != ExprKind::kList && expr.kind != ExprKind::kMap) return nullptr;
    for (const Expr* part : expr.args) {
      if (const Expr* found = FirstUnshown(*part)) return found;
    }
    return nullptr;
  }

  static bool IsTimestamp(std::string_view text) {
    const auto moment = ReadTimestamp(text);
    return moment && InTimestampRange(*moment);
  }

  // Of every `stride`th item from `first` on: one type.
  void CheckItems(const Expr& expr, size_t first, size_t stride) {
    TypeRef wanted;
    for (size_t i = first; i < expr.args.size(); i += stride) {
      TypeRef type = expr.args[i]->type;
      if (!expr.optional.empty() && expr.optional[i] && IsOptional(*type)) type = type->params[0];
      if (wanted == nullptr) {
        wanted = type;
      } else if (!SameType(*wanted, *type)) {
        Complain(*expr.args[i], "expected type '" + TypeText(*wanted) + "' but found '" +
                                    TypeText(*type) + "'");
        return;
      }
    }
  }

  Ast& ast_;
  const PatternAllowance patterns_;
  std::unordered_set<const Expr*> seen_;
};

}  // namespace

void CheckLiterals(Ast& ast) {
  LiteralChecker(ast).Visit(*ast.root, false);
}

}  // namespace skiff::cel
