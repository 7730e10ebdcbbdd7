#include "api/openapi/openapi_paths.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/openapi/openapi_schema.h"
#include "api/openapi/texts.h"

namespace skiff::openapi {
namespace {

using Words = std::vector<std::string_view>;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kYaml = "application/yaml";
constexpr std::string_view kProtobuf = "application/vnd.kubernetes.protobuf";

const std::string kMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.";

// The suffixes of shared parameters are those of Kubernetes, so that documents can be compared.
constexpr Parameter kName = {"name", "string", "name of the object", "", true};
constexpr Parameter kNamespace = {"namespace", "string", "namespace of the object", "vgWSWtn3",
                                  true};
constexpr Parameter kPathInPath = {"path", "string", "path below the proxied service", "z6Ciiujn",
                                   true};
constexpr Parameter kPretty = {"pretty", "string", "if 'true', the answer is indented", "tJGM1-ng"};
constexpr Parameter kDryRun = {"dryRun", "string",
                               "if 'All', nothing is stored; the answer is as if it was", ""};
constexpr Parameter kFieldManager = {
    "fieldManager", "string", "name of whoever owns the fields that are written", "Qy4HdaTW"};
constexpr Parameter kPatchManager = {
    "fieldManager", "string",
    "name of whoever owns the fields that are written; apply patches must give it", "7c6nTn1T"};
constexpr Parameter kFieldValidation = {
    "fieldValidation", "string", "what unknown fields lead to: 'Ignore', 'Warn' or 'Strict'", ""};
constexpr Parameter kForce = {
    "force", "boolean", "apply patches take conflicting fields from their owners", "tOGGb0Yi"};

constexpr Parameter kListParameters[] = {
    {"allowWatchBookmarks", "boolean", "a watch also sends bookmarks", "HC2hJt-J"},
    {"continue", "string", "token of the previous page", "QfD61s0i"},
    {"fieldSelector", "string", "selects objects by their fields", "xIcQKXFG"},
    {"labelSelector", "string", "selects objects by their labels", "5Zw57w4C"},
    {"limit", "integer", "most objects of one answer", "1NfNmdNH"},
    {"resourceVersion", "string", "which state of the store to answer from", "5WAnf1kx"},
    {"resourceVersionMatch", "string", "how resourceVersion is meant", "t8XhRHeC"},
    {"sendInitialEvents", "boolean", "a watch begins with what exists", "rLXlEK_k"},
    {"timeoutSeconds", "integer", "how long the call may take", "yvYezaOC"},
    {"watch", "boolean", "send changes as they happen", "XNNPZGbK"},
};

constexpr Parameter kDeleteParameters[] = {
    kDryRun,
    {"gracePeriodSeconds", "integer", "time the object has to end", "-K5HaBOS"},
    {"ignoreStoreReadErrorWithClusterBreakingPotential", "boolean",
     "delete an object that cannot be read", "QbNkfIqj"},
    {"orphanDependents", "boolean", "leave dependents alone; see propagationPolicy", "uRB25kX5"},
    {"propagationPolicy", "string", "what becomes of dependents", "6jk3prlO"},
};

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

std::string Capital(std::string_view word) {
  std::string out(word);
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z') out[0] = static_cast<char>(out[0] - 32);
  return out;
}

// "rbac.authorization.k8s.io" is "RbacAuthorization"; the core group is "Core".
std::string GroupName(std::string_view group) {
  if (group.empty()) return "Core";
  if (group.ends_with(".k8s.io")) group.remove_suffix(7);
  std::string out;
  bool capital = true;
  for (const char c : group) {
    if (c == '.' || c == '-') {
      capital = true;
      continue;
    }
    out += capital ? Capital(std::string_view(&c, 1)) : std::string(1, c);
    capital = false;
  }
  return out;
}

std::string LowerFirst(std::string text) {
  if (text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + 32);
  return text;
}

void SortByName(std::vector<Parameter>& parameters) {
  std::stable_sort(parameters.begin(), parameters.end(), [](const auto& a, const auto& b) {
    return a.name != b.name ? a.name < b.name : a.in_path > b.in_path;
  });
}

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

// Adds the paths of kinds to a list.
class Builder {
 public:
  Builder(std::string_view group, std::string_view version)
      : group_(GroupName(group)),
        version_(Capital(version)),
        tag_(LowerFirst(group_) + "_" + std::string(version)),
        prefix_(group.empty() ? fmt::format("/api/{}", version)
                              : fmt::format("/apis/{}/{}", group, version)) {}

  void AddDiscovery() {
    Operation operation = Get(fmt::format("get{}{}APIResources", group_, version_),
                              kMeta + "APIResourceList", "Lists the resources of the version.");
    out_.push_back({prefix_ + "/", {}, {std::move(operation)}});
  }

  void Add(const KindInfo& kind) {
    kind_ = &kind;
    custom_ = kind.type == nullptr || kind.type->ops == nullptr;
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
    if (kind.HasVerb("watch") && !custom_) AddWatches();
  }

  std::vector<Path> Take() {
    std::sort(out_.begin(), out_.end(),
              [](const Path& a, const Path& b) { return a.path < b.path; });
    return std::move(out_);
  }

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
    if (custom_) {
      out.consumes = {kJson, kYaml};
      out.produces = {kJson, kYaml};
    }
    out.codes = std::move(codes);
    out.doc = fmt::format("{}: {}.", Capital(action), kind.kind);
    return out;
  }

  meta_v1::GroupVersionKind OwnKind() const { return KindOf(kind_->api_version, kind_->kind); }

  static meta_v1::GroupVersionKind KindOf(std::string_view api_version, std::string_view kind) {
    meta_v1::GroupVersionKind out;
    const size_t slash = api_version.find('/');
    if (slash != std::string_view::npos) out.group = api_version.substr(0, slash);
    out.version = slash == std::string_view::npos ? api_version : api_version.substr(slash + 1);
    out.kind = kind;
    return out;
  }

  void AddStreams(Operation& operation) const {
    operation.produces.push_back("application/json;stream=watch");
    if (!custom_) operation.produces.push_back("application/vnd.kubernetes.protobuf;stream=watch");
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
    out.body = kMeta + "Patch";
    out.parameters = {kDryRun, kPatchManager, kFieldValidation, kForce};
    out.consumes = {"application/json-patch+json", "application/merge-patch+json"};
    if (!custom_) out.consumes.push_back("application/strategic-merge-patch+json");
    out.consumes.push_back("application/apply-patch+yaml");
    return out;
  }

  Operation Delete(std::string id, bool collection) const {
    Operation out =
        Make("delete", collection ? "deletecollection" : "delete", std::move(id), OwnKind(), {200});
    out.body = kMeta + "DeleteOptions";
    out.body_required = false;
    out.parameters.assign(std::begin(kDeleteParameters), std::end(kDeleteParameters));
    if (collection || !kind_->delete_returns_object) out.response = kMeta + "Status";
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
      AddIdentity(common, true);
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
    out.response = kMeta + "WatchEvent";
    out.parameters.assign(std::begin(kListParameters), std::end(kListParameters));
    AddStreams(out);
    Finish(path, {std::move(out)}, named);
  }

  void AddIdentity(std::vector<Parameter>& parameters, bool named) const {
    if (named) parameters.push_back(kName);
    if (kind_->namespaced) parameters.push_back(kNamespace);
    SortByName(parameters);
  }

  // What all operations of the path take moves to the path: the query of a lone one as well.
  void Finish(std::string path, std::vector<Operation> operations, bool named) {
    if (operations.empty()) return;
    std::vector<Parameter> common = {kPretty};
    if (operations.size() == 1) {
      auto& own = operations[0].parameters;
      common.insert(common.end(), own.begin(), own.end());
      own.clear();
    }
    AddIdentity(common, named);
    if (path.find("{namespace}") == std::string::npos) {
      std::erase_if(common, [](const Parameter& p) { return p.name == "namespace"; });
    }
    out_.push_back({std::move(path), std::move(common), std::move(operations)});
  }

  std::string group_, version_, tag_, prefix_;
  const KindInfo* kind_ = nullptr;
  bool custom_ = false;
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

}  // namespace

std::vector<std::string> Keys(KindList kinds) {
  std::vector<std::string> out = {".well-known/openid-configuration", "api", "apis",
                                  "openid/v1/jwks", "version"};
  for (const ServedVersion& served : ServedVersions(kinds)) {
    if (served.group.empty()) {
      out.push_back(fmt::format("api/{}", served.version));
      continue;
    }
    out.push_back(fmt::format("apis/{}", served.group));
    out.push_back(fmt::format("apis/{}/{}", served.group, served.version));
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::vector<Path> PathsOf(KindList kinds, std::string_view key) {
  if (key == "api") return {Plain("/api/", "getCoreAPIVersions", "core", kMeta + "APIVersions")};
  if (key == "apis") return {Plain("/apis/", "getAPIVersions", "apis", kMeta + "APIGroupList")};
  if (key == "version") {
    return {Plain("/version/", "getCodeVersion", "version", "io.k8s.apimachinery.pkg.version.Info",
                  {kJson})};
  }
  if (key == "openid/v1/jwks") {
    return {Plain("/openid/v1/jwks/", "getServiceAccountIssuerOpenIDKeyset", "openid", "",
                  {"application/jwk-set+json"})};
  }
  if (key == ".well-known/openid-configuration") {
    return {Plain("/.well-known/openid-configuration/",
                  "getServiceAccountIssuerOpenIDConfiguration", "WellKnown", "", {kJson})};
  }
  for (const ServedVersion& served : ServedVersions(kinds)) {
    const bool core = served.group.empty();
    if (!core && key == fmt::format("apis/{}", served.group)) {
      const std::string name = GroupName(served.group);
      return {Plain(fmt::format("/apis/{}/", served.group), fmt::format("get{}APIGroup", name),
                    LowerFirst(name), kMeta + "APIGroup")};
    }
    if (key != (core ? fmt::format("api/{}", served.version)
                     : fmt::format("apis/{}/{}", served.group, served.version))) {
      continue;
    }
    Builder builder(served.group, served.version);
    builder.AddDiscovery();
    for (const KindInfo* kind : kinds) {
      if (kind->group == served.group && kind->version == served.version &&
          !kind->resource.empty()) {
        builder.Add(*kind);
      }
    }
    return builder.Take();
  }
  return {};
}

}  // namespace skiff::openapi
