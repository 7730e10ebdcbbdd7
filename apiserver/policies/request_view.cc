#include "apiserver/policies/request_view.h"

#include <fmt/format.h>

#include "api/gen/core_v1.h"
#include "api/typed.h"
#include "apiserver/conversions.h"

namespace skiff {
namespace {

// As a client of `kind` would see it.
Result<Json> ViewAs(const Object& object, const KindInfo& kind) {
  Json document = object.ToDocument();
  const KindInfo& from = object.kind();
  if (&from == &kind || from.api_version == kind.api_version) return document;
  if (object.is_custom()) {
    document["apiVersion"] = kind.api_version;
    return document;
  }
  return Convert(from, kind, document);
}

Json KindView(const KindInfo& kind, std::string_view subresource) {
  const KindName name = SentKind(kind, subresource);
  return {{"group", name.group}, {"version", name.version}, {"kind", name.kind}};
}

Json ResourceView(const KindInfo& kind) {
  return {{"group", kind.group}, {"version", kind.version}, {"resource", kind.resource}};
}

Json UserView(const User& user) {
  Json document = Json::object();
  if (!user.name.empty()) document["username"] = user.name;
  if (!user.uid.empty()) document["uid"] = user.uid;
  if (!user.groups.empty()) document["groups"] = user.groups;
  if (!user.extra.empty()) document["extra"] = user.extra;
  return document;
}

Json OptionsView(const AdmissionRequest& request) {
  if (request.options != nullptr) return *request.options;
  const auto empty = [](const char* kind) {
    return Json{{"apiVersion", "meta.k8s.io/v1"}, {"kind", kind}};
  };
  switch (request.operation) {
    case Operation::kCreate: return empty("CreateOptions");
    case Operation::kUpdate: return empty("UpdateOptions");
    case Operation::kDelete: return empty("DeleteOptions");
    case Operation::kConnect: break;
  }
  return nullptr;
}

Json RequestFields(const AdmissionRequest& request, const KindInfo& kind) {
  Json document = {{"kind", KindView(kind, request.subresource)},
                   {"resource", ResourceView(kind)},
                   {"requestKind", KindView(request.kind, request.subresource)},
                   {"requestResource", ResourceView(request.kind)},
                   {"operation", OperationText(request.operation)},
                   {"userInfo", UserView(request.user)},
                   {"dryRun", request.dry_run},
                   {"options", OptionsView(request)}};
  const auto set = [&](const char* field, std::string_view value) {
    if (!value.empty()) document[field] = value;
  };
  set("subResource", request.subresource);
  set("requestSubResource", request.subresource);
  set("name", request.name);
  set("namespace", AdmissionNamespace(request));
  return document;
}

User ServiceAccountUser(const std::string& space, const std::string& name) {
  return {.name = fmt::format("system:serviceaccount:{}:{}", space, name),
          .groups = {"system:serviceaccounts", "system:serviceaccounts:" + space,
                     std::string(kGroupAuthenticated)}};
}

}  // namespace

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
                      .field_selector = question.field_selector};
  const Verdict verdict =
      question.service_account.empty()
          ? authorizer_.Authorize(user_, access)
          : authorizer_.Authorize(ServiceAccountUser(question.service_account_namespace,
                                                     question.service_account),
                                  access);
  return answers_[key] = {.allowed = verdict.allowed(), .reason = verdict.reason, .error = {}};
}

Result<RequestView> ViewOf(const AdmissionRequest& request, const KindInfo& kind) {
  RequestView view;
  if (request.body != nullptr) {
    view.object = *request.body;
    if (request.old_body != nullptr) view.old_object = *request.old_body;
  } else {
    if (request.object != nullptr) view.object = TRY(ViewAs(*request.object, kind));
    if (request.old_object != nullptr) {
      view.old_object = TRY(ViewAs(*request.old_object, kind));
    }
  }
  view.request = RequestFields(request, kind);
  view.resource = {.group = std::string(request.kind.group),
                   .version = std::string(request.kind.version),
                   .resource = std::string(request.kind.resource),
                   .subresource = request.subresource,
                   .name_space = std::string(AdmissionNamespace(request)),
                   .name = request.name};
  return view;
}

Json NamespaceView(const core_v1::Namespace& space) {
  Json document = ToJson(space);
  if (Json& metadata = document["metadata"]; metadata.is_object()) {
    for (const char* hidden : {"managedFields", "ownerReferences", "selfLink"}) {
      metadata.erase(hidden);
    }
  }
  return document;
}

}  // namespace skiff
