#include "api/cel/authorizer.h"

#include <array>

#include "api/cel/libraries.h"
#include "api/cel/limits.h"
#include "api/rules/names.h"
#include "base/text.h"

namespace skiff::cel {
namespace {

using Args = std::span<const Value>;

constexpr char kAuthorizer[] = "kubernetes.authorization.Authorizer";
constexpr char kPathCheck[] = "kubernetes.authorization.PathCheck";
constexpr char kGroupCheck[] = "kubernetes.authorization.GroupCheck";
constexpr char kResourceCheck[] = "kubernetes.authorization.ResourceCheck";
constexpr char kDecision[] = "kubernetes.authorization.Decision";

// A question on its way: each call adds to it.
class CheckValue final : public OpaqueValue {
 public:
  CheckValue(const char* type, const Authorizer& who, AccessQuestion what)
      : authorizer(who), question(std::move(what)), type_(type) {}
  const char* TypeName() const override { return type_; }
  bool Equals(const OpaqueValue& other) const override { return this == &other; }
  bool IsComparable() const override { return false; }
  size_t Bytes() const override;
  const Authorizer& authorizer;
  const AccessQuestion question;

 private:
  const char* type_;
};

class DecisionValue final : public OpaqueValue {
 public:
  explicit DecisionValue(AccessAnswer value) : answer(std::move(value)) {}
  const char* TypeName() const override { return kDecision; }
  bool Equals(const OpaqueValue& other) const override { return this == &other; }
  bool IsComparable() const override { return false; }
  const AccessAnswer answer;
};

const CheckValue& CheckIn(const Value& value) {
  return static_cast<const CheckValue&>(value.opaque());
}

size_t TextBytesOf(const AccessQuestion& question) {
  size_t bytes = 0;
  for (const std::string* text :
       {&question.path, &question.group, &question.resource, &question.subresource,
        &question.name_space, &question.name, &question.field_selector, &question.label_selector,
        &question.service_account, &question.service_account_namespace}) {
    bytes += text->size();
  }
  return bytes;
}

size_t CheckValue::Bytes() const {
  return sizeof *this + TextBytesOf(question);
}

// Each question holds all that was said before it: a list of very many that name one long group
// would fill the memory.
template <typename Change>
Value Asking(const Value& from, const char* type, const Change& change) {
  const CheckValue& check = CheckIn(from);
  AccessQuestion question = check.question;
  change(question);
  if (!Look(TextBytesOf(question) / kTextBytesPerLook)) return Value::Error(kBudgetText);
  return Value::Opaque(std::make_shared<CheckValue>(type, check.authorizer, std::move(question)));
}

template <std::string AccessQuestion::*field, const char* type>
Value With(Args a) {
  return Asking(a[0], type,
                [&](AccessQuestion& question) { question.*field = std::string(a[1].text()); });
}
// "": of no account is asked, but of who sent the request, and of a resource where there is no
// path.
template <std::string AccessQuestion::*field, const char* type>
Value WithSome(Args a, const char* error) {
  if (WithoutBlanks(a[1].text()).empty()) return Value::Error(error);
  return With<field, type>(a);
}
Value AtPath(Args a) {
  return WithSome<&AccessQuestion::path, kPathCheck>(a, "path must not be empty");
}
Value OfResource(Args a) {
  return WithSome<&AccessQuestion::resource, kResourceCheck>(a, "resource must not be empty");
}
Value ForServiceAccount(Args a) {
  if (!NameIsDnsSubdomain(a[2].text(), false).empty()) {
    return Value::Error("Invalid service account name");
  }
  if (!NameIsDnsLabel(a[1].text(), false).empty()) {
    return Value::Error("Invalid service account namespace");
  }
  return Asking(a[0], kAuthorizer, [&](AccessQuestion& question) {
    question.service_account_namespace = std::string(a[1].text());
    question.service_account = std::string(a[2].text());
  });
}
Value Ask(Args a) {
  const CheckValue& check = CheckIn(a[0]);
  AccessQuestion question = check.question;
  question.verb = std::string(a[1].text());
  return Value::Opaque(std::make_shared<DecisionValue>(check.authorizer.Check(question)));
}
const AccessAnswer& AnswerIn(const Value& value) {
  return static_cast<const DecisionValue&>(value.opaque()).answer;
}
Value Allowed(Args a) {
  return Value::Bool(AnswerIn(a[0]).allowed);
}
Value ReasonOf(Args a) {
  return Value::String(AnswerIn(a[0]).reason);
}
Value Errored(Args a) {
  return Value::Bool(!AnswerIn(a[0]).error.empty());
}
Value ErrorOf(Args a) {
  return Value::String(AnswerIn(a[0]).error);
}

struct CheckLine {
  const char* function;
  const char* type;
  const char* args;
  const char* result;
  Implementation run;
  CostRule cost = CostRule::kOne;
};
constexpr std::array kChecks = {
    CheckLine{"path", kAuthorizer, "string", kPathCheck, AtPath},
    CheckLine{"group", kAuthorizer, "string", kGroupCheck,
              With<&AccessQuestion::group, kGroupCheck>},
    CheckLine{"serviceAccount", kAuthorizer, "string, string", kAuthorizer, ForServiceAccount},
    CheckLine{"resource", kGroupCheck, "string", kResourceCheck, OfResource},
    CheckLine{"subresource", kResourceCheck, "string", kResourceCheck,
              With<&AccessQuestion::subresource, kResourceCheck>},
    CheckLine{"namespace", kResourceCheck, "string", kResourceCheck,
              With<&AccessQuestion::name_space, kResourceCheck>},
    CheckLine{"name", kResourceCheck, "string", kResourceCheck,
              With<&AccessQuestion::name, kResourceCheck>},
    CheckLine{"fieldSelector", kResourceCheck, "string", kResourceCheck,
              With<&AccessQuestion::field_selector, kResourceCheck>, CostRule::kSelector},
    CheckLine{"labelSelector", kResourceCheck, "string", kResourceCheck,
              With<&AccessQuestion::label_selector, kResourceCheck>, CostRule::kSelector},
    CheckLine{"check", kPathCheck, "string", kDecision, Ask, CostRule::kAuthorizerCheck},
    CheckLine{"check", kResourceCheck, "string", kDecision, Ask, CostRule::kAuthorizerCheck},
    CheckLine{"allowed", kDecision, "", "bool", Allowed},
    CheckLine{"reason", kDecision, "", "string", ReasonOf},
    CheckLine{"errored", kDecision, "", "bool", Errored},
    CheckLine{"error", kDecision, "", "string", ErrorOf}};

}  // namespace

TypeRef AuthorizerType() {
  return types::Opaque(kAuthorizer);
}
TypeRef ResourceCheckType() {
  return types::Opaque(kResourceCheck);
}
Value AuthorizerValue(const Authorizer& authorizer) {
  return Value::Opaque(std::make_shared<CheckValue>(kAuthorizer, authorizer, AccessQuestion{}));
}
Value RequestResourceValue(const Authorizer& authorizer, AccessQuestion request) {
  return Value::Opaque(
      std::make_shared<CheckValue>(kResourceCheck, authorizer, std::move(request)));
}

void AddAuthorizerFunctions(FunctionTable& table) {
  for (const CheckLine& line : kChecks) {
    const std::string signature =
        std::string(line.type) + ".(" + line.args + ") -> " + line.result;
    const Declaration declared[] = {{line.function, signature.c_str(), line.run, line.cost}};
    table.Add(declared);
  }
}

}  // namespace skiff::cel
