#include "apiserver/audit/audit_event.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "api/codec/json.h"
#include "api/text/utf8.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

constexpr size_t kUserAgentBytesMax = 1024;
constexpr size_t kDepthMax = 1000;

// Writes an object's members, leaving out what is empty.
class Members {
 public:
  explicit Members(std::string& out) : out_(out) { out_.push_back('{'); }
  void End() { out_.push_back('}'); }
  // JSON text.
  void Raw(std::string_view name, std::string_view json) {
    if (!std::exchange(first_, false)) out_.push_back(',');
    AppendJsonString(MendUtf8(name), out_);
    out_.push_back(':');
    out_.append(json);
  }
  void Always(std::string_view name, std::string_view text) {
    std::string quoted;
    AppendJsonString(MendUtf8(text), quoted);
    Raw(name, quoted);
  }
  void Text(std::string_view name, std::string_view text) {
    if (!text.empty()) Always(name, text);
  }
  void List(std::string_view name, const std::vector<std::string>& texts) {
    if (!texts.empty()) Raw(name, ListText(texts));
  }
  static std::string ListText(const std::vector<std::string>& texts) {
    std::string list = "[";
    for (const std::string& text : texts) {
      if (list.size() > 1) list.push_back(',');
      AppendJsonString(MendUtf8(text), list);
    }
    return list += ']';
  }

 private:
  std::string& out_;
  bool first_ = true;
};

std::string UserText(const User& user) {
  std::string text;
  Members members(text);
  members.Text("username", user.name);
  members.Text("uid", user.uid);
  members.List("groups", user.groups);
  if (!user.extra.empty()) {
    std::string extra;
    Members values(extra);
    for (const auto& [key, list] : user.extra) values.Raw(key, Members::ListText(list));
    values.End();
    members.Raw("extra", extra);
  }
  members.End();
  return text;
}

std::string ObjectRefText(const AuditEvent::ObjectRef& object) {
  std::string text;
  Members members(text);
  members.Text("resource", object.resource);
  members.Text("namespace", object.namespace_name);
  members.Text("name", object.name);
  members.Text("uid", object.uid);
  members.Text("apiGroup", object.group);
  members.Text("apiVersion", object.version);
  members.Text("resourceVersion", object.resource_version);
  members.Text("subresource", object.subresource);
  members.End();
  return text;
}

std::string StatusMembers(const AuditEvent& event) {
  std::string text;
  Members members(text);
  members.Raw("metadata", "{}");
  if (event.status.is_object()) {
    const auto add = [&](const char* name) {
      const auto found = event.status.find(name);
      if (found != event.status.end() && !found->is_null()) members.Raw(name, DumpJson(*found));
    };
    for (const char* name : {"status", "message", "reason", "details"}) add(name);
  }
  members.Raw("code", std::to_string(event.code));
  members.End();
  return text;
}

// As Go's net.ParseIP takes it; "" for what is no address.
std::string AddressOf(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return "";
  const std::string given(text.substr(first, text.find_last_not_of(" \t") - first + 1));
  unsigned char bytes[sizeof(in6_addr)];
  char shown[INET6_ADDRSTRLEN];
  for (const int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, given.c_str(), bytes) == 1) {
      return inet_ntop(family, bytes, shown, sizeof shown);
    }
  }
  return "";
}

// Whom proxies say they asked for, and who asked here.
std::vector<std::string> SourcesOf(const http::Request& request) {
  std::vector<std::string> sources;
  std::string_view rest = request.Header("X-Forwarded-For");
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    if (auto address = AddressOf(rest.substr(0, comma)); !address.empty()) {
      sources.push_back(std::move(address));
    }
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  const std::string real = AddressOf(request.Header("X-Real-Ip"));
  if (!real.empty() && std::find(sources.begin(), sources.end(), real) == sources.end()) {
    sources.push_back(real);
  }
  const std::string remote = AddressOf(request.remote_address);
  if (!remote.empty() && (sources.empty() || sources.back() != remote)) sources.push_back(remote);
  return sources;
}

// The text without what stands between tokens; nullopt when it nests too deep.
std::optional<std::string> Compact(std::string_view json) {
  std::string text;
  text.reserve(json.size());
  size_t depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      text.push_back(c);
      if (c == '\\' && i + 1 < json.size()) text.push_back(json[++i]);
      if (c == '"') in_string = false;
      continue;
    }
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') continue;
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') ++depth;
    if (depth > kDepthMax) return std::nullopt;
    if ((c == '}' || c == ']') && depth > 0) --depth;
    text.push_back(c);
  }
  return text;
}

void DropManagedFields(Json& object) {
  const auto drop = [](Json& each) {
    const auto metadata = each.is_object() ? each.find("metadata") : each.end();
    if (metadata != each.end() && metadata->is_object()) metadata->erase("managedFields");
  };
  drop(object);
  const auto items = object.is_object() ? object.find("items") : object.end();
  if (items == object.end() || !items->is_array()) return;
  for (Json& item : *items) drop(item);
}

// "" is how the old format says that there is none.
std::string OrNone(std::string_view text, std::string_view none) {
  return std::string(text.empty() ? none : text);
}

}  // namespace

AuditEvent AuditEventOf(const http::Request& request, const RequestInfo& info) {
  AuditEvent event{.uri = request.target,
                   .verb = info.verb,
                   .source_ips = SourcesOf(request),
                   .user_agent = std::string(request.Header("User-Agent"))};
  if (event.user_agent.size() > kUserAgentBytesMax) {
    event.user_agent.resize(kUserAgentBytesMax);
    event.user_agent += "...TRUNCATED";
  }
  if (info.is_resource) {
    event.object = {.is_there = true,
                    .resource = info.resource,
                    .namespace_name = info.namespace_name,
                    .name = info.name,
                    .group = info.group,
                    .version = info.version,
                    .subresource = info.subresource};
  }
  return event;
}

std::string AuditLine(const AuditEvent& event, AuditStage stage, TimePoint now) {
  std::string line;
  Members members(line);
  members.Always("kind", "Event");
  members.Always("apiVersion", "audit.k8s.io/v1");
  members.Always("level", NameOf(event.level));
  members.Always("auditID", event.id);
  members.Always("stage", NameOf(stage));
  members.Always("requestURI", event.uri);
  members.Always("verb", event.verb);
  members.Raw("user", UserText(event.user));
  if (!event.impersonated.name.empty()) {
    members.Raw("impersonatedUser", UserText(event.impersonated));
  }
  members.List("sourceIPs", event.source_ips);
  members.Text("userAgent", event.user_agent);
  if (event.object.is_there) members.Raw("objectRef", ObjectRefText(event.object));
  if (event.code != 0) members.Raw("responseStatus", StatusMembers(event));
  if (!event.request.empty()) members.Raw("requestObject", event.request);
  if (!event.response.empty()) members.Raw("responseObject", event.response);
  members.Always("requestReceivedTimestamp", Time(event.received).Rfc3339Micro());
  members.Always("stageTimestamp", Time(now).Rfc3339Micro());
  if (!event.annotations.empty()) {
    std::string annotations;
    Members notes(annotations);
    for (const auto& [key, value] : event.annotations) notes.Always(key, value);
    notes.End();
    members.Raw("annotations", annotations);
  }
  members.End();
  return line += '\n';
}

std::string LegacyAuditLine(const AuditEvent& event, AuditStage stage, TimePoint now) {
  std::string groups;
  for (const std::string& group : event.user.groups) {
    groups += (groups.empty() ? "" : ",") + Quoted(group);
  }
  std::string as_groups;
  for (const std::string& group : event.impersonated.groups) {
    as_groups += (as_groups.empty() ? "" : ",") + Quoted(group);
  }
  const std::string code = event.code == 0 ? "<deferred>" : std::to_string(event.code);
  const std::string space = OrNone(event.object.namespace_name, "<none>");
  const std::string ip = event.source_ips.empty() ? "<unknown>" : event.source_ips[0];
  return fmt::format(
      "{} AUDIT: id={} stage={} ip={} method={} user={} groups={} as={} asgroups={} user-agent={} "
      "namespace={} uri={} response=\"{}\"\n",
      Time(now).Rfc3339Micro(), Quoted(event.id), Quoted(NameOf(stage)), Quoted(ip),
      Quoted(event.verb), Quoted(OrNone(event.user.name, "<none>")),
      Quoted(OrNone(groups, "<none>")), Quoted(OrNone(event.impersonated.name, "<self>")),
      Quoted(OrNone(as_groups, "<lookup>")), Quoted(event.user_agent), Quoted(space),
      Quoted(event.uri), code);
}

std::string AuditObject(std::string_view json, bool omits_managed_fields) {
  auto text = Compact(json);
  if (!text || !Json::accept(*text)) return "";
  if (!omits_managed_fields) return *std::move(text);
  // Its keys come in the order of the alphabet: a document that keeps theirs looks through all of
  // them for each.
  auto document = ParseJson(*text);
  if (!document) return "";
  DropManagedFields(*document);
  return DumpJson(*document);
}

}  // namespace skiff
