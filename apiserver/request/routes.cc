#include "apiserver/request/routes.h"

#include <algorithm>
#include <tuple>

#include "api/crd/custom_kind.h"
#include "api/kinds/behaviour.h"
#include "apiserver/audit/audit.h"
#include "apiserver/identity/reviews.h"
#include "apiserver/objects/crud.h"
#include "apiserver/objects/patch_type.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/body.h"
#include "apiserver/request/resources.h"
#include "apiserver/request/respond.h"
#include "apiserver/subresources/connect_options.h"
#include "apiserver/subresources/subresources.h"

namespace skiff {
namespace {

struct VerbRow {
  std::string_view verb;
  std::string_view method;
  std::string_view label;
  Handler handle;
};
constexpr VerbRow kVerbs[] = {
    {"get", "GET", "GET", &HandleGet},
    {"list", "GET", "LIST", &HandleList},
    {"watch", "GET", "WATCH", &HandleWatch},
    {"create", "POST", "POST", &HandleCreate},
    {"update", "PUT", "PUT", &HandlePut},
    {"patch", "PATCH", "PATCH", &HandlePatch},
    {"delete", "DELETE", "DELETE", &HandleDelete},
    {"deletecollection", "DELETE", "DELETECOLLECTION", &HandleDeleteCollection},
};

const VerbRow& RowOf(std::string_view verb) {
  const VerbRow* found = std::find_if(std::begin(kVerbs), std::end(kVerbs),
                                      [&](const VerbRow& row) { return row.verb == verb; });
  CHECK(found != std::end(kVerbs));
  return *found;
}

auto AddressOf(const KindInfo& kind) {
  return std::tie(kind.group, kind.version, kind.resource);
}

std::vector<PathForm> FormsOf(const KindInfo& kind, std::string_view verb) {
  std::vector<PathForm> forms;
  if (verb == "create" || verb == "deletecollection") return {PathForm::kCollection};
  if (verb != "list" && verb != "watch") return {PathForm::kObject};
  forms = {PathForm::kCollection};
  if (kind.namespaced) forms.push_back(PathForm::kEverywhere);
  if (verb == "list") return forms;
  forms.insert(forms.end(), {PathForm::kWatchCollection, PathForm::kWatchObject});
  if (kind.namespaced) forms.push_back(PathForm::kWatchEverywhere);
  return forms;
}

void AddObjectRoutes(const KindInfo& kind, std::vector<Route>& routes) {
  const ReviewEntry* review = FindReview(kind);
  const RuntimeKind* runtime = RuntimeKindOf(kind);
  const bool takes_more = runtime != nullptr && !runtime->taken_verbs.empty();
  for (const std::string_view verb : takes_more ? runtime->taken_verbs : kind.verbs) {
    const VerbRow& row = RowOf(verb);
    for (const PathForm form : FormsOf(kind, verb)) {
      routes.push_back({.kind = &kind,
                        .form = form,
                        .method = row.method,
                        .verb = row.verb,
                        .label = row.label,
                        .handle = review != nullptr && verb == "create" ? review->handle
                                                                        : row.handle});
    }
  }
}

Handler HandlerOf(const SubresourceHandlers& entry, const VerbRow& row) {
  if (entry.connect != nullptr) return entry.connect;
  if (entry.mode != nullptr) return row.handle;
  if (row.verb == "get") return entry.get;
  if (row.verb == "create") return entry.create;
  if (row.verb == "update") return entry.update;
  return row.verb == "patch" ? entry.patch : nullptr;
}

// Bytes of a pod, a node or a service count as connections, also those of a log.
std::string_view LabelOf(const Subresource& subresource, const SubresourceHandlers& entry,
                         const VerbRow& row) {
  return entry.connect != nullptr || subresource.name == "log" ? "CONNECT" : row.label;
}

void AddSubresourceRoutes(const KindInfo& kind, const Subresource& subresource,
                          std::vector<Route>& routes) {
  const SubresourceHandlers* entry = FindSubresourceHandlers(kind, subresource.name);
  CHECK(entry != nullptr);  // The kind promises what nothing answers.
  const size_t first = routes.size();
  for (const std::string_view verb : subresource.verbs) {
    const VerbRow& row = RowOf(verb);
    routes.push_back({.kind = &kind,
                      .subresource = &subresource,
                      .form = PathForm::kSubresource,
                      .method = row.method,
                      .verb = row.verb,
                      .label = LabelOf(subresource, *entry, row),
                      .handle = HandlerOf(*entry, row),
                      .mode = entry->mode == nullptr ? nullptr : &entry->mode(),
                      .connects = entry->connect != nullptr});
    CHECK(routes.back().handle != nullptr);
  }
  if (!entry->passes_path) return;
  Route more = routes[first];
  for (const auto& [method, verb] : {std::pair("HEAD", "get"), std::pair("OPTIONS", "")}) {
    more.method = method;
    more.verb = verb;
    routes.push_back(more);
  }
  for (size_t at = first, end = routes.size(); at < end; ++at) {
    more = routes[at];
    more.form = PathForm::kBelowSubresource;
    routes.push_back(more);
  }
}

// nullopt for a path that no kind has, or none of this scope.
std::optional<PathForm> FormOf(const RequestInfo& info, const KindInfo& kind) {
  if (info.legacy_proxy) return std::nullopt;
  const bool in_scope = info.below_namespace == kind.namespaced;
  if (info.depth == 1 && !in_scope && kind.namespaced) {
    return info.legacy_watch ? PathForm::kWatchEverywhere : PathForm::kEverywhere;
  }
  const bool runtime = RuntimeKindOf(kind) != nullptr;
  // Custom resources of one name are watched in all namespaces at once as well.
  if (!in_scope && !(runtime && info.legacy_watch && kind.namespaced)) return std::nullopt;
  if (info.depth == 1) {
    return info.legacy_watch ? PathForm::kWatchCollection : PathForm::kCollection;
  }
  if (info.depth == 2) return info.legacy_watch ? PathForm::kWatchObject : PathForm::kObject;
  // Of a custom resource it is a path like others, at which nobody watches.
  if (info.legacy_watch && !runtime) return std::nullopt;
  // What follows on a subresource of a custom resource is not looked at.
  const bool is_subresource = info.depth == 3 || runtime;
  return is_subresource ? PathForm::kSubresource : PathForm::kBelowSubresource;
}

// The part of a match that is about names rather than about paths.
RouteMatch::Found CheckPlaces(const RequestInfo& info, const KindInfo& kind) {
  using Found = RouteMatch::Found;
  if (info.depth > 1 && (info.name.empty() || info.name_from_selector)) return Found::kEmptyName;
  const bool many = info.depth == 1 && (info.verb == "list" || info.verb == "watch");
  if (kind.namespaced && info.below_namespace && info.namespace_name.empty() && !many) {
    return Found::kEmptySpace;
  }
  return Found::kRoute;
}

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

Result<> RefuseExport(const ApiRequest& request) {
  const Route& route = *request.route;
  const auto exported = request.http.Query("export");
  if (exported && route.form == PathForm::kObject && route.verb == "get" &&
      QueryIsTrue(*exported)) {
    return Fail(Reason::kBadRequest,
                "the export parameter, deprecated since v1.14, is no longer supported");
  }
  return {};
}

void WarnOfVersion(const KindInfo& kind, ApiRequest& request) {
  const std::string_view text = kind.behaviour->deprecation;
  if (!text.empty()) request.warnings.emplace_back(text);
}

// Of what is served: it is counted as well.
void WarnOfDeprecation(const KindInfo& kind, ApiRequest& request) {
  if (kind.behaviour->deprecation.empty()) return;
  WarnOfVersion(kind, request);
  request.is_deprecated = true;
  if (!request.told) return;
  request.told->annotations().emplace("k8s.io/deprecated", "true");
  const std::string_view end = kind.behaviour->removed_release;
  if (!end.empty()) request.told->annotations().emplace("k8s.io/removed-release", end);
}

Result<> AdmitConnect(Core& core, ApiRequest& request) {
  Json options = TRY(ConnectOptionsOf(request));
  AdmissionRequest admission = AdmissionOf(request, Operation::kConnect, *request.kind,
                                           std::string(request.route->subresource->name));
  admission.body = &options;
  TRY(core.admission.Admit(admission));
  return core.admission.Validate(admission);
}

}  // namespace

std::span<const Route> KindRoutes::routes() const {
  std::call_once(once_, [this] {
    AddObjectRoutes(kind_, routes_);
    for (const Subresource& each : kind_.subresources) AddSubresourceRoutes(kind_, each, routes_);
  });
  return routes_;
}

bool RouteTable::InOrder::operator()(const KindRoutesPtr& a, const KindRoutesPtr& b) const {
  return AddressOf(a->kind()) < AddressOf(b->kind());
}

RouteTable::RouteTable(std::vector<const KindInfo*> kinds) : kinds_(std::move(kinds)) {
  for (const KindInfo* kind : kinds_) Add(*kind);
}

RouteTable::RouteTable(const RouteTable& before, const KindSet& kinds, const RuntimeKinds& gone,
                       const RuntimeKinds& added)
    : kinds_(kinds.kinds().begin(), kinds.kinds().end()), by_address_(before.by_address_) {
  for (const RuntimeKindPtr& kind : gone) {
    const KindRoutesPtr own = std::make_shared<const KindRoutes>(*kind);
    by_address_ = by_address_.Without(
        own, [&](const KindRoutesPtr& each) { return &each->kind() == kind.get(); });
  }
  for (const RuntimeKindPtr& kind : added) {
    if (At(kind->group, kind->version, kind->resource) == nullptr) Add(*kind);
  }
}

void RouteTable::Add(const KindInfo& kind) {
  by_address_ = by_address_.With(std::make_shared<const KindRoutes>(kind));
}

const KindRoutes* RouteTable::At(std::string_view group, std::string_view version,
                                 std::string_view resource) const {
  const auto address = std::tie(group, version, resource);
  const KindRoutesPtr* found = by_address_.FindFirst(
      [&](const KindRoutesPtr& each) { return AddressOf(each->kind()) < address; });
  return found == nullptr || AddressOf((*found)->kind()) != address ? nullptr : found->get();
}

std::span<const Route> RouteTable::RoutesOf(const KindInfo& kind) const {
  const KindRoutes* found = At(kind.group, kind.version, kind.resource);
  if (found == nullptr) return {};
  return found->routes();
}

bool RouteTable::HasGroup(std::string_view group) const {
  const KindRoutesPtr* found = by_address_.FindFirst(
      [&](const KindRoutesPtr& each) { return each->kind().group < group; });
  return found != nullptr && (*found)->kind().group == group;
}

RouteMatch RouteTable::Find(const RequestInfo& info, std::string_view method) const {
  using Found = RouteMatch::Found;
  const bool core = info.prefix == "api";
  // The core group has no name, and so no place below /apis.
  if (core != info.group.empty() || !(core || HasGroup(info.group))) return {Found::kNoGroup};
  // Its words leave out the slashes in front; a second one leads away from all groups.
  if (info.path.starts_with("//")) return {Found::kNoGroup};
  const KindRoutes* found = At(info.group, info.version, info.resource);
  // A group of custom resources alone is known by them alone.
  if (found == nullptr) return {IsBuiltInGroup(info.group) ? Found::kNoPath : Found::kNoGroup};
  const KindInfo& kind = found->kind();
  const bool runtime = RuntimeKindOf(kind) != nullptr;
  // All that is below a group that is built in, is for that to answer: definitions come behind it.
  if (runtime && IsBuiltInGroup(info.group)) return {Found::kNoPath};
  // Who may do something in a namespace may not do it to what has none: "namespaces/a" is
  // authorized in "a", which means the object of that name only where it is the namespace itself.
  if (runtime && !kind.namespaced && !info.namespace_name.empty()) return {Found::kNoGroup};
  // Of custom resources the word in the path is a verb, which none of them has.
  if (runtime && info.legacy_proxy && info.below_namespace == kind.namespaced) {
    return {Found::kNoMethod, &kind};
  }
  const auto form = FormOf(info, kind);
  if (!form) return {runtime ? Found::kNoGroup : Found::kNoPath};
  // Nor is a namespaced kind there without a namespace, but to list and watch it.
  const bool everywhere = *form == PathForm::kEverywhere;
  // The word in the path says that they are watched, with whatever method.
  if (runtime && (method == "HEAD" || info.legacy_watch)) method = "GET";
  if (runtime && everywhere && method != "GET") return {Found::kNoGroup};
  // A custom resource is made at the path of another as well: it is called what its body says.
  const bool makes = runtime && *form == PathForm::kObject && method == "POST";
  const PathForm wanted = makes ? PathForm::kCollection : *form;
  RouteMatch match{Found::kNoPath};
  if (runtime && !info.subresource.empty()) match = {Found::kNoSubresource, &kind};
  for (const Route& route : found->routes()) {
    const std::string_view subresource = route.subresource ? route.subresource->name : "";
    if (route.form != wanted || subresource != info.subresource) continue;
    match.kind = &kind;
    if (match.found == Found::kNoPath || match.found == Found::kNoSubresource) {
      match.found = Found::kNoMethod;
    }
    if (route.method != method) continue;
    // Who names no custom resource lists what its subresource is one of, which nobody can.
    if (runtime && wanted == PathForm::kSubresource && info.verb != route.verb) return match;
    match.found = CheckPlaces(info, kind);
    if (match.found != Found::kRoute) return match;
    if (route.verb == info.verb) {
      match.route = &route;
      return match;
    }
    match.found = Found::kNoVerb;
  }
  // One custom resource is changed wherever that is asked, which is then found to name none.
  const bool changes = method == "PUT" || method == "PATCH";
  if (runtime && *form == PathForm::kCollection && changes) return {Found::kEmptyName, &kind};
  return match;
}

Access AccessOf(const RequestInfo& info, const RouteMatch& match) {
  Access access = AccessOf(info);
  if (match.route == nullptr) return access;
  const Route& route = *match.route;
  access.verb = route.verb;
  access.group = route.kind->group;
  access.version = route.kind->version;
  access.resource = route.kind->resource;
  access.subresource = route.subresource ? route.subresource->name : "";
  return access;
}

Result<http::Response> NoRouteResponse(const RouteMatch& match, ApiRequest& request) {
  using Found = RouteMatch::Found;
  switch (match.found) {
    case Found::kNoGroup:
      return TextResponse(404, "404 page not found\n");
    case Found::kNoMethod:
      if (RuntimeKindOf(*match.kind) == nullptr) return Fail(MethodNotAllowedHere());
      WarnOfVersion(*match.kind, request);
      return Fail(MethodNotSupported(GroupResourceOf(*match.kind), request.info.verb));
    case Found::kNoSubresource:
      WarnOfVersion(*match.kind, request);
      return Fail(NotFoundError(GroupResourceOf(*match.kind), request.info.name));
    case Found::kNoVerb:
      WarnOfDeprecation(*match.kind, request);
      return Fail(MethodNotSupported(GroupResourceOf(*match.kind), "watch"));
    case Found::kEmptyName:
      WarnOfDeprecation(*match.kind, request);
      if (request.info.verb == "patch") TRY(CheckPatchType(request));
      return Fail(Reason::kBadRequest, "name must be provided");
    case Found::kEmptySpace:
      if (RuntimeKindOf(*match.kind) != nullptr) return TextResponse(404, "404 page not found\n");
      WarnOfDeprecation(*match.kind, request);
      if (request.info.verb == "patch") TRY(CheckPatchType(request));
      return Fail(Reason::kBadRequest, "Namespace parameter required.");
    case Found::kNoPath:
    case Found::kRoute:
      break;
  }
  return Fail(UnknownResourceError());
}

Result<http::Response> Serve(Core& core, ApiRequest& request) {
  const Route& route = *request.route;
  WarnOfDeprecation(*route.kind, request);
  TRY(CheckBodySize(request.http));
  // The path of a namespace names itself as its namespace; the object has none.
  if (!route.kind->namespaced) request.info.namespace_name.clear();
  if (!request.info.name_from_selector) TRY(CheckName(request.info.name));
  TRY(RefuseExport(request));
  if (route.connects) {
    if (request.http.Query("dryRun")) return Fail(Reason::kBadRequest, "dryRun is not supported");
    TRY(AdmitConnect(core, request));
  }
  return route.handle(core, request);
}

}  // namespace skiff
