#include "apiserver/kinds/discovery_response.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "api/built_in_versions.h"
#include "api/codec/decode.h"
#include "api/codec/protobuf.h"
#include "api/openapi/discovery.h"
#include "api/registry.h"
#include "apiserver/aggregation/aggregation.h"
#include "apiserver/kinds/document_hash.h"
#include "apiserver/kinds/made_discovery.h"
#include "apiserver/kinds/served_kinds.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/resources.h"
#include "apiserver/request/respond.h"
#include "base/at_once.h"

namespace skiff {
namespace {

constexpr std::string_view kAggregatorGroup = "apiregistration.k8s.io";
constexpr std::string_view kAggregated = ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

// `typed` also goes out as protobuf.
template <ApiType T>
Result<http::Response> Plain(const ApiRequest& request, const T& typed, bool routed) {
  const MediaType media =
      TRY(Negotiate(request.http, {.metadata = false, .table = false, .routed = routed}));
  const Json document = DiscoveryJson(typed);
  const std::string kind(document.value("kind", ""));
  return TypedResponse(200, {T::Describe(), "v1", kind, document}, media);
}

// A client that has it already is told so.
http::Response UnlessKnown(const ApiRequest& request, http::Response response) {
  const std::string_view tag = response.Header("ETag");
  if (tag.empty() || request.http.Header("If-None-Match") != tag) return response;
  response.status = 304;
  response.content_type.clear();
  response.body.clear();
  return response;
}

// With an ETag.
http::Response Tagged(const ApiRequest& request, std::string text, std::string_view type) {
  const std::string tag = "\"" + DocumentHash(text) + "\"";
  http::Response response;
  response.SetHeader("ETag", tag);
  response.SetHeader("Vary", "Accept");
  response.SetHeader("Cache-Control", "public");
  response.content_type = std::string(type);
  response.body = std::move(text);
  if (type.starts_with(ContentTypeOf(Encoding::kJson))) response.body += '\n';
  return UnlessKnown(request, std::move(response));
}

// Versions that are listed because of APIServices. Holds what it names.
struct Others {
  explicit Others(ApiServiceTablePtr given) : table(std::move(given)) {
    for (const ListedVersion& each : table->listed) Add(each);
  }
  Others(const Others&) = delete;
  Others& operator=(const Others&) = delete;
  void AddUnread(std::vector<ListedVersion> given) {
    unread = std::move(given);
    for (const ListedVersion& each : unread) Add(each);
  }
  void Add(const ListedVersion& each) {
    versions.push_back({each.group, each.version, each.group_priority, each.version_priority});
  }
  const ApiServiceTablePtr table;
  // Of definitions, where some cannot be read now: what these define is not said to be gone.
  std::vector<ListedVersion> unread;
  std::vector<ServedVersion> versions;
};

// In the order of the types.
std::string TextOfGroups(const Json& list) {
  std::string text = "{\"kind\":" + Dump(list["kind"]) + ",\"apiVersion\":" +
                     Dump(list["apiVersion"]) + ",\"metadata\":" + Dump(list["metadata"]) +
                     ",\"items\":";
  char separator = '[';
  for (const Json& item : list["items"]) {
    text += separator;
    AppendDocument(apidiscovery_v2::APIGroupDiscovery::Describe(), item, text);
    separator = ',';
  }
  return text + (separator == '[' ? "[]}" : "]}");
}

// What others answer for, and what is built in, is known without any definition.
void MarkStale(const ApiRequest& request, const Others& others,
               std::vector<apidiscovery_v2::APIGroupDiscovery>& groups) {
  for (auto& group : groups) {
    const std::string& name = group.metadata.name;
    if (!request.lacked_groups.contains(name)) continue;
    for (auto& version : group.versions) {
      const bool is_remote =
          others.table->RemoteAt("/apis/" + name + "/" + version.version) != nullptr;
      if (!is_remote && !IsBuiltInVersion(name, version.version)) version.freshness = "Stale";
    }
  }
}

using VersionSet = std::set<std::pair<std::string_view, std::string_view>>;

// Groups and versions of kinds that no definition made.
VersionSet BuiltInVersionsOf(KindList kinds) {
  VersionSet versions;
  for (const KindInfo* kind : kinds) {
    if (RuntimeKindOf(*kind) == nullptr) versions.emplace(kind->group, kind->version);
  }
  return versions;
}

// Those that are listed: of a version that is built in, what is built in.
std::vector<const KindInfo*> ListedAmong(KindList kinds) {
  const VersionSet built_in = BuiltInVersionsOf(kinds);
  std::vector<const KindInfo*> listed(kinds.begin(), kinds.end());
  std::erase_if(listed, [&](const KindInfo* kind) {
    return RuntimeKindOf(*kind) != nullptr && built_in.contains({kind->group, kind->version});
  });
  return listed;
}

http::Response Aggregated(const NonResourceParts& parts, const ApiRequest& request,
                          const MediaType& media, const Others& others, bool core) {
  const std::vector<const KindInfo*> kinds = ListedAmong(parts.served.routes.kinds());
  using Version = std::pair<std::string_view, std::string_view>;
  std::set<Version> own;  // Those that have resources of ours.
  for (const KindInfo* kind : kinds) {
    if (!kind->resource.empty()) own.emplace(kind->group, kind->version);
  }
  std::map<Version, const ListedVersion*> all_listed;
  for (const ListedVersion& each : others.table->listed) {
    all_listed.try_emplace({each.group, each.version}, &each);
  }
  const auto known = [&](const ServedVersion& served) -> std::optional<VersionDiscovery> {
    const auto listed = all_listed.find({served.group, served.version});
    const bool is_ours = own.contains({served.group, served.version});
    if (listed == all_listed.end()) {
      if (is_ours) return std::nullopt;
      VersionDiscovery unread;
      unread.version = served.version;
      return unread;
    }
    if (!listed->second->is_remote && is_ours) return std::nullopt;
    return parts.aggregation.DiscoveryOf(*listed->second);
  };
  auto groups = AggregatedGroups(kinds, core, others.versions, known);
  MarkStale(request, others, groups);
  const Json list = DiscoveryJson(groups);
  const std::string type = std::string(ContentTypeOf(media.encoding)).append(kAggregated);
  if (media.encoding != Encoding::kProtobuf) return Tagged(request, TextOfGroups(list), type);
  return Tagged(request,
                EncodeProtobufList(apidiscovery_v2::APIGroupDiscovery::Describe(),
                                   {"apidiscovery.k8s.io/v2", "APIGroupDiscoveryList"}, list),
                type);
}

Result<http::Response> Root(const NonResourceParts& parts, const ApiRequest& request,
                            const Others& others, bool core) {
  const KindList kinds = parts.served.routes.kinds();
  // With a slash behind it the list of groups has the one form.
  const bool is_for_all = core || request.http.path == "/apis";
  const MediaType media =
      TRY(Negotiate(request.http, {.metadata = false,
                                   .table = false,
                                   .discovery = is_for_all,
                                   .routed = core}));
  if (media.target == Target::kDiscovery) return Aggregated(parts, request, media, others, core);
  if (core) return Plain(request, CoreVersions(kinds, parts.server_address), core);
  return Plain(request, GroupsOf(kinds, others.versions), core);
}

// None of a path that has an empty one; slashes at the end do not count.
std::vector<std::string> Segments(std::string_view path) {
  std::vector<std::string> segments;
  while (path.ends_with('/')) path.remove_suffix(1);
  while (path.starts_with('/')) {
    path.remove_prefix(1);
    const size_t end = std::min(path.find('/'), path.size());
    if (end == 0) return {};
    segments.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

Result<http::Response> OneVersion(KindList kinds, const ApiRequest& request, std::string_view group,
                                  std::string_view version) {
  const bool is_built_in = IsBuiltInGroup(group);
  // There may be ten thousand others.
  std::vector<const KindInfo*> of_version;
  std::ranges::copy_if(kinds, std::back_inserter(of_version), [&](const KindInfo* kind) {
    return kind->group == group && kind->version == version;
  });
  // Another version of such a group is listed, and not there (RouteTable::Find).
  if (is_built_in && BuiltInVersionsOf(of_version).empty()) return Fail(UnknownResourceError());
  const auto resources = ResourcesOf(ListedAmong(of_version), group, version);
  // A group of custom resources alone is known by what it serves.
  if (!resources && !is_built_in) return TextResponse(404, "404 page not found\n");
  if (!resources) return Fail(UnknownResourceError());
  return Plain(request, *resources, is_built_in);
}

bool AreOfGroup(const std::vector<std::string>& segments) {
  return segments.size() == 2 && segments[0] == "apis";
}

// One of the documents: how many segments its path has, and whether it is of the core group.
struct Document {
  bool core = false;
  std::vector<std::string> segments;
  // The lists of groups, and a group, are answered to any method; kube-apiserver has them so.
  bool OnlyGet() const { return core || segments.size() == 3; }
  bool IsOfAllGroups() const { return !core && segments.size() == 1; }
  // Whether it tells of a group of which some definition cannot be read.
  bool Lacks(const ApiRequest& request) const {
    if (IsOfAllGroups()) return !request.lacked_groups.empty();
    return AreOfGroup(segments) && request.lacked_groups.contains(segments[1]);
  }
};

std::optional<Document> DocumentAt(const RouteTable& routes, const ApiServiceTable& table,
                                   const ApiRequest& request) {
  const std::string_view path = request.http.path;
  Document document{.segments = Segments(path)};
  const size_t depth = document.segments.size();
  if (depth == 0) return std::nullopt;
  document.core = document.segments[0] == "api";
  if (document.core) return depth <= 2 ? std::optional(document) : std::nullopt;
  if (document.segments[0] != "apis" || depth > 3) return std::nullopt;
  if (depth == 1 && path != "/apis" && path != "/apis/") return std::nullopt;
  const bool is_known = depth == 1 || routes.HasGroup(document.segments[1]) ||
                        table.HasGroup(document.segments[1]) || document.Lacks(request);
  if (!is_known) return std::nullopt;
  return document;
}

// nullopt: there is no such group.
std::optional<Result<http::Response>> MakeDocument(const NonResourceParts& parts,
                                                   const ApiRequest& request, const Others& others,
                                                   const Document& asked) {
  const KindList kinds = parts.served.routes.kinds();
  const std::vector<std::string>& segments = asked.segments;
  if (segments.size() == 1) return Root(parts, request, others, asked.core);
  if (asked.core) return OneVersion(kinds, request, "", segments[1]);
  if (segments.size() == 3) return OneVersion(kinds, request, segments[1], segments[2]);
  const auto group = GroupOf(kinds, segments[1], others.versions);
  if (!group) return std::nullopt;
  return Plain(request, *group, segments[1] == kAggregatorGroup);
}

// All that the answer depends on beside what is served.
std::string DiscoveryNameOf(const http::Request& request) {
  std::string name = request.path;
  name.append(1, '\n').append(request.Header("Accept"));
  name.append(WantsPretty(request) ? "\npretty" : "\n");
  return name;
}

}  // namespace

bool IsListOfVersions(std::string_view path) {
  return AreOfGroup(Segments(path));
}

std::optional<Result<http::Response>> DiscoveryResponse(const NonResourceParts& parts,
                                                        ApiRequest& request) {
  const ApiServiceTablePtr table = parts.aggregation.Table();
  const auto document = DocumentAt(parts.served.routes, *table, request);
  if (!document) return std::nullopt;
  if (document->OnlyGet() && request.http.method != "GET") return Fail(MethodNotAllowedHere());
  const bool is_whole = !document->Lacks(request);
  // What others tell of themselves is theirs to change.
  const bool is_ours = is_whole && std::ranges::none_of(table->listed, &ListedVersion::is_remote);
  const MadeDiscovery::State state{request.served, table};
  if (is_ours) {
    auto made = parts.discovery.Find(state, DiscoveryNameOf(request.http));
    if (made) return UnlessKnown(request, *std::move(made));
  }
  if (!MayWait()) return Fail(WouldWait());
  Others others(table);
  if (!is_whole) {
    auto unread = parts.aggregation.OfDefinitions(request.lacked_groups);
    // A list without them would say that they are gone.
    if (!unread) return Fail(LacksKinds());
    others.AddUnread(*std::move(unread));
  }
  auto answer = MakeDocument(parts, request, others, *document);
  // No APIService tells of it either.
  if (!answer && !is_whole) return Fail(LacksKinds());
  if (is_ours && answer && *answer && (*answer)->status == 200) {
    parts.discovery.Keep(state, DiscoveryNameOf(request.http), **answer);
  }
  return answer;
}

}  // namespace skiff
