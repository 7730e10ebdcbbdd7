#include "apiserver/crud.h"

#include <algorithm>

#include "api/rules/rules.h"
#include "apiserver/api_errors.h"
#include "apiserver/auth/authorizer.h"
#include "apiserver/body.h"
#include "apiserver/object_response.h"
#include "apiserver/patching.h"
#include "apiserver/reader.h"
#include "apiserver/record_codec.h"
#include "apiserver/respond.h"
#include "apiserver/reviews.h"
#include "apiserver/storage/keys.h"
#include "apiserver/subresources/subresources.h"
#include "base/flags.h"

namespace skiff {
namespace {

// A name as one segment of a path.
Result<> CheckName(const std::string& name) {
  std::string why;
  if (name == ".") why = "may not be '.'";
  if (name == "..") why = "may not be '..'";
  if (name.find('/') != std::string::npos) why = "may not contain '/'";
  if (name.find('%') != std::string::npos) {
    why += why.empty() ? "" : ";";
    why += "may not contain '%'";
  }
  if (why.empty()) return {};
  return Fail(Reason::kBadRequest, "Name parameter invalid: " + Quoted(name) + ": " + why);
}

void AddStrictWarnings(const Decoded& decoded, FieldValidation validation, ApiRequest& request) {
  if (validation != FieldValidation::kWarn) return;
  for (const std::string& text : decoded.strict_errors) request.warnings.push_back(text);
}

// The namespace of the URL is that of the object.
Result<> MatchNamespace(const ApiRequest& request, Object& object) {
  if (!request.kind->namespaced) return {};
  std::string& given = object.metadata().namespace_;
  if (given.empty()) given = request.info.namespace_name;
  if (given == request.info.namespace_name) return {};
  return Fail(Reason::kBadRequest,
              "the namespace of the provided object does not match the namespace sent on the "
              "request");
}

Result<Object> DecodeObject(ApiRequest& request, FieldValidation validation) {
  Decoded decoded = TRY(DecodeBody(request.http, WantedOf(*request.kind), validation));
  AddStrictWarnings(decoded, validation, request);
  Object object = TRY(Object::FromDocument(*request.kind, decoded.document));
  object.empty_lists() = std::move(decoded.empty_lists);
  TRY(MatchNamespace(request, object));
  return object;
}

Result<http::Response> Create(Core& core, ApiRequest& request) {
  const MediaType media = TRY(Negotiate(request.http, {}));
  const WriteOptions options = TRY(ParseWriteOptions(request.http, "CreateOptions"));
  Object object = TRY(DecodeObject(request, options.validation));
  const Saved saved = TRY(core.writer.Create(request, std::move(object), options));
  return ObjectResponse(201, *saved.kind, saved.text, request, media);
}

// A PUT or apply of a missing object creates it, which is another permission.
Result<> MayCreate(Core& core, const ApiRequest& request) {
  Access access = AccessOf(request.info);
  access.verb = "create";
  const Verdict verdict = core.authorizer.Authorize(request.user, access);
  if (verdict.allowed()) return {};
  return Fail(ForbiddenAccess(request.user, access, verdict.reason));
}

Result<> MatchName(const ApiRequest& request, const Object& object) {
  const std::string& given = object.metadata().name;
  if (given.empty()) {
    return Fail(Reason::kBadRequest, "the name of the object (" + request.info.name +
                                         " based on URL) was undeterminable: name must be "
                                         "provided");
  }
  if (given == request.info.name) return {};
  return Fail(Reason::kBadRequest, "the name of the object (" + given +
                                       ") does not match the name on the URL (" +
                                       request.info.name + ")");
}

Result<http::Response> Put(Core& core, ApiRequest& request, UpdateMode mode) {
  const MediaType media = TRY(Negotiate(request.http, {}));
  const WriteOptions options = TRY(ParseWriteOptions(request.http, "UpdateOptions"));
  const Object sent = TRY(DecodeObject(request, options.validation));
  TRY(MatchName(request, sent));
  const Rules* rules = FindRules(*request.kind);
  mode.is_put = true;
  mode.create_if_missing = mode.subresource.empty() && rules && rules->allow_create_on_update;
  const auto transform = [&](const Object&) -> Result<Object> { return sent.Clone(); };
  const auto make = [&]() -> Result<Object> {
    TRY(MayCreate(core, request));
    Object made = sent.Clone();
    made.metadata().resource_version.clear();  // Of an object that is gone.
    return made;
  };
  const Saved saved =
      TRY(core.writer.Update(request, request.info.name, options, mode, transform, make));
  return ObjectResponse(saved.created ? 201 : 200, *saved.kind, saved.text, request, media);
}

Result<http::Response> Patch(Core& core, ApiRequest& request, UpdateMode mode) {
  TRY(CheckPatchType(request));
  const MediaType media = TRY(Negotiate(request.http, {}));
  const bool is_apply = IsApply(request);
  const WriteOptions options = TRY(ParseWriteOptions(request.http, "PatchOptions", is_apply));
  mode.create_if_missing = is_apply && mode.subresource.empty();
  mode.keeps_managed_fields = is_apply;
  const Patcher patcher{request, options, mode.subresource, core.clock.Now()};
  const auto transform = [&](const Object& old) { return patcher.Apply(old); };
  const auto make = [&]() -> Result<Object> {
    TRY(MayCreate(core, request));
    return patcher.Make();
  };
  const Saved saved =
      TRY(core.writer.Update(request, request.info.name, options, mode, transform, make));
  return ObjectResponse(saved.created ? 201 : 200, *saved.kind, saved.text, request, media);
}

http::Response RemovedResponse(const ApiRequest& request, const Removed& removed,
                               const DeleteQuery& options) {
  const KindInfo& kind = *removed.kind;
  Json details = {{"name", removed.name}, {"kind", kind.resource}, {"uid", removed.uid}};
  if (!kind.group.empty()) details["group"] = kind.group;
  const bool accepted = !removed.gone && options.orphan_dependents == false;
  return SuccessResponse(request.http, accepted ? 202 : 200, details);
}

Result<http::Response> Delete(Core& core, ApiRequest& request) {
  const KindInfo& kind = *request.kind;
  const MediaType media = TRY(Negotiate(request.http, {}));
  const DeleteQuery options =
      TRY(ParseDeleteOptions(request.http, request.info.group, request.info.version));
  if (options.propagation == Propagation::kUnset && !options.orphan_dependents &&
      kind.group == "batch" && kind.resource == "jobs") {
    request.warnings.push_back(
        "child pods are preserved by default when jobs are deleted; set "
        "propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress "
        "this warning");
  }
  const Removed removed =
      TRY(core.remover.Delete(request, request.info.namespace_name, request.info.name, options));
  const bool shows_object = kind.delete_returns_object || (!removed.gone && !removed.pending);
  if (!shows_object) return RemovedResponse(request, removed, options);
  const bool accepted = !removed.gone && options.orphan_dependents == false;
  return ObjectResponse(accepted ? 202 : 200, kind, removed.text, request, media);
}

Result<http::Response> DeleteCollection(Core& core, ApiRequest& request) {
  constexpr int64_t kPageItems = 10'000;
  const KindInfo& kind = *request.kind;
  const MediaType media = TRY(Negotiate(request.http, {}));
  const DeleteQuery options =
      TRY(ParseDeleteOptions(request.http, request.info.group, request.info.version));
  ListQuery wanted = TRY(ParseListOptions(request.http, kind, false));
  const bool one_page = wanted.limit > 0;
  if (!one_page) wanted.limit = kPageItems;
  std::vector<std::string> items;
  ListMeta meta;
  for (;;) {
    const Page page = TRY(ReadPage(core.store, kind, request.info.namespace_name, wanted));
    meta = page.meta;
    for (const RecordPtr& record : page.records) {
      const auto parts = ParseStoreKey(kind.storage_key, record->key);
      if (!parts) continue;
      std::string text = TRY(TextOf(kind, *record));
      const auto removed = core.remover.Delete(request, std::string(parts->object_namespace),
                                               std::string(parts->name), options);
      if (!removed && removed.error().reason != Reason::kNotFound) {
        return Fail(removed.error());
      }
      items.push_back(std::move(text));
    }
    if (one_page || page.meta.continue_token.empty()) break;
    wanted.continue_token = page.meta.continue_token;
    wanted.resource_version.clear();
  }
  return ListResponse(kind, items, meta, request, media);
}

// What every verb may be given.
Result<> CheckCommonQuery(const ApiRequest& request) {
  const auto timeout = request.http.Query("timeout");
  if (timeout && !timeout->empty() && request.info.verb != "watch") {
    const auto parsed = ParseGoDuration(std::string(*timeout));
    if (!parsed) {
      return Fail(Reason::kBadRequest,
                  "invalid timeout specified in the request URL - " + parsed.error().message);
    }
  }
  const auto exported = request.http.Query("export");
  if (exported && request.info.verb == "get" && QueryIsTrue(*exported)) {
    return Fail(Reason::kBadRequest,
                "the export parameter, deprecated since v1.14, is no longer supported");
  }
  return {};
}

bool IsScopedRight(const ApiRequest& request) {
  // A namespace's own path names itself as its namespace.
  const bool has_namespace = !request.info.namespace_name.empty() &&
                             !(request.info.group.empty() && request.info.resource == "namespaces");
  return request.kind->namespaced || !has_namespace;
}

// Whether the path and verb are one that the router knows.
Result<> CheckRoute(const ApiRequest& request) {
  const RequestInfo& info = request.info;
  const std::string& method = request.http.method;
  if (!info.rest.empty()) return Fail(UnknownResourceError());
  if (method != "GET" && method != "POST" && method != "PUT" && method != "PATCH" &&
      method != "DELETE") {
    return Fail(MethodNotAllowedHere());
  }
  const bool has_name = !info.name.empty() && !info.name_from_selector;
  if (!request.kind->HasVerb(info.verb == "deletecollection" ? "deletecollection" : info.verb)) {
    // Reviews and bindings have one path and one verb.
    return Fail(MethodNotAllowedHere());
  }
  const bool in_namespace = !request.kind->namespaced || !info.namespace_name.empty();
  if (info.verb == "create" && (has_name || !in_namespace)) return Fail(MethodNotAllowedHere());
  if (info.verb == "deletecollection" && !in_namespace) return Fail(MethodNotAllowedHere());
  const bool needs_name =
      info.verb == "get" || info.verb == "update" || info.verb == "patch" || info.verb == "delete";
  if (needs_name && !has_name) return Fail(MethodNotAllowedHere());
  if (needs_name && !in_namespace) return Fail(UnknownResourceError());
  return {};
}

}  // namespace

Result<http::Response> HandleWholeObject(Core& core, ApiRequest& request, const UpdateMode& mode) {
  const std::string& method = request.http.method;
  if (method == "GET") return GetObject(core.store, request);
  if (method == "PUT") return Put(core, request, mode);
  if (method == "PATCH") return Patch(core, request, mode);
  return Fail(MethodNotAllowedHere());
}

Result<http::Response> HandleResource(Core& core, ApiRequest& request) {
  if (request.http.body_too_large) {
    return Fail(Reason::kRequestEntityTooLarge, "Request entity too large: limit is 3145728");
  }
  const bool scoped_right = IsScopedRight(request);
  // The path of a namespace names itself as its namespace; the object has none.
  if (scoped_right && !request.kind->namespaced) request.info.namespace_name.clear();
  const RequestInfo& info = request.info;
  if (!info.subresource.empty()) {
    const SubresourceEntry* entry = FindSubresourceEntry(request);
    if (entry == nullptr || request.kind->FindSubresource(info.subresource) == nullptr ||
        !scoped_right || (!info.rest.empty() && info.subresource != "proxy")) {
      return Fail(UnknownResourceError());
    }
    TRY(CheckName(info.name));
    return entry->handle(core, request);
  }
  if (!scoped_right) return Fail(UnknownResourceError());
  TRY(CheckRoute(request));
  if (!info.name_from_selector) TRY(CheckName(info.name));
  TRY(CheckCommonQuery(request));
  if (const ReviewEntry* review = FindReview(*request.kind)) return review->handle(core, request);
  if (info.verb == "get") return GetObject(core.store, request);
  if (info.verb == "list") return ListObjects(core.store, request);
  if (info.verb == "watch") return WatchObjects(core.watch(), request);
  if (info.verb == "create") return Create(core, request);
  if (info.verb == "update") return Put(core, request, {});
  if (info.verb == "patch") return Patch(core, request, {});
  if (info.verb == "delete") return Delete(core, request);
  return DeleteCollection(core, request);
}

}  // namespace skiff
