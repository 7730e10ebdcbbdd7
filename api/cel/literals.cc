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
    const Value shown = ExpandFormat(
        expr.target->literal.text(), [&](size_t index, char clause, int precision) -> Value {
          if (index >= items.size()) {
            wrong = &expr;
            return Value::Error("index " + std::to_string(index) + " out of range");
          }
          wrong = items[index];
          ++used;
          Value part = FormatItem(*items[index], clause, precision);
          if (!part.IsError()) wrong = &expr;
          return part;
        });
    if (shown.IsError()) {
      Complain(*wrong, std::string(shown.text()));
    } else if (used < items.size()) {
      Complain(expr, "too many arguments supplied to string.format (expected " +
                         std::to_string(used) + ", got " + std::to_string(items.size()) + ")");
    }
  }

  // An example of the item's type tells whether the clause takes it.
  static Value FormatItem(const Expr& item, char clause, int precision) {
    if (item.kind == ExprKind::kLiteral) return FormatValue(item.literal, clause, precision);
    switch (item.type->kind) {
      case TypeKind::kBool: return FormatValue(Value::Bool(false), clause, precision);
      case TypeKind::kInt: return FormatValue(Value::Int(0), clause, precision);
      case TypeKind::kUint: return FormatValue(Value::Uint(0), clause, precision);
      case TypeKind::kDouble: return FormatValue(Value::Double(0), clause, precision);
      case TypeKind::kString: return FormatValue(Value::StringView("NaN"), clause, precision);
      case TypeKind::kBytes: return FormatValue(Value::Bytes(""), clause, precision);
      case TypeKind::kDuration: return FormatValue(Value::Duration(0), clause, precision);
      case TypeKind::kTimestamp: return FormatValue(Value::Timestamp({}), clause, precision);
      case TypeKind::kList:
        return FormatValue(Value::List(std::vector<Value>()), clause, precision);
      case TypeKind::kMap: return FormatValue(MapBuilder::Make({}), clause, precision);
      case TypeKind::kOpaque:
      case TypeKind::kObject:
        if (clause == 's') {
          return Value::Error("error during formatting: string clause can only be used on strings, "
                              "bools, bytes, ints, doubles, maps, lists, types, durations, and "
                              "timestamps, was given " +
                              TypeText(*item.type));
        }
        return Value::StringView("");
      default: return Value::StringView("");
    }
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
