#include "apiserver/admission/request_document.h"

#include <fmt/format.h>

#include "apiserver/auth/shown_user.h"
#include "apiserver/request/write_options.h"

namespace skiff {
namespace {

Json KindDocument(const KindInfo& kind, std::string_view subresource) {
  const KindName name = SentKind(kind, subresource);
  return {{"group", name.group}, {"version", name.version}, {"kind", name.kind}};
}

Json ResourceDocument(const KindInfo& kind) {
  return {{"group", kind.group}, {"version", kind.version}, {"resource", kind.resource}};
}

Json UserDocument(const User& known) {
  const User user = ShownUser(known);
  Json document = Json::object();
  if (!user.name.empty()) document["username"] = user.name;
  if (!user.uid.empty()) document["uid"] = user.uid;
  if (!user.groups.empty()) document["groups"] = user.groups;
  if (!user.extra.empty()) document["extra"] = user.extra;
  return document;
}

Json OptionsOf(const AdmissionRequest& request) {
  if (request.options != nullptr) return *request.options;
  switch (request.operation) {
    case Operation::kCreate:
      return OptionsDocument(WriteOptions(), "CreateOptions");
    case Operation::kUpdate:
      return OptionsDocument(WriteOptions(), "UpdateOptions");
    case Operation::kDelete:
      return OptionsDocument(DeleteQuery());
    case Operation::kConnect: break;
  }
  return nullptr;
}

// The name that was made for an object that came without one is known once it was made.
std::string NameOf(const AdmissionRequest& request) {
  if (request.of_collection) return "";
  if (!request.name.empty() || request.object == nullptr) return request.name;
  return request.object->metadata().name;
}

// Not an authenticated one: expressions ask what the account itself and its groups may do.
User ServiceAccountUser(const std::string& space, const std::string& name) {
  return {.name = fmt::format("system:serviceaccount:{}:{}", space, name),
          .groups = {"system:serviceaccounts", "system:serviceaccounts:" + space}};
}

}  // namespace

Json RequestDocument(const AdmissionRequest& request, const KindInfo& kind) {
  Json document = {{"uid", ""},
                   {"kind", KindDocument(kind, request.subresource)},
                   {"resource", ResourceDocument(kind)},
                   {"requestKind", KindDocument(request.kind, request.subresource)},
                   {"requestResource", ResourceDocument(request.kind)},
                   {"operation", OperationText(request.operation)},
                   {"userInfo", UserDocument(request.user)},
                   {"object", nullptr},
                   {"oldObject", nullptr},
                   {"dryRun", request.dry_run},
                   {"options", OptionsOf(request)}};
  const auto set = [&](const char* field, std::string_view value) {
    if (!value.empty()) document[field] = value;
  };
  set("subResource", request.subresource);
  set("requestSubResource", request.subresource);
  set("name", NameOf(request));
  set("namespace", AdmissionNamespace(request));
  return document;
}

cel::AccessQuestion RequestedAccess(const AdmissionRequest& request) {
  return {.group = std::string(request.kind.group),
          .resource = std::string(request.kind.resource),
          .subresource = request.subresource,
          .name_space = std::string(AdmissionNamespace(request)),
          .name = NameOf(request)};
}

cel::AccessAnswer RequestAuthorizer::Check(const cel::AccessQuestion& question) const {
  std::string key;
  for (const std::string* part :
       {&question.verb, &question.path, &question.group, &question.resource, &question.subresource,
        &question.name_space, &question.name, &question.field_selector, &question.label_selector,
        &question.service_account, &question.service_account_namespace}) {
    key += fmt::format("{}:{}", part->size(), *part);
  }
  if (const auto found = answers_.find(key); found != answers_.end()) return found->second;
  const Access access{.verb = question.verb,
                      .is_resource = question.path.empty(),
                      .group = question.group,
                      .version = question.version,
                      .resource = question.resource,
                      .subresource = question.subresource,
                      .namespace_name = question.name_space,
                      .name = question.name,
                      .path = question.path,
                      .field_selector = question.field_selector,
                      .label_selector = question.label_selector};
  const Verdict verdict =
      question.service_account.empty()
          ? authorizer_.Authorize(user_, access)
          : authorizer_.Authorize(ServiceAccountUser(question.service_account_namespace,
                                                     question.service_account),
                                  access);
  return answers_[key] = {
             .allowed = verdict.allowed(), .reason = verdict.reason, .error = verdict.error};
}

}  // namespace skiff
