#include "apiserver/reviews.h"

#include "api/gen/authentication_v1.h"
#include "api/gen/authorization_v1.h"
#include "api/violations.h"
#include "apiserver/api_errors.h"
#include "apiserver/auth/authentication.h"
#include "apiserver/auth/rbac.h"
#include "apiserver/body.h"
#include "apiserver/object_response.h"
#include "apiserver/record_codec.h"
#include "apiserver/subresources/subresources.h"
#include "apiserver/write_options.h"

namespace skiff {
namespace {

template <Kind T>
Result<T> Question(ApiRequest& request) {
  const WriteOptions options = TRY(ParseWriteOptions(request.http, "CreateOptions"));
  const Decoded decoded =
      TRY(DecodeBody(request.http, WantedOf(*request.kind), options.validation));
  if (options.validation == FieldValidation::kWarn) {
    for (const std::string& text : decoded.strict_errors) request.warnings.push_back(text);
  }
  return FromJson<T>(decoded.document);
}

MediaOffer ReviewOffer() {
  return {.metadata = false, .table = false};
}

template <Kind T>
Result<http::Response> Answer(const ApiRequest& request, const T& review) {
  const MediaType media = TRY(Negotiate(request.http, ReviewOffer()));
  std::string text = PlainText(*request.kind, ToJson(review));
  return ObjectResponse(201, *request.kind, std::move(text), request, media);
}

template <typename Extra>
std::map<std::string, std::vector<std::string>> ExtraOf(const Extra& extra) {
  std::map<std::string, std::vector<std::string>> out;
  for (const auto& [key, values] : extra) out[key] = {values.begin(), values.end()};
  return out;
}

void FillUserInfo(const User& user, authentication_v1::UserInfo& info) {
  info.username = user.name;
  info.uid = user.uid;
  info.groups = user.groups;
  for (const auto& [key, values] : user.extra) {
    info.extra[key] = {values.begin(), values.end()};
  }
}

// As a list would be asked for. Only terms of one value can be said so; others narrow nothing.
std::string FieldSelectorText(const Box<authorization_v1::FieldSelectorAttributes>& asked) {
  if (!asked) return "";
  if (!asked->raw_selector.empty()) return asked->raw_selector;
  std::string text;
  for (const auto& requirement : asked->requirements) {
    if (requirement.values.size() != 1) continue;
    const bool equal = requirement.operator_ == "In";
    if (!equal && requirement.operator_ != "NotIn") continue;
    text.append(text.empty() ? "" : ",").append(requirement.key);
    text.append(equal ? "=" : "!=").append(requirement.values[0]);
  }
  return text;
}

template <typename Spec>
Result<Access> AccessAsked(const Spec& spec, std::string_view kind) {
  Violations wrong;
  const FieldPath path("spec");
  if (spec.resource_attributes && spec.non_resource_attributes) {
    wrong.Invalid(path.Child("nonResourceAttributes"), ToJson(*spec.non_resource_attributes),
                  "cannot be specified in combination with resourceAttributes");
  }
  if (!spec.resource_attributes && !spec.non_resource_attributes) {
    wrong.Invalid(path.Child("resourceAttributes"), nullptr,
                  "exactly one of nonResourceAttributes or resourceAttributes must be specified");
  }
  if (!wrong.empty()) return Fail(wrong.ToError("authorization.k8s.io", kind, ""));
  if (spec.non_resource_attributes) {
    return Access{.verb = spec.non_resource_attributes->verb,
                  .is_resource = false,
                  .path = spec.non_resource_attributes->path};
  }
  const auto& resource = *spec.resource_attributes;
  return Access{.verb = resource.verb,
                .group = resource.group,
                .version = resource.version,
                .resource = resource.resource,
                .subresource = resource.subresource,
                .namespace_name = resource.namespace_,
                .name = resource.name,
                .field_selector = FieldSelectorText(resource.field_selector)};
}

void Decide(Core& core, const User& user, const Access& access,
            authorization_v1::SubjectAccessReviewStatus& status) {
  const Verdict verdict = core.authorizer.Authorize(user, access);
  status = {};
  status.allowed = verdict.allowed();
  status.denied = verdict.decision == Verdict::Decision::kDeny;
  status.reason = verdict.reason;
}

template <typename Spec>
Result<User> UserAsked(const Spec& spec, std::string_view kind) {
  if (spec.user.empty() && spec.groups.empty()) {
    Violations wrong;
    wrong.Invalid(FieldPath("spec").Child("user"), "",
                  "at least one of user or group must be specified");
    return Fail(wrong.ToError("authorization.k8s.io", kind, ""));
  }
  return User{
      .name = spec.user, .uid = spec.uid, .groups = spec.groups, .extra = ExtraOf(spec.extra)};
}

Result<http::Response> SubjectAccess(Core& core, ApiRequest& request) {
  auto review = TRY(Question<authorization_v1::SubjectAccessReview>(request));
  const Access access = TRY(AccessAsked(review.spec, "SubjectAccessReview"));
  const User user = TRY(UserAsked(review.spec, "SubjectAccessReview"));
  Decide(core, user, access, review.status);
  return Answer(request, review);
}

Result<http::Response> SelfSubjectAccess(Core& core, ApiRequest& request) {
  auto review = TRY(Question<authorization_v1::SelfSubjectAccessReview>(request));
  const Access access = TRY(AccessAsked(review.spec, "SelfSubjectAccessReview"));
  Decide(core, request.user, access, review.status);
  return Answer(request, review);
}

Result<http::Response> LocalSubjectAccess(Core& core, ApiRequest& request) {
  auto review = TRY(Question<authorization_v1::LocalSubjectAccessReview>(request));
  const Access access = TRY(AccessAsked(review.spec, "LocalSubjectAccessReview"));
  const User user = TRY(UserAsked(review.spec, "LocalSubjectAccessReview"));
  if (review.metadata.namespace_.empty()) review.metadata.namespace_ = request.info.namespace_name;
  if (access.namespace_name != request.info.namespace_name) {
    return Fail(Reason::kBadRequest, "spec.resourceAttributes.namespace must match namespace: " +
                                         request.info.namespace_name);
  }
  Decide(core, user, access, review.status);
  return Answer(request, review);
}

void AddRule(const rbac_v1::PolicyRule& rule, authorization_v1::SubjectRulesReviewStatus& status) {
  if (!rule.resources.empty()) {
    auto& added = status.resource_rules.emplace_back();
    added.verbs = rule.verbs;
    added.api_groups = rule.api_groups;
    added.resources = rule.resources;
    added.resource_names = rule.resource_names;
  }
  if (!rule.non_resource_urls.empty()) {
    auto& added = status.non_resource_rules.emplace_back();
    added.verbs = rule.verbs;
    added.non_resource_urls = rule.non_resource_urls;
  }
}

Result<http::Response> SelfSubjectRules(Core& core, ApiRequest& request) {
  auto review = TRY(Question<authorization_v1::SelfSubjectRulesReview>(request));
  if (review.spec.namespace_.empty()) {
    return Fail(Reason::kBadRequest, "no namespace on request");
  }
  review.status = {};
  if (!core.has_rbac || request.user.InGroup(kGroupMasters)) {
    rbac_v1::PolicyRule all;
    all.verbs = all.api_groups = all.resources = {"*"};
    AddRule(all, review.status);
    rbac_v1::PolicyRule everywhere;
    everywhere.verbs = everywhere.non_resource_urls = {"*"};
    AddRule(everywhere, review.status);
  }
  std::vector<std::string> errors;
  if (core.has_rbac) {
    core.rbac.VisitRules(
        request.user, review.spec.namespace_,
        [&](const rbac_v1::PolicyRule& rule) {
          AddRule(rule, review.status);
          return true;
        },
        errors);
  }
  for (const std::string& error : errors) {
    if (!review.status.evaluation_error.empty()) review.status.evaluation_error += ", ";
    review.status.evaluation_error += error;
    review.status.incomplete = true;
  }
  return Answer(request, review);
}

Result<http::Response> WhoAmI(Core&, ApiRequest& request) {
  auto review = TRY(Question<authentication_v1::SelfSubjectReview>(request));
  review.status = {};
  FillUserInfo(request.user, review.status.user_info);
  return Answer(request, review);
}

Result<http::Response> TokenQuestion(Core& core, ApiRequest& request) {
  auto review = TRY(Question<authentication_v1::TokenReview>(request));
  if (review.spec.token.empty()) {
    return Fail(Reason::kBadRequest, "token is required for TokenReview in authentication");
  }
  review.status = {};
  const auto found =
      core.authentication.AuthenticateToken(review.spec.token, review.spec.audiences);
  if (found) {
    review.status.authenticated = true;
    FillUserInfo(found->user, review.status.user);
    review.status.audiences = found->audiences;
  } else {
    review.status.error = found.error().message;
  }
  return Answer(request, review);
}

constexpr ReviewEntry kReviews[] = {
    {"authentication.k8s.io", "selfsubjectreviews", &WhoAmI},
    {"authentication.k8s.io", "tokenreviews", &TokenQuestion},
    {"authorization.k8s.io", "localsubjectaccessreviews", &LocalSubjectAccess},
    {"authorization.k8s.io", "selfsubjectaccessreviews", &SelfSubjectAccess},
    {"authorization.k8s.io", "selfsubjectrulesreviews", &SelfSubjectRules},
    {"authorization.k8s.io", "subjectaccessreviews", &SubjectAccess},
    {"", "bindings", &HandleBinding},
};

}  // namespace

const ReviewEntry* FindReview(const KindInfo& kind) {
  for (const ReviewEntry& entry : kReviews) {
    if (entry.group == kind.group && entry.resource == kind.resource) return &entry;
  }
  return nullptr;
}

}  // namespace skiff
