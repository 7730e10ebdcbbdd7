#include "api/openapi/openapi_paths.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/openapi/custom_paths.h"
#include "api/openapi/openapi_schema.h"
#include "api/openapi/path_parts.h"
#include "api/openapi/texts.h"
#include "api/registry.h"

namespace skiff::openapi {
namespace {

using Words = std::vector<std::string_view>;

constexpr Parameter kPathInPath = {"path", "string", "path below the proxied service", "z6Ciiujn",
                                   true};

// Query parameters of the subresources that connect, which are the fields of an options type.
struct SharedSuffix {
  std::string_view options;
  std::string_view field;
  std::string_view suffix;
};
constexpr SharedSuffix kConnectSuffixes[] = {
    {"PodExecOptions", "command", "Py3eQybp"},
    {"PodExecOptions", "container", "i5dOmRiM"},
    {"PodExecOptions", "stderr", "W_1TNlWc"},
    {"PodExecOptions", "stdin", "PSzNhyUC"},
    {"PodExecOptions", "stdout", "-EZLRwV1"},
    {"PodExecOptions", "tty", "s0flW37O"},
    {"PodAttachOptions", "container", "_Q-EJ3nR"},
    {"PodAttachOptions", "stderr", "26jJhFUR"},
    {"PodAttachOptions", "stdin", "sEFnN3IS"},
    {"PodAttachOptions", "stdout", "005YMKE6"},
    {"PodAttachOptions", "tty", "g7MlET_l"},
    {"PodLogOptions", "container", "1GeXxFDC"},
    {"PodLogOptions", "follow", "9OIXh_2R"},
    {"PodLogOptions", "insecureSkipTLSVerifyBackend", "gM00jVbe"},
    {"PodLogOptions", "limitBytes", "zwd1RXuc"},
    {"PodLogOptions", "previous", "1jxDPu3y"},
    {"PodLogOptions", "sinceSeconds", "vE2NLdnP"},
    {"PodLogOptions", "stream", "l-48cgXv"},
    {"PodLogOptions", "tailLines", "9xQLWHMV"},
    {"PodLogOptions", "timestamps", "c17fW1w_"},
    {"PodPortForwardOptions", "ports", "91KROJmm"},
    {"NodeProxyOptions", "path", "rFDtV0x9"},
    {"PodProxyOptions", "path", "oPbzgLUj"},
    {"ServiceProxyOptions", "path", "QCf0eosM"},
};

std::string_view ParameterType(const Type& type) {
  switch (type.shape) {
    case Shape::kBool:
      return "boolean";
    case Shape::kInt32:
    case Shape::kInt64:
      return "integer";
    case Shape::kList:
      return ParameterType(*type.element);
    default:
      return "string";
  }
}

std::vector<Parameter> OptionParameters(std::string_view options) {
  std::vector<Parameter> out;
  const Type* type = FindBuiltInType("v1", options);
  if (type == nullptr) return out;
  for (const Field& field : type->fields) {
    if (field.type->shape == Shape::kTime) continue;
    std::string_view suffix;
    for (const SharedSuffix& known : kConnectSuffixes) {
      if (known.options == options && known.field == field.name) suffix = known.suffix;
    }
    out.push_back({field.name, ParameterType(*field.type), TextOf(*type, field), suffix});
  }
  SortByName(out);
  return out;
}

// Adds the paths of built-in kinds to a list.
class Builder {
 public:
  Builder(std::string_view group, std::string_view version)
      : group_(IdPart(GroupInIds(group), true)),
        version_(Capital(version)),
        tag_(IdPart(GroupInIds(group), false) + "_" + std::string(version)),
        prefix_(group.empty() ? fmt::format("/api/{}", version)
                              : fmt::format("/apis/{}/{}", group, version)) {}

  void AddDiscovery() {
    Operation operation =
        Get(fmt::format("get{}{}APIResources", group_, version_), MetaDefinition("APIResourceList"),
            "Lists the resources of the version.");
    out_.push_back({prefix_ + "/", {}, {std::move(operation)}});
  }

  void Add(const KindInfo& kind) {
    kind_ = &kind;
    const std::string collection =
        prefix_ + (kind.namespaced ? "/namespaces/{namespace}/" : "/") + std::string(kind.resource);
    AddCollection(collection);
    AddItem(collection + "/{name}");
    if (kind.namespaced && kind.HasVerb("list")) {
      Finish(prefix_ + "/" + std::string(kind.resource), {ListOperation(true)}, false);
    }
    for (const Subresource& subresource : kind.subresources) {
      AddSubresource(collection + "/{name}/" + std::string(subresource.name), subresource);
    }
    if (kind.HasVerb("watch")) AddWatches();
  }

  // In no order.
  std::vector<Path> Take() { return std::move(out_); }

 private:
  std::string Id(std::string_view verb, std::string_view rest, bool all_namespaces = false) const {
    const bool namespaced = kind_->namespaced && !all_namespaces;
    return fmt::format("{}{}{}{}{}{}", verb, group_, version_, namespaced ? "Namespaced" : "",
                       kind_->kind, rest);
  }

  Operation Get(std::string id, std::string response, std::string doc) const {
    return {.method = "get",
            .id = std::move(id),
            .tag = tag_,
            .doc = std::move(doc),
            .consumes = {kJson, kYaml, kProtobuf},
            .produces = {kJson, kYaml, kProtobuf},
            .codes = {200},
            .response = std::move(response)};
  }

  // An operation on objects of `kind`, which is answered with one.
  Operation Make(std::string_view method, std::string_view action, std::string id,
                 const meta_v1::GroupVersionKind& kind, std::vector<int> codes) const {
    Operation out = Get(std::move(id), DefinitionOf(kind), "");
    out.method = method;
    out.action = action;
    out.kind = kind;
    out.consumes = {"*/*"};
    out.codes = std::move(codes);
    out.doc = fmt::format("{}: {}.", Capital(action), kind.kind);
    return out;
  }

  meta_v1::GroupVersionKind OwnKind() const { return KindOf(kind_->api_version, kind_->kind); }

  static void AddStreams(Operation& operation) {
    operation.produces.push_back("application/json;stream=watch");
    operation.produces.push_back("application/vnd.kubernetes.protobuf;stream=watch");
  }

  Operation ListOperation(bool all_namespaces) const {
    Operation out =
        Make("get", "list", Id("list", all_namespaces ? "ForAllNamespaces" : "", all_namespaces),
             OwnKind(), {200});
    out.response += "List";
    out.parameters.assign(std::begin(kListParameters), std::end(kListParameters));
    AddStreams(out);
    return out;
  }

  Operation Create(std::string id, const meta_v1::GroupVersionKind& kind) const {
    Operation out = Make("post", "post", std::move(id), kind, {200, 201, 202});
    out.body = out.response;
    out.parameters = {kDryRun, kFieldManager, kFieldValidation};
    return out;
  }

  Operation Update(std::string id, const meta_v1::GroupVersionKind& kind) const {
    Operation out = Make("put", "put", std::move(id), kind, {200, 201});
    out.body = out.response;
    out.parameters = {kDryRun, kFieldManager, kFieldValidation};
    return out;
  }

  Operation Patch(std::string id, const meta_v1::GroupVersionKind& kind) const {
    Operation out = Make("patch", "patch", std::move(id), kind, {200, 201});
    out.body = MetaDefinition("Patch");
    out.parameters = {kDryRun, kPatchManager, kFieldValidation, kForce};
    out.consumes = {"application/json-patch+json", "application/merge-patch+json",
                    "application/strategic-merge-patch+json", "application/apply-patch+yaml"};
    return out;
  }

  Operation Delete(std::string id, bool collection) const {
    Operation out =
        Make("delete", collection ? "deletecollection" : "delete", std::move(id), OwnKind(), {200});
    out.body = MetaDefinition("DeleteOptions");
    out.body_required = false;
    out.parameters.assign(std::begin(kDeleteParameters), std::end(kDeleteParameters));
    // Of namespaces it says so, too, though the namespace is answered.
    const bool of_object = kind_->delete_returns_object && kind_->kind != "Namespace";
    if (collection || !of_object) out.response = MetaDefinition("Status");
    if (!collection) {
      out.codes.push_back(202);
      return out;
    }
    for (const Parameter& parameter : kListParameters) {
      if (parameter.name != "allowWatchBookmarks" && parameter.name != "watch") {
        out.parameters.push_back(parameter);
      }
    }
    SortByName(out.parameters);
    return out;
  }

  void AddCollection(const std::string& path) {
    std::vector<Operation> operations;
    if (kind_->HasVerb("list")) operations.push_back(ListOperation(false));
    if (kind_->HasVerb("create")) operations.push_back(Create(Id("create", ""), OwnKind()));
    if (kind_->HasVerb("deletecollection")) {
      std::string id = Id("delete", "");
      id.insert(6 + group_.size() + version_.size(), "Collection");
      operations.push_back(Delete(std::move(id), true));
    }
    Finish(path, std::move(operations), false);
  }

  void AddItem(const std::string& path) {
    std::vector<Operation> operations;
    if (kind_->HasVerb("get")) {
      operations.push_back(Make("get", "get", Id("read", ""), OwnKind(), {200}));
    }
    if (kind_->HasVerb("update")) operations.push_back(Update(Id("replace", ""), OwnKind()));
    if (kind_->HasVerb("delete")) operations.push_back(Delete(Id("delete", ""), false));
    if (kind_->HasVerb("patch")) operations.push_back(Patch(Id("patch", ""), OwnKind()));
    Finish(path, std::move(operations), true);
  }

  void AddSubresource(const std::string& path, const Subresource& subresource) {
    const std::string rest = Capital(subresource.name);
    const auto kind = KindOf(subresource.api_version, subresource.kind);
    if (subresource.kind.ends_with("Options")) return AddConnect(path, subresource);
    const auto has = [&](std::string_view verb) {
      const auto& verbs = subresource.verbs;
      return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
    };
    std::vector<Operation> operations;
    if (subresource.name == "log") {
      Operation log = Make("get", "get", Id("read", rest), kind, {200});
      log.response.clear();
      log.produces.insert(log.produces.begin(), "text/plain");
      log.parameters = OptionParameters("PodLogOptions");
      return Finish(path, {std::move(log)}, true);
    }
    if (has("get")) operations.push_back(Make("get", "get", Id("read", rest), kind, {200}));
    if (has("create")) operations.push_back(Create(Id("create", rest), kind));
    if (has("update")) operations.push_back(Update(Id("replace", rest), kind));
    if (has("patch")) operations.push_back(Patch(Id("patch", rest), kind));
    Finish(path, std::move(operations), true);
  }

  void AddConnect(const std::string& path, const Subresource& subresource) {
    const bool proxy = subresource.name == "proxy";
    Words methods = {"get", "post"};
    if (proxy) methods = {"get", "put", "post", "delete", "options", "head", "patch"};
    const auto kind = KindOf(subresource.api_version, subresource.kind);
    for (const bool with_path : {false, true}) {
      if (with_path && !proxy) break;
      std::vector<Operation> operations;
      for (const std::string_view method : methods) {
        Operation out = Make(method, "connect", "", kind, {200});
        out.id = fmt::format("connect{}{}{}{}{}{}{}", group_, version_, Capital(method),
                             kind_->namespaced ? "Namespaced" : "", kind_->kind,
                             Capital(subresource.name), with_path ? "WithPath" : "");
        out.response.clear();
        out.produces = {"*/*"};
        operations.push_back(std::move(out));
      }
      std::vector<Parameter> common = OptionParameters(subresource.kind);
      if (with_path) common.push_back(kPathInPath);
      common.push_back(kName);
      if (kind_->namespaced) common.push_back(kNamespace);
      SortByName(common);
      out_.push_back(
          {with_path ? path + "/{path}" : path, std::move(common), std::move(operations)});
    }
  }

  void AddWatches() {
    const std::string resource(kind_->resource);
    const std::string start = prefix_ + "/watch/";
    const std::string collection =
        start + (kind_->namespaced ? "namespaces/{namespace}/" : "") + resource;
    AddWatch(collection, "watchlist", Id("watch", "List"), false);
    AddWatch(collection + "/{name}", "watch", Id("watch", ""), true);
    if (kind_->namespaced) {
      AddWatch(start + resource, "watchlist", Id("watch", "ListForAllNamespaces", true), false);
    }
  }

  void AddWatch(const std::string& path, std::string_view action, std::string id, bool named) {
    Operation out = Make("get", action, std::move(id), OwnKind(), {200});
    out.response = MetaDefinition("WatchEvent");
    out.parameters.assign(std::begin(kListParameters), std::end(kListParameters));
    AddStreams(out);
    Finish(path, {std::move(out)}, named);
  }

  void Finish(std::string path, std::vector<Operation> operations, bool named) {
    if (operations.empty()) return;
    out_.push_back(MakePath(std::move(path), std::move(operations), named));
  }

  std::string group_, version_, tag_, prefix_;
  const KindInfo* kind_ = nullptr;
  std::vector<Path> out_;
};

// A path that has one GET without parameters.
Path Plain(std::string path, std::string id, std::string tag, std::string response,
           Words types = {kJson, kYaml, kProtobuf}) {
  Operation operation = {.method = "get",
                         .id = std::move(id),
                         .tag = std::move(tag),
                         .doc = "What is served here.",
                         .consumes = types,
                         .produces = types,
                         .codes = {200},
                         .response = std::move(response)};
  return {std::move(path), {}, {std::move(operation)}};
}

// Of the issuer of tokens, who says nothing of what he takes.
Path OfIssuer(std::string path, std::string id, std::string tag, std::string_view type) {
  Path out = Plain(std::move(path), std::move(id), std::move(tag), "", {type});
  out.operations[0].consumes.clear();
  return out;
}

// Of one group, "apis/apps", or of one of its versions.
std::vector<Path> PathsOfGroup(KindList kinds, std::string_view key) {
  std::vector<const KindInfo*> built_in;
  std::vector<Path> out;
  for (const KindInfo* kind : kinds) {
    if (kind->resource.empty()) continue;
    const RuntimeKind* custom = RuntimeKindOf(*kind);
    if (custom == nullptr && !kind->group.empty() && key == fmt::format("apis/{}", kind->group)) {
      const std::string_view name = GroupInIds(kind->group);
      return {Plain(fmt::format("/apis/{}/", kind->group),
                    fmt::format("get{}APIGroup", IdPart(name, true)), IdPart(name, false),
                    MetaDefinition("APIGroup"))};
    }
    if (key != fmt::format("{}/{}", kind->group.empty() ? "api" : "apis", kind->api_version)) {
      continue;
    }
    if (custom != nullptr) {
      AddCustomPaths(*custom, out);
    } else {
      built_in.push_back(kind);
    }
  }
  if (!built_in.empty()) {
    Builder builder(built_in[0]->group, built_in[0]->version);
    builder.AddDiscovery();
    for (const KindInfo* kind : built_in) builder.Add(*kind);
    for (Path& path : builder.Take()) out.push_back(std::move(path));
  }
  std::sort(out.begin(), out.end(), [](const Path& a, const Path& b) { return a.path < b.path; });
  return out;
}

}  // namespace

std::vector<std::string> Keys(KindList kinds) {
  std::vector<std::string> out = {".well-known/openid-configuration", "api", "apis",
                                  "openid/v1/jwks", "version"};
  for (const KindInfo* kind : kinds) {
    if (kind->resource.empty()) continue;
    if (kind->group.empty()) {
      out.push_back(fmt::format("api/{}", kind->version));
      continue;
    }
    if (RuntimeKindOf(*kind) == nullptr) out.push_back(fmt::format("apis/{}", kind->group));
    out.push_back(fmt::format("apis/{}/{}", kind->group, kind->version));
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::vector<Path> PathsOf(KindList kinds, std::string_view key) {
  if (key == "api") {
    return {Plain("/api/", "getCoreAPIVersions", "core", MetaDefinition("APIVersions"))};
  }
  if (key == "apis") {
    return {Plain("/apis/", "getAPIVersions", "apis", MetaDefinition("APIGroupList"))};
  }
  if (key == "version") {
    return {Plain("/version/", "getCodeVersion", "version", "io.k8s.apimachinery.pkg.version.Info",
                  {kJson})};
  }
  if (key == "openid/v1/jwks") {
    return {OfIssuer("/openid/v1/jwks/", "getServiceAccountIssuerOpenIDKeyset", "openid",
                     "application/jwk-set+json")};
  }
  if (key == ".well-known/openid-configuration") {
    return {OfIssuer("/.well-known/openid-configuration/",
                     "getServiceAccountIssuerOpenIDConfiguration", "WellKnown", kJson)};
  }
  return PathsOfGroup(kinds, key);
}

}  // namespace skiff::openapi
