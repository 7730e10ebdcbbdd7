// serviceaccounts/token: a token for a service account, bound to a pod, secret or node.
#include <fmt/format.h>

#include <algorithm>

#include "api/gen/authentication_v1.h"
#include "api/gen/core_v1.h"
#include "api/rules/core/object_meta.h"
#include "apiserver/auth/service_accounts.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/objects/unstored.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/body.h"
#include "apiserver/request/object_response.h"
#include "apiserver/request/resources.h"
#include "apiserver/request/respond.h"
#include "apiserver/request/time_limit.h"
#include "apiserver/subresources/subresources.h"

namespace skiff {
namespace {

constexpr int64_t kSecondsMin = 600;
constexpr int64_t kSecondsDefault = 3600;
constexpr int64_t kSecondsMax = int64_t{1} << 32;

using authentication_v1::TokenRequest;

Result<> Check(const TokenRequest& request, const ApiRequest& http) {
  Violations wrong;
  const FieldPath metadata("metadata");
  if (!request.metadata.name.empty() && request.metadata.name != http.info.name) {
    wrong.Invalid(metadata.Child("name"), request.metadata.name,
                  "must match the service account name if specified");
  }
  if (!request.metadata.namespace_.empty() &&
      request.metadata.namespace_ != http.info.namespace_name) {
    wrong.Invalid(metadata.Child("namespace"), request.metadata.namespace_,
                  "must match the service account namespace if specified");
  }
  if (!wrong.empty()) {
    return Fail(wrong.ToError("authentication.k8s.io", "TokenRequest", http.info.name));
  }
  const FieldPath expiration = FieldPath("spec").Child("expirationSeconds");
  const int64_t seconds = request.spec.expiration_seconds.value_or(kSecondsDefault);
  if (seconds < kSecondsMin) {
    wrong.Invalid(expiration, seconds, "may not specify a duration less than 10 minutes");
  }
  if (seconds > kSecondsMax) {
    wrong.Invalid(expiration, seconds, "may not specify a duration larger than 2^32 seconds");
  }
  if (wrong.empty()) return {};
  return Fail(wrong.ToError("authentication.k8s.io", "TokenRequest", ""));
}

Error UidConflict(const std::string& kind, const std::string& name, const std::string& given,
                  const std::string& actual) {
  return ConflictError({"", kind}, name,
                       fmt::format("the UID in the bound object reference ({}) does not match the "
                                   "UID in record. The object might have been deleted and then "
                                   "recreated",
                                   given, actual));
}

// Fills in what the token is bound to.
Result<> Bind(Core& core, const ApiRequest& http, const TokenRequest& request, TokenOrder& order) {
  if (!request.spec.bound_object_ref) return {};
  const auto& reference = *request.spec.bound_object_ref;
  const std::string resource = reference.kind == "Pod"      ? "pods"
                               : reference.kind == "Secret" ? "secrets"
                               : reference.kind == "Node"   ? "nodes"
                                                            : "";
  const KindInfo* kind = FindResource("", "v1", resource);
  if (kind == nullptr || (reference.api_version != "v1" && !reference.api_version.empty())) {
    return Fail(Reason::kBadRequest,
                fmt::format("cannot bind token to object of type {}/{}, Kind={}", "",
                            reference.api_version, reference.kind));
  }
  const std::string space = kind->namespaced ? http.info.namespace_name : "";
  const auto record = core.store.Get(KeyOf(*kind, space, reference.name));
  if (!record && record.error().reason != Reason::kNotFound) return Fail(record.error());
  if (!record) return Fail(NotFoundError(GroupResourceOf(*kind), reference.name));
  const Object object = TRY(ObjectOf(*kind, **record));
  const std::string& uid = object.metadata().uid;
  if (!reference.uid.empty() && reference.uid != uid) {
    return Fail(UidConflict(reference.kind, reference.name, reference.uid, uid));
  }
  const TokenObject bound{reference.name, uid};
  if (resource == "secrets") order.secret = bound;
  if (resource == "nodes") order.node = bound;
  if (resource != "pods") return {};
  order.pod = bound;
  const core_v1::Pod& pod = *object.As<core_v1::Pod>();
  if (pod.spec.service_account_name != http.info.name) {
    return Fail(Reason::kBadRequest,
                fmt::format("cannot bind token for serviceaccount {} to pod running with different "
                            "serviceaccount name.",
                            Quoted(http.info.name)));
  }
  if (pod.spec.node_name.empty()) return {};
  order.node = TokenObject{pod.spec.node_name, ""};
  const auto node = core.store.Get(KeyOf(core_v1::Node::Info(), "", pod.spec.node_name));
  if (!node && node.error().reason == Reason::kNotFound) return {};
  if (!node) return Fail(node.error());
  if (const auto view = ObjectView::Of(**node)) order.node->uid = std::string(view->uid());
  return {};
}

Result<TokenRequest> RequestOf(ApiRequest& http, const WriteOptions& options) {
  const WantedType wanted{"authentication.k8s.io", "v1", "TokenRequest", &TokenRequest::Describe()};
  auto asked = TRY(ReadBody<TokenRequest>(http, wanted, options.validation));
  if (!asked.spec.expiration_seconds) asked.spec.expiration_seconds = kSecondsDefault;
  TRY(CompleteUnstored(http, options, "authentication.k8s.io/v1", "token", asked));
  return asked;
}

bool AreOurs(const std::vector<std::string>& ours, const std::vector<std::string>& asked) {
  return std::all_of(asked.begin(), asked.end(), [&](const std::string& audience) {
    return std::find(ours.begin(), ours.end(), audience) != ours.end();
  });
}

// The service account itself, which may not be another one than was meant.
Result<Object> AccountOf(Core& core, const ApiRequest& request, const TokenRequest& asked) {
  const KindInfo& kind = *request.kind;
  const auto record = core.store.Get(KeyOf(kind, request.info.namespace_name, request.info.name));
  if (!record && record.error().reason != Reason::kNotFound) return Fail(record.error());
  if (!record) return Fail(NotFoundError(GroupResourceOf(kind), request.info.name));
  Object account = TRY(ObjectOf(kind, **record));
  if (asked.metadata.uid.empty() || asked.metadata.uid == account.metadata().uid) return account;
  return Fail(ConflictError(
      {"authentication.k8s.io", "TokenRequest"}, request.info.name,
      fmt::format("the UID in the token request ({}) does not match the UID of the service "
                  "account ({})",
                  asked.metadata.uid, account.metadata().uid)));
}

}  // namespace

Result<http::Response> HandleToken(Core& core, ApiRequest& request) {
  const MediaType media = TRY(Negotiate(request.http, {.metadata = false, .table = false}));
  const WriteOptions options = TRY(ParseWriteOptions(request.http, "CreateOptions"));
  TokenRequest asked = TRY(RequestOf(request, options));
  const KindInfo& kind = *request.kind;
  Json body = ToJson(asked);
  const Json options_document = OptionsDocument(options, "CreateOptions");
  AdmissionRequest admission = AdmissionOf(request, Operation::kCreate, kind, "token");
  admission.dry_run = options.dry_run;
  admission.body = &body;
  admission.options = &options_document;
  TRY(core.admission.Admit(admission));
  asked = TRY(FromJson<TokenRequest>(body));
  TRY(Check(asked, request));
  const Object account = TRY(AccountOf(core, request, asked));
  const TimePoint now = std::chrono::time_point_cast<std::chrono::seconds>(core.clock.Now());
  // What changes requests sees them as they were sent; what judges them, as they are answered.
  if (asked.spec.audiences.empty()) asked.spec.audiences = core.tokens.audiences();
  asked.metadata.name = request.info.name;
  asked.metadata.namespace_ = request.info.namespace_name;
  asked.metadata.uid = account.metadata().uid;
  asked.metadata.creation_timestamp = Time(now);
  asked.status = {};
  body = ToJson(asked);
  TRY(core.admission.Validate(admission));
  const ServiceAccountTokens::Options& tokens = core.tokens.options();
  int64_t seconds = asked.spec.expiration_seconds.value_or(kSecondsDefault);
  if (tokens.lifetime_max_s > 0 && seconds > tokens.lifetime_max_s) {
    request.warnings.push_back(
        fmt::format("requested expiration of {} seconds shortened to {} seconds", seconds,
                    tokens.lifetime_max_s));
    seconds = tokens.lifetime_max_s;
  }
  TokenOrder order{.namespace_name = request.info.namespace_name,
                   .service_account = {request.info.name, account.metadata().uid},
                   .audiences = asked.spec.audiences,
                   .lifetime_s = seconds,
                   .id = core.random.Uid()};
  TRY(CheckTime(request));
  TRY(Bind(core, request, asked, order));
  if (tokens.extends_projected && order.pod && seconds == kProjectedTokenSeconds &&
      AreOurs(tokens.audiences, asked.spec.audiences)) {
    order.lifetime_s = kExtendedTokenSeconds;
    order.warn_after_s = seconds;
  }
  asked.spec.expiration_seconds = seconds;
  asked.status.token = TRY(core.tokens.Issue(order));
  Annotate(admission, "authentication.kubernetes.io/issued-credential-id", "JTI=" + order.id);
  asked.status.expiration_timestamp = Time(now + std::chrono::seconds(seconds));
  Json document = ToJson(asked);
  document["kind"] = "TokenRequest";
  document["apiVersion"] = "authentication.k8s.io/v1";
  return TypedResponse(
      201, {TokenRequest::Describe(), "authentication.k8s.io/v1", "TokenRequest", document}, media);
}

}  // namespace skiff
