#include "apiserver/identity/reviews.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "api/codec/struct_text.h"
#include "api/gen/authentication_v1.h"
#include "api/gen/authorization_v1.h"
#include "api/rules/names.h"
#include "api/select/selector.h"
#include "api/violations.h"
#include "apiserver/admission/had_room.h"
#include "apiserver/auth/authentication.h"
#include "apiserver/auth/rbac.h"
#include "apiserver/auth/shown_user.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/objects/unstored.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/body.h"
#include "apiserver/request/object_response.h"
#include "apiserver/request/time_limit.h"
#include "apiserver/request/write_options.h"
#include "apiserver/subresources/subresources.h"

namespace skiff {
namespace {

// A question on its way past admission.
struct Inquiry {
  WriteOptions options;
  Json options_document;
  Object object;

  AdmissionRequest Admission(ApiRequest& request) {
    AdmissionRequest admission = AdmissionOf(request, Operation::kCreate, *request.kind);
    admission.name = object.metadata().name;
    admission.dry_run = options.dry_run;
    admission.object = &object;
    admission.options = &options_document;
    return admission;
  }
};

// As it was sent, with an account of who asked, as if it were to be stored; then as those left it
// who may change it.
template <Kind T>
Result<Inquiry> Asked(Core& core, ApiRequest& request) {
  const KindInfo& kind = *request.kind;
  const WriteOptions options = TRY(ParseWriteOptions(request.http, "CreateOptions"));
  Inquiry question{options, OptionsDocument(options, "CreateOptions"), Object(kind)};
  T& review = *question.object.As<T>();
  review = TRY(ReadBody<T>(request, WantedOf(kind), options.validation));
  TRY(CompleteUnstored(request, options, kind.api_version, "", review));
  AdmissionRequest admission = question.Admission(request);
  TRY(core.admission.Admit(admission));
  return question;
}

// Asked last of all before the answer.
Result<> Judged(Core& core, ApiRequest& request, Inquiry& question) {
  return core.admission.Validate(question.Admission(request));
}

MediaOffer ReviewOffer() {
  return {.metadata = false, .table = false};
}

template <Kind T>
Result<http::Response> Answer(const ApiRequest& request, const T& review) {
  TRY(CheckTime(request));
  const MediaType media = TRY(Negotiate(request.http, ReviewOffer()));
  std::string text;
  AppendStruct(T::Describe(), &review, text);
  return ObjectResponse(201, *request.kind, std::move(text), request, media);
}

template <typename Extra>
std::map<std::string, std::vector<std::string>> ExtraOf(const Extra& extra) {
  std::map<std::string, std::vector<std::string>> out;
  for (const auto& [key, values] : extra) out[key] = {values.begin(), values.end()};
  return out;
}

void FillUserInfo(const User& known, authentication_v1::UserInfo& info) {
  const User user = ShownUser(known);
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
    std::string term = requirement.key + (equal ? "=" : "!=");
    for (const char c : requirement.values[0]) {
      if (c == '\\' || c == ',' || c == '=') term += '\\';
      term += c;
    }
    // What a list cannot ask for is left out alone.
    const auto said = FieldSelector::Parse(term);
    if (!said || said->terms().size() != 1) continue;
    const FieldTerm& only = said->terms()[0];
    if (only.field != requirement.key || only.value != requirement.values[0]) continue;
    text.append(text.empty() ? "" : ",").append(term);
  }
  return text;
}

// Likewise; operators that are not known narrow nothing.
std::string LabelSelectorText(const Box<authorization_v1::LabelSelectorAttributes>& asked) {
  if (!asked) return "";
  if (!asked->raw_selector.empty()) return asked->raw_selector;
  std::string text;
  for (const auto& requirement : asked->requirements) {
    const std::string& how = requirement.operator_;
    const std::string_view comma = text.empty() ? "" : ",";
    if (how == "Exists" || how == "DoesNotExist") {
      text += fmt::format("{}{}{}", comma, how == "Exists" ? "" : "!", requirement.key);
    } else if (how == "In" || how == "NotIn") {
      text += fmt::format("{}{} {} ({})", comma, requirement.key, how == "In" ? "in" : "notin",
                          fmt::join(requirement.values, ","));
    }
  }
  return text;
}

// As Go prints what has no names for JSON.
Json Printed(const authorization_v1::NonResourceAttributes& asked) {
  return {{"Path", asked.path}, {"Verb", asked.verb}};
}

// What selectors on labels and on fields have in common. Operators that are not known narrow
// nothing, and so are taken.
template <typename Selector>
void CheckSelector(const Box<Selector>& selector, const FieldPath& path, Violations& wrong) {
  if (!selector) return;
  if (!selector->raw_selector.empty() && !selector->requirements.empty()) {
    wrong.Invalid(path.Child("rawSelector"), selector->raw_selector,
                  "may not specified at the same time as requirements");
  }
  if (selector->raw_selector.empty() && selector->requirements.empty()) {
    wrong.Required(path.Child("requirements"), "when " + path.Text() +
                                                   " is specified, requirements or rawSelector is "
                                                   "required");
  }
  for (size_t i = 0; i < selector->requirements.size(); ++i) {
    const auto& requirement = selector->requirements[i];
    const FieldPath at = path.Child("requirements").Index(i);
    const std::string& how = requirement.operator_;
    if constexpr (std::is_same_v<Selector, authorization_v1::FieldSelectorAttributes>) {
      if (requirement.key.empty()) wrong.Required(at.Child("key"), "must be specified");
    }
    if ((how == "In" || how == "NotIn") && requirement.values.empty()) {
      wrong.Required(at.Child("values"), "must be specified when `operator` is 'In' or 'NotIn'");
    }
    if ((how == "Exists" || how == "DoesNotExist") && !requirement.values.empty()) {
      wrong.Forbidden(at.Child("values"),
                      "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    }
    if constexpr (std::is_same_v<Selector, authorization_v1::LabelSelectorAttributes>) {
      wrong.InvalidEach(at.Child("key"), requirement.key, LabelKeyErrors(requirement.key));
      for (size_t j = 0; j < requirement.values.size(); ++j) {
        wrong.InvalidEach(at.Child("values").Index(j), requirement.values[j],
                          LabelValueErrors(requirement.values[j]));
      }
    }
  }
}

template <typename Spec>
void CheckAttributes(const Spec& spec, Violations& wrong) {
  const FieldPath path("spec");
  if (spec.resource_attributes && spec.non_resource_attributes) {
    wrong.Invalid(path.Child("nonResourceAttributes"), Printed(*spec.non_resource_attributes),
                  "cannot be specified in combination with resourceAttributes");
  }
  if (!spec.resource_attributes && !spec.non_resource_attributes) {
    wrong.Invalid(path.Child("resourceAttributes"), nullptr,
                  "exactly one of nonResourceAttributes or resourceAttributes must be specified");
  }
}

template <typename Spec>
void CheckSelectors(const Spec& spec, Violations& wrong) {
  if (!spec.resource_attributes) return;
  const FieldPath path = FieldPath("spec").Child("resourceAttributes");
  CheckSelector(spec.resource_attributes->field_selector, path.Child("fieldSelector"), wrong);
  CheckSelector(spec.resource_attributes->label_selector, path.Child("labelSelector"), wrong);
}

template <typename Spec>
void CheckUser(const Spec& spec, Violations& wrong) {
  if (!spec.user.empty() || !spec.groups.empty()) return;
  wrong.Invalid(FieldPath("spec").Child("user"), "",
                "at least one of user or group must be specified");
}

// A question has no name and nothing else that objects have; one of a namespace has that.
void CheckMetadata(const meta_v1::ObjectMeta& metadata, bool namespaced, Violations& wrong) {
  meta_v1::ObjectMeta rest = metadata;
  rest.managed_fields.clear();
  if (namespaced) rest.namespace_.clear();
  if (rest == meta_v1::ObjectMeta()) return;
  std::string shown;
  AppendStruct(meta_v1::ObjectMeta::Describe(), &metadata, shown);
  wrong.Invalid(FieldPath("metadata"), Printed::Verbatim(shown),
                namespaced ? "must be empty except for namespace" : "must be empty");
}

// Kubernetes leaves the kind out of this error.
Result<> NoneWrong(const Violations& wrong) {
  if (wrong.empty()) return {};
  return Fail(wrong.ToError("authorization.k8s.io", "", ""));
}

template <typename Spec>
Access AccessAsked(const Spec& spec) {
  if (spec.non_resource_attributes) {
    return Access{.verb = spec.non_resource_attributes->verb,
                  .is_resource = false,
                  .path = spec.non_resource_attributes->path};
  }
  const auto& resource = *spec.resource_attributes;
  return Access{.verb = resource.verb,
                .group = resource.group,
                .version = resource.version.empty() ? "*" : resource.version,
                .resource = resource.resource,
                .subresource = resource.subresource,
                .namespace_name = resource.namespace_,
                .name = resource.name,
                .field_selector = FieldSelectorText(resource.field_selector),
                .label_selector = LabelSelectorText(resource.label_selector)};
}

Result<> Decide(Core& core, const User& user, const Access& access,
                authorization_v1::SubjectAccessReviewStatus& status) {
  const Verdict verdict = core.authorizer.Authorize(user, access);
  TRY(HadRoom());
  status = {};
  status.allowed = verdict.allowed();
  status.denied = verdict.decision == Verdict::Decision::kDeny;
  status.reason = verdict.reason;
  status.evaluation_error = verdict.error;
  return {};
}

template <typename Spec>
User UserAsked(const Spec& spec) {
  return User{
      .name = spec.user, .uid = spec.uid, .groups = spec.groups, .extra = ExtraOf(spec.extra)};
}

Result<http::Response> SubjectAccess(Core& core, ApiRequest& request) {
  Inquiry question = TRY(Asked<authorization_v1::SubjectAccessReview>(core, request));
  auto& review = *question.object.As<authorization_v1::SubjectAccessReview>();
  Violations wrong;
  CheckAttributes(review.spec, wrong);
  CheckUser(review.spec, wrong);
  CheckSelectors(review.spec, wrong);
  CheckMetadata(review.metadata, false, wrong);
  TRY(NoneWrong(wrong));
  TRY(Judged(core, request, question));
  TRY(Decide(core, UserAsked(review.spec), AccessAsked(review.spec), review.status));
  return Answer(request, review);
}

Result<http::Response> SelfSubjectAccess(Core& core, ApiRequest& request) {
  Inquiry question = TRY(Asked<authorization_v1::SelfSubjectAccessReview>(core, request));
  auto& review = *question.object.As<authorization_v1::SelfSubjectAccessReview>();
  Violations wrong;
  CheckAttributes(review.spec, wrong);
  CheckSelectors(review.spec, wrong);
  CheckMetadata(review.metadata, false, wrong);
  TRY(NoneWrong(wrong));
  TRY(Judged(core, request, question));
  TRY(Decide(core, request.user, AccessAsked(review.spec), review.status));
  return Answer(request, review);
}

Result<http::Response> LocalSubjectAccess(Core& core, ApiRequest& request) {
  Inquiry question = TRY(Asked<authorization_v1::LocalSubjectAccessReview>(core, request));
  auto& review = *question.object.As<authorization_v1::LocalSubjectAccessReview>();
  Violations wrong;
  CheckAttributes(review.spec, wrong);
  CheckUser(review.spec, wrong);
  CheckSelectors(review.spec, wrong);
  CheckMetadata(review.metadata, true, wrong);
  const auto& resource = review.spec.resource_attributes;
  if (resource && resource->namespace_ != review.metadata.namespace_) {
    wrong.Invalid(FieldPath("spec").Child("resourceAttributes").Child("namespace"),
                  resource->namespace_, "must match metadata.namespace");
  }
  if (review.spec.non_resource_attributes) {
    wrong.Invalid(FieldPath("spec").Child("nonResourceAttributes"),
                  Printed(*review.spec.non_resource_attributes),
                  "disallowed on this kind of request");
  }
  TRY(NoneWrong(wrong));
  if (review.metadata.namespace_ != request.info.namespace_name) {
    return Fail(Reason::kBadRequest, "spec.resourceAttributes.namespace must match namespace: " +
                                         request.info.namespace_name);
  }
  TRY(Judged(core, request, question));
  TRY(Decide(core, UserAsked(review.spec), AccessAsked(review.spec), review.status));
  return Answer(request, review);
}

// A list of rules goes no further: one role of a megabyte may be bound ten thousand times.
constexpr size_t kRulesBytesMax = 8 << 20;

size_t BytesOf(const rbac_v1::PolicyRule& rule) {
  size_t bytes = 16;
  for (const auto* words : {&rule.verbs, &rule.api_groups, &rule.resources, &rule.resource_names,
                            &rule.non_resource_urls}) {
    for (const std::string& word : *words) bytes += word.size() + 3;
  }
  return bytes;
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
  Inquiry question = TRY(Asked<authorization_v1::SelfSubjectRulesReview>(core, request));
  auto& review = *question.object.As<authorization_v1::SelfSubjectRulesReview>();
  if (review.spec.namespace_.empty()) {
    return Fail(Reason::kBadRequest, "no namespace on request");
  }
  TRY(Judged(core, request, question));
  const std::string space = review.spec.namespace_;
  review = {};  // The answer does not say what was asked.
  RulesTold told;
  size_t bytes = 0;
  const auto visit = [&](const rbac_v1::PolicyRule& rule) {
    bytes += BytesOf(rule);
    if (bytes <= kRulesBytesMax) AddRule(rule, review.status);
    return bytes <= kRulesBytesMax;
  };
  core.authorizer.TellRules(request.user, space, visit, told);
  if (bytes > kRulesBytesMax) {
    told.incomplete = true;
    told.errors.push_back("there are more rules than can be listed");
  }
  review.status.incomplete = told.incomplete;
  if (!told.errors.empty()) review.status.evaluation_error = JoinedErrors(told.errors);
  return Answer(request, review);
}

Result<http::Response> WhoAmI(Core& core, ApiRequest& request) {
  Inquiry question = TRY(Asked<authentication_v1::SelfSubjectReview>(core, request));
  auto& review = *question.object.As<authentication_v1::SelfSubjectReview>();
  TRY(Judged(core, request, question));
  review = {};
  review.metadata.creation_timestamp =
      Time(std::chrono::time_point_cast<std::chrono::seconds>(request.now));
  FillUserInfo(request.user, review.status.user_info);
  return Answer(request, review);
}

Result<http::Response> TokenQuestion(Core& core, ApiRequest& request) {
  Inquiry question = TRY(Asked<authentication_v1::TokenReview>(core, request));
  auto& review = *question.object.As<authentication_v1::TokenReview>();
  if (review.spec.token.empty()) {
    return Fail(Reason::kBadRequest, "token is required for TokenReview in authentication");
  }
  TRY(Judged(core, request, question));
  review.status = {};
  const auto found =
      core.authentication.AuthenticateToken(review.spec.token, review.spec.audiences);
  if (found) {
    review.status.authenticated = true;
    FillUserInfo(found->user, review.status.user);
    review.status.audiences = found->audiences;
  } else {
    // Every way to know a token says why it does not; most know it as no token of theirs.
    constexpr std::string_view kInvalid = "invalid bearer token";
    const std::string& error = found.error().message;
    review.status.error =
        error == kInvalid ? error : "[" + std::string(kInvalid) + ", " + error + "]";
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
