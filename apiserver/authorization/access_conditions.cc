#include "apiserver/authorization/access_conditions.h"

#include <fmt/format.h>

#include <initializer_list>
#include <utility>

#include "api/cel/type.h"
#include "api/codec/json.h"
#include "api/select/selector.h"
#include "api/text/utf8.h"
#include "apiserver/identity/review_poster.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

constexpr std::string_view kReviewGroup = "authorization.k8s.io/";

cel::TypeRef ObjectType(std::string name,
                        std::initializer_list<std::pair<const char*, cel::TypeRef>> fields) {
  auto made = std::make_shared<cel::Type>();
  made->kind = cel::TypeKind::kObject;
  made->name = std::move(name);
  for (const auto& [field, type] : fields) made->fields[field] = {field, type};
  return made;
}

const cel::TypeRef& RequestType() {
  static const cel::TypeRef type = [] {
    const cel::TypeRef text = cel::types::String();
    const cel::TypeRef texts = cel::types::List(text);
    const auto selector = [&](std::string name) {
      const cel::TypeRef requirement = ObjectType(
          "kubernetes.SelectorRequirement", {{"key", text}, {"operator", text}, {"values", texts}});
      return ObjectType(std::move(name),
                        {{"rawSelector", text}, {"requirements", cel::types::List(requirement)}});
    };
    const cel::TypeRef resource =
        ObjectType("kubernetes.ResourceAttributes",
                   {{"namespace", text},
                    {"verb", text},
                    {"group", text},
                    {"version", text},
                    {"resource", text},
                    {"subresource", text},
                    {"name", text},
                    {"fieldSelector", selector("kubernetes.FieldSelectorAttributes")},
                    {"labelSelector", selector("kubernetes.LabelSelectorAttributes")}});
    return ObjectType("kubernetes.SubjectAccessReviewSpec",
                      {{"resourceAttributes", resource},
                       {"nonResourceAttributes", ObjectType("kubernetes.NonResourceAttributes",
                                                            {{"path", text}, {"verb", text}})},
                       {"user", text},
                       {"groups", texts},
                       {"extra", cel::types::Map(text, texts)},
                       {"uid", text}});
  }();
  return type;
}

const char* OperatorText(LabelOperator op) {
  switch (op) {
    case LabelOperator::kEquals:
    case LabelOperator::kDoubleEquals:
    case LabelOperator::kIn:
      return "In";
    case LabelOperator::kNotEquals:
    case LabelOperator::kNotIn:
      return "NotIn";
    case LabelOperator::kExists:
      return "Exists";
    case LabelOperator::kDoesNotExist:
      return "DoesNotExist";
    default:
      return nullptr;
  }
}

std::vector<std::string> Mended(const std::vector<std::string>& texts) {
  std::vector<std::string> mended;
  mended.reserve(texts.size());
  for (const std::string& each : texts) mended.push_back(MendUtf8(each));
  return mended;
}

void AddSelectors(const Access& access, authorization_v1::ResourceAttributes& to) {
  if (!access.field_selector.empty()) {
    const auto selector = FieldSelector::Parse(access.field_selector);
    authorization_v1::FieldSelectorAttributes fields;
    for (const FieldTerm& term : selector ? selector->terms() : std::vector<FieldTerm>()) {
      auto& added = fields.requirements.emplace_back();
      added.key = MendUtf8(term.field);
      added.operator_ = term.equal ? "In" : "NotIn";
      added.values = {MendUtf8(term.value)};
    }
    if (!fields.requirements.empty()) to.field_selector = std::move(fields);
  }
  if (!access.label_selector.empty()) {
    const auto selector = LabelSelector::Parse(access.label_selector);
    authorization_v1::LabelSelectorAttributes labels;
    for (const auto& each : selector ? selector->requirements() : std::vector<LabelRequirement>()) {
      const char* op = OperatorText(each.op);
      if (op == nullptr) continue;
      auto& added = labels.requirements.emplace_back();
      added.key = MendUtf8(each.key);
      added.operator_ = op;
      added.values = Mended(each.values);
    }
    if (!labels.requirements.empty()) to.label_selector = std::move(labels);
  }
}

template <typename Selector>
Json SelectorForCel(const Selector& selector) {
  Json requirements = Json::array();
  for (const auto& each : selector.requirements) {
    requirements.push_back(
        {{"key", each.key}, {"operator", each.operator_}, {"values", Json(each.values)}});
  }
  return {{"requirements", std::move(requirements)}};
}

// Every text is there, also where it is empty.
Json RequestForCel(const authorization_v1::SubjectAccessReviewSpec& spec) {
  Json request = {{"user", spec.user},
                  {"groups", Json(spec.groups)},
                  {"uid", spec.uid},
                  {"extra", Json::object()}};
  for (const auto& [key, values] : spec.extra) request["extra"][key] = Json(values);
  if (const auto& resource = spec.resource_attributes) {
    Json& to = request["resourceAttributes"];
    to = {{"namespace", resource->namespace_},
          {"verb", resource->verb},
          {"group", resource->group},
          {"version", resource->version},
          {"resource", resource->resource},
          {"subresource", resource->subresource},
          {"name", resource->name}};
    if (resource->field_selector) to["fieldSelector"] = SelectorForCel(*resource->field_selector);
    if (resource->label_selector) to["labelSelector"] = SelectorForCel(*resource->label_selector);
  }
  if (const auto& path = spec.non_resource_attributes) {
    request["nonResourceAttributes"] = {{"verb", path->verb}, {"path", path->path}};
  }
  return request;
}

std::string TextIn(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Go's decoder takes nothing else for a boolean.
Result<bool> SwitchIn(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return false;
  if (!found->is_boolean()) {
    return Fail(Reason::kInternalError, fmt::format("status.{} of the review is no bool", name));
  }
  return found->get<bool>();
}

}  // namespace

Result<std::shared_ptr<const cel::Program>> CompileAccessCondition(std::string_view expression) {
  auto program =
      TRY(cel::Compile(expression, cel::Environment::Kubernetes({{"request", RequestType()}})));
  if (!cel::IsPlain(*program->type(), cel::TypeKind::kBool)) {
    return Fail(Reason::kInvalid,
                "must evaluate to bool but got " + cel::GoTypeText(*program->type()));
  }
  return program;
}

authorization_v1::SubjectAccessReviewSpec ReviewSpecOf(const User& user, const Access& access) {
  authorization_v1::SubjectAccessReviewSpec spec;
  spec.user = MendUtf8(user.name);
  spec.uid = MendUtf8(user.uid);
  spec.groups = Mended(user.groups);
  for (const auto& [key, values] : user.extra) spec.extra[MendUtf8(key)] = Mended(values);
  if (!access.is_resource) {
    authorization_v1::NonResourceAttributes to;
    to.path = MendUtf8(access.path);
    to.verb = MendUtf8(access.verb);
    spec.non_resource_attributes = std::move(to);
    return spec;
  }
  authorization_v1::ResourceAttributes to;
  to.namespace_ = MendUtf8(access.namespace_name);
  to.verb = MendUtf8(access.verb);
  to.group = MendUtf8(access.group);
  to.version = MendUtf8(access.version);
  to.resource = MendUtf8(access.resource);
  to.subresource = MendUtf8(access.subresource);
  to.name = MendUtf8(access.name);
  AddSelectors(access, to);
  spec.resource_attributes = std::move(to);
  return spec;
}

Result<bool> AccessConditionsHold(const std::vector<AccessCondition>& conditions,
                                  const authorization_v1::SubjectAccessReviewSpec& spec) {
  if (conditions.empty()) return true;
  const Json request = RequestForCel(spec);
  const cel::Value bindings[] = {cel::Value::Document(request, RequestType().get())};
  std::vector<std::string> errors;
  uint64_t left = cel::kMatchConditionsCostMax;
  for (const AccessCondition& each : conditions) {
    const cel::Outcome outcome = each.program->Eval(bindings, std::min(left, cel::kCallCostMax));
    left -= std::min(left, outcome.cost);
    if (outcome.failed()) {
      errors.push_back(fmt::format("cel evaluation error: expression '{}' resulted in error: {}",
                                   each.expression, outcome.value.text()));
    } else if (!outcome.value.IsTrue()) {
      return false;
    }
  }
  if (!errors.empty()) return Fail(Reason::kInternalError, JoinedErrors(errors));
  return true;
}

std::string AccessReviewText(const std::string& version, const std::string& spec) {
  std::string sent = spec;
  if (version == "v1beta1") {
    Json renamed = Json::object();
    const Json written = *ParseJson(spec);
    for (const auto& [key, value] : written.items()) {
      renamed[key == "groups" ? "group" : key] = value;
    }
    sent = DumpJson(renamed);
  }
  return fmt::format(
      R"({{"kind":"SubjectAccessReview","apiVersion":"{}{}","metadata":{{}},"spec":{},)"
      R"("status":{{"allowed":false}}}})",
      kReviewGroup, version, sent);
}

Result<Verdict> ReadAccessReview(std::string_view body, const std::string& version) {
  const auto review = ParseJson(body);
  const std::string wanted = std::string(kReviewGroup) + version;
  if (!review || !IsReviewOf(*review, "SubjectAccessReview", wanted)) {
    return Fail(Reason::kInternalError,
                "the webhook did not answer with a SubjectAccessReview of " + wanted);
  }
  const Json status = review->value("status", Json::object());
  if (!status.is_object()) return Fail(Reason::kInternalError, "status of the review is no object");
  const bool allowed = TRY(SwitchIn(status, "allowed"));
  const bool denied = TRY(SwitchIn(status, "denied"));
  Verdict verdict{.reason = TextIn(status, "reason")};
  if (denied) {
    verdict.decision = Verdict::Decision::kDeny;
    if (allowed) {
      verdict.error = "webhook subject access review returned both allow and deny response";
    }
  } else if (allowed) {
    verdict.decision = Verdict::Decision::kAllow;
  }
  return verdict;
}

}  // namespace skiff
