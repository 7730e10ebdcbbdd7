#include "api/cel/named_parts.h"

namespace skiff::cel {
namespace {

// What a field is selected from, as a.b or a.?b; null where it is something else.
const Expr* SelectedFrom(const Expr& expr) {
  if (expr.kind == ExprKind::kSelect && expr.slot < 0 && !expr.is_constant) return expr.target;
  return expr.op == Operator::kOptionalSelect ? expr.args[0] : nullptr;
}

// Whether it is the variable, or a field below it: which one.
bool IsPath(const Expr* expr, int slot, std::vector<std::string_view>& path) {
  if (expr == nullptr || expr->is_folded) return false;
  const Expr* outer = SelectedFrom(*expr);
  if (outer == nullptr) return expr->kind == ExprKind::kIdent && expr->slot == slot;
  if (!IsPath(outer, slot, path)) return false;
  const bool optional = expr->op == Operator::kOptionalSelect;
  path.push_back(optional ? expr->args[1]->literal.text() : std::string_view(expr->name));
  return true;
}

}  // namespace

void AddNamedParts(const Program& program, int slot, DocumentParts& parts) {
  const auto add = [&](const Expr* expr) {
    std::vector<std::string_view> path;
    if (IsPath(expr, slot, path)) parts.Add(path);
  };
  const Expr& root = *program.ast().root;
  add(&root);
  VisitExpressions(root, [&](const Expr& expr) {
    // Of a longer path the shorter ones are not asked for by themselves.
    const Expr* outer = SelectedFrom(expr);
    for (const Expr* part : {static_cast<const Expr*>(expr.target),
                             static_cast<const Expr*>(expr.range),
                             static_cast<const Expr*>(expr.initial),
                             static_cast<const Expr*>(expr.condition),
                             static_cast<const Expr*>(expr.step),
                             static_cast<const Expr*>(expr.result)}) {
      if (part != outer) add(part);
    }
    for (const Expr* arg : expr.args) {
      if (arg != outer) add(arg);
    }
  });
}

}  // namespace skiff::cel
