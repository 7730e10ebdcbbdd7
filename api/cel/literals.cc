// What Kubernetes checks of literals once an expression's types are known.
#include <functional>

#include "api/cel/checker.h"
#include "api/cel/conversions.h"
#include "api/cel/libraries.h"

namespace skiff::cel {
namespace {

class LiteralChecker {
 public:
  explicit LiteralChecker(Ast& ast) : ast_(ast) {}

  void Visit(const Expr& expr, bool in_format) {
    if (expr.kind == ExprKind::kCall) CheckCallLiterals(expr);
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
    if (!arg.literal.Is(Kind::kString)) return;
    const std::string_view text = arg.literal.text();
    const bool bad = (expr.name == "duration" && !ReadDuration(text)) ||
                     (expr.name == "timestamp" && !IsTimestamp(text)) ||
                     (expr.name == "matches" && !PatternError(text).empty());
    if (bad) Complain(arg, "invalid " + expr.name + " argument");
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
};

}  // namespace

void CheckLiterals(Ast& ast) {
  LiteralChecker(ast).Visit(*ast.root, false);
}

}  // namespace skiff::cel
