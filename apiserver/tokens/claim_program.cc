#include "apiserver/tokens/claim_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "api/cel/words.h"

namespace skiff {
namespace {

cel::TypeRef ClaimsType() {
  static const cel::TypeRef type = cel::types::Map(cel::types::String(), cel::types::Any());
  return type;
}

cel::TypeRef UserInfoType() {
  static const cel::TypeRef type = [] {
    const cel::TypeRef text = cel::types::String();
    const cel::TypeRef texts = cel::types::List(text);
    auto made = std::make_shared<cel::Type>();
    made->kind = cel::TypeKind::kObject;
    made->name = "kubernetes.UserInfo";
    made->fields = {{"username", {"username", text}},
                    {"uid", {"uid", text}},
                    {"groups", {"groups", texts}},
                    {"extra", {"extra", cel::types::Map(text, texts)}}};
    return cel::TypeRef(std::move(made));
  }();
  return type;
}

// "a__dot__b" -> "a.b", "__namespace__" -> "namespace". nullopt: it is written as it is.
std::optional<std::string> UnescapedName(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kWords = {
      {{"underscores", "__"}, {"dot", "."}, {"dash", "-"}, {"slash", "/"}}};
  std::string plain;
  bool any = false;
  for (size_t at = 0; at < name.size();) {
    const size_t end = name.substr(at).starts_with("__") ? name.find("__", at + 2) : name.npos;
    if (end == name.npos) {
      plain += name[at++];
      continue;
    }
    const std::string_view inner = name.substr(at + 2, end - at - 2);
    const auto* word = std::find_if(kWords.begin(), kWords.end(),
                                    [&](const auto& each) { return each.first == inner; });
    if (word != kWords.end()) {
      plain += word->second;
    } else if (at == 0 && end + 2 == name.size() && cel::IsReservedWord(inner)) {
      plain += inner;
    } else {
      plain += name[at++];
      continue;
    }
    at = end + 2;
    any = true;
  }
  return any ? std::optional(plain) : std::nullopt;
}

// Claims have whatever names an issuer gives them; expressions write those that are no identifiers
// as they write properties of objects. What is looked up is the name itself.
void UnescapeName(cel::Expr& node) {
  const auto unescape_text = [](cel::Expr& argument) {
    const bool is_text =
        argument.kind == cel::ExprKind::kLiteral && argument.literal.Is(cel::Kind::kString);
    if (!is_text) return;
    if (auto plain = UnescapedName(argument.literal.text())) {
      argument.literal = cel::Value::String(*std::move(plain));
    }
  };
  if (node.kind == cel::ExprKind::kSelect) {
    if (auto plain = UnescapedName(node.name)) node.name = *std::move(plain);
  } else if (node.op == cel::Operator::kIndex || node.op == cel::Operator::kOptionalIndex ||
             node.op == cel::Operator::kOptionalSelect) {
    if (!node.args.empty()) unescape_text(*node.args.back());
  }
}

Result<ClaimProgram> CompileOver(std::string_view expression, const char* variable,
                                 const cel::TypeRef& type, ClaimResult wanted) {
  auto environment = cel::Environment::Kubernetes({{variable, type}});
  environment.rename = UnescapeName;
  ClaimProgram program = TRY(cel::Compile(expression, environment));
  if (wanted == ClaimResult::kBool && !cel::IsPlain(*program->type(), cel::TypeKind::kBool)) {
    return Fail(Reason::kInvalid, "must evaluate to bool");
  }
  return program;
}

Result<cel::Value> EvaluateOver(const cel::Program& program, const std::string& expression,
                                const cel::Value& input, ClaimBudget& budget) {
  const cel::Value bindings[] = {input};
  const cel::Outcome outcome = program.Eval(bindings, std::min(budget.left, cel::kCallCostMax));
  budget.left -= std::min(budget.left, outcome.cost);
  if (!outcome.failed()) return outcome.value;
  return Fail(Reason::kUnauthorized, fmt::format("expression '{}' resulted in error: {}",
                                                 expression, outcome.value.text()));
}

void NumbersAsDoubles(Json& json) {
  if (json.is_number()) {
    json = json.get<double>();
  } else if (json.is_structured()) {
    for (Json& each : json) NumbersAsDoubles(each);
  }
}

}  // namespace

Result<ClaimProgram> CompileClaims(std::string_view expression, ClaimResult wanted) {
  return CompileOver(expression, "claims", ClaimsType(), wanted);
}

Result<ClaimProgram> CompileUser(std::string_view expression) {
  return CompileOver(expression, "user", UserInfoType(), ClaimResult::kBool);
}

bool UsesClaim(const cel::Program& program, std::string_view name) {
  const auto is_claims = [](const cel::Expr* expr) {
    return expr != nullptr && expr->kind == cel::ExprKind::kIdent && expr->name == "claims";
  };
  bool found = false;
  cel::VisitExpressions(*program.ast().root, [&](const cel::Expr& each) {
    if (each.kind == cel::ExprKind::kSelect) {
      found |= is_claims(each.target) && each.name == name;
    } else if (each.op == cel::Operator::kOptionalSelect && !each.args.empty()) {
      const cel::Expr* operand = each.args.size() > 1 ? each.args[0] : each.target;
      found |= is_claims(operand) && each.args.back()->literal.text() == name;
    }
  });
  return found;
}

Json ClaimsForCel(const Json& claims) {
  Json copy = claims;
  NumbersAsDoubles(copy);
  return copy;
}

Json UserForCel(const User& user) {
  return {{"username", user.name},
          {"uid", user.uid},
          {"groups", user.groups},
          {"extra", Json(user.extra)}};
}

Result<cel::Value> EvaluateClaims(const cel::Program& program, const std::string& expression,
                                  const Json& input, ClaimBudget& budget) {
  return EvaluateOver(program, expression, cel::Value::Document(input), budget);
}

Result<cel::Value> EvaluateUser(const cel::Program& program, const std::string& expression,
                                const Json& input, ClaimBudget& budget) {
  static const cel::TypeRef type = UserInfoType();
  return EvaluateOver(program, expression, cel::Value::Document(input, type.get()), budget);
}

Result<std::vector<std::string>> TextsOfValue(const cel::Value& value) {
  const auto misfit = [] {
    return Fail(Reason::kUnauthorized, "expression must return a string or a list of strings");
  };
  std::vector<std::string> texts;
  if (value.Is(cel::Kind::kNull)) return texts;
  if (value.Is(cel::Kind::kString)) {
    if (!value.text().empty()) texts.emplace_back(value.text());
    return texts;
  }
  if (!value.Is(cel::Kind::kList)) return misfit();
  for (const cel::Value& item : value.Items()) {
    if (!item.Is(cel::Kind::kString)) return misfit();
    if (!item.text().empty()) texts.emplace_back(item.text());
  }
  return texts;
}

}  // namespace skiff
